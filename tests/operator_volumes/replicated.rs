//! `volume grow` of what is on two arrays: in a cycle of its own, and the group runs again with two equal sizes.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    command::{volume, with_conf},
    rig::{
        arrays::{HOME, PEER},
        engine::until,
        plugin::Plugin,
    },
    scene::{GROUP_THERE, Release, Release::*, Scene, Way, Way::*},
    stage::{BOTH, all, assert_told, case, patient, patient_machine},
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
    Scene::set_with(way, release, describe, patient).await
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
        .create_with("db2", json!({ "size": "1000" }))
        .await
        .ok();
    let copies = |scene: &Scene| scene.stage.arrays.dump().to_string().contains("Syncing");
    assert!(copies(&scene), "too fast to tell");
    scene.stage.arrays.control.clear_log();
    let machine = scene.stage.machine.clone();
    let grow = move || volume(&machine, &["grow", "db1", "+1"]).ok();
    let grown = tokio::task::spawn_blocking(grow);
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < patience, "it has never looked");
        // What it was given before it was seen to copy still.
        let stopped = scene.given(HOME, "stoprcopygroup");
        if !copies(&scene) {
            break;
        }
        assert_eq!(stopped, [""; 0]);
        // It has looked, and goes on looking.
        if scene.given(HOME, "showrcopy").len() >= 6 {
            scene.stage.arrays.control.advance(1000);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
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

/// The own array has grown, and the other one has no room.
async fn without_room_there() -> Scene {
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
}

async fn room_there_again(scene: &Scene) {
    let control = &scene.stage.arrays.control;
    control.cpg_restore(PEER, "ssd_r5").unwrap();
    scene.stage.calm_down().await;
    assert_eq!(sizes(scene, "db1"), [2, 2]);
    scene.at_rest().await;
    scene.has_no_lock();
}

/// The one thing that cannot be taken back. The journal keeps it, and with it the lock, until there is room.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_other_array_refuses_is_completed_when_it_has_room() {
    let scene = without_room_there().await;
    room_there_again(&scene).await;
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.end(&["db1"]).await;
}

/// Whoever takes the lock away has the group: it is not started over that person's head, however often the growth is tried before.
#[tokio::test(flavor = "multi_thread")]
async fn a_growth_does_not_start_a_group_that_a_person_has_taken_over() {
    let scene = without_room_there().await;
    let machine = &scene.stage.machine;
    scene.types(HOME, "removevvset -f dkl-prod").await;
    // Tried again, with a lock of its own, and there is still no room.
    let tried_again = || {
        let before = scene.given(PEER, "growvv").len();
        volume(machine, &["grow", "db1", "+1"]).refused();
        assert!(scene.given(PEER, "growvv").len() > before);
        assert_eq!(machine.open_entries(), 1);
    };
    tried_again();
    let locked = || scene.dump(HOME)["vv_sets"].to_string().contains("dkl-");
    until("its own lock given back", || !locked());
    // One that it cannot give back does not make the stop its own.
    let fault = Fault::new(Kind::Refuse).matching("^removevvset .*dkl-");
    scene.stage.arrays.control.fault(fault.repeat()).unwrap();
    until("a lock that is left", || {
        tried_again();
        locked()
    });
    room_there_again(&scene).await;
    assert_eq!(scene.roles()[0], "Primary Stopped");
    let log = scene.stage.plugin.log();
    let told = "the group is left as it is, stopped";
    assert!(log.contains(told), "{log}");
    scene.types(HOME, "startrcopygroup prod").await;
    scene.at_rest().await;
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

/// Two hosts at one volume, with the second asking while the first has the lock: what is added comes to what is there then, and what is reached
/// is not added once more.
async fn beside_another_host(second_asks: &'static str, has: u64) {
    let scene = set(Synchronous, R331, &["grow_one_side"]).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let another = patient_machine(&scene.stage.arrays, "host2");
    let mut plugin = tokio::task::block_in_place(|| Plugin::start(&another));
    another.listed_once(&scene.stage.arrays).await;
    let control = &scene.stage.arrays.control;
    control.clear_log();
    let hang = Fault::new(Kind::HangBefore).on(HOME).matching("^growvv ");
    control.fault(hang).unwrap();
    let grow = |conf: PathBuf, size: &'static str| {
        tokio::task::spawn_blocking(move || with_conf(&conf, &["grow", "db1", size]))
    };
    let first = grow(scene.stage.machine.conf(), "+2");
    scene.was_given(HOME, "growvv", 1).await;
    let second = grow(another.conf(), second_asks);
    // Its own lock was refused once: it has seen the old size by then.
    scene.was_given(HOME, "createvvset", 2).await;
    control.release();
    first.await.unwrap().ok();
    let said = second.await.unwrap().ok();
    assert!(said.contains(&format!("has {has} GiB now")), "{said}");
    assert_eq!(sizes(&scene, "db1"), [has, has]);
    scene.at_rest().await;
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    tokio::task::block_in_place(|| plugin.stop());
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_grows_a_volume_beside_another_host_adds_to_what_is_there_under_the_lock() {
    let cases = [("+3", 6), ("2", 3), ("4", 4)];
    let cases = cases.map(|(asks, has)| case(asks, beside_another_host(asks, has)));
    all(3, cases.into()).await;
}
