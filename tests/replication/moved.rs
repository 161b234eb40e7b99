//! An operation that was interrupted while the group was Primary on the peer: it is ended there, or at home when that is Primary again.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;

use super::{
    rig::{
        arrays::{HOME, PEER},
        plugin::{Plugin, Reply},
    },
    scene::{GROUP_THERE, Release::R331, Scene, Way::Synchronous},
    stage::{self, case},
    switched::{Turned, turn},
};

/// What is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Create,
    Remove,
}

/// The peer acts: what the home array has is the copy, which is marked first.
const READY_ON_THE_COPY: &str = "^setvv ";

/// The plugin dies when a command has taken effect and was not answered. Then it may be that a person starts the group and moves it home.
async fn interrupted(what: What, array: &'static str, at: &'static str, home: bool) {
    let mut scene = Scene::set(Synchronous, R331).await;
    scene.create("db2").await.ok();
    if what == What::Remove {
        scene.create("db1").await.ok();
    }
    scene.at_rest().await;
    turn(&scene, Turned::Recovered).await;
    dies_after(&mut scene, what, array, at).await;
    if home {
        if scene.roles()[1] == "Primary-Rev Stopped" {
            let line = format!("startrcopygroup {GROUP_THERE}");
            scene.types(PEER, &line).await;
        }
        scene.at_rest().await;
        let line = format!("setrcopygroup restore -f -waittask {GROUP_THERE}");
        scene.types(PEER, &line).await;
        scene.at_rest().await;
    }
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    scene.stage.calm_down().await;
    scene.at_rest().await;
    scene.has_no_lock();
    let roles = if home {
        ["Primary Started", "Secondary Started"]
    } else {
        ["Secondary-Rev Started", "Primary-Rev Started"]
    };
    assert_eq!(scene.roles(), roles);
    // The copy says `ready`: it may have been used, so the create is completed. Everything else is gone.
    let completed = (what, at) == (What::Create, READY_ON_THE_COPY);
    for array in [HOME, PEER] {
        let vv = scene.vv(array, "db1");
        match completed {
            true => assert!(vv["comment"].to_string().contains("state=ready"), "{vv}"),
            false => assert_eq!(vv, Value::Null, "{array}"),
        }
    }
    for half in scene.halves() {
        let volumes = half["volumes"].as_array().unwrap();
        assert_eq!(volumes.len(), 1 + usize::from(completed), "{half}");
    }
    let left: &[&str] = if completed { &["db1", "db2"] } else { &["db2"] };
    scene.end(left).await;
}

async fn dies_after(scene: &mut Scene, what: What, array: &str, at: &str) {
    let control = scene.stage.arrays.control.clone();
    control.clear_log();
    let fault = Fault::new(Kind::HangAfter).on(array).matching(at);
    control.fault(fault).unwrap();
    let request = async {
        match what {
            What::Create => scene.create("db1").await,
            What::Remove => scene.stage.remove("db1").await,
        }
    };
    let dying = async {
        let patience = Instant::now() + Duration::from_secs(60);
        let hangs = || {
            let log = control.log(Some(array));
            log.iter()
                .any(|entry| entry.line.starts_with(&at[1..]) && entry.ran)
        };
        while !hangs() {
            assert!(Instant::now() < patience, "{at} never came");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        scene.stage.plugin.strike();
    };
    let (reply, ()) = tokio::join!(request, dying);
    assert_eq!(reply, Reply::Closed);
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    control.clear_faults();
    control.release();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_was_interrupted_goes_on_where_the_group_is_primary_now() {
    let mut cases = Vec::new();
    for home in [false, true] {
        for (what, array, at) in [
            // Marked on both arrays; the lock taken, and the group stopped; out of the group.
            (What::Remove, HOME, "^setvv "),
            (What::Remove, PEER, "^stoprcopygroup "),
            (What::Remove, PEER, "^dismissrcopyvv "),
            (What::Create, PEER, "^stoprcopygroup "),
            (What::Create, HOME, READY_ON_THE_COPY),
        ] {
            let name = format!("{what:?} {at} on {array}, home: {home}");
            cases.push(case(name, interrupted(what, array, at, home)));
        }
    }
    stage::all(8, cases).await;
}
