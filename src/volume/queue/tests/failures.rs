//! What goes wrong in a cycle, and for whom.

use hpe3par_sim::{Fault, Kind};

use super::stage::{HOME, Stage, names};
use crate::volume::UserError;

const FEW: usize = 8;

fn refused(command: &str) -> Fault {
    let only = format!("^{command}");
    Fault::new(Kind::Refuse)
        .on(HOME)
        .matching(&only)
        .words("Error: not today")
}

async fn with_others() -> Stage {
    let stage = Stage::set(100).await;
    stage.create("other").await.unwrap();
    stage.at_rest().await;
    stage
}

#[track_caller]
fn assert_all_told(failed: &[UserError], parts: &[&str]) {
    assert_eq!(failed.len(), FEW, "{failed:?}");
    for error in failed {
        let said = error.to_string();
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_refused_is_refused_for_all_and_not_tried_by_each() {
    let stage = with_others().await;
    stage.control.fault(refused("stoprcopygroup")).unwrap();
    let failed = stage.at_once(stage.host.creates(&names(FEW))).await;
    assert_all_told(&failed, &["not today", "stoprcopygroup -f prod", "removed"]);
    assert_eq!(stage.sent("stoprcopygroup").len(), 1);
    assert_eq!(stage.sent("admitrcopyvv").len(), 0);
    stage.assert_consistent(["other".to_owned()]);
}

/// What was admitted goes out again in the same cycle, and the others run.
#[tokio::test(start_paused = true)]
async fn a_start_that_is_refused_is_taken_back_for_all_at_once() {
    let stage = with_others().await;
    stage.control.fault(refused("startrcopygroup")).unwrap();
    let failed = stage.at_once(stage.host.creates(&names(FEW))).await;
    assert_all_told(
        &failed,
        &["not today", "startrcopygroup prod", "dismiss `dkv-vol"],
    );
    assert_eq!(stage.sent("stoprcopygroup").len(), 1);
    assert_eq!(stage.sent("dismissrcopyvv").len(), FEW);
    assert_eq!(stage.sent("startrcopygroup").len(), 2);
    stage.assert_consistent(["other".to_owned()]);
}

/// A group that was made for them goes again, too.
#[tokio::test(start_paused = true)]
async fn a_new_group_that_does_not_start_is_removed() {
    let stage = Stage::set(100).await;
    stage.control.fault(refused("startrcopygroup")).unwrap();
    let failed = stage.at_once(stage.host.creates(&names(FEW))).await;
    assert_all_told(&failed, &["not today", "startrcopygroup prod"]);
    assert_eq!(stage.sent("creatercopygroup").len(), 1);
    assert_eq!(stage.sent("removercopygroup").len(), 1);
    stage.assert_consistent([]);
}

/// Whoever is undone last removes the group, although another one made it.
#[tokio::test(start_paused = true)]
async fn the_last_one_out_removes_the_group_that_another_made() {
    for last in names(3) {
        let stage = Stage::set(100).await;
        for name in names(3) {
            let command = format!("setvv .*dkv-{name}");
            let fault = if name == last {
                // It is lost after two minutes, when the others are gone.
                let hang = Fault::new(Kind::HangBefore).on(HOME);
                hang.matching(&format!("^{command}"))
            } else {
                refused(&command)
            };
            stage.control.fault(fault).unwrap();
        }
        let failed = stage.at_once(stage.host.creates(&names(3))).await;
        assert_eq!(failed.len(), 3, "{failed:?}");
        let dismissed = stage.sent("dismissrcopyvv");
        assert!(dismissed[2].line.contains(&last), "{dismissed:?}");
        assert_eq!(stage.sent("creatercopygroup").len(), 1);
        assert_eq!(stage.sent("removercopygroup").len(), 1);
        stage.assert_consistent([]);
    }
}

/// Those who want out are not kept by those who cannot come in.
#[tokio::test(start_paused = true)]
async fn who_is_out_is_out_although_the_start_was_refused_at_first() {
    let stage = with_others().await;
    stage.create("old").await.unwrap();
    stage.at_rest().await;
    stage.control.fault(refused("startrcopygroup")).unwrap();
    let (made, removed) = tokio::join!(stage.host.create("db1", 1), stage.host.remove("old"));
    let said = made.unwrap_err().to_string();
    assert!(said.contains("not today"), "{said}");
    removed.unwrap();
    assert_eq!(stage.sent("stoprcopygroup").len(), 1);
    stage.assert_consistent(["other".to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_fails_alone() {
    let stage = with_others().await;
    stage
        .control
        .fault(refused("admitrcopyvv .*dkv-vol03"))
        .unwrap();
    let failed = stage.at_once(stage.host.creates(&names(FEW))).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].to_string().contains("vol03"), "{failed:?}");
    assert_eq!(stage.sent("stoprcopygroup").len(), 1);
    let mut rest = names(FEW);
    rest.retain(|name| name != "vol03");
    rest.push("other".to_owned());
    stage.assert_consistent(rest);
}

/// The one that leads is refused: it goes on for the others.
#[tokio::test(start_paused = true)]
async fn a_leader_that_is_refused_leads_to_the_end() {
    let stage = with_others().await;
    stage.control.fault(refused("admitrcopyvv")).unwrap();
    let failed = stage.at_once(stage.host.creates(&names(FEW))).await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(stage.sent("admitrcopyvv").len(), FEW);
    assert_eq!(stage.sent("stoprcopygroup").len(), 1);
    assert_eq!(stage.sent("startrcopygroup").len(), 1);
}

/// An outcome that is not known ends the turns. The one look tells that it was done, and the others come in the next cycle.
#[tokio::test(start_paused = true)]
async fn an_admission_in_doubt_ends_the_turns_and_the_look_decides() {
    for (kind, lost) in [(Kind::DropAfter, 0), (Kind::DropBefore, 1)] {
        let stage = with_others().await;
        let only = Fault::new(kind).on(HOME).matching("^admitrcopyvv ").nth(3);
        stage.control.fault(only).unwrap();
        let failed = stage.at_once(stage.host.creates(&names(FEW))).await;
        assert_eq!(failed.len(), lost, "{failed:?}");
        let each: Vec<usize> = stage.cycles().iter().map(|c| c.turns.len()).collect();
        assert_eq!(each, [3, FEW - 3], "{kind:?}");
        assert_eq!(
            stage.sent("admitrcopyvv").len(),
            FEW,
            "nothing is sent twice"
        );
        let dump = stage.control.dump().to_string();
        assert!(!dump.contains("dkl-"), "{dump}");
    }
}
