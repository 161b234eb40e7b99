//! The plugin dies while an array is still at a command: what the command does, it may do before the plugin is back, or after.

use hpe3par_sim::{Fault, Kind};

use super::{
    creating,
    every::{Operation, run},
    removing,
    rig::{arrays::HOME, plugin::Reply},
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
    let control = &stage.arrays.control;
    let mut plugin = stage.plugin();
    operation.prepare(&stage, &plugin).await;
    let before = stage.arrays.dump();
    control.clear_log();
    let fault = Fault::new(kind).on(HOME).matching(&format!("^{command} "));
    control.fault(fault).unwrap();
    let arrived = || {
        let log = control.log(Some(HOME));
        let sent = log
            .iter()
            .find(|entry| entry.line.starts_with(&format!("{command} ")));
        sent.is_some_and(|entry| entry.ran || kind == Kind::HangBefore)
    };
    let killed = async {
        stage.until(command, arrived).await;
        plugin.strike();
    };
    let (reply, ()) = tokio::join!(operation.perform(&plugin), killed);
    assert_eq!(reply, Reply::Closed);
    plugin.kill();
    drop(plugin);

    if goes_on == GoesOn::WhilePluginIsDead {
        control.release();
    }
    let plugin = stage.plugin();
    if goes_on == GoesOn::WhilePluginCleansUp {
        // It has looked at the arrays, and not closed what may yet come true.
        stage.listed_once().await;
        stage
            .until("an attempt to clean up", || {
                stage.open_entries() == 0 || plugin.log().contains("not cleaned up yet")
            })
            .await;
        control.release();
    }
    stage.cleaned_up().await;
    operation.check(&stage, &plugin, &before).await;
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
