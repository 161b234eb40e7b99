//! What an inspect shows of both arrays, and that nobody waits for the one that is not there.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;

use super::{
    rig::{arrays::PEER, plugin::Reply},
    scene::{Release::*, Scene, Way::*},
    stage::{self, case},
};

/// Asks until the answer is as wanted: an inspect shows the last look, which may be a moment old.
async fn shown(scene: &Scene, wanted: impl Fn(&Value) -> bool) -> Value {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let begun = Instant::now();
        let status = scene.status("db1").await;
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "an inspect waits"
        );
        if wanted(&status) {
            return status;
        }
        assert!(Instant::now() < patience, "{status:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn both_sides_and_a_dead_peer() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let status = shown(&scene, |status| status["peer"]["role"] == "Secondary").await;
    let seen = |half: &Value| half["seen"].as_str().map(str::to_owned);
    for (half, role, vv) in [
        ("replication", "Primary", "Synced"),
        ("peer", "Secondary", "Synced"),
    ] {
        let half = &status[half];
        assert_eq!(half["role"], role, "{status:#}");
        assert_eq!(half["status"], "Started", "{status:#}");
        assert_eq!(half["volumes"][0]["vv"], "dkv-db1", "{status:#}");
        assert_eq!(half["volumes"][0]["sync"], vv, "{status:#}");
    }
    let times = [seen(&status), seen(&status["peer"])];
    assert!(times.iter().all(Option::is_some), "{status:#}");

    let control = scene.stage.arrays.control.clone();
    control.down(PEER).await.unwrap();
    let dead = shown(&scene, |status| status["peer"]["unreachable"].is_string()).await;
    // The last that was seen of it, with the time of then; this side as it is now.
    assert_eq!(dead["peer"]["role"], "Secondary", "{dead:#}");
    assert_eq!(dead["peer"]["status"], "Started", "{dead:#}");
    assert!(seen(&dead["peer"]).is_some(), "{dead:#}");
    assert!(dead["unreachable"].is_null(), "{dead:#}");
    assert_eq!(dead["replication"]["status"], "Stopped", "{dead:#}");
    assert!(seen(&dead) > seen(&dead["peer"]), "{dead:#}");

    control.up(PEER).await.unwrap();
    let again = shown(&scene, |status| {
        status["peer"]["unreachable"].is_null() && status["peer"]["status"] == "Started"
    })
    .await;
    assert!(seen(&again["peer"]) > seen(&dead["peer"]), "{again:#}");
    scene.end(&["db1"]).await;
}

/// What stands for several times: this machine may have been busy during one of them, and one that comes when the wait of the one before it
/// ends is short whatever they wait for.
fn middle(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() / 2]
}

/// An array that takes commands and answers none is waited for by nobody who lists or inspects.
async fn hanging_peer() {
    // Whoever waits for a command waits longer than this test.
    let scene = Scene::set_with(Synchronous, R331, |toml| toml, stage::patient).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let hang = Fault::new(Kind::HangBefore).on(PEER).repeat();
    scene.stage.arrays.control.fault(hang).unwrap();
    let inspects = async {
        let mut took = Vec::new();
        for _ in 0..3 {
            let begun = Instant::now();
            let inspected = scene.stage.plugin.get("db1").await;
            took.push(begun.elapsed());
            assert!(matches!(inspected, Reply::Ok(_)), "{inspected:?}");
        }
        middle(took)
    };
    let lists = async {
        let mut took = Vec::new();
        for _ in 0..20 {
            let begun = Instant::now();
            assert_eq!(scene.stage.plugin.list().await, ["db1"]);
            took.push(begun.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        middle(took)
    };
    let (inspect, list) = tokio::join!(inspects, lists);
    assert!(inspect < Duration::from_secs(20), "{inspect:?}");
    assert!(list < Duration::from_secs(20), "{list:?}");
    scene.stage.arrays.control.clear_faults();
    scene.stage.arrays.control.release();
    scene.answers(PEER).await;
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn both_sides_are_shown_and_nobody_waits_for_one_that_hangs() {
    let cases = vec![
        case("seen: a dead peer", both_sides_and_a_dead_peer()),
        case("seen: a hanging peer", hanging_peer()),
    ];
    stage::all(24, cases).await;
}
