//! Files of the plugin's own are torn or gone while a volume is mounted.

use crate::{rig::engine::until, stage::Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_mounts_json() {
    let Some(mut stage) = Stage::set("lost_records::a_torn_mounts_json").await else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.kill();
    std::fs::write(stage.mounts_json(), "{\"version\":1,").unwrap();
    stage.start();
    let got = stage.plugin.get("db1").await.ok();
    assert_eq!(got["Volume"]["Status"]["mounted here"]["users"], 0, "{got}");
    stage.plugin.mount("db1", "c2").await.ok();
    // The user that was lost: a process at work in the volume.
    let at = stage.machine.mountpoint("db1").display().to_string();
    let mut user = stage.namespace.sit_in(&at);
    let error = stage.plugin.unmount("db1", "c2").await.err();
    assert!(error.contains("in use"), "{error}");
    assert!(stage.mounted("db1"));
    user.kill().unwrap();
    user.wait().unwrap();
    until("the unmount after the last user", || {
        !stage.mounted("db1") && stage.is_clear()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mount_that_appears_later_is_adopted_by_the_first_user() {
    let test = "lost_records::a_mount_that_appears_later_is_adopted_by_the_first_user";
    let Some(mut stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.kill();
    let at = stage.machine.mountpoint("db1").display().to_string();
    stage.namespace.sh(&format!("umount {at}"));
    std::fs::remove_file(stage.mounts_json()).unwrap();
    // The array does not answer, so that nothing is taken back.
    stage.arrays.control.down("amber").await.unwrap();
    stage.start();
    let device = stage.devices().remove(0);
    stage.namespace.sh(&format!("mount {device} {at}"));
    stage.plugin.mount("db1", "c2").await.ok();
    stage.arrays.control.up("amber").await.unwrap();
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(!stage.mounted("db1"));
    until("the detach", || stage.is_clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_index_and_no_array_to_read_it_from() {
    let Some(mut stage) = Stage::set("lost_records::no_index_and_no_array_to_read_it_from").await
    else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.kill();
    std::fs::remove_file(stage.index_json()).unwrap();
    stage.arrays.control.down("amber").await.unwrap();
    stage.start();

    // Not the volume, whatever is counted.
    let at = stage.machine.mountpoint("db1").display().to_string();
    stage.namespace.sh(&format!("mount -t tmpfs none {at}"));
    let error = stage.plugin.mount("db1", "c2").await.err();
    assert!(error.contains("is mounted on"), "{error}");
    stage.namespace.sh(&format!("umount {at}"));
    stage.plugin.mount("db1", "c2").await.ok();
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(stage.mounted("db1"), "c1 is there");

    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!stage.mounted("db1"));
    assert_eq!(stage.devices(), [""; 0]);
    assert!(stage.exported());
    stage.arrays.control.up("amber").await.unwrap();
    until("the withdrawal", || stage.is_clear());
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_index_nor_mounts() {
    let Some(mut stage) = Stage::set("lost_records::neither_index_nor_mounts").await else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.kill();
    std::fs::remove_file(stage.index_json()).unwrap();
    std::fs::remove_file(stage.mounts_json()).unwrap();
    stage.start();
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!stage.mounted("db1"));
    until("the withdrawal", || stage.is_clear());
}
