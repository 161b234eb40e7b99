//! Snapshots of volumes that are on two arrays: where the volume is served, or on both at one instant.

use serde_json::{Value, json};

use super::{
    rig::arrays::{HOME, PEER},
    scene::{
        GROUP_THERE, PEER_ID,
        Release::{self, *},
        Scene,
        Way::{self, *},
    },
    stage::{all, assert_told, case},
    taking::{of, status},
};

fn on_both(volume: &str) -> Value {
    json!({ "virtualCopyOf": volume, "snapshotBoth": "true" })
}

/// The group is served by the peer.
async fn failed_over(scene: &Scene) {
    scene.types(HOME, "stoprcopygroup -f prod").await;
    for step in [
        "setrcopygroup failover -f -waittask",
        "setrcopygroup recover -f -waittask",
    ] {
        scene.types(PEER, &format!("{step} {GROUP_THERE}")).await;
    }
    scene.at_rest().await;
}

async fn where_it_is_served(way: Way, release: Release) {
    let scene = Scene::set(way, release).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let stage = &scene.stage;
    stage.create("s1", of("db1")).await.ok();
    assert!(scene.vv(HOME, "s1").is_object() && scene.vv(PEER, "s1").is_null());
    let said = stage.remove("db1").await.err();
    assert_told(&said, &["volume `s1`"]);
    if way == PeerPersistence {
        let switch = "setrcopygroup switchover -f -waittask prod";
        scene.types(HOME, switch).await;
        scene.at_rest().await;
    } else {
        failed_over(&scene).await;
    }
    stage.create("s2", of("db1")).await.ok();
    // Both are listed under their volume, each with its array.
    let shown = status(stage, "db1").await;
    assert_eq!(shown["snapshots"], json!(["volume `s1`"]), "{shown:#}");
    let there = &shown["peer"]["snapshots"];
    assert_eq!(*there, json!(["volume `s2`"]), "{shown:#}");
    assert!(scene.vv(HOME, "s2").is_null() && scene.vv(PEER, "s2").is_object());
    let comment = scene.vv(PEER, "s2")["comment"].to_string();
    assert!(comment.contains(&format!("/home={PEER_ID}/")), "{comment}");
    assert_eq!(status(stage, "s2").await["array"]["id"], PEER_ID);
    // The name is taken, whichever array it is on.
    let said = stage.create("s1", on_both("db1")).await.err();
    assert_told(&said, &["`s1`"]);
    for name in ["s1", "s2"] {
        stage.remove(name).await.ok();
    }
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_taken_where_its_volume_is_served() {
    let mut cases = Vec::new();
    for way in [Synchronous, PeerPersistence] {
        for release in [R331, R1050] {
            let name = format!("{way:?} on {release:?}");
            cases.push(case(name, where_it_is_served(way, release)));
        }
    }
    all(3, cases).await;
}

/// Arrays that have not one name of a CPG in common.
async fn with_other_cpgs() -> Scene {
    let there = |toml: String| {
        let second = toml.rfind("[[array]]").unwrap();
        let (first, second) = toml.split_at(second);
        let second = second.replace("\"ssd_r5\"", "\"fast_dr\"");
        let second = second.replace("\"ssd_r6\"", "\"cold_dr\"");
        let switch = "switches = { login_sees_nothing = false }\nlatency_ms = 0";
        format!("{first}{}", second.replace("latency_ms = 0", switch))
    };
    let map = |conf: String| {
        let is = "{ ssd_r5 = \"ssd_r5\", ssd_r6 = \"ssd_r6\" }";
        assert!(conf.contains(is), "{conf}");
        conf.replace(is, "{ ssd_r5 = \"fast_dr\", ssd_r6 = \"cold_dr\" }")
    };
    let scene = Scene::set_with(Synchronous, R331, there, map).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene
}

/// What an array does not show any more is gone if the array shows a CPG of its own side.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_from_the_other_array_is_told_by_the_cpgs_there() {
    let scene = with_other_cpgs().await;
    let stage = &scene.stage;
    stage.create("s1", on_both("db1")).await.ok();
    scene.types(PEER, "removevv -f dkv-s1").await;
    stage.remove("s1").await.ok();
    assert!(scene.vv(HOME, "s1").is_null());

    failed_over(&scene).await;
    stage.create("s2", of("db1")).await.ok();
    let control = &stage.arrays.control;
    control.switch(PEER, "login_sees_nothing", true).unwrap();
    let said = stage.remove("s2").await.err();
    assert_told(&said, &["volume `s2`", "no CPG of backend `mirrored`"]);
    control.switch(PEER, "login_sees_nothing", false).unwrap();
    stage.remove("s2").await.ok();
    assert!(scene.vv(PEER, "s2").is_null());
    scene.end(&["db1"]).await;
}

