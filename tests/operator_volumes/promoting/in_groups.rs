//! `volume promote` of what is in a remote copy group: stopped by a person, or by the plugin if it is let.

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::json;

use super::{
    YES,
    rig::{
        arrays::{HOME, PEER},
        engine::until,
        plugin::Plugin,
    },
    scene::{GROUP_THERE, Release, Release::*, Scene, Way, Way::*},
    stage::{self, all, assert_told, case},
    volume,
};

pub const STOP: &str = "--stop-group";

/// Two volumes in the group, and a snapshot of the first.
pub async fn set(way: Way, release: Release, describe: impl FnOnce(String) -> String) -> Scene {
    let scene = Scene::set_with(way, release, describe, |conf| conf).await;
    for name in ["db1", "db2"] {
        scene.create(name).await.ok();
    }
    scene.at_rest().await;
    let of = json!({ "virtualCopyOf": "db1" });
    scene.stage.create("s1", of).await.ok();
    scene
}

pub async fn end(scene: Scene) {
    scene.stage.remove("s1").await.ok();
    scene.end(&["db1", "db2"]).await;
}

/// The plugin has brought the group back to what it was.
#[track_caller]
pub fn runs_again(scene: &Scene) {
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.has_no_lock();
    assert_eq!(scene.stage.machine.open_entries(), 0);
}

/// What changed the arrays on behalf of a promotion, in order.
fn changes(scene: &Scene, array: &str) -> Vec<String> {
    let log = scene.stage.arrays.control.log(Some(array));
    let changed = log.into_iter().filter(|entry| entry.changed);
    changed
        .map(|entry| entry.line.split(' ').next().unwrap().to_owned())
        .collect()
}

const CYCLE: [&str; 5] = [
    "createvvset",
    "stoprcopygroup",
    "promotesv",
    "startrcopygroup",
    "removevvset",
];

async fn cycle(way: Way, release: Release) {
    let scene = set(way, release, |toml| toml).await;
    let machine = &scene.stage.machine;
    let before = scene.stage.arrays.dump();
    // Not without leave, which names what else that is about.
    for words in [&["promote", "s1"][..], &["promote", "s1", YES]] {
        let said = volume(machine, words).refused();
        assert_told(&said, &["`s1`", "`prod`", "is not stopped", STOP, "`db2`"]);
    }
    // A look changes nothing, and tells.
    let said = volume(machine, &["promote", "s1", STOP]).refused();
    let parts = [
        "nothing was changed",
        "`prod` would be stopped",
        "`db2`",
        YES,
    ];
    assert_told(&said, &parts);
    assert_eq!(scene.stage.arrays.dump(), before);
    assert_eq!(machine.open_entries(), 0);
    scene.stage.arrays.control.clear_log();
    let said = volume(machine, &["promote", "s1", STOP, YES]).ok();
    assert!(
        said.contains("`prod` was stopped, and runs again"),
        "{said}"
    );
    runs_again(&scene);
    assert_eq!(changes(&scene, HOME), CYCLE);
    assert_eq!(changes(&scene, PEER), [""; 0]);
    scene.at_rest().await;
    assert!(scene.vv(PEER, "s1").is_null());
    end(scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_is_stopped_and_started_with_leave_only() {
    let ways = [
        (Synchronous, R331),
        (Asynchronous, R331),
        (PeerPersistence, R1050),
    ];
    let cases = ways.map(|(way, release)| case(format!("{way:?}"), cycle(way, release)));
    all(3, cases.into()).await;
}

/// With leave or without: what a person stopped, a person starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_a_person_stopped_stays_so() {
    let scene = set(Synchronous, R331, |toml| toml).await;
    let machine = &scene.stage.machine;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let said = volume(machine, &["promote", "s1", STOP]).refused();
    assert_told(&said, &["would stay so", "`db2`"]);
    for words in [&["promote", "s1", YES][..], &["promote", "s1", YES, STOP]] {
        scene.stage.arrays.control.clear_log();
        let said = volume(machine, words).ok();
        assert!(said.contains("type `startrcopygroup prod`"), "{said}");
        assert_eq!(changes(&scene, HOME), ["promotesv"]);
        assert_eq!(scene.roles()[0], "Primary Stopped");
        assert_eq!(machine.open_entries(), 0);
    }
    scene.types(HOME, "startrcopygroup prod").await;
    scene.at_rest().await;
    end(scene).await;
}

/// The snapshot has to be where the group is Primary, whichever array that is.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_put_back_on_the_array_that_serves_only() {
    let scene = set(Synchronous, R331, |toml| toml).await;
    let machine = &scene.stage.machine;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    for step in ["failover -f -waittask", "recover -f -waittask"] {
        let line = format!("setrcopygroup {step} {GROUP_THERE}");
        scene.types(PEER, &line).await;
    }
    scene.at_rest().await;
    let said = volume(machine, &["promote", "s1", STOP, YES]).refused();
    assert_told(&said, &["`s1`", "`prod`", "is not served"]);
    let of = json!({ "virtualCopyOf": "db1" });
    scene.stage.create("s2", of).await.ok();
    scene.stage.arrays.control.clear_log();
    volume(machine, &["promote", "s2", STOP, YES]).ok();
    assert_eq!(changes(&scene, PEER), CYCLE);
    assert_eq!(changes(&scene, HOME), [""; 0]);
    assert!(scene.roles().iter().all(|role| role.ends_with("Started")));
    scene.has_no_lock();
    scene.stage.remove("s2").await.ok();
    scene.at_rest().await;
    end(scene).await;
}

