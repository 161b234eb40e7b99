//! A volume that was never mounted at home, and one whose copy has no comment.

use serde_json::json;

use crate::{
    rig::arrays::{HOME, PEER},
    scene::{Flavour, THERE},
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
