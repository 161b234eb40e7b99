//! Volumes that were there before Docker: imported, adopted, used by containers, released.

use std::process::Command;

use super::{
    Stage, process,
    rig::{
        arrays::HOME,
        needs::{Need, met},
    },
};

/// A VV of somebody's, with a filesystem of this type and a file on it. It was made by this plugin, and nothing tells that any more.
async fn with_data(stage: &Stage, vv: &str, comment: &str, fs: &str) {
    stage.create("before", &["size=1", &format!("fsType={fs}")]);
    stage.run("before", "echo ledger > /data/book");
    for line in [
        format!("setvv -name {vv} dkv-before"),
        format!("setvv -comment \"{comment}\" {vv}"),
    ] {
        assert_eq!(stage.arrays.type_in(HOME, &line).await, "");
    }
    stage.engine.ok(&["volume", "rm", "-f", "before"]);
}

async fn is_read_and_released(stage: &Stage, fs: &str) {
    with_data(stage, "books", "Books of 2019", fs).await;
    let before = stage.arrays.dump();
    stage.create("db1", &["importVol=books"]);
    assert_eq!(
        stage.run("db1", "cat /data/book; echo more >> /data/book"),
        "ledger"
    );
    assert_eq!(stage.run("db1", "cat /data/book"), "ledger\nmore");
    let comment = stage.arrays.dump()[HOME]["vvs"]["dkv-db1"]["comment"].to_string();
    // What is there is known from the first mount on.
    assert_eq!(comment.contains("/fs=xfs"), fs == "xfs", "{comment}");
    assert!(!stage.exported());
    stage.engine.ok(&["volume", "rm", "db1"]);
    assert!(!stage.engine.ok(&["volume", "ls"]).contains("db1"));
    assert_eq!(stage.arrays.dump()[HOME]["vvs"], before[HOME]["vvs"]);
    assert_eq!(stage.arrays.dump()[HOME]["vluns"], before[HOME]["vluns"]);

    // With all that was written.
    stage.create("db2", &["importVol=books", "importPolicy=own"]);
    assert_eq!(stage.run("db2", "cat /data/book"), "ledger\nmore");
    stage.engine.ok(&["volume", "rm", "db2"]);
    assert!(stage.arrays.dump()[HOME]["vvs"]["books"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_volume_is_read_by_a_container_and_released() {
    let test = "engine::imports::an_imported_volume_is_read_by_a_container_and_released";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    is_read_and_released(&stage, "ext4").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filesystem_of_an_imported_volume_shows_at_its_first_mount() {
    let test = "engine::imports::the_filesystem_of_an_imported_volume_shows_at_its_first_mount";
    if !met(test, &[Need::Program("mkfs.xfs")]) {
        return;
    }
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    is_read_and_released(&stage, "xfs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_volume_without_a_filesystem_is_not_formatted() {
    let test = "engine::imports::an_imported_volume_without_a_filesystem_is_not_formatted";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    let make = "createvv -tpvv -snp_cpg ssd_r5 ssd_r5 raw 1g";
    assert_eq!(stage.arrays.type_in(HOME, make).await, "");
    let before = stage.arrays.dump();
    stage.create("db1", &["importVol=raw"]);
    let said = stage.engine.fails(&[
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        "db1:/data",
        "--volume-driver",
        "hpe",
        "box",
        "true",
    ]);
    assert!(said.contains("there is nothing"), "{said}");
    stage.engine.ok(&["volume", "rm", "db1"]);
    assert_eq!(stage.arrays.dump()[HOME]["vvs"], before[HOME]["vvs"]);
    // Nothing was written to it: its file is empty, or a hole.
    let data = stage.machine.dir.parent().unwrap().join("data");
    let used = Command::new("du").arg("-s").arg(&data).output().unwrap();
    let used = String::from_utf8(used.stdout).unwrap();
    let kib: u64 = used.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kib < 64, "{used}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_volume_of_the_python_plugin_is_mounted_and_given_back() {
    let test = "engine::imports::an_adopted_volume_of_the_python_plugin_is_mounted_and_given_back";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    let (vv, id) = (
        "dcv-rNQ35-G7TkS-7v.GUQuQDg",
        "acd437e7-f1bb-4e44-bfee-ff86510b900e",
    );
    let comment = format!(
        r#"{{\"volume_id\": \"{id}\", \"name\": \"{id}\", \"type\": \"Docker\", \"display_name\": \"orders\"}}"#
    );
    with_data(&stage, vv, &comment, "ext4").await;
    let before = stage.arrays.dump();
    let desk = stage.arrays.machine("desk");
    process::adopt(&desk, "orders", None, &[]).await.ok();
    assert_eq!(stage.inspect("orders")["Status"]["size"], "1 GiB");
    assert_eq!(stage.run("orders", "cat /data/book"), "ledger");
    process::release(&desk, "orders").await.ok();
    assert_eq!(stage.arrays.dump()[HOME]["vvs"], before[HOME]["vvs"]);
}
