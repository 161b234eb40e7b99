//! What is mounted grows under its users, and a snapshot's files come back. XFS, as growing an ext4 takes more than root has on every
//! machine (array fact 93).

use serde_json::json;

#[path = "../mounts/stage.rs"]
mod stage;

use super::{
    command::volume,
    rig::{arrays::PEER, engine::until},
    stage::assert_told,
};
use stage::Stage;

const GIB: u64 = 1 << 30;

/// The size of the filesystem, without its own log.
fn size(stage: &Stage) -> u64 {
    let at = stage.machine.mountpoint("db1");
    let said = stage
        .namespace
        .sh(&format!("stat -f -c '%b %S' {}", at.display()));
    let numbers = said.split_whitespace();
    numbers.map(|n| n.parse::<u64>().unwrap()).product()
}

async fn grows(test: &str, options: serde_json::Value) {
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.plugin.create("db1", options).await.ok();
    stage.plugin.mount("db1", "c1").await.ok();
    assert!(size(&stage) < GIB);
    let said = volume(&stage.machine, &["grow", "db1", "+1"]).ok();
    assert!(said.contains("has grown with it"), "{said}");
    // At once: no listing is waited for.
    assert!(size(&stage) > GIB + GIB / 2);
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.remove("db1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filesystem_grows_with_its_volume() {
    let test = "mounted::a_filesystem_grows_with_its_volume";
    grows(test, json!({ "size": "1", "fsType": "xfs" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filesystem_grows_with_both_halves_of_its_volume() {
    let test = "mounted::a_filesystem_grows_with_both_halves_of_its_volume";
    let options =
        json!({ "size": "1", "fsType": "xfs", "backend": "mirrored", "replicationGroup": "prod" });
    grows(test, options).await;
}

/// The array that serves has grown, and the other one has no room: nobody has to wait for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_growth_that_is_not_ended_is_in_no_mounts_way() {
    let test = "mounted::a_growth_that_is_not_ended_is_in_no_mounts_way";
    let one_side = "switches = { grow_one_side = true }\nlatency_ms = 0";
    let describe = |toml: String| toml.replace("latency_ms = 0", one_side);
    let Some(stage) = Stage::set_on(test, describe).await else {
        return;
    };
    let options = json!({
        "size": "1", "fsType": "xfs", "provisioning": "full", "backend": "mirrored", "replicationGroup": "prod"
    });
    stage.plugin.create("db1", options).await.ok();
    let copies = || stage.arrays.dump().to_string().contains("Syncing");
    until("the first copy", || !copies());
    let control = &stage.arrays.control;
    control.cpg_full(PEER, "ssd_r5").unwrap();
    let said = volume(&stage.machine, &["grow", "db1", "+1"]).refused();
    assert_told(&said, &["`db1`", "space", "journalled"]);
    stage.plugin.mount("db1", "c1").await.ok();
    assert_eq!(stage.machine.open_entries(), 1);
    control.cpg_restore(PEER, "ssd_r5").unwrap();
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while stage.machine.open_entries() > 0 {
        assert!(std::time::Instant::now() < patience, "still open");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(size(&stage) > GIB + GIB / 2);
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.remove("db1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_grow_is_told_and_the_volume_has_grown() {
    let test = "mounted::one_that_cannot_grow_is_told_and_the_volume_has_grown";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    let options = json!({ "size": "1", "fsType": "xfs" });
    stage.plugin.create("db1", options).await.ok();
    stage.plugin.mount("db1", "c1").await.ok();
    let program = stage.namespace.sh("command -v xfs_growfs");
    let hide = format!("mount --bind /dev/null {}", program.trim());
    stage.namespace.sh(&hide);
    let said = volume(&stage.machine, &["grow", "db1", "+1"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("has 2 GiB now"), "{said:?}");
    assert!(said.err.contains("warning: its filesystem"), "{said:?}");
    let shown = volume(&stage.machine, &["show", "db1"]).ok();
    assert!(shown.contains("smaller than its VV"), "{shown}");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.remove("db1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_snapshot_come_back() {
    let test = "mounted::the_files_of_a_snapshot_come_back";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    let options = json!({ "size": "1", "fsType": "xfs" });
    stage.plugin.create("db1", options).await.ok();
    let of = json!({ "virtualCopyOf": "db1" });
    // Nothing was on it yet.
    stage.plugin.create("s0", of.clone()).await.ok();
    stage.plugin.mount("db1", "c1").await.ok();
    let at = stage.machine.mountpoint("db1").display().to_string();
    let sh = |line: &str| stage.namespace.sh(&line.replace("AT", &at));
    sh("echo first > AT/file && sync");
    stage.plugin.create("s1", of).await.ok();
    sh("echo second > AT/file && sync");
    let promote = |snapshot: &str| volume(&stage.machine, &["promote", snapshot, "--yes"]);
    let said = promote("s1").refused();
    assert_told(&said, &["`s1`", "`db1` is mounted on this host"]);
    assert_eq!(sh("cat AT/file"), "second\n");
    stage.plugin.unmount("db1", "c1").await.ok();

    let said = promote("s0").refused();
    assert_told(&said, &["`s0`", "fmt=done", "fmt=no"]);
    // Without a yes nothing happens.
    let said = volume(&stage.machine, &["promote", "s1"]).refused();
    assert_told(&said, &["`db1`", "`s1`", "--yes"]);
    let said = promote("s1");
    assert!(said.err.contains("puts the data back"), "{said:?}");
    said.ok();
    stage.plugin.mount("db1", "c2").await.ok();
    assert_eq!(sh("cat AT/file"), "first\n");
    stage.plugin.unmount("db1", "c2").await.ok();
    for name in ["s0", "s1", "db1"] {
        stage.plugin.remove(name).await.ok();
    }
}