/// One that was taken on both arrays is on the one that serves, whichever that is.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_both_arrays_is_put_back_where_its_volume_is_served() {
    let scene = set(Synchronous, R331, |toml| toml).await;
    let machine = &scene.stage.machine;
    let both = json!({ "virtualCopyOf": "db1", "snapshotBoth": "true" });
    scene.stage.create("s2", both).await.ok();
    let there = format!("setrcopygroup recover -f -waittask {GROUP_THERE}");
    let back = format!("setrcopygroup restore -f -waittask {GROUP_THERE}");
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let over = format!("setrcopygroup failover -f -waittask {GROUP_THERE}");
    scene.types(PEER, &over).await;
    scene.types(PEER, &there).await;
    for serving in [PEER, HOME] {
        scene.at_rest().await;
        scene.stage.arrays.control.clear_log();
        volume(machine, &["promote", "s2", STOP, YES]).ok();
        let other = if serving == HOME { PEER } else { HOME };
        assert_eq!(changes(&scene, serving), CYCLE);
        assert_eq!(changes(&scene, other), [""; 0]);
        scene.has_no_lock();
        scene.at_rest().await;
        if serving == PEER {
            scene.types(PEER, &back).await;
        }
    }
    scene.stage.remove("s2").await.ok();
    end(scene).await;
}

/// A former primary says Primary, and Stopped, until the group is recovered: what is put back there, nobody would see, and the other array
/// would write over.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_put_back_on_a_former_primary() {
    let scene = set(Synchronous, R331, |toml| toml).await;
    let machine = &scene.stage.machine;
    let both = json!({ "virtualCopyOf": "db1", "snapshotBoth": "true" });
    scene.stage.create("s2", both).await.ok();
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let over = format!("setrcopygroup failover -f -waittask {GROUP_THERE}");
    scene.types(PEER, &over).await;
    scene.stage.arrays.control.clear_log();
    let said = volume(machine, &["promote", "s1", STOP, YES]).refused();
    assert_told(&said, &["`s1`", "`prod`", "is not served"]);
    volume(machine, &["promote", "s2", STOP, YES]).ok();
    assert_eq!(changes(&scene, HOME), [""; 0]);
    assert_eq!(changes(&scene, PEER), ["promotesv"]);
    for operation in ["recover", "restore"] {
        let line = format!("setrcopygroup {operation} -f -waittask {GROUP_THERE}");
        scene.types(PEER, &line).await;
        scene.at_rest().await;
    }
    scene.stage.remove("s2").await.ok();
    end(scene).await;
}

