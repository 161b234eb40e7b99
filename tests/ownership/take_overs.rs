//! A host that is dead, or not, and what becomes of it when it is back.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};

use crate::{
    duel::{Duel, status},
    rig::{arrays::HOME, engine::until, plugin::Plugin},
};

/// Waits until a plugin tells of a volume that it is lost, and why. It looks about once a minute.
async fn is_told(plugin: &Plugin, volume: &str, why: &str) {
    let patience = Instant::now() + Duration::from_secs(120);
    loop {
        let lost = status(plugin, volume).await["mounted here"]["lost"].to_string();
        if lost.contains(why) {
            return;
        }
        assert!(Instant::now() < patience, "{lost}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_host_is_taken_over_and_cleans_up_when_it_is_back() {
    let test = "take_overs::a_dead_host_is_taken_over_and_cleans_up_when_it_is_back";
    let Some(mut duel) = Duel::set(test, "dead-host").await else {
        return;
    };
    duel.create("db1", 2).await;
    duel.stage.plugin.mount("db1", "c1").await.ok();
    let file = format!("{}/file", duel.at_first("db1"));
    duel.stage
        .namespace
        .sh(&format!("echo kept > {file}; sync"));
    duel.switch_off();
    assert_eq!(duel.exported_to("db1"), ["host1"]);

    duel.other.mount("db1", "x1").await.ok();
    assert_eq!(duel.exported_to("db1"), ["host2"]);
    assert_eq!(duel.reads("db1", "file"), "kept\n");
    let told = status(&duel.other, "db1").await["mounted here"]["taken over"].to_string();
    assert!(told.contains("from `host1` at 20"), "{told}");
    let log = duel.other.log();
    let line = log
        .lines()
        .find(|line| line.contains("taking the volume over"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("host1@") && line.contains("host2@"), "{line}");

    // It is back, and wants it again.
    duel.stage.arrays.log_in("host1");
    duel.stage.start();
    let said = duel.stage.plugin.mount("db1", "c2").await.err();
    assert!(said.contains("host `host2` is alive"), "{said}");
    assert_eq!(duel.exported_to("db1"), ["host2"]);
    assert_eq!(duel.stage.journal(), 0);
    duel.other.unmount("db1", "x1").await.ok();
    duel.stage.plugin.mount("db1", "c3").await.ok();
    assert_eq!(duel.exported_to("db1"), ["host1"]);
    duel.stage.plugin.unmount("db1", "c3").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_host_keeps_it_and_is_named() {
    let test = "take_overs::a_live_host_keeps_it_and_is_named";
    let Some(duel) = Duel::set(test, "dead-host").await else {
        return;
    };
    duel.create("db1", 1).await;
    duel.stage.plugin.mount("db1", "c1").await.ok();
    let before = duel.stage.arrays.dump();
    let said = duel.other.mount("db1", "x1").await.err();
    for words in [
        "exports it to host `host1` (LUN 0)",
        "last mounted by `host1`, held since 20",
        "waited 1 s (mountConflictDelay)",
        "host `host1` is alive: it has active paths to 1 VLUN(s)",
        "stop the containers that use it on `host1`",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!said.contains('\n'));
    assert_eq!(duel.stage.arrays.dump(), before);
    // A path to any other volume is as good a sign.
    duel.create("db2", 1).await;
    duel.stage.plugin.mount("db2", "c2").await.ok();
    duel.stage.plugin.unmount("db2", "c2").await.ok();
    duel.stage.plugin.unmount("db1", "c1").await.ok();
    duel.other.mount("db1", "x2").await.ok();
    duel.other.unmount("db1", "x2").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn never_means_that_a_dead_host_keeps_it_too() {
    let test = "take_overs::never_means_that_a_dead_host_keeps_it_too";
    let Some(mut duel) = Duel::set(test, "never").await else {
        return;
    };
    duel.create("db1", 1).await;
    duel.stage.plugin.mount("db1", "c1").await.ok();
    duel.switch_off();
    let said = duel.other.mount("db1", "x1").await.err();
    assert!(said.contains("`takeover = \"never\"`"), "{said}");
    assert_eq!(duel.exported_to("db1"), ["host1"]);
    duel.stage.start();
    until("its own export taken back", || {
        duel.exported_to("db1").is_empty()
    });
    duel.other.mount("db1", "x1").await.ok();
    duel.other.unmount("db1", "x1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn always_takes_it_from_a_live_host_which_is_told_and_exports_nothing_again() {
    let test =
        "take_overs::always_takes_it_from_a_live_host_which_is_told_and_exports_nothing_again";
    let Some(mut duel) = Duel::set(test, "always").await else {
        return;
    };
    duel.create("db1", 1).await;
    duel.stage.plugin.mount("db1", "c1").await.ok();
    let file = format!("{}/file", duel.at_first("db1"));
    // What is not written yet would be written by the simulated device in spite of the array.
    duel.stage.namespace.sh(&format!(
        "echo kept > {file}; sync; fsfreeze -f {0}; fsfreeze -u {0}",
        duel.at_first("db1")
    ));
    duel.other.mount("db1", "x1").await.ok();
    assert_eq!(duel.exported_to("db1"), ["host2"]);

    // At its next start, or a minute later, the loser sees it.
    duel.stage.kill();
    duel.stage.start();
    let patience = Instant::now() + Duration::from_secs(60);
    let lost = loop {
        let here = status(&duel.stage.plugin, "db1").await["mounted here"]["lost"].clone();
        if here.is_string() {
            break here.to_string();
        }
        assert!(Instant::now() < patience, "it was never told");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(lost.contains("`host2` has taken it over"), "{lost}");
    let sit = duel.stage.namespace.sit_in(&duel.at_first("db1"));
    let said = duel.stage.plugin.mount("db1", "c2").await.err();
    assert!(
        said.contains("no array exports it to this host any more: `host2`"),
        "{said}"
    );
    let mut sit = sit;
    sit.kill().unwrap();
    sit.wait().unwrap();
    duel.stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!duel.stage.mounted("host1/state/mounts/db1"));
    assert_eq!(duel.exported_to("db1"), ["host2"]);
    assert_eq!(duel.stage.journal(), 0);
    duel.other.unmount("db1", "x1").await.ok();
    assert!(duel.exported_to("db1").is_empty());
}

/// An administrator means well, and the loser has the old filesystem mounted: it would write that over what the other one wrote.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_again_after_another_host_had_it_stays_lost() {
    let test = "take_overs::what_is_exported_again_after_another_host_had_it_stays_lost";
    let Some(mut duel) = Duel::set(test, "always").await else {
        return;
    };
    duel.create("db1", 1).await;
    duel.stage.plugin.mount("db1", "c1").await.ok();
    duel.stage.namespace.sh(&format!(
        "sync; fsfreeze -f {0}; fsfreeze -u {0}",
        duel.at_first("db1")
    ));
    duel.other.mount("db1", "x1").await.ok();
    duel.stage.kill();
    duel.stage.start();
    is_told(&duel.stage.plugin, "db1", "`host2` has taken it over").await;

    duel.other.unmount("db1", "x1").await.ok();
    duel.types("createvlun -f dkv-db1 auto host1").await;
    let why = "another host has had it since: `host2`";
    is_told(&duel.stage.plugin, "db1", why).await;
    let log = duel.stage.plugin.log();
    assert!(!log.contains("exported to this host again"), "{log}");

    duel.stage.plugin.unmount("db1", "c1").await.ok();
    assert!(!duel.stage.mounted("host1/state/mounts/db1"));
    assert!(duel.exported_to("db1").is_empty());
    assert_eq!(duel.stage.journal(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_renamed_under_its_container_is_not_lost() {
    let test = "take_overs::what_was_renamed_under_its_container_is_not_lost";
    let Some(mut duel) = Duel::set(test, "dead-host").await else {
        return;
    };
    duel.create("db1", 1).await;
    duel.stage.plugin.mount("db1", "c1").await.ok();
    duel.types("setvv -name kept dkv-db1").await;
    // It looks when it has started.
    duel.stage.kill();
    duel.stage.start();
    until("the other name told", || {
        let log = duel.stage.plugin.log();
        log.contains("its VV was given another name")
    });
    let log = duel.stage.plugin.log();
    assert!(!log.contains("mounted here, and lost"), "{log}");

    duel.types("setvv -name dkv-db1 kept").await;
    duel.stage.plugin.unmount("db1", "c1").await.ok();
    assert!(duel.exported_to("db1").is_empty());
    assert_eq!(duel.stage.journal(), 0);
}

/// A host that is making the filesystem is not taken over, whatever the policy is: its comment would be written over by what was read
/// before it was done, and it may be wiped by that.
#[tokio::test(flavor = "multi_thread")]
async fn a_live_host_that_makes_the_filesystem_keeps_it_under_always_too() {
    let test = "take_overs::a_live_host_that_makes_the_filesystem_keeps_it_under_always_too";
    let Some(duel) = Duel::set(test, "always").await else {
        return;
    };
    duel.create("db1", 1).await;
    let control = &duel.stage.arrays.control;
    control.clear_log();
    let done = Fault::new(Kind::HangBefore)
        .on(HOME)
        .matching("^setvv .*fmt=done");
    control.fault(done).unwrap();
    let meanwhile = async {
        let patience = Instant::now() + Duration::from_secs(45);
        let is_there = || {
            let log = control.log(Some(HOME));
            log.iter().any(|entry| entry.line.contains("fmt=done"))
        };
        while !is_there() {
            assert!(Instant::now() < patience, "not made");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let said = duel.other.mount("db1", "x1").await.err();
        assert!(said.contains("host `host1` is alive"), "{said}");
        assert_eq!(duel.exported_to("db1"), ["host1"]);
        control.release();
    };
    let (mounted, ()) = tokio::join!(duel.stage.plugin.mount("db1", "c1"), meanwhile);
    mounted.ok();
    duel.stage.plugin.unmount("db1", "c1").await.ok();
    duel.other.mount("db1", "x2").await.ok();
    duel.other.unmount("db1", "x2").await.ok();
}
