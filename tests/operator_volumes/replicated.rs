//! `volume grow` of what is on two arrays: in a cycle of its own, and the group runs again with two equal sizes.

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    command::volume,
    rig::arrays::{HOME, PEER},
    scene::{GROUP_THERE, Release, Release::*, Scene, Way, Way::*},
    stage::{BOTH, all, assert_told, case},
};

/// What an array may do with `growvv`, and nobody tells.
const SWITCHES: [&[&str]; 4] = [
    &[],
    &["grow_while_started"],
    &["grow_one_side"],
    &["grow_while_started", "grow_one_side"],
];

async fn set(way: Way, release: Release, switches: &[&str]) -> Scene {
    let on: Vec<String> = switches.iter().map(|s| format!("{s} = true")).collect();
    let line = format!("switches = {{ {} }}\nlatency_ms = 0", on.join(", "));
    let describe = |toml: String| toml.replace("latency_ms = 0", &line);
    Scene::set_with(way, release, describe, |conf| conf).await
}

/// GiB on both arrays.
fn sizes(scene: &Scene, name: &str) -> [u64; 2] {
    BOTH.map(|array| scene.vv(array, name)["size_mib"].as_u64().unwrap() / 1024)
}

async fn good(way: Way, release: Release, switches: &'static [&'static str]) {
    let scene = set(way, release, switches).await;
    let machine = &scene.stage.machine;
    scene.create("db1").await.ok();
    scene.create("db2").await.ok();
    scene.at_rest().await;
    let said = volume(machine, &["grow", "db1", "+2"]);
    assert!(said.err.contains("stopping remote copy group"), "{said:?}");
    said.ok();
    assert_eq!(sizes(&scene, "db1"), [3, 3]);
    scene.has_no_lock();
    scene.at_rest().await;
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.stage.arrays.control.clear_log();
    assert!(
        volume(machine, &["grow", "db1", "3"])
            .ok()
            .contains("already")
    );
    assert_eq!(scene.given(HOME, "stoprcopygroup"), [""; 0]);
    assert_eq!(sizes(&scene, "db2"), [1, 1]);
    scene.end(&["db1", "db2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_arrays_have_the_new_size_whatever_growvv_does() {
    let mut cases = Vec::new();
    for (release, way) in [(R331, Synchronous), (R1050, PeerPersistence)] {
        for switches in SWITCHES {
            let name = format!("{release:?} {way:?} {switches:?}");
            cases.push(case(name, good(way, release, switches)));
        }
    }
    cases.push(case(
        "periodic",
        good(Asynchronous, R331, &["grow_one_side"]),
    ));
    all(3, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_serves_from_the_peer_grows_there() {
    let scene = set(Synchronous, R331, &["grow_one_side"]).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    for step in ["failover -f -waittask", "recover -f -waittask"] {
        let line = format!("setrcopygroup {step} {GROUP_THERE}");
        scene.types(PEER, &line).await;
    }
    scene.at_rest().await;
    volume(&scene.stage.machine, &["grow", "db1", "2"]).ok();
    assert_eq!(sizes(&scene, "db1"), [2, 2]);
    assert!(scene.roles().iter().all(|role| role.ends_with("Started")));
    scene.has_no_lock();
    scene.end(&["db1"]).await;
}

/// As a create does: the first copy of a volume is not stopped in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_copying_is_waited_for() {
    let scene = set(Synchronous, R331, &[]).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene
        .create_with("db2", json!({ "size": "100" }))
        .await
        .ok();
    let copies = |scene: &Scene| scene.stage.arrays.dump().to_string().contains("Syncing");
    assert!(copies(&scene), "too fast to tell");
    scene.stage.arrays.control.clear_log();
    let machine = scene.stage.machine.clone();
    let grow = move || volume(&machine, &["grow", "db1", "+1"]).ok();
    let grown = tokio::task::spawn_blocking(grow);
    loop {
        // What it was given before it was seen to copy still.
        let stopped = scene.given(HOME, "stoprcopygroup");
        if !copies(&scene) {
            break;
        }
        assert_eq!(stopped, [""; 0]);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    grown.await.unwrap();
    assert_eq!(sizes(&scene, "db1"), [2, 2]);
    scene.end(&["db1", "db2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_a_person_stopped_stays_so() {
    let scene = set(Synchronous, R331, &[]).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let before = scene.stage.arrays.dump();
    let said = volume(&scene.stage.machine, &["grow", "db1", "+1"]).refused();
    assert_told(
        &said,
        &["`db1`", "`prod`", "Stopped", "startrcopygroup prod"],
    );
    assert_eq!(scene.stage.arrays.dump(), before);
    assert_eq!(scene.stage.machine.open_entries(), 0);
    scene.types(HOME, "startrcopygroup prod").await;
    scene.at_rest().await;
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_own_array_refuses_leaves_the_group_started() {
    let scene = set(Synchronous, R331, &[]).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let before = sizes(&scene, "db1");
    let fault = Fault::new(Kind::Refuse).matching("^growvv ");
    let fault = Fault {
        words: "Error: no room for that".to_owned(),
        ..fault
    };
    scene.stage.arrays.control.fault(fault).unwrap();
    let said = volume(&scene.stage.machine, &["grow", "db1", "+1"]).refused();
    assert_told(&said, &["`db1`", "no room"]);
    scene.at_rest().await;
    assert_eq!(sizes(&scene, "db1"), before);
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.has_no_lock();
    assert_eq!(scene.stage.machine.open_entries(), 0);
    scene.end(&["db1"]).await;
}

/// The one thing that cannot be taken back: the own array has grown, and the other one has no room. The journal keeps it, and with it the
/// lock, until there is.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_other_array_refuses_is_completed_when_it_has_room() {
    let scene = set(Synchronous, R331, &["grow_one_side"]).await;
    scene
        .create_with("db1", json!({ "provisioning": "full" }))
        .await
        .ok();
    scene.at_rest().await;
    scene.stage.arrays.control.cpg_full(PEER, "ssd_r5").unwrap();
    let said = volume(&scene.stage.machine, &["grow", "db1", "+1"]).refused();
    assert_told(
        &said,
        &["`db1`", "space", "still there", "journalled", "`prod`"],
    );
    assert_eq!(sizes(&scene, "db1"), [2, 1]);
    assert_eq!(scene.stage.machine.open_entries(), 1);
    scene
        .stage
        .arrays
        .control
        .cpg_restore(PEER, "ssd_r5")
        .unwrap();
    scene.stage.calm_down().await;
    assert_eq!(sizes(&scene, "db1"), [2, 2]);
    scene.at_rest().await;
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.has_no_lock();
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn growing_and_creating_at_once_take_turns() {
    let scene = set(Synchronous, R331, &["grow_one_side"]).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let machine = scene.stage.machine.clone();
    let words = |name: &'static str| {
        let machine = machine.clone();
        let grow = move || volume(&machine, &["grow", name, "+1"]).ok();
        tokio::task::spawn_blocking(grow)
    };
    let (grown, made, more) = tokio::join!(words("db1"), scene.create("db2"), scene.create("db3"));
    grown.unwrap();
    made.ok();
    more.ok();
    scene.at_rest().await;
    assert_eq!(sizes(&scene, "db1"), [2, 2]);
    let members: Value = scene.halves()[0]["volumes"].clone();
    assert_eq!(members.as_array().unwrap().len(), 3);
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.end(&["db1", "db2", "db3"]).await;
}
