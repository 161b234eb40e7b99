//! The host object of a machine on an array.

use crate::{
    duel::Duel,
    rig::{arrays::HOME, plugin::Plugin},
};

#[tokio::test(flavor = "multi_thread")]
async fn it_comes_with_the_first_export_and_goes_with_the_last() {
    let test = "host_objects::it_comes_with_the_first_export_and_goes_with_the_last";
    let Some(duel) = Duel::set(test, "dead-host").await else {
        return;
    };
    let hosts = || {
        let dump = duel.stage.arrays.dump();
        let hosts = dump[HOME]["hosts"].as_object().unwrap();
        hosts.keys().cloned().collect::<Vec<_>>()
    };
    duel.create("db1", 0).await;
    duel.create("db2", 0).await;
    assert!(hosts().is_empty());
    let plugin: &Plugin = &duel.stage.plugin;
    plugin.mount("db1", "c1").await.ok();
    plugin.mount("db2", "c2").await.ok();
    plugin.unmount("db1", "c1").await.ok();
    assert_eq!(hosts(), ["host1"]);
    plugin.unmount("db2", "c2").await.ok();
    assert!(hosts().is_empty());

    // One in a host set, and one that an administrator made, stay.
    plugin.mount("db1", "c3").await.ok();
    duel.types("createhostset cluster host1").await;
    plugin.unmount("db1", "c3").await.ok();
    assert_eq!(hosts(), ["host1"]);
    duel.types("removehostset -f cluster").await;
    duel.types("removehost host1").await;
    duel.types("createhost -iscsi host1 iqn.2026-01.test.machines:host1")
        .await;
    plugin.mount("db1", "c4").await.ok();
    plugin.unmount("db1", "c4").await.ok();
    assert_eq!(hosts(), ["host1"]);
}
