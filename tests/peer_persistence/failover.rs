//! The arrays lose each other, or one of them dies, under somebody who writes.

use serde_json::Value;

use crate::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
    scene::{Flavour, GROUP, GROUP_THERE},
    writer::Writer,
};

fn one_array_only(status: &Value) -> bool {
    let by = status["mounted here"]["exported by"].as_str();
    by.is_some_and(|by| by.starts_with("one array only"))
}

/// The primary dies, the other one takes over by itself; the plugin is killed, the volume is unmounted and mounted again, the array comes
/// back, and everything goes home.
async fn the_primary_dies(flavour: Flavour, test: &str) {
    let Some(mut stage) = flavour.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.create_replicated("db2").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.mount("db2", "c2").await.ok();
    let writer = Writer::begin(&stage, "db1");
    stage.arrays.control.down(HOME).await.unwrap();
    until("the automatic failover", || {
        stage.roles()[1] == "Primary-Rev"
    });
    writer.goes_on(&stage);
    let there = stage.label(PEER);
    stage
        .shows("db1", "the peer serves", |status| {
            status["serving"]
                .as_str()
                .unwrap_or_default()
                .starts_with(&there)
        })
        .await;
    stage.shows("db1", "one array only", one_array_only).await;

    // With the primary dead: users come and go, the last one too.
    stage.plugin.mount("db1", "c3").await.ok();
    stage.plugin.unmount("db1", "c3").await.ok();
    stage.plugin.unmount("db2", "c2").await.ok();
    assert!(!stage.mounted("db2"));
    assert_eq!(stage.exported_to(PEER, "db2"), []);
    assert_eq!(
        stage.machine.open_entries(),
        1,
        "the export on the dead array"
    );
    stage.plugin.mount("db2", "c4").await.ok();
    assert!(stage.lun(PEER, "db2").is_some());
    let second = Writer::begin(&stage, "db2");
    // Nothing can be made or removed without both.
    for said in [
        stage.plugin.remove("db1").await.err(),
        stage.plugin.remove("db2").await.err(),
    ] {
        assert!(said.contains("mounted"), "{said}");
    }
    stage.kill();
    stage.start();
    assert_eq!(stage.plugin.list().await, ["db1", "db2"]);
    writer.goes_on(&stage);

    // It comes back in Failsafe, with what it had: that must not be found under the same WWN.
    stage.arrays.control.up(HOME).await.unwrap();
    until("the old exports gone", || {
        stage.exported_to(HOME, "db1").is_empty() && stage.exported_to(HOME, "db2").is_empty()
    });
    assert_eq!(stage.halves()[0]["status"], "Failsafe");
    stage.is_only_on(PEER, "db1");
    stage.is_only_on(PEER, "db2");
    writer.goes_on(&stage);
    second.goes_on(&stage);

    stage
        .types(PEER, &format!("setrcopygroup recover -f {GROUP_THERE}"))
        .await;
    stage.until_roles("Secondary-Rev", "Primary-Rev");
    stage.in_step();
    stage.until_on_both("db1");
    stage.until_on_both("db2");
    stage
        .shows("db1", "both arrays", |status| !one_array_only(status))
        .await;
    writer.goes_on(&stage);
    stage
        .types(PEER, &format!("setrcopygroup restore -f {GROUP_THERE}"))
        .await;
    stage.until_roles("Primary", "Secondary");
    stage.in_step();
    let lines = writer.ends(&stage);
    let more = second.ends(&stage);
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.unmount("db2", "c4").await.ok();
    stage.is_clear_at_last();
    stage.plugin.mount("db1", "c5").await.ok();
    stage.plugin.mount("db2", "c6").await.ok();
    lines.are_in(&stage, "db1");
    more.are_in(&stage, "db2");
    stage.plugin.unmount("db1", "c5").await.ok();
    stage.plugin.unmount("db2", "c6").await.ok();
    stage.is_clear_at_last();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_dies_3_3() {
    the_primary_dies(Flavour::ThreePar, "failover::the_primary_dies_3_3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_dies_10_x() {
    the_primary_dies(Flavour::Alletra, "failover::the_primary_dies_10_x").await;
}

/// The primary loses the other array and the witness, but lives: it gives up serving, and both can be asked.
#[tokio::test(flavor = "multi_thread")]
async fn the_primary_is_cut_off() {
    let test = "failover::the_primary_is_cut_off";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.create_replicated("db2").await;
    stage.plugin.mount("db2", "c0").await.ok();
    stage.plugin.unmount("db2", "c0").await.ok();
    stage.plugin.mount("db1", "c1").await.ok();
    let writer = Writer::begin(&stage, "db1");
    stage.arrays.control.cut_off(HOME, PEER).unwrap();
    until("the automatic failover", || {
        stage.roles()[1] == "Primary-Rev"
    });
    assert_eq!(stage.statuses()[0], "Failsafe");
    writer.goes_on(&stage);
    // What the primary had is old from here on.
    until("the old export gone", || {
        stage.exported_to(HOME, "db1").is_empty()
    });
    stage.is_only_on(PEER, "db1");
    stage.plugin.mount("db2", "c2").await.ok();
    stage.is_only_on(PEER, "db2");
    stage.plugin.unmount("db2", "c2").await.ok();

    stage.arrays.control.restore_links(HOME, PEER).unwrap();
    stage.arrays.control.restore_witness(HOME).unwrap();
    stage
        .types(PEER, &format!("setrcopygroup recover -f {GROUP_THERE}"))
        .await;
    stage.in_step();
    stage.until_on_both("db1");
    let lines = writer.ends(&stage);
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
    stage.plugin.mount("db1", "c3").await.ok();
    stage.is_on_both("db1");
    lines.are_in(&stage, "db1");
    stage.plugin.unmount("db1", "c3").await.ok();
    stage.is_clear_at_last();
}

/// Only the links are lost, and both see the witness: the primary goes on, and nobody takes over.
#[tokio::test(flavor = "multi_thread")]
async fn the_links_are_cut() {
    let test = "failover::the_links_are_cut";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.create_replicated("db2").await;
    stage.plugin.mount("db1", "c1").await.ok();
    let writer = Writer::begin(&stage, "db1");
    stage.arrays.control.cut_links(HOME, PEER).unwrap();
    until("Stopped", || stage.statuses() == ["Stopped", "Stopped"]);
    writer.goes_on(&stage);
    // What is there stays: those paths are on stand-by.
    stage.is_on_both("db1");
    // What is mounted now is only on the array that serves: the other one falls behind.
    stage.plugin.mount("db2", "c2").await.ok();
    stage.is_only_on(HOME, "db2");
    let status = stage.status("db2").await;
    let why = status["mounted here"]["exported by"].as_str().unwrap();
    assert!(why.contains("not replicating"), "{why}");

    stage.arrays.control.restore_links(HOME, PEER).unwrap();
    stage.in_step();
    stage.until_on_both("db2");
    stage
        .shows("db2", "both arrays", |status| !one_array_only(status))
        .await;
    let lines = writer.ends(&stage);
    lines.are_in(&stage, "db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.unmount("db2", "c2").await.ok();
    stage.is_clear_at_last();
}

/// A failover by hand, while the former primary is alive and not in Failsafe: its copy goes on taking writes, and must not be a path to
/// the volume.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_by_hand_with_the_primary_alive() {
    let test = "failover::a_failover_by_hand_with_the_primary_alive";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    let lines = Writer::begin(&stage, "db1").ends(&stage);
    stage.plugin.unmount("db1", "c1").await.ok();
    stage
        .types(HOME, &format!("stoprcopygroup -f {GROUP}"))
        .await;
    stage
        .types(PEER, &format!("setrcopygroup failover -f {GROUP_THERE}"))
        .await;
    stage.until_roles("Primary", "Primary-Rev");
    assert_eq!(stage.statuses()[0], "Stopped");
    // Somebody exported the old copy to this machine meanwhile.
    for line in [
        "createhost -iscsi host1 iqn.2026-01.test.machines:host1",
        "createvlun dkv-db1 5 host1",
    ] {
        let said = stage.arrays.type_in(HOME, line).await;
        assert!(
            said.is_empty() || said.contains("no active paths"),
            "{said}"
        );
    }
    stage.plugin.mount("db1", "c2").await.ok();
    stage.is_only_on(PEER, "db1");
    lines.are_in(&stage, "db1");
    stage.plugin.unmount("db1", "c2").await.ok();
    stage
        .types(PEER, &format!("setrcopygroup recover -f {GROUP_THERE}"))
        .await;
    stage.in_step();
    stage.plugin.mount("db1", "c3").await.ok();
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c3").await.ok();
    stage.is_clear_at_last();
}
