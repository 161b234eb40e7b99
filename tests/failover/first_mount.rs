//! A volume that was never mounted at home, and one whose copy has no comment.

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::json;

use crate::{
    rig::arrays::{HOME, PEER},
    scene::{Flavour, THERE},
    stage::Stage,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_filesystem_is_made_on_the_other_array_only_when_both_are_in_step() {
    let test = "first_mount::a_filesystem_is_made_on_the_other_array_only_when_both_are_in_step";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.fail_over().await;
    let said = stage.plugin.mount("db1", "c1").await.err();
    assert!(said.contains("not in step"), "{said}");
    assert!(stage.is_clear());
    stage.recover().await;
    stage.mount_from(PEER, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.until_synced(PEER, THERE);
    stage.restore().await;
    stage.mount_from(HOME, "db1", "c2").await;
    assert_eq!(stage.read("db1"), ["one"]);
    stage.plugin.unmount("db1", "c2").await.ok();
}

/// A volume made while its group was Primary on the peer is formatted there, or at home: wherever it is mounted first.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_made_on_the_peer_is_mounted_there_and_at_home() {
    let test = "first_mount::a_volume_made_on_the_peer_is_mounted_there_and_at_home";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.fail_over().await;
    stage.recover().await;
    for name in ["db2", "db3"] {
        let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
        stage.plugin.create(name, options).await.ok();
        stage.until_synced(PEER, THERE);
    }
    stage.mount_from(PEER, "db2", "c1").await;
    stage.write("db2", "one");
    stage.plugin.unmount("db2", "c1").await.ok();
    stage.until_synced(PEER, THERE);
    stage.restore().await;
    stage.mount_from(HOME, "db2", "c2").await;
    assert_eq!(stage.read("db2"), ["one"]);
    stage.plugin.unmount("db2", "c2").await.ok();
    stage.mount_from(HOME, "db3", "c3").await;
    stage.plugin.unmount("db3", "c3").await.ok();
    assert!(stage.is_clear());
}

/// An array that takes no comment on a secondary: the machine that made the volume knows its copy all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_without_a_comment_is_known_by_its_wwn() {
    let test = "first_mount::a_copy_without_a_comment_is_known_by_its_wwn";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    for array in [HOME, PEER] {
        let control = &stage.arrays.control;
        control
            .switch(array, "secondary_comment_refused", true)
            .unwrap();
    }
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.arrays.control.down(HOME).await.unwrap();
    stage.take_over().await;
    stage.kill();
    stage.start();
    stage.plugin.mount("db1", "c2").await.ok();
    assert_eq!(stage.read("db1"), ["one"]);
    stage.plugin.unmount("db1", "c2").await.ok();
    // A machine that does not know it takes no VV for a volume that does not say so.
    stage.kill();
    std::fs::remove_file(stage.index_json()).unwrap();
    stage.start();
    let said = stage.plugin.mount("db1", "c3").await.err();
    assert!(!stage.mounted("db1"), "{said}");
    assert_eq!(stage.exports(PEER, "db1"), [""; 0]);
}

/// The filesystem is made, and no array takes the comment that says so: what a host sees that dies with its array.
pub async fn formatted_and_not_written_down(stage: &Stage, array: &str) {
    let fault = Fault {
        matching: Some("^setvv .*fmt=done".to_owned()),
        words: "Error: the system is busy".to_owned(),
        ..Fault::new(Kind::Refuse).on(array)
    };
    stage.arrays.control.fault(fault).unwrap();
}

pub fn comment(stage: &Stage, array: &str) -> String {
    stage.arrays.dump()[array]["vvs"]["dkv-db1"]["comment"].to_string()
}

