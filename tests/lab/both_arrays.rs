//! Peer Persistence: the arrays change places, and one of them dies, under a container that writes.

use crate::{
    run::Scenario,
    stage::{AMBER, BIRCH, Replication, Stage},
    writer::Writer,
};

pub const SCENARIOS: &[Scenario<Stage>] = &[
    ("switchover_there_and_back", switchover_there_and_back),
    ("an_array_dies_and_comes_back", an_array_dies_and_comes_back),
    (
        "one_that_was_dead_at_the_mount_joins",
        one_that_was_dead_at_the_mount_joins,
    ),
    (
        "what_is_detached_is_on_neither_array",
        what_is_detached_is_on_neither_array,
    ),
];

const GROUP: &str = "pair";

fn there() -> String {
    AMBER.name_there(GROUP)
}

fn switchover_there_and_back(stage: &mut Stage) {
    stage.create("moved", Replication::PeerPersistence, GROUP);
    stage.until_synced(AMBER, GROUP, "Primary");
    let writer = Writer::start(stage, "moved");
    stage.until_paths("moved", 4);
    stage.until_usable("moved", &["2 of 2", "2 of 2"]);
    stage.administer(AMBER, &format!("setrcopygroup switchover -f {GROUP}"));
    // A switchover turns the natural direction, too.
    stage.until_synced(BIRCH, &there(), "Primary");
    writer.goes_on();
    stage.administer(BIRCH, &format!("setrcopygroup switchover -f {}", there()));
    stage.until_synced(AMBER, GROUP, "Primary");
    writer.goes_on();
    writer.finish();
    stage.docker("volume rm moved");
    stage.nothing_left();
}

fn an_array_dies_and_comes_back(stage: &mut Stage) {
    stage.create("lives", Replication::PeerPersistence, GROUP);
    stage.until_synced(AMBER, GROUP, "Primary");
    let writer = Writer::start(stage, "lives");
    stage.until_paths("lives", 4);
    stage.power_off(AMBER);
    writer.goes_on();
    stage.until_paths("lives", 2);
    stage.power_on(AMBER);
    stage.administer(BIRCH, &format!("setrcopygroup recover -f {}", there()));
    stage.until_synced(BIRCH, &there(), "Primary-Rev");
    // The paths to the one that came back are found first: it takes over, and the writer has no others then that carry it.
    stage.until_paths("lives", 4);
    writer.goes_on();
    stage.administer(BIRCH, &format!("setrcopygroup restore -f {}", there()));
    stage.until_synced(AMBER, GROUP, "Primary");
    writer.goes_on();
    stage.until_paths("lives", 4);
    writer.finish();
    stage.docker("volume rm lives");
    stage.nothing_left();
}

/// Mounted from one array alone; the other one's paths come under the writer when it is back and in step.
fn one_that_was_dead_at_the_mount_joins(stage: &mut Stage) {
    stage.create("joins", Replication::PeerPersistence, GROUP);
    stage.until_synced(AMBER, GROUP, "Primary");
    stage.power_off(BIRCH);
    let writer = Writer::start(stage, "joins");
    stage.until_paths("joins", 2);
    stage.until_usable("joins", &["2 of 2"]);
    stage.power_on(BIRCH);
    stage.until_synced(AMBER, GROUP, "Primary");
    stage.until_paths("joins", 4);
    stage.until_usable("joins", &["2 of 2", "2 of 2"]);
    writer.goes_on();
    // They are paths that carry the volume, and not only shown.
    stage.administer(AMBER, &format!("setrcopygroup switchover -f {GROUP}"));
    stage.until_synced(BIRCH, &there(), "Primary");
    writer.goes_on();
    stage.administer(BIRCH, &format!("setrcopygroup switchover -f {}", there()));
    stage.until_synced(AMBER, GROUP, "Primary");
    writer.finish();
    stage.docker("volume rm joins");
    stage.nothing_left();
}

fn what_is_detached_is_on_neither_array(stage: &mut Stage) {
    stage.create("twice", Replication::PeerPersistence, GROUP);
    stage.until_synced(AMBER, GROUP, "Primary");
    for (wrote, sees) in [("first", "first\n"), ("second", "first\nsecond\n")] {
        stage.start("twice", "");
        stage.until_paths("twice", 4);
        stage.exec("twice", &format!("echo {wrote} >> /data/file"));
        assert_eq!(stage.exec("twice", "cat /data/file"), sees);
        stage.docker("rm -f twice");
        stage.nothing_attached();
    }
    stage.docker("volume rm twice");
    stage.nothing_left();
}
