//! The plugin dies while an array is still at a `growvv`: given once more it would grow twice.

use hpe3par_sim::{Fault, Kind};

use super::{
    Grow,
    every::{Operation, run},
    rig::{
        arrays::{HOME, PEER},
        plugin::Reply,
    },
};

/// When the array goes on with the command.
#[derive(Debug, Clone, Copy, PartialEq)]
enum GoesOn {
    WhilePluginIsDead,
    WhilePluginCleansUp,
}

async fn dies_during(grow: &Grow, array: &str, kind: Kind, goes_on: GoesOn) {
    let stage = grow.stage().await;
    let control = &stage.arrays.control;
    let mut plugin = stage.plugin();
    stage.listed_once().await;
    grow.prepare(&stage, &plugin).await;
    let before = stage.arrays.dump();
    control.clear_log();
    let fault = Fault::new(kind).on(array).matching("^growvv ");
    control.fault(fault).unwrap();
    let arrived = || {
        let log = control.log(Some(array));
        let sent = log.iter().find(|entry| entry.line.starts_with("growvv "));
        sent.is_some_and(|entry| entry.ran || kind == Kind::HangBefore)
    };
    let killing = async {
        stage.until("growvv", arrived).await;
        plugin.strike();
    };
    let (reply, ()) = tokio::join!(grow.perform(&plugin), killing);
    assert_eq!(reply, Reply::Closed);
    plugin.kill();
    if goes_on == GoesOn::WhilePluginIsDead {
        control.release();
    }
    let plugin = stage.plugin();
    if goes_on == GoesOn::WhilePluginCleansUp {
        // It has tried, and closed nothing that may yet come true.
        stage
            .until("an attempt to clean up", || {
                stage.open_entries() == 0 || plugin.log().contains("not cleaned up yet")
            })
            .await;
        assert_eq!(stage.open_entries(), 1);
        control.release();
    }
    stage.cleaned_up().await;
    grow.check(&stage, &plugin, &before).await;
}

fn during(grow: &Grow, array: &str) {
    for kind in [Kind::HangBefore, Kind::HangAfter] {
        for goes_on in [GoesOn::WhilePluginIsDead, GoesOn::WhilePluginCleansUp] {
            run(dies_during(grow, array, kind, goes_on));
        }
    }
}

#[test]
fn killed_while_the_own_array_grows() {
    during(
        &Grow {
            replicated: false,
            one_side: false,
        },
        HOME,
    );
    during(
        &Grow {
            replicated: true,
            one_side: false,
        },
        HOME,
    );
}

#[test]
fn killed_while_the_other_array_grows() {
    during(
        &Grow {
            replicated: true,
            one_side: true,
        },
        PEER,
    );
}