/// The site is lost between mkfs and the comment that says it is done. What containers write on the other site comes home, where the comment
/// says to this day that the filesystem is being made.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_after_a_failover_is_not_formatted_at_home() {
    let test = "first_mount::what_was_written_after_a_failover_is_not_formatted_at_home";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    formatted_and_not_written_down(&stage, HOME).await;
    stage.plugin.mount("db1", "c1").await.err();
    assert!(comment(&stage, HOME).contains("fmt=doing"));
    stage.until_synced(HOME, "prod");
    stage.fail_over().await;
    stage.mount_from(PEER, "db1", "c1").await;
    assert!(comment(&stage, PEER).contains("fmt=done"));
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.recover().await;
    stage.restore().await;
    assert!(comment(&stage, HOME).contains("fmt=doing"));
    stage.mount_from(HOME, "db1", "c2").await;
    assert_eq!(stage.read("db1"), ["one"]);
    assert!(comment(&stage, HOME).contains("fmt=done"));
    stage.plugin.unmount("db1", "c2").await.ok();
}

/// The same, and nobody can say any more whether it was mounted from there.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_formatted_while_the_other_copy_cannot_tell_whether_it_was_used() {
    let test =
        "first_mount::nothing_is_formatted_while_the_other_copy_cannot_tell_whether_it_was_used";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    formatted_and_not_written_down(&stage, HOME).await;
    stage.plugin.mount("db1", "c1").await.err();
    stage.until_synced(HOME, "prod");
    stage.arrays.control.down(PEER).await.unwrap();
    let said = stage.plugin.mount("db1", "c1").await.err();
    let words = "the comment of its other copy, which would tell whether it was mounted from there since, cannot be read";
    assert!(said.contains(words), "{said}");
    stage.arrays.control.up(PEER).await.unwrap();
    stage.until_synced(HOME, "prod");
    // It was not: the host that began goes on.
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
}

/// Made while the peer served, and not written down at home.
#[tokio::test(flavor = "multi_thread")]
async fn a_filesystem_that_was_made_on_the_other_array_is_expected_at_home() {
    let test = "first_mount::a_filesystem_that_was_made_on_the_other_array_is_expected_at_home";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.fail_over().await;
    stage.recover().await;
    formatted_and_not_written_down(&stage, HOME).await;
    stage.mount_from(PEER, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.until_synced(PEER, THERE);
    stage.restore().await;
    assert!(comment(&stage, HOME).contains("fmt=no"));
    stage.mount_from(HOME, "db1", "c2").await;
    assert_eq!(stage.read("db1"), ["one"]);
    stage.plugin.unmount("db1", "c2").await.ok();
}

/// The peer was not told that there is a filesystem. What is made there of the volume after a failover has it all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_the_filesystem_that_the_copys_comment_does_not_know_of() {
    let test = "first_mount::a_snapshot_has_the_filesystem_that_the_copys_comment_does_not_know_of";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    let untold = Fault::new(Kind::Refuse)
        .on(PEER)
        .matching("^setvv .*fmt=done")
        .words("Error: not today");
    stage.arrays.control.fault(untold).unwrap();
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    let there = || stage.arrays.dump()[PEER]["vvs"]["dkv-db1"]["comment"].to_string();
    assert!(there().contains("/fmt=no/"), "{}", there());
    stage.until_synced(HOME, "prod");
    stage.fail_over().await;
    stage.recover().await;
    let of = json!({ "virtualCopyOf": "db1" });
    stage.plugin.create("s1", of).await.ok();
    stage.mount_from(PEER, "s1", "c2").await;
    assert_eq!(stage.read("s1"), ["one"]);
    stage.plugin.unmount("s1", "c2").await.ok();
    // And it can be put back.
    let words = [
        "volume",
        "promote",
        "s1",
        "--stop-group",
        "--yes",
        "--config",
    ];
    let promoted = std::process::Command::new(env!("CARGO_BIN_EXE_hpe3par-docker"))
        .args(words)
        .arg(stage.machine.conf())
        .output()
        .unwrap();
    assert!(promoted.status.success(), "{promoted:?}");
    stage.until_synced(PEER, THERE);
    stage.mount_from(PEER, "db1", "c3").await;
    assert_eq!(stage.read("db1"), ["one"]);
    stage.plugin.unmount("db1", "c3").await.ok();
}
