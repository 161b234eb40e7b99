//! A promotion that failed over a group that the plugin had stopped: what the other array has may be the last good copy.

use super::{
    YES,
    in_groups::{STOP, end, runs_again, set},
    rig::{
        arrays::{Arrays, HOME, PEER},
        engine::until,
        plugin::Plugin,
    },
    scene::{GROUP_THERE, Release::*, Scene, Way::*},
    stage::{self, all, assert_told, case},
    volume,
};

use crate::data::Data;

/// In the snapshot, and written since.
const OLD: u8 = 1;
const NEW: u8 = 2;

fn data<'a>(arrays: &'a Arrays, array: &'a str) -> Data<'a> {
    Data {
        arrays,
        array,
        volume: "db1",
    }
}

/// The group is stopped and locked, and the other array has what was replicated last.
#[track_caller]
fn is_kept(scene: &Scene) {
    assert_eq!(scene.roles()[0], "Primary Stopped");
    let sets = scene.dump(HOME)["vv_sets"].to_string();
    assert!(sets.contains("dkl-prod"), "{sets}");
    assert_eq!(scene.given(HOME, "startrcopygroup"), [""; 0]);
    assert_eq!(scene.given(HOME, "removevvset"), [""; 0]);
    assert_eq!(data(&scene.stage.arrays, PEER).read(), NEW);
    assert_eq!(scene.stage.machine.open_entries(), 1);
}

async fn set_and_fail() -> Scene {
    let off = |toml: String| {
        let with = "switches = { copies_fail = false, login_sees_nothing = false }\nlatency_ms = 0";
        toml.replace("latency_ms = 0", with)
    };
    let scene = set(Synchronous, R331, off).await;
    // A snapshot of the right data.
    scene.stage.remove("s1").await.ok();
    data(&scene.stage.arrays, HOME).write(OLD);
    let of = serde_json::json!({ "virtualCopyOf": "db1" });
    scene.stage.create("s1", of).await.ok();
    data(&scene.stage.arrays, HOME).write(NEW);
    let control = &scene.stage.arrays.control;
    control.switch(HOME, "copies_fail", true).unwrap();
    control.clear_log();
    let said = volume(&scene.stage.machine, &["promote", "s1", YES, STOP]).refused();
    let parts = [
        "`db1`",
        "a part of the snapshot's data",
        "`prod` stays stopped and locked",
        "the other array may have the last good data",
        "promote the snapshot again",
        "removevvset -f dkl-prod",
    ];
    assert_told(&said, &parts);
    is_kept(&scene);
    control.switch(HOME, "copies_fail", false).unwrap();
    scene
}

/// Nobody starts it: no other host, and not the plugin itself after its death. The next promotion does.
#[tokio::test(flavor = "multi_thread")]
async fn the_group_stays_stopped_until_a_promotion_ends_well() {
    let mut scene = set_and_fail().await;
    let another = stage::machine(&scene.stage.arrays, "host2");
    let other_host = tokio::task::block_in_place(|| Plugin::start(&another));
    scene.stage.arrays.control.advance(3600);
    let wanted =
        serde_json::json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    let is_told = |said: String| {
        assert_told(&said, &["`prod`", "puts back what is in snapshot `dkv-s1`"]);
    };
    is_told(other_host.create("db4", wanted).await.err());
    is_told(scene.create("db3").await.err());
    drop(other_host);
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    let before = scene.stage.plugin.log().len();
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    until("an attempt to clean up", || {
        scene.stage.plugin.log()[before..].contains("stays stopped and locked")
    });
    let said = scene.stage.plugin.mount("db1", "c1").await.err();
    assert_told(&said, &["`db1`", "promotion", "stays stopped"]);
    let said = scene.stage.remove("db1").await.err();
    assert_told(&said, &["`db1`", "promotion"]);
    is_kept(&scene);
    // A look, and one that fails once more.
    let machine = scene.stage.machine.clone();
    let said = volume(&machine, &["promote", "s1"]).refused();
    assert_told(
        &said,
        &[
            "nothing was changed",
            "`prod`",
            "started when the data are back",
        ],
    );
    let control = scene.stage.arrays.control.clone();
    control.switch(HOME, "copies_fail", true).unwrap();
    let said = volume(&machine, &["promote", "s1", YES]).refused();
    assert_told(&said, &["`prod` stays stopped and locked"]);
    is_kept(&scene);
    control.switch(HOME, "copies_fail", false).unwrap();
    let said = volume(&machine, &["promote", "s1", YES]).ok();
    assert!(
        said.contains("`prod` was stopped, and runs again"),
        "{said}"
    );
    runs_again(&scene);
    scene.at_rest().await;
    for array in [HOME, PEER] {
        assert_eq!(data(&scene.stage.arrays, array).read(), OLD, "{array}");
    }
    end(scene).await;
}

/// Whoever is shown an empty array for a moment starts nothing over the last good copy.
#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_shows_nothing_for_a_moment_starts_no_group() {
    let scene = set_and_fail().await;
    let control = scene.stage.arrays.control.clone();
    control.switch(HOME, "login_sees_nothing", true).unwrap();
    let before = scene.stage.plugin.log().len();
    until("attempts to clean up", || {
        let log = &scene.stage.plugin.log()[before..];
        log.matches("not cleaned up yet").count() >= 2
    });
    is_kept(&scene);
    control.switch(HOME, "login_sees_nothing", false).unwrap();
    let machine = scene.stage.machine.clone();
    volume(&machine, &["promote", "s1", YES]).ok();
    runs_again(&scene);
    scene.at_rest().await;
    end(scene).await;
}

