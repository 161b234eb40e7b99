//! Somebody takes a mounted volume out of its group by hand, and leaves both copies: two volumes under one WWN, which no host may see in one
//! map.

use serde_json::Value;

use crate::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
    scene::{Flavour, GROUP, GROUP_THERE},
    stage::Stage,
    writer::Writer,
};

fn why(status: &Value) -> &str {
    let by = status["mounted here"]["exported by"].as_str();
    by.unwrap_or_default()
}

/// While the plugin is dead, on the array that sends. The simulator lets go of no copy that a host sees: its export comes back right
/// afterwards, as it stays where an array allows it.
async fn take_out_of_the_group(stage: &mut Stage, sends: &str, group: &str) {
    let receives = if sends == HOME { PEER } else { HOME };
    stage.is_on_both("db1");
    let lun = stage.lun(receives, "db1").unwrap();
    stage.kill();
    let line = format!("removevlun -f dkv-db1 {lun} host1");
    stage.arrays.type_in(receives, &line).await;
    stage
        .types(sends, &format!("stoprcopygroup -f {group}"))
        .await;
    let line = format!("dismissrcopyvv -f dkv-db1 {group}");
    let said = stage.arrays.type_in(sends, &line).await;
    assert!(said.contains("has been dismissed from group"), "{said}");
    stage
        .types(sends, &format!("startrcopygroup {group}"))
        .await;
    let line = format!("createvlun dkv-db1 {lun} host1");
    stage.arrays.type_in(receives, &line).await;
    let vvs = [HOME, PEER].map(|array| stage.arrays.dump()[array]["vvs"]["dkv-db1"].clone());
    assert_eq!(vvs[0]["wwn"], vvs[1]["wwn"], "{vvs:?}");
    stage.is_on_both("db1");
}

/// The copy that received loses its export, and not before both arrays have said that the volume is in no group.
#[tokio::test(flavor = "multi_thread")]
async fn the_copy_that_received_is_taken_back() {
    let test = "out_of_group::the_copy_that_received_is_taken_back";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    for name in ["db1", "db2"] {
        stage.create_replicated(name).await;
    }
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.mount("db2", "c2").await.ok();
    let writer = Writer::begin(&stage, "db1");
    take_out_of_the_group(&mut stage, HOME, GROUP).await;

    // What the other array would say is not known: nothing is done.
    stage.arrays.control.down(PEER).await.unwrap();
    stage.start();
    stage
        .shows("db1", "the peer is dead", |status| {
            why(status).starts_with("not known")
        })
        .await;
    stage.is_on_both("db1");
    stage.arrays.control.up(PEER).await.unwrap();
    until("the export of the copy gone", || {
        stage.exported_to(PEER, "db1").is_empty()
    });
    stage.is_only_on(HOME, "db1");
    stage
        .shows("db1", "why", |status| {
            why(status).contains("taken out of its remote copy group")
        })
        .await;
    let lines = writer.ends(&stage);
    lines.are_in(&stage, "db1");
    // One that is still in the group has both.
    stage.is_on_both("db2");
    for (name, id) in [("db1", "c1"), ("db2", "c2")] {
        stage.plugin.unmount(name, id).await.ok();
    }
    stage.is_clear_at_last();
}

/// After a switchover that is the one at home.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_switchover_it_is_the_copy_at_home() {
    let test = "out_of_group::after_a_switchover_it_is_the_copy_at_home";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    for name in ["db1", "db2"] {
        stage.create_replicated(name).await;
    }
    stage
        .types(HOME, &format!("setrcopygroup switchover -f {GROUP}"))
        .await;
    stage.until_roles("Secondary", "Primary");
    stage.in_step();
    stage.plugin.mount("db1", "c1").await.ok();
    take_out_of_the_group(&mut stage, PEER, GROUP_THERE).await;
    stage.start();
    until("the export of the copy gone", || {
        stage.exported_to(HOME, "db1").is_empty()
    });
    stage.is_only_on(PEER, "db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
}
