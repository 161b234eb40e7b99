//! The export of the other array, from the mount to the unmount: at the same LUN where that is free, back when its array is, and never one
//! that another host should not meet.

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;

use crate::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
    },
    scene::{Flavour, GROUP},
    stage::Stage,
    writer::Writer,
};

fn why(status: &Value) -> String {
    let by = status["mounted here"]["exported by"].as_str();
    let by = by.unwrap_or_default();
    if by == "both arrays" { "" } else { by }.to_owned()
}

/// Each array gives its own numbers; they are equal where they can be.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_lun_where_it_is_free() {
    let test = "keeping::the_same_lun_where_it_is_free";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    for name in ["db1", "db2", "db3"] {
        stage.create_replicated(name).await;
    }
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    assert_eq!(stage.lun(HOME, "db1"), Some(0));
    // A volume of somebody else has the next number on the peer.
    stage
        .types(PEER, "createvv -tpvv -snp_cpg ssd_r5 ssd_r5 payroll 1g")
        .await;
    stage
        .arrays
        .type_in(PEER, "createvlun payroll 1 host1")
        .await;
    stage.plugin.mount("db2", "c2").await.ok();
    assert_eq!(stage.lun(HOME, "db2"), Some(1));
    assert_eq!(stage.lun(PEER, "db2"), Some(2));
    // What the peer exports to this machine already is what the other one goes by.
    stage
        .arrays
        .type_in(PEER, "createvlun dkv-db3 7 host1")
        .await;
    stage.plugin.mount("db3", "c3").await.ok();
    stage.is_on_both("db3");
    assert_eq!(stage.lun(HOME, "db3"), Some(7));
    for (name, id) in [("db1", "c1"), ("db2", "c2"), ("db3", "c3")] {
        stage.plugin.unmount(name, id).await.ok();
    }
    let left = stage.arrays.dump()[PEER]["vluns"].clone();
    assert_eq!(
        left.as_array().unwrap().len(),
        1,
        "only the foreign one: {left}"
    );
    assert_eq!(stage.arrays.dump()[HOME]["vluns"], serde_json::json!([]));
}

/// The peer is dead at the mount: its export is added when it is back and the volume is equal, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn the_missing_export_comes_when_the_array_is_back_and_synced() {
    let test = "keeping::the_missing_export_comes_when_the_array_is_back_and_synced";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage
        .types(HOME, &format!("setrcopygroup pol no_auto_recover {GROUP}"))
        .await;
    stage.arrays.control.down(PEER).await.unwrap();
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_only_on(HOME, "db1");
    let writer = Writer::begin(&stage, "db1");
    assert!(why(&stage.status("db1").await).contains("cannot be asked"));
    // A plugin that died looks at it again.
    stage.kill();
    stage.start();
    stage
        .shows("db1", "the peer is dead", |status| {
            why(status).contains("cannot be asked")
        })
        .await;

    // Back, but the group is stopped: what the peer has falls behind.
    stage.arrays.control.up(PEER).await.unwrap();
    stage
        .shows("db1", "not replicating", |status| {
            why(status).contains("not replicating")
        })
        .await;
    stage.is_only_on(HOME, "db1");
    stage.types(HOME, &format!("startrcopygroup {GROUP}")).await;
    stage.in_step();
    stage.until_on_both("db1");
    stage
        .shows("db1", "both", |status| why(status).is_empty())
        .await;
    stage.is_on_both("db1");
    let lines = writer.ends(&stage);
    lines.are_in(&stage, "db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
}

/// A peer that refuses keeps nobody from the volume, and is asked again.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_refuses_is_told_and_asked_again() {
    let test = "keeping::a_peer_that_refuses_is_told_and_asked_again";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage
        .arrays
        .control
        .fault(Fault {
            kind: Kind::Refuse,
            array: Some(PEER.to_owned()),
            matching: Some("^createvlun".to_owned()),
            nth: 1,
            bytes: 0,
            words: "Error: the cabinet is on fire".to_owned(),
            repeat: true,
        })
        .unwrap();
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_only_on(HOME, "db1");
    stage
        .shows("db1", "the peer's words", |status| {
            why(status).contains("the cabinet is on fire")
        })
        .await;
    stage.arrays.control.clear_faults();
    stage.until_on_both("db1");
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
}

/// Stopped for a moment, as while a volume is admitted: both exports stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_group_keeps_both() {
    let test = "keeping::a_stopped_group_keeps_both";
    let Some(stage) = Flavour::Alletra.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    let writer = Writer::begin(&stage, "db1");
    stage
        .types(HOME, &format!("stoprcopygroup -f {GROUP}"))
        .await;
    stage
        .shows("db1", "stopped", |status| {
            status["group state"] == "stopped, not replicating"
        })
        .await;
    writer.goes_on(&stage);
    stage.is_on_both("db1");
    stage.types(HOME, &format!("startrcopygroup {GROUP}")).await;
    stage.in_step();
    writer.ends(&stage);
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
}

