//! Clones while the peer serves: made there, on a backend without replication or in a group that is primary there.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    bench::{PATIENCE, at_once, clone, said, slowly, until},
    rig::{
        arrays::{HOME, PEER},
        plugin::Plugin,
    },
    scene::{GROUP, GROUP_THERE, HOME_ID, PEER_ID, Release, Release::*, Scene, Way, Way::*},
    stage::{Case, all, assert_told, case, machine, patient, patient_machine},
};

/// hpe.conf with a backend without replication, `there`, on the peer of `mirrored`.
pub fn with_there(conf: String) -> String {
    let (own, peer) = conf.split_once("[mirrored.replication_device]").unwrap();
    let (_, own) = own.split_once("[mirrored]").unwrap();
    let port = |section: &str| {
        let mut lines = section.lines();
        let line = lines.find(|line| line.starts_with("san_ssh_port"));
        line.unwrap().to_owned()
    };
    let there = own.replace(&port(own), &port(peer));
    format!("{conf}\n[there]{there}")
}

/// The group is served by the peer, and replicates back.
pub async fn fail_over(scene: &Scene) {
    scene.types(HOME, "stoprcopygroup -f prod").await;
    for turn in ["failover", "recover"] {
        let line = format!("setrcopygroup {turn} -f -waittask {GROUP_THERE}");
        scene.types(PEER, &line).await;
    }
    scene.at_rest().await;
    assert_eq!(
        scene.roles(),
        ["Secondary-Rev Started", "Primary-Rev Started"]
    );
}

async fn go_home(scene: &Scene) {
    let restore = format!("setrcopygroup restore -f -waittask {GROUP_THERE}");
    scene.types(PEER, &restore).await;
    scene.at_rest().await;
}

fn grouped(size: &str) -> Value {
    json!({ "size": size, "backend": "mirrored", "replicationGroup": GROUP })
}

fn state_there(scene: &Scene, name: &str) -> String {
    said(&scene.vv(PEER, name), "state").unwrap_or_else(|| "none".to_owned())
}

async fn ready_there(scene: &Scene, name: &str) {
    until("ready", || state_there(scene, name) == "ready").await;
    scene.stage.calm_down().await;
    scene.at_rest().await;
    assert_eq!(scene.status(name).await["state"], "ready");
}

