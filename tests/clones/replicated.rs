//! Clones on a replication-enabled backend: in their group when they are complete, and not before.

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use super::{
    bench::{at_once, clone, said, slowly, state, status, until, vv},
    rig::{
        arrays::{HOME, PEER},
        plugin::Plugin,
    },
    scene::{GROUP, Release::*, Scene, Way, Way::*},
    stage::{Case, all, assert_told, case},
};

async fn comes_into_its_group(way: Way, release: super::scene::Release, beside: bool) {
    let scene = Scene::set_with(way, release, at_once, |conf| conf).await;
    if beside {
        scene.create("db1").await.ok();
    } else {
        scene.stage.create("db1", json!({ "size": "1" })).await.ok();
    }
    scene.at_rest().await;
    let options = json!({ "size": "2", "backend": "mirrored", "replicationGroup": GROUP });
    clone(&scene.stage.plugin, "db1", "db2", options.clone())
        .await
        .ok();
    until("ready", || state(&scene.stage.arrays, "db2") == "ready").await;
    scene.stage.calm_down().await;
    scene.at_rest().await;
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    for array in [HOME, PEER] {
        let vv = scene.vv(array, "db2");
        assert_eq!(vv["size_mib"], 2048, "{array}: {vv:#}");
        assert_eq!(said(&vv, "state").as_deref(), Some("ready"));
        assert_eq!(said(&vv, "grp").as_deref(), Some("ours"));
        assert_eq!(said(&vv, "into"), None);
        assert_eq!(said(&vv, "of").as_deref(), Some("db1"));
    }
    let same = scene.vv(HOME, "db2")["wwn"] == scene.vv(PEER, "db2")["wwn"];
    assert_eq!(same, way == PeerPersistence);
    let members = scene
        .halves()
        .map(|half| half["volumes"].as_array().unwrap().len());
    assert_eq!(members, if beside { [2, 2] } else { [1, 1] });
    scene.has_no_lock();
    let shown = scene.status("db2").await;
    assert_eq!(shown["replication"]["group"], GROUP, "{shown:#}");
    assert!(shown["copy"]["wwn"].is_string(), "{shown:#}");
    // The same again is the same volume.
    clone(&scene.stage.plugin, "db1", "db2", options).await.ok();
    scene.end(&["db1", "db2"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_comes_into_its_group_when_it_is_complete() {
    let mut cases: Vec<Case> = Vec::new();
    for release in [R331, R1050] {
        for way in [Synchronous, Asynchronous, PeerPersistence] {
            for beside in [false, true] {
                let name = format!("{release:?} {way:?} beside {beside}");
                cases.push(case(name, comes_into_its_group(way, release, beside)));
            }
        }
    }
    all(4, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_in_no_group_while_it_is_copied() {
    let scene = Scene::set_with(Synchronous, R331, slowly, |conf| conf).await;
    scene.create_with("db1", json!({ "size": "50" })).await.ok();
    scene.stage.arrays.control.advance(300);
    scene.at_rest().await;
    let before = scene.stage.arrays.dump();
    let options = json!({ "backend": "mirrored", "replicationGroup": GROUP });
    clone(&scene.stage.plugin, "db1", "db2", options.clone())
        .await
        .ok();
    assert_eq!(scene.vv(PEER, "db2"), serde_json::Value::Null);
    let shown = scene.status("db2").await;
    assert_eq!(shown["copying"]["then group"], GROUP, "{shown:#}");
    let refused = scene.stage.plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["still being copied"]);
    // The source stays in its group, whole.
    let refused = scene.stage.remove("db1").await.err();
    assert_told(&refused, &["clone `db2` is being copied from it"]);
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    assert_eq!(scene.given(HOME, "stoprcopygroup"), Vec::<String>::new());
    scene.stage.remove("db2").await.ok();
    scene.stage.as_before(&before).await;

    // A person stops the group meanwhile: the clone waits, and comes in when it runs again.
    clone(&scene.stage.plugin, "db1", "db2", options).await.ok();
    scene.types(HOME, "stoprcopygroup -f prod").await;
    scene.stage.arrays.control.advance(300);
    let log = || scene.stage.plugin.log();
    until("told", || log().contains("clone not completed yet")).await;
    assert_eq!(state(&scene.stage.arrays, "db2"), "copying");
    let refused = scene.stage.plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["could not be completed yet", "prod"]);
    assert_eq!(
        scene.given(HOME, "startrcopygroup").len(),
        1,
        "that of the first volume"
    );
    scene.types(HOME, "startrcopygroup prod").await;
    until("ready", || {
        scene.stage.arrays.control.advance(5);
        state(&scene.stage.arrays, "db2") == "ready"
    })
    .await;
    scene.stage.calm_down().await;
    scene.stage.arrays.control.advance(300);
    scene.end(&["db1", "db2"]).await;
}

/// What would be made on the other array is refused before anything is made.
#[tokio::test(flavor = "multi_thread")]
async fn a_clone_where_the_other_array_serves_is_refused() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene
        .stage
        .create("plain", json!({ "size": "1" }))
        .await
        .ok();
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let now_there = "setrcopygroup failover -f prod.r130512";
    scene.types(PEER, now_there).await;
    until("failed over", || {
        scene.roles()[1].starts_with("Primary-Rev")
    })
    .await;
    for recover in ["setrcopygroup recover -f prod.r130512"] {
        scene.types(PEER, recover).await;
    }
    until("recovered", || {
        scene.roles()[0].starts_with("Secondary-Rev")
    })
    .await;
    scene.at_rest().await;
    let before = scene.stage.arrays.dump();
    let home = scene.stage.label(HOME);
    let peer = scene.stage.label(PEER);
    let refused = clone(
        &scene.stage.plugin,
        "db1",
        "db2",
        json!({ "backend": "DEFAULT" }),
    )
    .await
    .err();
    assert_told(&refused, &["`db1` is served by array", &peer, &home]);
    let options = json!({ "backend": "mirrored", "replicationGroup": GROUP });
    let refused = clone(&scene.stage.plugin, "plain", "db2", options)
        .await
        .err();
    assert_told(&refused, &["remote copy group `prod`", &peer, &home]);
    scene.stage.calm_down().await;
    assert_eq!(scene.stage.arrays.dump(), before);
    assert_eq!(vv(&scene.stage.arrays, "db2"), serde_json::Value::Null);
    let shown = status(&scene.stage.plugin, "plain").await;
    assert_eq!(shown["state"], "ready");
    scene.end(&["db1", "plain"]).await;
}

/// The plugin dies when the clone is in its group and not ready, and the group moves: the clone is not what a dismissal there removes.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_whose_group_moves_over_its_completion_stays() {
    let mut scene = Scene::set_with(Synchronous, R331, at_once, |conf| conf).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let control = scene.stage.arrays.control.clone();
    control.clear_log();
    let fault = Fault::new(Kind::HangAfter)
        .on(HOME)
        .matching("^startrcopygroup ");
    control.fault(fault).unwrap();
    let options = json!({ "backend": "mirrored", "replicationGroup": GROUP });
    clone(&scene.stage.plugin, "db1", "db2", options.clone())
        .await
        .ok();
    until("started", || {
        let log = control.log(Some(HOME));
        log.iter()
            .any(|entry| entry.line.starts_with("startrcopygroup ") && entry.ran)
    })
    .await;
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    control.clear_faults();
    control.release();
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    for turn in ["failover", "recover"] {
        let line = format!("setrcopygroup {turn} -f -waittask prod.r130512");
        scene.types(PEER, &line).await;
    }
    scene.at_rest().await;
    let wwns = [HOME, PEER].map(|array| scene.vv(array, "db2")["wwn"].clone());
    assert!(wwns.iter().all(serde_json::Value::is_string), "{wwns:?}");

    control.clear_log();
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    let why = "is the secondary of remote copy group `prod` now";
    until("told", || scene.stage.plugin.log().contains(why)).await;
    let refused = scene.stage.plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &[why]);
    for array in [HOME, PEER] {
        assert_eq!(scene.given(array, "dismissrcopyvv"), Vec::<String>::new());
    }
    let now = [HOME, PEER].map(|array| scene.vv(array, "db2")["wwn"].clone());
    assert_eq!(now, wwns);

    // Home again, it is completed.
    let restore = "setrcopygroup restore -f -waittask prod.r130512";
    scene.types(PEER, restore).await;
    scene.at_rest().await;
    clone(&scene.stage.plugin, "db1", "db2", options).await.ok();
    until("ready", || state(&scene.stage.arrays, "db2") == "ready").await;
    scene.stage.calm_down().await;
    scene.at_rest().await;
    assert_eq!(scene.vv(HOME, "db2")["wwn"], wwns[0]);
    scene.end(&["db1", "db2"]).await;
}