/// Somebody takes the policy away: hosts are no longer told which paths to use.
#[tokio::test(flavor = "multi_thread")]
async fn without_path_management_only_the_serving_array_exports() {
    let test = "keeping::without_path_management_only_the_serving_array_exports";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    for policy in ["no_auto_failover", "no_path_management"] {
        stage
            .types(HOME, &format!("setrcopygroup pol {policy} {GROUP}"))
            .await;
    }
    until("the second export gone", || {
        stage.exported_to(PEER, "db1").is_empty()
    });
    stage.is_only_on(HOME, "db1");
    stage
        .shows("db1", "why", |status| {
            why(status).contains("`path_management`")
        })
        .await;
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.plugin.mount("db1", "c2").await.ok();
    stage.is_only_on(HOME, "db1");
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.is_clear_at_last();
}

/// Somebody takes the peer's export away, and the arrays change places before it is noticed: the container had the array that served all
/// the time, so it follows.
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_follows_the_arrays_when_they_change_places() {
    let test = "keeping::a_mount_follows_the_arrays_when_they_change_places";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    for restarted in [false, true] {
        // On a slow machine the plugin may have looked by itself, as it does every 15 s.
        let mut rounds = 1;
        while !change_places_unnoticed(&mut stage, restarted).await {
            assert!(rounds < 5, "noticed too early for this test");
            rounds += 1;
            home_again(&stage).await;
        }
        if restarted {
            // A plugin that did not see it cannot know what it missed: it says so, and a container that starts anew has both.
            stage.start();
            let text = "the array that serves does not export it to this host any more";
            stage
                .shows("db1", "why", |status| why(status).contains(text))
                .await;
            assert_eq!(stage.lun(PEER, "db1"), None);
            stage.plugin.unmount("db1", "c1").await.ok();
            stage.is_clear_at_last();
            stage.plugin.mount("db1", "c1").await.ok();
        } else {
            stage.until_on_both("db1");
        }
        stage.is_on_both("db1");
        home_again(&stage).await;
    }
}

/// Mounts the volume, takes the peer's export away, and has the arrays change places. False if the plugin has exported it again by then; one
/// that is `killed` cannot.
async fn change_places_unnoticed(stage: &mut Stage, killed: bool) -> bool {
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    let lun = stage.lun(PEER, "db1").unwrap();
    if killed {
        stage.kill();
    }
    let line = format!("removevlun -f dkv-db1 {lun} host1");
    stage.arrays.type_in(PEER, &line).await;
    stage
        .types(HOME, &format!("setrcopygroup switchover -f {GROUP}"))
        .await;
    stage.until_roles("Secondary", "Primary");
    let unnoticed = stage.lun(PEER, "db1").is_none();
    assert!(unnoticed || !killed, "a dead plugin exports nothing");
    unnoticed
}

/// Unmounts the volume, and has the arrays change places back.
async fn home_again(stage: &Stage) {
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
    stage
        .types(PEER, "setrcopygroup switchover -f prod.r130512")
        .await;
    stage.until_roles("Primary", "Secondary");
    stage.in_step();
}

/// Somebody takes the peer's export away, and it comes back.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_somebody_took_away_comes_back() {
    let test = "keeping::an_export_that_somebody_took_away_comes_back";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    // Also where the array takes no comment on a secondary.
    let control = &stage.arrays.control;
    control
        .switch(PEER, "secondary_comment_refused", true)
        .unwrap();
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    let lun = stage.lun(PEER, "db1").unwrap();
    let line = format!("removevlun -f dkv-db1 {lun} host1");
    stage.arrays.type_in(PEER, &line).await;
    // Looked at when the plugin starts; else within ten minutes.
    stage.kill();
    stage.start();
    stage.until_on_both("db1");
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
}

/// An array that exports no secondary at all, if there is such a thing: the volume is mounted, and it is said.
#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_exports_no_secondary() {
    let test = "keeping::an_array_that_exports_no_secondary";
    let Some(stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    for array in [HOME, PEER] {
        let control = &stage.arrays.control;
        control
            .switch(array, "secondary_export_refused", true)
            .unwrap();
    }
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_only_on(HOME, "db1");
    stage
        .shows("db1", "the array's words", |status| {
            why(status).contains("secondary remote copy volume")
        })
        .await;
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.is_clear_at_last();
}
