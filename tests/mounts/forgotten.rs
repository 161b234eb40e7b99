//! The engine, or hpe.conf, does not know any more of what is mounted.

use crate::{rig::engine::until, stage::Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_removed_that_nobody_unmounted() {
    let Some(stage) = Stage::set("forgotten::a_volume_is_removed_that_nobody_unmounted").await
    else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    // As in a container that lives on: the same filesystem under another path.
    let at = stage.machine.mountpoint("db1").display().to_string();
    let inside = stage.machine.dir.join("inside");
    std::fs::create_dir(&inside).unwrap();
    stage
        .namespace
        .sh(&format!("mount --bind {at} {}", inside.display()));
    let error = stage.plugin.remove("db1").await.err();
    assert!(error.contains("it is mounted on this host"), "{error}");
    assert!(stage.mounted("db1"));
    stage.namespace.sh(&format!("umount {}", inside.display()));

    // As in a shell that stands in it.
    let mut user = stage.namespace.sit_in(&at);
    let error = stage.plugin.remove("db1").await.err();
    assert!(error.contains("it is mounted on this host"), "{error}");
    assert!(stage.mounted("db1"));
    user.kill().unwrap();
    user.wait().unwrap();

    // A new engine: what the one before it used, it does not know of.
    stage
        .plugin
        .call("Plugin.Activate", &serde_json::json!({}))
        .await
        .ok();
    stage.plugin.remove("db1").await.ok();
    assert!(stage.is_clear());
    assert!(!stage.arrays.dump().to_string().contains("db1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_is_not_in_hpe_conf_any_more() {
    let Some(mut stage) = Stage::set("forgotten::the_backend_is_not_in_hpe_conf_any_more").await
    else {
        return;
    };
    stage.create("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.kill();
    let conf = std::fs::read_to_string(stage.machine.conf()).unwrap();
    let (default, rest) = conf.split_once("[mirrored]").unwrap();
    let (global, _) = default.split_once("san_ip").unwrap();
    std::fs::write(stage.machine.conf(), format!("{global}\n[mirrored]{rest}")).unwrap();
    stage.start();
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!stage.mounted("db1"));
    assert_eq!(stage.devices(), [""; 0]);
    assert_eq!(stage.journal(), 0);
    assert!(stage.exported() && stage.plugin.log().contains("its export stays"));

    stage.kill();
    std::fs::write(stage.machine.conf(), conf).unwrap();
    stage.start();
    until("the withdrawal", || stage.is_clear());
}