/// It goes on under the array while nobody looks, and fails: seen when the plugin runs again.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_while_the_plugin_is_dead_is_not_taken_for_well() {
    let slow = |toml: String| {
        let with = "switches = { copies_fail = false }\nlatency_ms = 0";
        let toml = toml.replace("factor = 20.0", "factor = 1.0");
        toml.replace("latency_ms = 0", with)
    };
    let mut scene = Scene::set_with(Synchronous, R331, slow, |conf| conf).await;
    let control = scene.stage.arrays.control.clone();
    scene
        .create_with("db1", serde_json::json!({ "size": "256" }))
        .await
        .ok();
    control.advance(1_000_000);
    scene.at_rest().await;
    scene.create("db2").await.ok();
    control.advance(1_000_000);
    scene.at_rest().await;
    data(&scene.stage.arrays, HOME).write(OLD);
    let of = serde_json::json!({ "virtualCopyOf": "db1" });
    scene.stage.create("s1", of).await.ok();
    data(&scene.stage.arrays, HOME).write(NEW);
    control.clear_log();
    let machine = scene.stage.machine.clone();
    let promote = move || volume(&machine, &["promote", "s1", YES, STOP]);
    let asked = tokio::task::spawn_blocking(promote);
    until("the task", || scene.vv(HOME, "db1")["copying"].is_object());
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    asked.await.unwrap().refused();
    control.switch(HOME, "copies_fail", true).unwrap();
    control.advance(1_000_000);
    control.switch(HOME, "copies_fail", false).unwrap();
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    until("an attempt to clean up", || {
        scene
            .stage
            .plugin
            .log()
            .contains("stays stopped and locked")
    });
    is_kept(&scene);
    let machine = scene.stage.machine.clone();
    let promote = move || volume(&machine, &["promote", "s1", YES]);
    let asked = tokio::task::spawn_blocking(promote);
    until("the task", || scene.vv(HOME, "db1")["copying"].is_object());
    control.advance(1_000_000);
    asked.await.unwrap().ok();
    runs_again(&scene);
    control.advance(1_000_000);
    scene.at_rest().await;
    end(scene).await;
}

/// What a person decides is what counts from then on.
#[derive(Debug, Clone, Copy)]
enum Decides {
    Start,
    TakeLock,
    FailOver,
}

async fn decided(what: Decides) {
    let scene = set_and_fail().await;
    match what {
        Decides::Start => {
            scene.types(HOME, "startrcopygroup prod").await;
        }
        Decides::TakeLock => {
            scene.types(HOME, "removevvset -f dkl-prod").await;
        }
        Decides::FailOver => {
            for step in ["failover -f -waittask", "recover -f -waittask"] {
                let line = format!("setrcopygroup {step} {GROUP_THERE}");
                scene.types(PEER, &line).await;
            }
            scene.at_rest().await;
            // The good data are back on both.
            for array in [HOME, PEER] {
                assert_eq!(data(&scene.stage.arrays, array).read(), NEW, "{array}");
            }
        }
    }
    scene.stage.calm_down().await;
    scene.has_no_lock();
    let said = scene.stage.plugin.log();
    let why = match what {
        Decides::Start => "somebody has started the group",
        Decides::TakeLock | Decides::FailOver => "it is left as it is",
    };
    assert!(said.contains(why), "{what:?}");
    if matches!(what, Decides::TakeLock) {
        // The volume is given up, and the group started without it.
        for name in ["s1", "db1"] {
            scene.stage.remove(name).await.ok();
            assert_eq!(scene.roles()[0], "Primary Stopped");
        }
        scene.types(HOME, "startrcopygroup prod").await;
        scene.at_rest().await;
        return scene.end(&["db2"]).await;
    }
    scene.at_rest().await;
    end(scene).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_decide_otherwise() {
    let ways = [Decides::Start, Decides::TakeLock, Decides::FailOver];
    let cases = ways.map(|what| case(format!("{what:?}"), decided(what)));
    all(3, cases.into()).await;
}

/// The plugin did not stop it, so it locks nothing; it says what a start would do.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_stopped_the_group_is_told_not_to_start_it() {
    let off = |toml: String| {
        let with = "switches = { copies_fail = false }\nlatency_ms = 0";
        toml.replace("latency_ms = 0", with)
    };
    let scene = set(Synchronous, R331, off).await;
    let machine = &scene.stage.machine;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let control = &scene.stage.arrays.control;
    control.switch(HOME, "copies_fail", true).unwrap();
    let said = volume(machine, &["promote", "s1", YES, STOP]).refused();
    let parts = [
        "`prod` stays stopped",
        "the last good data",
        "do not start `prod`",
    ];
    assert_told(&said, &parts);
    scene.has_no_lock();
    assert_eq!(machine.open_entries(), 0);
    control.switch(HOME, "copies_fail", false).unwrap();
    volume(machine, &["promote", "s1", YES]).ok();
    scene.types(HOME, "startrcopygroup prod").await;
    scene.at_rest().await;
    end(scene).await;
}
