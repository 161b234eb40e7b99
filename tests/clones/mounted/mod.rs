//! Clones on a machine: the data are there, and the filesystem has grown.

#[path = "../../mounts/stage.rs"]
mod stage;

use serde_json::json;

use super::{
    bench::{self, until},
    failed_over,
    rig::arrays::{HOME, PEER},
    stage::assert_told,
};
use stage::Stage;

/// The size of the filesystem of a mounted volume, without its own log.
fn size(stage: &Stage, volume: &str) -> u64 {
    let at = stage.machine.mountpoint(volume);
    let said = stage
        .namespace
        .sh(&format!("stat -f -c '%b %S' {}", at.display()));
    said.split_whitespace()
        .map(|n| n.parse::<u64>().unwrap())
        .product()
}

async fn a_clone_has_the_data(test: &str, kind: &str) {
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    let plugin = &stage.plugin;
    let options = json!({ "size": "1", "fsType": kind, "fsOwner": "1000:1000" });
    plugin.create("db1", options).await.ok();
    plugin.mount("db1", "c1").await.ok();
    let at = |volume: &str| stage.machine.mountpoint(volume).display().to_string();
    // It goes on being mounted and written.
    let write = format!("echo one > {}/file; sync -f {0}/file", at("db1"));
    stage.namespace.sh(&write);
    bench::clone(plugin, "db1", "db2", json!({ "size": "2" }))
        .await
        .ok();
    let write = format!("echo two > {}/file; sync -f {0}/file", at("db1"));
    stage.namespace.sh(&write);
    until("ready", || bench::state(&stage.arrays, "db2") == "ready").await;
    // An XFS too, whose UUID both have.
    plugin.mount("db2", "c2").await.ok();
    assert_eq!(
        stage.namespace.sh(&format!("cat {}/file", at("db2"))),
        "one\n"
    );
    let owner = stage.namespace.sh(&format!("stat -c %u:%g {}", at("db2")));
    assert_eq!(owner, "1000:1000\n");
    let shown = bench::status(plugin, "db2").await;
    let small = &shown["mounted here"]["smaller than its VV"];
    // Growing an ext4 takes more than root has on every machine (array fact 93).
    if small.is_null() {
        assert!(size(&stage, "db2") > (3 << 30) / 2, "{shown:#}");
    } else {
        let why = small.as_str().unwrap();
        assert!(
            kind == "ext4" && why.contains("CAP_SYS_RESOURCE"),
            "{shown:#}"
        );
    }
    plugin.unmount("db2", "c2").await.ok();
    plugin.unmount("db1", "c1").await.ok();
    until("clear", || stage.is_clear()).await;
    plugin.remove("db1").await.ok();
    plugin.remove("db2").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_of_an_ext4_has_its_data_and_grows() {
    a_clone_has_the_data("mounted::a_clone_of_an_ext4_has_its_data_and_grows", "ext4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_of_an_xfs_has_its_data_and_grows() {
    a_clone_has_the_data("mounted::a_clone_of_an_xfs_has_its_data_and_grows", "xfs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_of_what_was_never_mounted_has_no_filesystem() {
    let test = "mounted::a_clone_of_what_was_never_mounted_has_no_filesystem";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    bench::clone(&stage.plugin, "db1", "db2", json!({}))
        .await
        .ok();
    until("ready", || bench::state(&stage.arrays, "db2") == "ready").await;
    let refused = stage.plugin.mount("db2", "c1").await.err();
    assert_told(
        &refused,
        &[
            "`db2`",
            "made of `db1`",
            "no filesystem",
            "never been mounted",
        ],
    );
    let formatted = bench::said(&bench::vv(&stage.arrays, "db2"), "fmt");
    assert_eq!(formatted.as_deref(), Some("no"), "on {HOME}");
    until("clear", || stage.is_clear()).await;
    stage.plugin.remove("db2").await.ok();
    stage.plugin.remove("db1").await.ok();
}

/// What the comment on a copy tells of the filesystem: an array may take none there.
#[derive(Clone, Copy, PartialEq)]
enum Comment {
    Good,
    /// Of before the first mount.
    Old,
    Missing,
}

/// What the peer serves is what is copied, and it is used from there.
async fn a_clone_on_the_peer(test: &str, comment: Comment) {
    let silent = comment != Comment::Good;
    let Some(stage) = Stage::set_with(test, bench::at_once, failed_over::with_there).await else {
        return;
    };
    let plugin = &stage.plugin;
    let control = &stage.arrays.control;
    let takes_none = |none| {
        let switch = "secondary_comment_refused";
        control.switch(PEER, switch, none).unwrap();
    };
    takes_none(comment == Comment::Missing);
    let group = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    plugin.create("db1", group.clone()).await.ok();
    takes_none(silent);
    let at = |volume: &str| stage.machine.mountpoint(volume).display().to_string();
    let write = |word: &str| {
        let line = format!("echo {word} > {}/file; sync -f {0}/file", at("db1"));
        stage.namespace.sh(&line);
    };
    plugin.mount("db1", "c1").await.ok();
    write("one");
    plugin.unmount("db1", "c1").await.ok();
    let at_rest = || {
        let dump = stage.arrays.dump().to_string();
        !dump.contains("\"Syncing\"") && !dump.contains("\"Starting\"")
    };
    until("at rest", at_rest).await;
    let typed = |array, line: &'static str| stage.arrays.type_in(array, line);
    typed(HOME, "stoprcopygroup -f prod").await;
    typed(PEER, "setrcopygroup failover -f -waittask prod.r130512").await;
    if silent {
        let copy = stage.arrays.dump()[PEER]["vvs"]["dkv-db1"].clone();
        let old = (comment == Comment::Old).then(|| "no".to_owned());
        assert_eq!(bench::said(&copy, "fmt"), old, "{copy:#}");
    } else {
        plugin.mount("db1", "c1").await.ok();
        write("two");
    }
    let there = json!({ "backend": "there" });
    bench::clone(plugin, "db1", "db2", there).await.ok();
    typed(PEER, "setrcopygroup recover -f -waittask prod.r130512").await;
    until("at rest", at_rest).await;
    bench::clone(plugin, "db1", "db3", group).await.ok();
    if !silent {
        write("three");
    }
    for (volume, id) in [("db2", "c2"), ("db3", "c3")] {
        let ready = || {
            let vv = stage.arrays.dump()[PEER]["vvs"][format!("dkv-{volume}")].clone();
            bench::said(&vv, "state").as_deref() == Some("ready")
        };
        until("ready", ready).await;
        plugin.mount(volume, id).await.ok();
        let read = stage.namespace.sh(&format!("cat {}/file", at(volume)));
        let then = if silent { "one\n" } else { "two\n" };
        assert_eq!(read, then, "{volume}");
        plugin.unmount(volume, id).await.ok();
    }
    if !silent {
        plugin.unmount("db1", "c1").await.ok();
    }
    until("clear", || stage.is_clear()).await;
    until("at rest", at_rest).await;
    typed(PEER, "setrcopygroup restore -f -waittask prod.r130512").await;
    for volume in ["db2", "db3", "db1"] {
        until("at rest", at_rest).await;
        plugin.remove(volume).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clone_on_the_peer_has_the_data_of_the_peer() {
    let test = "mounted::a_clone_on_the_peer_has_the_data_of_the_peer";
    a_clone_on_the_peer(test, Comment::Good).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clone_of_a_copy_without_a_comment_has_its_filesystem() {
    let test = "mounted::a_clone_of_a_copy_without_a_comment_has_its_filesystem";
    a_clone_on_the_peer(test, Comment::Missing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clone_of_a_copy_whose_comment_is_behind_has_its_filesystem() {
    let test = "mounted::a_clone_of_a_copy_whose_comment_is_behind_has_its_filesystem";
    a_clone_on_the_peer(test, Comment::Old).await;
}