async fn lists(plugin: &Plugin, names: &[&str]) {
    let patience = Instant::now() + PATIENCE;
    while plugin.list().await != names {
        assert!(Instant::now() < patience, "never listed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn is_made_where_the_data_are(way: Way, release: Release) {
    let scene = Scene::set_with(way, release, at_once, with_there).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    fail_over(&scene).await;
    let before = scene.stage.arrays.dump();
    let plugin = &scene.stage.plugin;

    let plain = json!({ "size": "2", "backend": "there" });
    clone(plugin, "db1", "db2", plain.clone()).await.ok();
    ready_there(&scene, "db2").await;
    let vv = scene.vv(PEER, "db2");
    assert_eq!(vv["size_mib"], 2048, "{vv:#}");
    assert_eq!(said(&vv, "home"), Some(PEER_ID.to_string()));
    assert_eq!(scene.vv(HOME, "db2"), Value::Null);

    clone(plugin, "db1", "db3", grouped("2")).await.ok();
    ready_there(&scene, "db3").await;
    for (array, of) in [(HOME, PEER), (PEER, HOME)] {
        let vv = scene.vv(array, "db3");
        assert_eq!(vv["size_mib"], 2048, "{array}: {vv:#}");
        assert_eq!(said(&vv, "state").as_deref(), Some("ready"), "{array}");
        for key in ["want", "into", "task"] {
            assert_eq!(said(&vv, key), None, "{array}: {vv:#}");
        }
        let same = vv["wwn"] == scene.vv(of, "db3")["wwn"];
        assert_eq!(same, way == PeerPersistence);
    }
    for half in scene.halves() {
        assert_eq!(half["volumes"].as_array().unwrap().len(), 2, "{half:#}");
    }
    assert_eq!(
        scene.roles(),
        ["Secondary-Rev Started", "Primary-Rev Started"]
    );
    scene.has_no_lock();
    let shown = scene.status("db3").await;
    assert_eq!(shown["replication"]["group"], GROUP, "{shown:#}");
    assert_eq!(shown["serving"], scene.stage.label(PEER), "{shown:#}");

    // A clone of what is on that array alone comes into the group, too.
    clone(plugin, "db2", "db4", grouped("2")).await.ok();
    ready_there(&scene, "db4").await;
    assert!(scene.vv(HOME, "db4").is_object());

    // The same again is the same volume.
    clone(plugin, "db1", "db2", plain).await.ok();
    clone(plugin, "db1", "db3", grouped("2")).await.ok();
    assert_eq!(scene.given(PEER, "createvvcopy").len(), 3);
    assert_eq!(scene.given(HOME, "createvvcopy"), Vec::<String>::new());
    for name in ["db2", "db4", "db3"] {
        scene.at_rest().await;
        scene.stage.remove(name).await.ok();
    }
    scene.stage.as_before(&before).await;
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_is_made_where_the_data_are() {
    let mut cases: Vec<Case> = Vec::new();
    for release in [R331, R1050] {
        for way in [Synchronous, PeerPersistence] {
            let name = format!("{release:?} {way:?}");
            cases.push(case(name, is_made_where_the_data_are(way, release)));
        }
    }
    all(4, cases).await;
}

/// Whatever has no data on the array where the clone would be is refused before anything is made.
async fn is_refused(release: Release) {
    let scene = Scene::set_with(Synchronous, release, at_once, with_there).await;
    let plugin = &scene.stage.plugin;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let [home, peer] = [HOME, PEER].map(|array| scene.stage.label(array));
    let refuses = async |of: &str, options: Value, parts: &[&str]| {
        let before = scene.stage.arrays.dump();
        scene.stage.arrays.control.clear_log();
        let refused = clone(plugin, of, "db9", options).await.err();
        assert_told(&refused, parts);
        scene.stage.calm_down().await;
        for array in [HOME, PEER] {
            assert_eq!(scene.given(array, "createvvcopy"), Vec::<String>::new());
        }
        assert_eq!(scene.stage.arrays.dump(), before);
    };
    let there = json!({ "backend": "there" });
    let parts = ["`db1` is served by array", &home, &peer];
    refuses("db1", there.clone(), &parts).await;
    let there_alone = json!({ "backend": "there", "size": "1" });
    scene.stage.create("over", there_alone).await.ok();
    let parts = ["remote copy group `prod` is primary on array", &home, &peer];
    refuses("over", grouped("1"), &parts).await;
    fail_over(&scene).await;
    let parts = ["`db1` is served by array", &peer, "`-o backend=`"];
    refuses("db1", json!({ "backend": "DEFAULT" }), &parts).await;
    scene.end(&["over", "db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clone_where_the_data_are_not_is_refused() {
    let cases = [R331, R1050].map(|release| case(format!("{release:?}"), is_refused(release)));
    all(2, cases.into()).await;
}

/// A site is lost: nothing can be admitted, and a clone on the array that is left can be had.
async fn one_array_is_left(release: Release) {
    let scene = Scene::set_with(Synchronous, release, at_once, with_there).await;
    let plugin = &scene.stage.plugin;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene.stage.arrays.control.down(HOME).await.unwrap();
    let failover = format!("setrcopygroup failover -f -waittask {GROUP_THERE}");
    scene.types(PEER, &failover).await;
    until("failed over", || {
        scene.roles()[1].starts_with("Primary-Rev")
    })
    .await;
    let home = scene.stage.label(HOME);
    let refused = clone(plugin, "db1", "db2", grouped("1")).await.err();
    assert_told(&refused, &["db2", &home]);
    let plain = json!({ "backend": "there" });
    clone(plugin, "db1", "db2", plain).await.ok();
    ready_there(&scene, "db2").await;
    scene.stage.remove("db2").await.ok();
    assert_eq!(scene.vv(PEER, "db2"), Value::Null);

    scene.stage.arrays.control.up(HOME).await.unwrap();
    scene.answers(HOME).await;
    let recover = format!("setrcopygroup recover -f -waittask {GROUP_THERE}");
    scene.types(PEER, &recover).await;
    scene.at_rest().await;
    go_home(&scene).await;
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_array_that_is_left_has_clones() {
    let case_of = |release| case(format!("{release:?}"), one_array_is_left(release));
    all(2, [R331, R1050].map(case_of).into()).await;
}

/// On its way the clone is known to every host, and is used by none; it is removed from any, and is completed without an index.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_on_its_way_on_the_peer_is_a_volume_to_every_host() {
    let mut scene = Scene::set_with(Synchronous, R331, slowly, |conf| conf).await;
    scene.create_with("db1", json!({ "size": "50" })).await.ok();
    scene.stage.arrays.control.advance(300);
    scene.at_rest().await;
    fail_over(&scene).await;
    let before = scene.stage.arrays.dump();
    let options = grouped("60");
    clone(&scene.stage.plugin, "db1", "db2", options.clone())
        .await
        .ok();
    let vv = scene.vv(PEER, "db2");
    assert_eq!(said(&vv, "into").as_deref(), Some(GROUP_THERE));
    let shown = scene.status("db2").await;
    assert_eq!(shown["copying"]["then group"], GROUP, "{shown:#}");
    assert_eq!(shown["array"]["id"], PEER_ID, "{shown:#}");
    let refused = scene.stage.plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["clone of `db1`", "still being copied"]);
    let refused = scene.stage.remove("db1").await.err();
    assert_told(&refused, &["clone `db2` is being copied from it"]);
    let snapshot = json!({ "virtualCopyOf": "db2" });
    let refused = scene.stage.create("s1", snapshot).await.err();
    assert_told(&refused, &["volume `db2` is not ready"]);
    let refused = clone(
        &scene.stage.plugin,
        "db2",
        "db3",
        json!({ "backend": "DEFAULT" }),
    )
    .await;
    assert_told(
        &refused.err(),
        &["`db2` cannot be cloned now", "being copied"],
    );

    let other = machine(&scene.stage.arrays, "host2");
    let mut plugin = tokio::task::block_in_place(|| Plugin::start(&other));
    lists(&plugin, &["db1", "db2"]).await;
    let shown = plugin.get("db2").await.ok()["Volume"]["Status"].clone();
    assert_eq!(shown["copying"]["by"], "host1", "{shown:#}");
    let refused = plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["still being copied"]);
    clone(&plugin, "db1", "db2", options.clone()).await.ok();
    plugin.remove("db2").await.ok();
    assert_eq!(scene.given(PEER, "canceltask").len(), 1);
    scene.stage.as_before(&before).await;
    tokio::task::block_in_place(|| plugin.stop());
    scene.stage.remove("db2").await.ok();

    clone(&scene.stage.plugin, "db1", "db2", options.clone())
        .await
        .ok();
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    std::fs::remove_dir_all(scene.stage.machine.dir.join("state")).unwrap();
    scene.stage.arrays.control.advance(200);
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    until("ready", || {
        scene.stage.arrays.control.advance(5);
        state_there(&scene, "db2") == "ready"
    })
    .await;
    scene.stage.calm_down().await;
    scene.stage.arrays.control.advance(300);
    scene.at_rest().await;
    clone(&scene.stage.plugin, "db1", "db2", options).await.ok();
    for array in [HOME, PEER] {
        assert_eq!(scene.vv(array, "db2")["size_mib"], 60 * 1024, "{array}");
    }
    scene.end(&["db1", "db2"]).await;
}

/// The group goes home before the clone is complete: it waits on the peer, and can be removed there.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clone_whose_group_goes_home_waits() {
    let scene = Scene::set_with(Synchronous, R331, slowly, |conf| conf).await;
    scene.create_with("db1", json!({ "size": "50" })).await.ok();
    scene.stage.arrays.control.advance(300);
    scene.at_rest().await;
    fail_over(&scene).await;
    let plugin = &scene.stage.plugin;
    for name in ["db2", "db3"] {
        clone(plugin, "db1", name, grouped("50")).await.ok();
    }
    go_home(&scene).await;
    scene.stage.arrays.control.advance(300);
    let [home, peer] = [HOME, PEER].map(|array| scene.stage.label(array));
    let primary = format!("remote copy group `prod` is primary on array `{home}` now");
    until("told", || plugin.log().contains(&primary)).await;
    let refused = plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["could not be completed yet", &primary, &peer]);
    assert_eq!(scene.given(PEER, "admitrcopyvv"), Vec::<String>::new());
    scene.stage.remove("db3").await.ok();
    assert_eq!(scene.vv(PEER, "db3"), Value::Null);
    fail_over(&scene).await;
    until("ready", || {
        scene.stage.arrays.control.advance(5);
        state_there(&scene, "db2") == "ready"
    })
    .await;
    scene.stage.calm_down().await;
    scene.stage.arrays.control.advance(300);
    scene.end(&["db1", "db2"]).await;
}

/// The plugin dies when the clone is in its group and not ready, and the group goes home: the clone is not what a dismissal there removes.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_on_the_peer_whose_group_moves_over_its_completion_stays() {
    let mut scene = Scene::set_with(Synchronous, R331, at_once, |conf| conf).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    fail_over(&scene).await;
    let control = scene.stage.arrays.control.clone();
    control.clear_log();
    let fault = Fault::new(Kind::HangAfter)
        .on(PEER)
        .matching("^startrcopygroup ");
    control.fault(fault).unwrap();
    clone(&scene.stage.plugin, "db1", "db2", grouped("1"))
        .await
        .ok();
    until("started", || {
        let log = control.log(Some(PEER));
        log.iter()
            .any(|entry| entry.line.starts_with("startrcopygroup ") && entry.ran)
    })
    .await;
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    control.clear_faults();
    control.release();
    scene.at_rest().await;
    go_home(&scene).await;
    let wwns = [HOME, PEER].map(|array| scene.vv(array, "db2")["wwn"].clone());
    assert!(wwns.iter().all(Value::is_string), "{wwns:?}");

    control.clear_log();
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    let why = "is the secondary of remote copy group `prod` now";
    until("told", || scene.stage.plugin.log().contains(why)).await;
    for array in [HOME, PEER] {
        assert_eq!(scene.given(array, "dismissrcopyvv"), Vec::<String>::new());
    }
    let now = [HOME, PEER].map(|array| scene.vv(array, "db2")["wwn"].clone());
    assert_eq!(now, wwns);

    fail_over(&scene).await;
    ready_there(&scene, "db2").await;
    assert_eq!(scene.vv(PEER, "db2")["wwn"], wwns[1]);
    assert_eq!(
        said(&scene.vv(PEER, "db1"), "home"),
        Some(HOME_ID.to_string())
    );
    scene.end(&["db1", "db2"]).await;
}

