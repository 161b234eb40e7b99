//! From home to the peer and home again, planned, unplanned, and as 10.x does it by itself.

use crate::{
    rig::arrays::{HOME, PEER},
    rig::engine::until,
    scene::{Flavour, THERE},
};

#[tokio::test(flavor = "multi_thread")]
async fn planned_there_and_back() {
    planned(Flavour::ThreePar, "lives::planned_there_and_back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planned_there_and_back_10_x() {
    planned(Flavour::Alletra, "lives::planned_there_and_back_10_x").await;
}

async fn planned(flavour: Flavour, test: &str) {
    let Some(stage) = flavour.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();

    stage.fail_over().await;
    // On 10.x the former primary is told at once, if it can be reached.
    stage.mount_from(PEER, "db1", "c2").await;
    assert_eq!(stage.read("db1"), ["one"]);
    stage.write("db1", "two");
    stage.plugin.unmount("db1", "c2").await.ok();
    assert!(stage.is_clear());

    stage.recover().await;
    stage.mount_from(PEER, "db1", "c3").await;
    stage.write("db1", "three");
    stage.plugin.unmount("db1", "c3").await.ok();
    stage.until_synced(PEER, THERE);

    stage.restore().await;
    stage.mount_from(HOME, "db1", "c4").await;
    assert_eq!(stage.read("db1"), ["one", "two", "three"]);
    stage.plugin.unmount("db1", "c4").await.ok();
    assert!(stage.is_clear());
    assert_eq!(stage.journal(), 0);
    stage.plugin.remove("db1").await.ok();
    until("nothing is left", || {
        let dump = stage.arrays.dump().to_string();
        !dump.contains("db1") && !dump.contains("prod")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_home_array_dies_and_comes_back() {
    unplanned(
        Flavour::ThreePar,
        "lives::the_home_array_dies_and_comes_back",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_home_array_dies_and_comes_back_10_x() {
    unplanned(
        Flavour::Alletra,
        "lives::the_home_array_dies_and_comes_back_10_x",
    )
    .await;
}

/// The home array dies under a container, and comes back while the volume is in use from the peer.
async fn unplanned(flavour: Flavour, test: &str) {
    let Some(mut stage) = flavour.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    stage.arrays.control.down(HOME).await.unwrap();
    // The engine stops the container; what can be done on this machine is done.
    stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!stage.mounted("db1"));
    assert_eq!(stage.devices(), [""; 0]);
    assert_eq!(stage.journal(), 1, "the export on the dead array");
    let early = stage.plugin.mount("db1", "c2").await.err();
    assert!(early.contains("the primary cannot be asked"), "{early}");
    assert!(early.contains("group plan failover prod"), "{early}");

    stage.take_over().await;
    stage.plugin.mount("db1", "c2").await.ok();
    assert_eq!(stage.read("db1"), ["one"]);
    stage.write("db1", "two");
    // A plugin that dies and starts while its array is dead loses nothing of it.
    stage.kill();
    stage.start();
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.plugin.mount("db1", "c3").await.ok();
    assert_eq!(stage.exports(HOME, "db1"), ["host1"]);

    stage.arrays.control.up(HOME).await.unwrap();
    until("the withdrawal of the old export", || {
        stage.exports(HOME, "db1").is_empty() && stage.journal() == 0
    });
    assert!(stage.mounted("db1"), "what is mounted is left alone");
    assert_eq!(stage.exports(PEER, "db1"), ["host1"]);
    assert_eq!(stage.read("db1"), ["one", "two"]);

    stage.recover().await;
    stage.write("db1", "three");
    stage.until_synced(PEER, THERE);
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.plugin.unmount("db1", "c3").await.ok();
    stage.restore().await;
    stage.mount_from(HOME, "db1", "c4").await;
    assert_eq!(stage.read("db1"), ["one", "two", "three"]);
    stage.plugin.unmount("db1", "c4").await.ok();
    assert!(stage.is_clear());
}

/// With `auto_synchronize` 10.x turns the group round by itself, and then it is natural the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn rev_vanishes() {
    let Some(stage) = Flavour::Alletra.stage("lives::rev_vanishes").await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.write("db1", "one");
    stage.plugin.unmount("db1", "c1").await.ok();
    let line = "setrcopygroup pol auto_synchronize prod";
    assert_eq!(stage.arrays.type_in(HOME, line).await, "");
    stage.operate("failover").await;
    stage.until_roles("Secondary", "Primary");
    stage.mount_from(PEER, "db1", "c2").await;
    assert_eq!(stage.read("db1"), ["one"]);
    stage.write("db1", "two");
    // The former primary dies: what serves is a Primary without its other half, on the array that did not make the group.
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.arrays.control.down(HOME).await.unwrap();
    stage.plugin.mount("db1", "c3").await.ok();
    assert_eq!(stage.read("db1"), ["one", "two"]);
    stage.plugin.unmount("db1", "c3").await.ok();
    stage.arrays.control.up(HOME).await.unwrap();
    stage.until_synced(PEER, THERE);

    // Home by the same move from the other side.
    let stop = format!("stoprcopygroup -f {THERE}");
    assert_eq!(stage.arrays.type_in(PEER, &stop).await, "");
    let line = "setrcopygroup failover -f prod";
    let said = stage.arrays.type_in(HOME, line).await;
    assert!(said.contains("failover started"), "{said}");
    stage.until_roles("Primary", "Secondary");
    stage.mount_from(HOME, "db1", "c4").await;
    assert_eq!(stage.read("db1"), ["one", "two"]);
    stage.plugin.unmount("db1", "c4").await.ok();
    assert!(stage.is_clear());
}
