//! A group that is found stopped after a crash: by this plugin, or by a person. The lock tells.

use super::{
    dying::{comes_back, dies_after},
    job::{Job, Place, Ready, Way},
    point::Point,
    rig::arrays::HOME,
    stage::{Case, all, case},
};

const LOCK: &str = "dkl-prod";

fn status(ready: &Ready) -> String {
    let dump = ready.stage.arrays.dump();
    dump[HOME]["groups"]["prod"]["status"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

fn has_lock(ready: &Ready) -> bool {
    !ready.stage.arrays.dump()[HOME]["vv_sets"][LOCK].is_null()
}

/// The plugin dies under its lock, at a command. Before it is back, its lock is there or somebody has taken it away.
async fn crashed(job: Job, at: &'static str, lock_stays: bool) {
    let mut ready = job.stage().await;
    ready.begin().await;
    let point = Point {
        array: HOME.to_owned(),
        name: at.to_owned(),
        nth: 1,
        changes: true,
    };
    dies_after(&mut ready, &point).await;
    let type_in = |line: &'static str| ready.stage.arrays.type_in(HOME, line);
    assert!(has_lock(&ready));
    assert_eq!(status(&ready), "Stopped");
    if !lock_stays {
        type_in("removevvset -f dkl-prod").await;
        assert!(!has_lock(&ready));
    }
    comes_back(&mut ready).await;
    assert!(!has_lock(&ready));
    let expected = if lock_stays { "Started" } else { "Stopped" };
    assert_eq!(status(&ready), expected, "{job:?} crashed at {at}");
    let members = ready.stage.arrays.dump()[HOME]["groups"]["prod"]["volumes"].to_string();
    assert!(members.contains("dkv-other"), "{members}");
    assert!(!members.contains("dkv-db1"), "{members}");
    if !lock_stays {
        // A person stopped it: nobody else starts it, and nothing is put into it.
        let said = ready.stage.create("db2", job.options()).await.err();
        assert!(said.contains("Stopped"), "{said}");
        assert_eq!(status(&ready), "Stopped");
        ready
            .stage
            .arrays
            .type_in(HOME, "startrcopygroup prod")
            .await;
    }
    ready.assert_without().await;
    ready.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_group_is_started_after_a_crash_only_under_the_lock_it_was_stopped_under() {
    let mut cases: Vec<Case> = Vec::new();
    let ways = [
        (Way::In, ["stoprcopygroup", "admitrcopyvv"]),
        (Way::Out, ["stoprcopygroup", "dismissrcopyvv"]),
    ];
    for (way, commands) in ways {
        let job = Job::new(way, Place::Beside);
        for at in commands {
            for lock_stays in [true, false] {
                let name = format!("{job:?} crashed at {at}, lock stays: {lock_stays}");
                cases.push(case(name, crashed(job, at, lock_stays)));
            }
        }
    }
    all(cases.len(), cases).await;
}