/// The peer serves `db1`, and a second host has its plugin.
async fn with_two_hosts(copies: fn(String) -> String) -> (Scene, Plugin) {
    let scene = Scene::set_with(Synchronous, R331, copies, patient).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    fail_over(&scene).await;
    let other = patient_machine(&scene.stage.arrays, "host2");
    let plugin = tokio::task::block_in_place(|| Plugin::start(&other));
    other.listed_once(&scene.stage.arrays).await;
    (scene, plugin)
}

/// Two hosts make one clone while the peer serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn two_hosts_that_make_one_clone_on_the_peer_have_one() {
    let (scene, mut plugin) = with_two_hosts(at_once).await;
    let (one, two) = tokio::join!(
        clone(&scene.stage.plugin, "db1", "db2", grouped("2")),
        clone(&plugin, "db1", "db2", grouped("2"))
    );
    one.ok();
    two.ok();
    until("ready", || state_there(&scene, "db2") == "ready").await;
    scene.stage.calm_down().await;
    scene.at_rest().await;
    assert_eq!(scene.given(PEER, "growvv").len(), 1);
    tokio::task::block_in_place(|| plugin.stop());
    scene.end(&["db1", "db2"]).await;
}

/// The other host knows it as one that is being copied, and removes it when it is complete and in its group.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_that_another_host_has_completed_on_the_peer_is_removed() {
    let (scene, mut plugin) = with_two_hosts(slowly).await;
    for host in [&scene.stage.plugin, &plugin] {
        clone(host, "db1", "db2", grouped("2")).await.ok();
    }
    scene.stage.arrays.control.advance(300);
    until("ready", || state_there(&scene, "db2") == "ready").await;
    scene.stage.calm_down().await;
    scene.stage.arrays.control.advance(300);
    scene.at_rest().await;
    plugin.remove("db2").await.ok();
    tokio::task::block_in_place(|| plugin.stop());
    scene.stage.remove("db2").await.ok();
    scene.end(&["db1"]).await;
}