/// Taken on both arrays, and gone from both.
async fn both(way: Way, release: Release) {
    let scene = Scene::set(way, release).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let stage = &scene.stage;
    stage.create("s1", on_both("db1")).await.ok();
    let (here, there) = (scene.vv(HOME, "s1"), scene.vv(PEER, "s1"));
    assert_eq!(here["copy_of"], "dkv-db1");
    assert_eq!(there["copy_of"], "dkv-db1");
    assert_eq!(here["comment"], there["comment"]);
    let shown = status(stage, "s1").await;
    let labels = [stage.label(HOME), stage.label(PEER)];
    assert_eq!(shown["taken on"], json!(labels), "{shown:#}");
    stage.remove("s1").await.ok();
    assert!(scene.vv(HOME, "s1").is_null() && scene.vv(PEER, "s1").is_null());
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instant_on_both_arrays() {
    let cases = vec![
        case("Active/Passive on 3.3.1", both(Synchronous, R331)),
        case("Active/Passive on 10.5.0", both(Synchronous, R1050)),
        case("Peer Persistence on 3.3.1", both(PeerPersistence, R331)),
        case("Peer Persistence on 10.5.0", both(PeerPersistence, R1050)),
    ];
    all(3, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_one_instant_without_synchronous_replication() {
    for (way, mode) in [(Asynchronous, "Periodic"), (Streaming, "Async")] {
        let scene = Scene::set(way, R331).await;
        scene.create("db1").await.ok();
        scene.at_rest().await;
        let before = scene.stage.arrays.dump();
        let said = scene.stage.create("s1", on_both("db1")).await.err();
        assert_told(&said, &["`s1`", "`snapshotBoth`", mode]);
        assert_eq!(scene.stage.arrays.dump(), before);
        // On one array it is.
        scene.stage.create("s1", of("db1")).await.ok();
        scene.stage.remove("s1").await.ok();
        scene.end(&["db1"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_group_has_no_one_instant() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let before = scene.stage.arrays.dump();
    let said = scene.stage.create("s1", on_both("db1")).await.err();
    assert_told(&said, &["`s1`", "not Started and Synced"]);
    assert_eq!(scene.stage.arrays.dump(), before);
    scene.types(HOME, "startrcopygroup prod").await;
    scene.at_rest().await;
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_peer_keeps_what_was_taken_on_both() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.stage.create("s1", on_both("db1")).await.ok();
    let control = scene.stage.arrays.control.clone();
    control.down(PEER).await.unwrap();
    let said = scene.stage.remove("s1").await.err();
    assert_told(&said, &["`s1`", &scene.stage.label(PEER)]);
    assert!(scene.vv(HOME, "s1").is_object());
    control.up(PEER).await.unwrap();
    scene.answers(PEER).await;
    scene.stage.remove("s1").await.ok();
    scene.end(&["db1"]).await;
}

/// What the living array has may be all that anybody can use: it is not taken away by a removal that cannot succeed.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_array_keeps_what_was_taken_on_both_also_on_the_other() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.stage.create("s1", on_both("db1")).await.ok();
    let control = scene.stage.arrays.control.clone();
    control.down(HOME).await.unwrap();
    let said = scene.stage.remove("s1").await.err();
    assert_told(&said, &["`s1`", &scene.stage.label(HOME)]);
    for array in [HOME, PEER] {
        let comment = scene.vv(array, "s1")["comment"].to_string();
        assert!(comment.contains("/state=ready/"), "{array}: {comment}");
    }
    control.up(HOME).await.unwrap();
    scene.answers(HOME).await;
    scene.stage.remove("s1").await.ok();
    for array in [HOME, PEER] {
        assert!(scene.vv(array, "s1").is_null(), "{array}");
    }
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_has_seen_one_half_does_not_leave_the_other() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let stage = &scene.stage;
    stage.create("s1", on_both("db1")).await.ok();
    let control = stage.arrays.control.clone();
    control.down(PEER).await.unwrap();
    // It knows the volume by its own array alone.
    let other = super::stage::machine(&stage.arrays, "host2");
    let mut plugin = tokio::task::block_in_place(|| super::rig::plugin::Plugin::start(&other));
    plugin.get("s1").await.ok();
    let said = plugin.remove("s1").await.err();
    assert_told(&said, &["`s1`", &stage.label(PEER)]);
    assert!(scene.vv(HOME, "s1").is_object());
    control.up(PEER).await.unwrap();
    scene.answers(PEER).await;
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !scene.vv(PEER, "s1").is_null() {
        assert!(std::time::Instant::now() < patience, "never removed");
        let _ = plugin.remove("s1").await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(scene.vv(HOME, "s1").is_null());
    tokio::task::block_in_place(|| plugin.stop());
    stage.remove("s1").await.ok();
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_again_is_nothing_new_also_where_the_peer_serves() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    failed_over(&scene).await;
    let stage = &scene.stage;
    stage.create("s1", on_both("db1")).await.ok();
    let before = stage.arrays.dump();
    stage.create("s1", on_both("db1")).await.ok();
    assert_eq!(stage.arrays.dump(), before);
    let said = stage.create("s1", of("db1")).await.err();
    assert_told(&said, &["snapshotBoth: true, not false"]);
    stage.remove("s1").await.ok();
    assert!(scene.vv(HOME, "s1").is_null() && scene.vv(PEER, "s1").is_null());
    scene.end(&["db1"]).await;
}
