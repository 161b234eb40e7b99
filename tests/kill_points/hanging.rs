//! The plugin dies while an array is still at a command: what the command does, it may do before the plugin is back, or after.

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;

use super::{
    creating,
    every::{Operation, run},
    mounting, removing,
    rig::{
        arrays::HOME,
        plugin::{Plugin, Reply},
    },
    stage::Stage,
};

/// When the array goes on with the command.
#[derive(Debug, Clone, Copy, PartialEq)]
enum GoesOn {
    WhilePluginIsDead,
    WhilePluginCleansUp,
}

async fn dies_during(operation: &impl Operation, command: &str, kind: Kind, goes_on: GoesOn) {
    let stage = Stage::new().await;
    let before = dead_during(&stage, operation, command, kind).await;
    if goes_on == GoesOn::WhilePluginIsDead {
        stage.arrays.control.release();
    }
    let plugin = stage.plugin();
    if goes_on == GoesOn::WhilePluginCleansUp {
        waits(&stage, &plugin).await;
        stage.arrays.control.release();
    }
    stage.cleaned_up().await;
    operation.check(&stage, &plugin, &before).await;
}

/// Kills the plugin while the home array hangs before, or after, the command takes effect. Gives the arrays as they were before.
async fn dead_during(
    stage: &Stage,
    operation: &impl Operation,
    command: &str,
    kind: Kind,
) -> Value {
    let control = &stage.arrays.control;
    let mut plugin = stage.plugin();
    operation.prepare(stage, &plugin).await;
    let before = stage.arrays.dump();
    control.clear_log();
    let word = format!("{command} ");
    let fault = Fault::new(kind).on(HOME).matching(&format!("^{word}"));
    control.fault(fault).unwrap();
    let arrived = || {
        let log = control.log(Some(HOME));
        let sent = log.iter().find(|entry| entry.line.starts_with(&word));
        sent.is_some_and(|entry| entry.ran || kind == Kind::HangBefore)
    };
    let killing = async {
        stage.until(command, arrived).await;
        plugin.strike();
    };
    let (reply, ()) = tokio::join!(operation.perform(&plugin), killing);
    assert_eq!(reply, Reply::Closed);
    plugin.kill();
    before
}

/// It has tried to clean up, and closed nothing that may yet come true.
async fn waits(stage: &Stage, plugin: &Plugin) {
    stage
        .until("an attempt to clean up", || {
            stage.open_entries() == 0 || plugin.log().contains("not cleaned up yet")
        })
        .await;
    assert_eq!(stage.open_entries(), 1);
}

fn during(operation: &impl Operation, command: &str) {
    for kind in [Kind::HangBefore, Kind::HangAfter] {
        for goes_on in [GoesOn::WhilePluginIsDead, GoesOn::WhilePluginCleansUp] {
            run(dies_during(operation, command, kind, goes_on));
        }
    }
}

#[test]
fn killed_during_createvv() {
    during(&creating::Plain, "createvv");
}

#[test]
fn killed_during_admitrcopyvv_to_a_new_group() {
    during(&creating::NewGroup, "admitrcopyvv");
}

#[test]
fn killed_during_admitrcopyvv_to_an_existing_group() {
    during(&creating::ExistingGroup, "admitrcopyvv");
}

#[test]
fn killed_during_startrcopygroup() {
    during(&creating::ExistingGroup, "startrcopygroup");
}

#[test]
fn killed_during_dismissrcopyvv() {
    during(&removing::OneOfTwo, "dismissrcopyvv");
}

#[test]
fn killed_during_removevv() {
    during(&removing::Plain, "removevv");
}

#[test]
fn killed_during_createvlun() {
    mounting::privately("hanging::killed_during_createvlun", || {
        during(&mounting::First, "createvlun");
    });
}

#[test]
fn killed_during_removevlun() {
    mounting::privately("hanging::killed_during_removevlun", || {
        during(&mounting::Unmount, "removevlun");
    });
}

/// The export that is still there is not mounted again: the array may be about to take it away.
async fn mounts_while_a_withdrawal_hangs() {
    let stage = Stage::new().await;
    let operation = mounting::Unmount;
    dead_during(&stage, &operation, "removevlun", Kind::HangBefore).await;
    let plugin = stage.plugin();
    waits(&stage, &plugin).await;
    let refused = plugin.mount("db1", "m2").await.err();
    assert!(refused.contains("may still be running"), "{refused}");
    stage.arrays.control.release();
    stage.cleaned_up().await;
    operation.check(&stage, &plugin, &Value::Null).await;
}

#[test]
fn no_mount_while_a_withdrawal_hangs() {
    mounting::privately("hanging::no_mount_while_a_withdrawal_hangs", || {
        run(mounts_while_a_withdrawal_hangs());
    });
}