/// The stop is taken back when the array does not begin; whatever an answer that is lost was about, the group runs in the end.
async fn answered(kind: Kind) {
    let scene = set(Synchronous, R331, |toml| toml).await;
    let fault = Fault::new(kind).matching("^promotesv ");
    let fault = Fault {
        words: "Error: not today".to_owned(),
        ..fault
    };
    scene.stage.arrays.control.fault(fault).unwrap();
    let said = volume(&scene.stage.machine, &["promote", "s1", STOP, YES]);
    match kind {
        Kind::DropAfter => {
            said.ok();
        }
        Kind::Refuse => {
            let said = said.refused();
            assert_told(&said, &["`s1`", "not today"]);
            assert!(!said.contains("journalled"), "{said}");
            runs_again(&scene);
        }
        _ => assert_told(&said.refused(), &["`s1`", "promotesv"]),
    }
    assert_eq!(scene.given(HOME, "promotesv").len(), 1);
    scene.stage.calm_down().await;
    runs_again(&scene);
    scene.at_rest().await;
    volume(&scene.stage.machine, &["promote", "s1", STOP, YES]).ok();
    runs_again(&scene);
    scene.at_rest().await;
    end(scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_does_not_begin_leaves_the_group_started() {
    let kinds = [Kind::Refuse, Kind::DropBefore, Kind::DropAfter];
    let cases = kinds.map(|kind| case(format!("{kind:?}"), answered(kind)));
    all(3, cases.into()).await;
}

/// Hours: who comes meanwhile is told at once, whichever host it is, however old the lock is. The plugin that dies ends it when it runs again.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_starts_the_group_while_the_array_is_at_it() {
    let slow = |toml: String| toml.replace("factor = 20.0", "factor = 1.0");
    let mut scene = Scene::set_with(Synchronous, R331, slow, |conf| conf).await;
    let control = scene.stage.arrays.control.clone();
    for (name, size) in [("db1", "1024"), ("db2", "1")] {
        let size = json!({ "size": size });
        scene.create_with(name, size).await.ok();
        control.advance(1_000_000);
        scene.at_rest().await;
    }
    let of = json!({ "virtualCopyOf": "db1" });
    scene.stage.create("s1", of).await.ok();
    control.clear_log();
    let machine = scene.stage.machine.clone();
    let promote = move || volume(&machine, &["promote", "s1", YES, STOP]);
    let asked = tokio::task::spawn_blocking(promote);
    scene.was_given(HOME, "promotesv", 1).await;
    let another = stage::machine(&scene.stage.arrays, "host2");
    let other_host = tokio::task::block_in_place(|| Plugin::start(&another));
    // By then any other lock was left.
    control.advance(11 * 60);
    let is_told = |said: String| {
        let parts = [
            "`prod`",
            "puts back what is in snapshot `dkv-s1`",
            "showtask",
        ];
        assert_told(&said, &parts);
    };
    let wanted = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    is_told(scene.create("db3").await.err());
    is_told(scene.stage.remove("db2").await.err());
    scene.stage.plugin.get("db2").await.ok();
    is_told(other_host.create("db4", wanted).await.err());
    // And nothing of what it was about to do is left.
    is_told(other_host.remove("db2").await.err());
    for array in [HOME, PEER] {
        let comment = scene.vv(array, "db2")["comment"].to_string();
        assert!(comment.contains("/state=ready/"), "{array}: {comment}");
    }
    assert_eq!(another.open_entries(), 0);
    assert!(
        scene.vv(HOME, "db1")["copying"].is_object(),
        "too fast to tell"
    );
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    assert_told(
        &asked.await.unwrap().refused(),
        &["ended before", "journal"],
    );
    let before = scene.stage.plugin.log().len();
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    until("an attempt to clean up", || {
        scene.stage.plugin.log()[before..].contains("still putting the data")
    });
    let said = scene.stage.plugin.mount("db1", "c1").await.err();
    assert_told(&said, &["`db1`", "promotion"]);
    assert_eq!(scene.given(HOME, "startrcopygroup"), [""; 0]);
    assert_eq!(scene.roles()[0], "Primary Stopped");
    control.advance(1_000_000);
    scene.stage.calm_down().await;
    runs_again(&scene);
    control.advance(1_000_000);
    scene.at_rest().await;
    drop(other_host);
    end(scene).await;
}
