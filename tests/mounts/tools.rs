//! A program of the machine is missing.

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn without_mkfs_nothing_says_that_a_filesystem_is_being_made() {
    let test = "tools::without_mkfs_nothing_says_that_a_filesystem_is_being_made";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1").await;
    let program = stage.namespace.sh("command -v mkfs.ext4");
    let program = program.trim();
    stage
        .namespace
        .sh(&format!("mount --bind /dev/null {program}"));
    stage.arrays.control.clear_log();
    let error = stage.plugin.mount("db1", "c1").await.err();
    assert!(error.contains("`mkfs.ext4` is not installed"), "{error}");
    assert!(stage.is_clear());
    let commands = format!("{:?}", stage.arrays.control.log(None));
    assert!(
        commands.contains("createvlun") && !commands.contains("fmt=doing"),
        "{commands}"
    );
    stage.namespace.sh(&format!("umount {program}"));
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
}