/// It is complete, and in its group, before the other host has heard of it: what the home array has of it is its copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_on_the_peer_that_is_complete_is_the_other_hosts_too() {
    let (scene, mut plugin) = with_two_hosts(at_once).await;
    clone(&scene.stage.plugin, "db1", "db2", grouped("2"))
        .await
        .ok();
    until("ready", || state_there(&scene, "db2") == "ready").await;
    scene.stage.calm_down().await;
    scene.at_rest().await;
    clone(&plugin, "db1", "db2", grouped("2")).await.ok();
    assert_eq!(scene.given(PEER, "createvvcopy").len(), 1);
    // So is an empty volume that was made there.
    scene.create("db3").await.ok();
    scene.at_rest().await;
    let plain = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    plugin.create("db3", plain).await.ok();
    tokio::task::block_in_place(|| plugin.stop());
    scene.end(&["db1", "db2", "db3"]).await;
}

/// The other host has looked at its own array when there was nothing, and finds the clone where it is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn one_that_finds_another_hosts_clone_on_the_peer_has_it() {
    let (scene, mut plugin) = with_two_hosts(slowly).await;
    let control = scene.stage.arrays.control.clone();
    control.clear_log();
    let late = Fault::new(Kind::HangAfter).on(PEER).matching("^showcpg ");
    control.fault(late).unwrap();
    let first = async {
        until("looking", || !scene.given(PEER, "showcpg").is_empty()).await;
        let first = clone(&scene.stage.plugin, "db1", "db2", grouped("2")).await;
        control.release();
        first
    };
    let (late, first) = tokio::join!(clone(&plugin, "db1", "db2", grouped("2")), first);
    first.ok();
    late.ok();
    assert_eq!(state_there(&scene, "db2"), "copying");
    assert_eq!(scene.given(PEER, "createvvcopy").len(), 1);
    tokio::task::block_in_place(|| plugin.stop());
    scene.end(&["db2", "db1"]).await;
}

