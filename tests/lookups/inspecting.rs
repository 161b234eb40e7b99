//! `docker volume inspect` of a known volume: news if there is any in time, and no harm to anybody.

use std::time::Instant;

use super::*;
use crate::rig::arrays::HOME;

/// How often the array was asked for this one VV.
fn asked(arrays: &Arrays, vv: &str) -> usize {
    arrays
        .control
        .log(Some(HOME))
        .iter()
        .filter(|entry| entry.line.starts_with("showvv ") && entry.line.ends_with(vv))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_hangs_is_asked_once_and_waited_for_briefly() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    let plugin = start(&machine, &["DEFAULT", "mirrored"]);
    create(&plugin, "db1", small()).await;
    inspect(&plugin, "db1").await;
    arrays.control.clear_log();
    let hang = Fault::new(Kind::HangBefore).matching("^showvv .*dkv-db1$");
    arrays.control.fault(hang.repeat()).unwrap();
    let begun = Instant::now();
    let (one, two) = tokio::join!(inspect(&plugin, "db1"), inspect(&plugin, "db1"));
    let three = inspect(&plugin, "db1").await;
    assert!(begun.elapsed().as_secs() < 60);
    for volume in [one, two, three] {
        assert_eq!(volume["Status"]["backend"], "DEFAULT");
    }
    assert_eq!(asked(&arrays, "dkv-db1"), 1);
    arrays.control.clear_faults();
    arrays.control.release();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_change_is_not_written() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    let plugin = start(&machine, &["DEFAULT", "mirrored"]);
    create(&plugin, "db1", small()).await;
    let index = || std::fs::read_to_string(machine.dir.join("state/index.json")).unwrap();
    let first = inspect(&plugin, "db1").await;
    let written = index();
    let second = inspect(&plugin, "db1").await;
    assert_ne!(first["Status"]["seen"], second["Status"]["seen"]);
    assert_eq!(index(), written);

    let line = "setvv -comment edited dkv-db1";
    arrays.type_in(HOME, line).await;
    let third = inspect(&plugin, "db1").await;
    assert_ne!(index(), written, "{third:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_was_just_out_of_reach_is_left_alone() {
    let arrays = Arrays::start().await;
    let machine = arrays.machine("host1");
    let plugin = start(&machine, &["DEFAULT", "mirrored"]);
    create(&plugin, "db1", small()).await;
    create(&plugin, "db2", small()).await;
    inspect(&plugin, "db1").await;
    arrays.control.down(HOME).await.unwrap();
    let patience = Instant::now() + std::time::Duration::from_secs(30);
    while inspect(&plugin, "db1").await["Status"]["unreachable"].is_null() {
        assert!(Instant::now() < patience, "never noticed");
    }
    arrays.control.up(HOME).await.unwrap();
    arrays.control.clear_log();
    let begun = Instant::now();
    let same = inspect(&plugin, "db1").await;
    let other = inspect(&plugin, "db2").await;
    if begun.elapsed().as_secs() >= 5 {
        // Too slow a machine to tell; `volume/news.rs` tells it on a clock of its own.
        return;
    }
    assert!(same["Status"]["unreachable"].is_string(), "{same:#}");
    assert!(other["Status"]["unreachable"].is_string(), "{other:#}");
    assert_eq!(asked(&arrays, "dkv-db1"), 0);
}
