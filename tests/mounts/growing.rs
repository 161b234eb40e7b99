//! A VV that an administrator grows on its array: what is mounted follows.

use serde_json::{Value, json};

use crate::{
    rig::{arrays::HOME, engine::until, needs::skip},
    stage::Stage,
};

const GIB: u64 = 1 << 30;

/// A stage with a mounted volume of 1 GiB. XFS, as growing an ext4 takes more than root has on every machine (array fact 93).
async fn mounted(test: &str, kind: &str) -> Option<Stage> {
    let stage = Stage::set(test).await?;
    let help = stage.arrays.type_in(HOME, "growvv").await;
    if !help.contains("growvv [") {
        skip(test, "these arrays have no `growvv`");
        return None;
    }
    let options = json!({ "size": "1", "fsType": kind });
    stage.plugin.create("db1", options).await.ok();
    stage.plugin.mount("db1", "c1").await.ok();
    Some(stage)
}

async fn grow(stage: &Stage) {
    let said = stage.arrays.type_in(HOME, "growvv -f dkv-db1 1g").await;
    assert!(!said.contains("rror"), "{said}");
}

/// The size of the filesystem, without its own log.
fn size(stage: &Stage) -> u64 {
    let at = stage.machine.mountpoint("db1");
    let said = stage
        .namespace
        .sh(&format!("stat -f -c '%b %S' {}", at.display()));
    said.split_whitespace()
        .map(|n| n.parse::<u64>().unwrap())
        .product()
}

async fn status(stage: &Stage) -> Value {
    let reply = stage.plugin.get("db1").await.ok();
    reply["Volume"]["Status"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_mounted_grows_under_its_users() {
    let test = "growing::a_volume_that_is_mounted_grows_under_its_users";
    let Some(mut stage) = mounted(test, "xfs").await else {
        return;
    };
    assert!(size(&stage) < GIB);
    grow(&stage).await;
    // The next listing is a minute away, and the first one at once.
    stage.kill();
    stage.start();
    until("the filesystem", || size(&stage) > GIB + GIB / 2);
    let shown = status(&stage).await;
    assert_eq!(shown["size"], "2 GiB", "{shown}");
    assert!(
        shown["mounted here"]["smaller than its VV"].is_null(),
        "{shown}"
    );
    stage.plugin.unmount("db1", "c1").await.ok();
    until("the detach", || stage.is_clear());
    stage.plugin.mount("db1", "c2").await.ok();
    assert!(size(&stage) > GIB + GIB / 2);
    stage.plugin.unmount("db1", "c2").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_grew_while_it_was_away_is_mounted_at_its_size() {
    let test = "growing::a_volume_that_grew_while_it_was_away_is_mounted_at_its_size";
    let Some(stage) = mounted(test, "xfs").await else {
        return;
    };
    stage.plugin.unmount("db1", "c1").await.ok();
    grow(&stage).await;
    stage.plugin.mount("db1", "c2").await.ok();
    assert!(size(&stage) > GIB + GIB / 2);
    stage.plugin.unmount("db1", "c2").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filesystem_that_cannot_grow_keeps_nobody_from_the_volume() {
    let test = "growing::a_filesystem_that_cannot_grow_keeps_nobody_from_the_volume";
    let Some(stage) = mounted(test, "ext4").await else {
        return;
    };
    stage.plugin.unmount("db1", "c1").await.ok();
    grow(&stage).await;
    let program = stage.namespace.sh("command -v resize2fs");
    stage
        .namespace
        .sh(&format!("mount --bind /dev/null {}", program.trim()));
    stage.plugin.mount("db1", "c2").await.ok();
    assert!(size(&stage) < GIB);
    let shown = status(&stage).await;
    let why = shown["mounted here"]["smaller than its VV"].as_str();
    assert!(why.is_some_and(|why| why.contains("e2fsprogs")), "{shown}");
    stage.plugin.unmount("db1", "c2").await.ok();
}
