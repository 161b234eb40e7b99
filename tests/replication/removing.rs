//! What a remove refuses, and what makes it possible.

use serde_json::Value;

use super::{
    rig::arrays::{HOME, PEER},
    scene::{GROUP_THERE, Release::*, Scene, Way::*},
    stage::{self, case},
};

/// From a failover that the other array does not know of, to a failback that has not begun.
async fn failed_over() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.create("db2").await.ok();
    scene.at_rest().await;
    let (home, peer) = (scene.stage.label(HOME), scene.stage.label(PEER));
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let there = |words: &str| format!("{words} {GROUP_THERE}");
    scene
        .types(PEER, &there("setrcopygroup failover -f -waittask"))
        .await;
    scene
        .keeps("db1", &[&home, &peer, "Primary", "setrcopygroup recover"])
        .await;
    scene
        .types(PEER, &there("setrcopygroup recover -f -nostart -waittask"))
        .await;
    let in_transition = [&home, &peer, "failed over or back", "setrcopygroup restore"];
    scene.keeps("db1", &in_transition).await;
    // The step that the message names.
    scene.types(PEER, &there("startrcopygroup")).await;
    scene.at_rest().await;
    scene
        .types(PEER, &there("setrcopygroup restore -f -waittask"))
        .await;
    scene.at_rest().await;
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.end(&["db1", "db2"]).await;
}

/// The peer took over by itself, and the former primary is back and serves nothing.
async fn peer_took_over() {
    let scene = Scene::set(PeerPersistence, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let control = scene.stage.arrays.control.clone();
    control.down(HOME).await.unwrap();
    control.advance(15);
    control.up(HOME).await.unwrap();
    let roles = scene.roles();
    assert!(roles[1].starts_with("Primary-Rev"), "{roles:?}");
    if roles[0].starts_with("Primary") {
        // The pool may still be holding connections of before the outage.
        scene.answers(HOME).await;
        scene
            .keeps("db1", &["Failsafe", "group plan recover"])
            .await;
        let line = format!("setrcopygroup recover -f -waittask {GROUP_THERE}");
        scene.types(PEER, &line).await;
    }
    scene.at_rest().await;
    assert_eq!(
        scene.roles(),
        ["Secondary-Rev Started", "Primary-Rev Started"]
    );
    scene.end(&["db1"]).await;
}

async fn peer_dead() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let control = scene.stage.arrays.control.clone();
    control.down(PEER).await.unwrap();
    let peer = scene.stage.label(PEER);
    scene.keeps("db1", &[&peer, "check address"]).await;
    control.up(PEER).await.unwrap();
    scene.answers(PEER).await;
    scene.end(&["db1"]).await;
}

/// Exported to another host, on either array.
async fn exported(array: &'static str) {
    let scene = Scene::set(Synchronous, R331).await;
    scene
        .types(array, "createhost -iscsi ledger iqn.2026-01.test:ledger")
        .await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene
        .stage
        .arrays
        .type_in(array, "createvlun -f dkv-db1 30 ledger")
        .await;
    let label = scene.stage.label(array);
    assert_ne!(scene.dump(array)["vluns"], Value::Null);
    scene.keeps("db1", &[&label, "ledger", "exports"]).await;
    scene.types(array, "removevlun -f dkv-db1 30 ledger").await;
    scene.stage.remove("db1").await.ok();
    scene.types(array, "removehost ledger").await;
    scene.end(&[]).await;
}

/// What a person stopped is not started; what is not wanted any more goes all the same.
async fn stopped_by_a_person() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.create("db2").await.ok();
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    scene.stage.arrays.control.clear_log();
    scene.stage.remove("db1").await.ok();
    assert_eq!(scene.roles(), ["Primary Stopped", "Secondary Stopped"]);
    assert_eq!(scene.given(HOME, "startrcopygroup"), Vec::<String>::new());
    for array in [HOME, PEER] {
        assert_eq!(scene.vv(array, "db1"), Value::Null);
    }
    scene.end(&["db2"]).await;
}

/// A group that an administrator made stays, empty.
async fn administrators_group() {
    for release in [R331, R1050] {
        let scene = Scene::set(Synchronous, release).await;
        scene.admin_makes_group("prod", "to-birch", "sync").await;
        for name in ["db1", "db2"] {
            scene.create(name).await.ok();
            for array in [HOME, PEER] {
                let vv = scene.vv(array, name);
                let comment = vv["comment"].as_str().unwrap();
                assert!(!comment.contains("grp="), "{array}: {comment}");
            }
        }
        for name in ["db1", "db2"] {
            scene.at_rest().await;
            scene.stage.remove(name).await.ok();
        }
        scene.has_no_lock();
        for half in scene.halves() {
            assert_eq!(half["volumes"].as_array().unwrap().len(), 0, "{half}");
        }
        scene.types(HOME, "removercopygroup -f prod").await;
        scene.end(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_cannot_be_removed_stays_as_it_is() {
    let cases = vec![
        case("remove: failed over", failed_over()),
        case("remove: peer took over", peer_took_over()),
        case("remove: peer dead", peer_dead()),
        case("remove: exported at home", exported(HOME)),
        case("remove: exported there", exported(PEER)),
        case("remove: stopped by a person", stopped_by_a_person()),
        case("remove: administrator's group", administrators_group()),
    ];
    stage::all(24, cases).await;
}
