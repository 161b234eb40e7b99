//! What goes wrong in a cycle, and for whom.

use std::time::Duration;

use hpe3par_sim::{Fault, Kind};
use tokio::time::sleep;

use super::stage::{HOME, PEER, Stage, names};
use crate::volume::UserError;

const FEW: usize = 8;

fn refused(command: &str) -> Fault {
    let only = format!("^{command}");
    Fault::new(Kind::Refuse)
        .on(HOME)
        .matching(&only)
        .words("Error: not today")
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
    let stage = Stage::with_others().await;
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
    let stage = Stage::with_others().await;
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

/// Whoever goes last removes the group, although another one made it: here the one whose copy came to say, late, that it is ready.
#[tokio::test(start_paused = true)]
async fn the_last_one_out_removes_the_group_that_another_made() {
    for last in names(3) {
        let stage = Stage::set(100).await;
        for name in names(3) {
            let command = format!("setvv .*dkv-{name}");
            let fault = if name == last {
                // On the copy, which is marked first: lost after two minutes, when the others are gone, and has not ended then.
                let hang = Fault::new(Kind::HangBefore).on(PEER);
                hang.matching(&format!("^{command}"))
            } else {
                refused(&command)
            };
            stage.control.fault(fault).unwrap();
        }
        let failed = stage.at_once(stage.host.creates(&names(3))).await;
        assert_eq!(failed.len(), 3, "{failed:?}");
        assert_eq!(stage.sent("dismissrcopyvv").len(), 2);
        stage.control.release();
        stage.host.tries_again();
        sleep(Duration::from_secs(60)).await;
        assert_eq!(stage.sent("dismissrcopyvv").len(), 2);
        stage.host.remove(&last).await.unwrap();
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
    let stage = Stage::with_others().await;
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
    let stage = Stage::with_others().await;
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
    let stage = Stage::with_others().await;
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
        let stage = Stage::with_others().await;
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

/// A stop that may take effect yet: its lock is left alone until it has ended, or the group would be stopped under nobody's lock.
#[tokio::test(start_paused = true)]
async fn the_lock_of_a_stop_that_may_still_run_is_not_broken() {
    let stage = Stage::with_others().await;
    stage.host.tries_again();
    let hangs = Fault::new(Kind::HangBefore).on(HOME);
    stage
        .control
        .fault(hangs.matching("^stoprcopygroup"))
        .unwrap();
    let said = stage.create("db1").await.unwrap_err().to_string();
    assert!(said.contains("stoprcopygroup"), "{said}");
    let late = async {
        sleep(Duration::from_secs(100)).await;
        let broken = stage.sent("removevvset");
        stage.control.release();
        broken.len()
    };
    let (made, broken) = tokio::join!(stage.create("db2"), late);
    made.unwrap();
    assert_eq!(broken, 0);
    sleep(Duration::from_secs(60)).await;
    stage.assert_consistent(["other".to_owned(), "db2".to_owned()]);
    assert_eq!(stage.host.open_entries(), 0);
}

/// What was left stopped under a lock is somebody else's matter as soon as the other array is primary, too; and when it is over, it is
/// put in order.
#[tokio::test(start_paused = true)]
async fn a_group_that_was_failed_over_since_is_not_started_by_who_left_it_stopped() {
    let stage = Stage::with_others().await;
    stage.host.tries_again();
    let always = refused("startrcopygroup").repeat();
    stage.control.fault(always).unwrap();
    stage.create("db1").await.unwrap_err();
    assert!(stage.control.dump().to_string().contains("dkl-prod"));
    let there = |operation: &str| format!("setrcopygroup {operation} -f -waittask prod.r130512");
    stage.types(PEER, &there("failover")).await;
    stage.control.clear_faults();
    stage.forget();
    sleep(Duration::from_secs(300)).await;
    assert_eq!(stage.sent("startrcopygroup").len(), 0);
    assert!(stage.host.open_entries() > 0);

    for operation in ["recover", "restore"] {
        println!("{}", stage.types(PEER, &there(operation)).await);
        sleep(Duration::from_secs(300)).await;
    }
    stage.assert_consistent(["other".to_owned()]);
    assert_eq!(stage.host.open_entries(), 0);
}