/// Another host removes the clone when it is in its group and not ready: whoever brought it in takes it out.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_on_the_peer_that_is_removed_over_its_completion_goes_at_once() {
    let scene = Scene::set_with(Synchronous, R331, at_once, patient).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    fail_over(&scene).await;
    let before = scene.stage.arrays.dump();
    let other = patient_machine(&scene.stage.arrays, "host2");
    let control = scene.stage.arrays.control.clone();
    control.clear_log();
    let fault = Fault::new(Kind::HangAfter)
        .on(PEER)
        .matching("^startrcopygroup ");
    control.fault(fault).unwrap();
    clone(&scene.stage.plugin, "db1", "db2", grouped("1"))
        .await
        .ok();
    let marked = async {
        until("marked", || state_there(&scene, "db2") == "removing").await;
        control.release();
    };
    until("in", || !scene.given(PEER, "startrcopygroup").is_empty()).await;
    let mut plugin = tokio::task::block_in_place(|| Plugin::start(&other));
    lists(&plugin, &["db1", "db2"]).await;
    let (said, ()) = tokio::join!(plugin.remove("db2"), marked);
    said.ok();
    for array in [HOME, PEER] {
        assert_eq!(scene.vv(array, "db2"), Value::Null, "{array}");
    }
    scene.stage.calm_down().await;
    scene.stage.as_before(&before).await;
    tokio::task::block_in_place(|| plugin.stop());
    scene.stage.remove("db2").await.ok();
    scene.end(&["db1"]).await;
}
