//! The machine is rebooted or loses its power, the engine or the plugin is killed, while containers have volumes.

use crate::{
    run::Scenario,
    stage::{AMBER, PATIENCE, Replication, STARTED, Stage},
};

pub const SCENARIOS: &[Scenario<Stage>] = &[
    ("the_engine_is_killed", the_engine_is_killed),
    ("the_plugin_is_killed", the_plugin_is_killed),
    ("the_machine_is_rebooted", the_machine_is_rebooted),
    ("the_machine_loses_its_power", the_machine_loses_its_power),
];

const ALWAYS: &str = "--restart always";

fn the_engine_is_killed(stage: &mut Stage) {
    stage.create("worked", Replication::None, "");
    stage.start("worked", ALWAYS);
    stage.exec("worked", "echo before > /data/file && sync");
    // It answers when the containers run.
    let again =
        "systemctl kill -s KILL docker; systemctl reset-failed docker; systemctl start docker";
    assert_eq!(stage.machine.run(again, STARTED).status, 0);
    stage.until_runs("worked");
    assert_eq!(stage.exec("worked", "cat /data/file"), "before\n");
    stage.clear("worked");
    stage.nothing_left();
}

fn the_plugin_is_killed(stage: &mut Stage) {
    stage.create("attached", Replication::None, "");
    stage.start("attached", "");
    stage.machine.ok("systemctl kill -s KILL hpe3par-docker");
    stage.exec("attached", "echo meanwhile > /data/file && sync");
    stage
        .machine
        .until("the plugin", "systemctl is-active hpe3par-docker", PATIENCE);
    assert_eq!(stage.exec("attached", "cat /data/file"), "meanwhile\n");
    stage.clear("attached");
    stage.nothing_left();
}

fn the_machine_is_rebooted(stage: &mut Stage) {
    comes_back(stage, |stage| stage.machine.reboot());
}

fn the_machine_loses_its_power(stage: &mut Stage) {
    comes_back(stage, |stage| stage.machine.power_cut());
}

/// A plain volume and one of Peer Persistence, each in a container that the engine starts again, and one that is stopped.
fn comes_back(stage: &mut Stage, goes: impl Fn(&mut Stage)) {
    stage.create("alone", Replication::None, "");
    stage.create("doubled", Replication::PeerPersistence, "pair");
    stage.create("idle", Replication::None, "");
    stage.until_synced(AMBER, "pair", "Primary");
    for volume in ["alone", "doubled"] {
        stage.start(volume, ALWAYS);
        stage.exec(volume, "echo synced > /data/file && sync");
    }
    assert_eq!(
        stage.run_in("idle", "echo idle > /data/file; cat /data/file"),
        "idle\n"
    );
    goes(stage);
    for volume in ["alone", "doubled"] {
        stage.until_runs(volume);
        assert_eq!(stage.exec(volume, "cat /data/file"), "synced\n");
        stage.exec(volume, "echo again > /data/file && sync");
    }
    assert_eq!(stage.run_in("idle", "cat /data/file"), "idle\n");
    for volume in ["alone", "doubled"] {
        stage.clear(volume);
    }
    stage.docker("volume rm idle");
    stage.nothing_left();
}
