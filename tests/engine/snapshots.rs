//! Snapshots and schedules, through a container.

use super::{
    Stage,
    rig::{arrays::HOME, engine::until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_used_by_a_container() {
    let test = "engine::snapshots::a_snapshot_is_used_by_a_container";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1", &["size=1", "fsType=xfs"]);
    stage.run("db1", "echo one > /data/file");
    stage.create("before", &["virtualCopyOf=db1", "expirationHours=24"]);
    stage.run("db1", "echo two > /data/file");
    assert_eq!(stage.run("before", "cat /data/file"), "one");
    let status = stage.inspect("before")["Status"].clone();
    assert_eq!(status["snapshot of"], "db1", "{status:#}");
    assert!(status["expires"].is_string(), "{status:#}");
    let said = stage.engine.fails(&["volume", "rm", "db1"]);
    assert!(said.contains("volume `before`"), "{said}");
    // What is written to it is its own.
    stage.run("before", "echo three > /data/file");
    assert_eq!(stage.run("db1", "cat /data/file"), "two");
    stage.engine.ok(&["volume", "rm", "before"]);
    stage.engine.ok(&["volume", "rm", "db1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_goes_with_its_snapshot() {
    let test = "engine::snapshots::a_schedule_goes_with_its_snapshot";
    let Some(stage) = Stage::set(test).await else {
        return;
    };
    stage.create("db1", &["size=1"]);
    stage.create(
        "hourly",
        &[
            "virtualCopyOf=db1",
            "scheduleName=auto",
            "scheduleFrequency=0 * * * *",
            "snapshotPrefix=hour",
            "expHrs=2",
        ],
    );
    let status = stage.inspect("hourly")["Status"].clone();
    assert_eq!(status["schedule"], "dks-hourly", "{status:#}");
    stage.arrays.control.advance(3600);
    let taken = || {
        let vvs = stage.arrays.dump()[HOME]["vvs"].clone();
        let mut names = vvs.as_object().unwrap().keys().cloned();
        names.find(|name| name.starts_with("hour."))
    };
    until("the array to take one", || taken().is_some());
    let said = stage.engine.fails(&["volume", "rm", "db1"]);
    assert!(said.contains("by schedule `dks-hourly`"), "{said}");
    stage.engine.ok(&["volume", "rm", "hourly"]);
    let left = stage.arrays.dump()[HOME]["schedules"].to_string();
    assert!(!left.contains("dks-hourly"), "{left}");
    // What it took expires; then the volume is free.
    stage.arrays.control.advance(3 * 3600);
    until("the array to remove it", || taken().is_none());
    stage.engine.ok(&["volume", "rm", "db1"]);
}
