//! A snapshot is mounted like a volume, beside it, and written without its volume seeing that.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

#[path = "../mounts/stage.rs"]
mod stage;

use super::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
        plugin::{Plugin, Reply},
    },
    stage::{assert_told, machine},
    taking::of,
};
use stage::Stage;

async fn beside_its_volume(test: &str, kind: &str) {
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    let options = json!({ "size": "1", "fsType": kind });
    stage.plugin.create("db1", options).await.ok();
    stage.plugin.mount("db1", "c1").await.ok();
    let at = |volume: &str| stage.machine.mountpoint(volume).display().to_string();
    stage
        .namespace
        .sh(&format!("echo first > {}/file && sync", at("db1")));
    stage.plugin.create("s1", of("db1")).await.ok();
    stage
        .namespace
        .sh(&format!("echo second > {}/file && sync", at("db1")));
    stage.plugin.mount("s1", "c2").await.ok();
    let read = |volume: &str| stage.namespace.sh(&format!("cat {}/file", at(volume)));
    assert_eq!(read("s1"), "first\n");
    assert_eq!(read("db1"), "second\n");
    stage
        .namespace
        .sh(&format!("echo third > {}/file && sync", at("s1")));
    assert_eq!(read("db1"), "second\n");
    for (volume, id) in [("s1", "c2"), ("db1", "c1")] {
        stage.plugin.unmount(volume, id).await.ok();
    }
    assert!(stage.is_clear());
    stage.plugin.mount("s1", "c3").await.ok();
    assert_eq!(read("s1"), "third\n");
    stage.plugin.unmount("s1", "c3").await.ok();
    stage.plugin.remove("s1").await.ok();
    stage.plugin.remove("db1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ext4_is_mounted_beside_its_volume() {
    beside_its_volume("mounting::an_ext4_is_mounted_beside_its_volume", "ext4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_xfs_is_mounted_beside_its_volume() {
    beside_its_volume("mounting::an_xfs_is_mounted_beside_its_volume", "xfs").await;
}

/// It was taken before there was a filesystem: nothing is ever made on it.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_an_empty_volume_stays_empty() {
    let Some(stage) = Stage::set("mounting::one_of_an_empty_volume_stays_empty").await else {
        return;
    };
    stage
        .plugin
        .create("db1", json!({ "size": "1" }))
        .await
        .ok();
    stage.plugin.create("s1", of("db1")).await.ok();
    let said = stage.plugin.mount("s1", "c1").await.err();
    assert!(said.contains("had never been mounted by then"), "{said}");
    assert!(stage.is_clear());
    stage.plugin.remove("s1").await.ok();
    stage.plugin.remove("db1").await.ok();
}

/// The other array died over the removal: what it has goes when it is back. The one that is left is a snapshot like any other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_whose_twin_is_being_removed_from_a_dead_array_is_mounted() {
    let test = "mounting::one_whose_twin_is_being_removed_from_a_dead_array_is_mounted";
    let impatient = "[DEFAULT]\nengine_timeout = \"20s\"\ncommand_timeout = \"5s\"\nssh_conn_timeout = \"8s\"\n";
    let configure = |conf: String| conf.replacen("[DEFAULT]\n", impatient, 1);
    let Some(mut stage) = Stage::set_with(test, |toml| toml, configure).await else {
        return;
    };
    let (plugin, control) = (&stage.plugin, &stage.arrays.control);
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    plugin.create("db1", options).await.ok();
    plugin.mount("db1", "c1").await.ok();
    let at = |volume: &str| stage.machine.mountpoint(volume).display().to_string();
    stage
        .namespace
        .sh(&format!("echo first > {}/file && sync", at("db1")));
    plugin.unmount("db1", "c1").await.ok();
    let in_step = || !stage.arrays.dump().to_string().contains("\"Syncing\"");
    until("in step", in_step);
    let both = json!({ "virtualCopyOf": "db1", "snapshotBoth": "true" });
    plugin.create("s1", both).await.ok();
    let there = || stage.arrays.dump()[PEER]["vvs"]["dkv-s1"].clone();
    assert!(there().is_object());

    let hang = Fault::new(Kind::HangBefore).on(PEER).matching("^removevv");
    control.fault(hang).unwrap();
    let dies = async {
        let sent = || {
            let log = control.log(Some(PEER));
            log.iter().any(|entry| entry.line.starts_with("removevv"))
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while !sent() {
            assert!(Instant::now() < patience, "nothing is removed there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        plugin.strike();
    };
    let (answer, ()) = tokio::join!(plugin.remove("s1"), dies);
    assert_eq!(answer, Reply::Closed);
    control.down(PEER).await.unwrap();
    control.clear_faults();
    control.release();
    stage.kill();
    stage.start();

    let (plugin, control) = (&stage.plugin, &stage.arrays.control);
    let there = || stage.arrays.dump()[PEER]["vvs"]["dkv-s1"].clone();
    let comment = there()["comment"].to_string();
    assert!(comment.contains("/state=removing/"), "{comment}");
    let at = |volume: &str| stage.machine.mountpoint(volume).display().to_string();
    plugin.mount("s1", "c2").await.ok();
    let read = stage.namespace.sh(&format!("cat {}/file", at("s1")));
    assert_eq!(read, "first\n");
    // Its removal is in the way of another one, and that is told.
    plugin.unmount("s1", "c2").await.ok();
    let said = plugin.remove("s1").await.err();
    let peer = stage.arrays.simulator.address(PEER).to_string();
    assert_told(&said, &["`s1`", &peer]);
    control.up(PEER).await.unwrap();
    until("gone", || there().is_null());
    plugin.mount("s1", "c3").await.ok();
    plugin.unmount("s1", "c3").await.ok();
    plugin.remove("s1").await.ok();
    assert!(stage.is_clear());
    plugin.remove("db1").await.ok();
}

/// A host that has only ever seen the other half does not use it: the one that it was taken on may be somebody's.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_do_not_use_one_snapshot_from_different_arrays() {
    let test = "mounting::two_hosts_do_not_use_one_snapshot_from_different_arrays";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    let (plugin, control) = (&stage.plugin, &stage.arrays.control);
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    plugin.create("db1", options).await.ok();
    plugin.mount("db1", "c1").await.ok();
    plugin.unmount("db1", "c1").await.ok();
    let in_step = || !stage.arrays.dump().to_string().contains("\"Syncing\"");
    until("in step", in_step);
    let both = json!({ "virtualCopyOf": "db1", "snapshotBoth": "true", "mountConflictDelay": "1" });
    plugin.create("s1", both).await.ok();
    plugin.mount("s1", "c2").await.ok();

    let home = stage.arrays.simulator.address(HOME).to_string();
    control.down(HOME).await.unwrap();
    let machine = machine(&stage.arrays, "host2");
    let mut other = tokio::task::block_in_place(|| Plugin::start(&machine));
    let listed = || machine.dir.join("state/index.json");
    until("known by its other half", || {
        std::fs::read_to_string(listed()).is_ok_and(|index| index.contains("dkv-s1"))
    });
    let exported = || stage.arrays.dump()[PEER]["vluns"].to_string();
    let before = exported();
    let said = other.mount("s1", "c3").await.err();
    assert_told(&said, &["`s1`", &home, "cannot be asked"]);
    assert_eq!(exported(), before);
    // When that array is back, the other half is no way round who has it there.
    control.up(HOME).await.unwrap();
    stage.arrays.log_in("host1");
    let mut said = String::new();
    let patience = Instant::now() + Duration::from_secs(60);
    while said.is_empty() || said.contains("cannot be asked") {
        assert!(Instant::now() < patience, "{said}");
        said = other.mount("s1", "c3").await.err();
    }
    assert_told(&said, &["`s1`", &home, "host1"]);
    assert_eq!(exported(), before);
    plugin.unmount("s1", "c2").await.ok();
    tokio::task::block_in_place(|| other.stop());
    plugin.remove("s1").await.ok();
    plugin.remove("db1").await.ok();
}
