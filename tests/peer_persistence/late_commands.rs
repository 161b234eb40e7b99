//! The plugin dies over a command to the array that does not serve, and the command takes effect long after.

use hpe3par_sim::{Fault, Kind};

use crate::{
    rig::{
        arrays::{HOME, PEER},
        engine::until,
        plugin::Reply,
    },
    scene::{Flavour, GROUP_THERE, mounts_at_last},
    stage::Stage,
};

/// A volume with data, not mounted.
async fn stage(test: &str) -> Option<Stage> {
    let stage = Flavour::ThreePar.stage(test).await?;
    stage.create_replicated("db1").await;
    stage.plugin.mount("db1", "c0").await.ok();
    stage.plugin.unmount("db1", "c0").await.ok();
    Some(stage)
}

/// The command that the peer keeps for later, once it was given.
async fn given(stage: &Stage, command: &str) {
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let is_given = || {
        let log = stage.arrays.control.log(Some(PEER));
        log.iter().any(|entry| entry.line.starts_with(command))
    };
    while !is_given() {
        assert!(std::time::Instant::now() < patience, "no {command}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn hangs(stage: &Stage, command: &str) {
    let hang = Fault::new(Kind::HangBefore)
        .on(PEER)
        .matching(&format!("^{command}"));
    stage.arrays.control.clear_log();
    stage.arrays.control.fault(hang).unwrap();
}

/// An export that comes after its mount was given up is nobody's, and would keep every other host away.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_comes_late_is_taken_back() {
    let Some(mut stage) = stage("late_commands::an_export_that_comes_late_is_taken_back").await
    else {
        return;
    };
    hangs(&stage, "createvlun");
    let dies = async {
        given(&stage, "createvlun").await;
        stage.plugin.strike();
    };
    let (reply, ()) = tokio::join!(stage.plugin.mount("db1", "c1"), dies);
    assert_eq!(reply, Reply::Closed);
    stage.kill();
    stage.start();
    until(
        "the home array's export taken back, and the peer's waited for",
        || stage.exported_to(HOME, "db1").is_empty() && stage.machine.open_entries() == 1,
    );
    stage.arrays.control.release();
    stage.is_clear_at_last();
    stage.plugin.mount("db1", "c2").await.ok();
    stage.is_on_both("db1");
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.is_clear_at_last();
}

/// The end of an export that was asked for before the plugin died must not meet the export of a mount since.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_that_comes_late_takes_nothing_from_a_new_mount() {
    let test = "late_commands::a_withdrawal_that_comes_late_takes_nothing_from_a_new_mount";
    let Some(mut stage) = stage(test).await else {
        return;
    };
    stage.plugin.mount("db1", "c1").await.ok();
    stage.is_on_both("db1");
    hangs(&stage, "removevlun");
    let dies = async {
        given(&stage, "removevlun").await;
        stage.plugin.strike();
    };
    let (reply, ()) = tokio::join!(stage.plugin.unmount("db1", "c1"), dies);
    assert_eq!(reply, Reply::Closed);
    stage.kill();
    stage.arrays.control.down(HOME).await.unwrap();
    until("the automatic failover", || {
        stage.roles()[1] == "Primary-Rev"
    });
    stage.start();
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(said.contains("may still be running"), "{said}");
    stage.arrays.control.release();
    mounts_at_last(&stage.plugin, "c2").await;
    assert!(stage.lun(PEER, "db1").is_some() && stage.mounted("db1"));
    stage.arrays.control.up(HOME).await.unwrap();
    for (operation, [home, peer]) in [
        ("recover", ["Secondary-Rev", "Primary-Rev"]),
        ("restore", ["Primary", "Secondary"]),
    ] {
        stage
            .types(PEER, &format!("setrcopygroup {operation} -f {GROUP_THERE}"))
            .await;
        stage.until_roles(home, peer);
        stage.in_step();
    }
    stage.until_on_both("db1");
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.is_clear_at_last();
}
