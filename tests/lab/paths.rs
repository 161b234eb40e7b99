//! Paths that go and come back, under a container that writes.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use crate::{
    run::Scenario,
    stage::{AMBER, PATIENCE, Port, Replication, Stage},
    writer::Writer,
};

pub const SCENARIOS: &[Scenario<Stage>] = &[
    (
        "a_volume_leaves_nothing_behind",
        a_volume_leaves_nothing_behind,
    ),
    ("a_lost_block_is_noticed", a_lost_block_is_noticed),
    (
        "portals_are_dropped_and_restored",
        portals_are_dropped_and_restored,
    ),
    (
        "all_portals_are_dropped_for_a_moment",
        all_portals_are_dropped_for_a_moment,
    ),
    ("a_dead_portal_stops_no_mount", a_dead_portal_stops_no_mount),
];

/// A lost connection is noticed by a ping (5 s and 10 s), given up (10 s), and checked by multipathd (4 s); the lab is slow, and its host
/// may be busy.
const FAILED_OVER: Duration = Duration::from_secs(180);
/// How long no port answers: longer than the time between two pings, and shorter than any patience with one that is not answered.
const MOMENT: Duration = Duration::from_secs(6);

fn a_volume_leaves_nothing_behind(stage: &mut Stage) {
    stage.create("plain", Replication::None, "");
    assert_eq!(
        stage.run_in("plain", "echo kept > /data/file; cat /data/file"),
        "kept\n"
    );
    assert_eq!(stage.run_in("plain", "cat /data/file"), "kept\n");
    stage.docker("volume rm plain");
    stage.nothing_left();
}

/// What all others rest on: a writer that loses bytes says so.
fn a_lost_block_is_noticed(stage: &mut Stage) {
    stage.create("lossy", Replication::None, "");
    let writer = Writer::start(stage, "lossy");
    let zeroes = "dd if=/dev/zero of=/data/blocks bs=16384 count=64 conv=notrunc,fsync";
    // The writer may notice, and die, before the last of them: that ends this command, too.
    let line = format!("docker exec lossy sh -c '{zeroes}'");
    let _ = stage.machine.run(&line, PATIENCE);
    let finish = AssertUnwindSafe(|| writer.finish());
    assert!(catch_unwind(finish).is_err());
    let said = stage.docker("logs lossy");
    assert!(said.contains(" is another"), "{said}");
    stage.clear("lossy");
    stage.nothing_left();
}

fn portals_are_dropped_and_restored(stage: &mut Stage) {
    stage.create("cables", Replication::None, "");
    let writer = Writer::start(stage, "cables");
    stage.until_paths("cables", 2);
    for port in [Port::First, Port::Second] {
        stage.cut_portal(AMBER, port);
        stage.until_paths("cables", 1);
        stage.until_usable("cables", &["1 of 2"]);
        writer.goes_on();
        stage.restore_portal(AMBER, port);
        stage.until_paths("cables", 2);
        stage.until_usable("cables", &["2 of 2"]);
        writer.goes_on();
    }
    let written = writer.finish();
    assert!(written.longest_wait < FAILED_OVER, "{written:?}");
    stage.docker("volume rm cables");
    stage.nothing_left();
}

fn all_portals_are_dropped_for_a_moment(stage: &mut Stage) {
    stage.create("moment", Replication::None, "");
    let writer = Writer::start(stage, "moment");
    stage.cut_all_portals_for(AMBER, MOMENT);
    writer.goes_on();
    writer.finish();
    stage.docker("volume rm moment");
    stage.nothing_left();
}

fn a_dead_portal_stops_no_mount(stage: &mut Stage) {
    stage.cut_portal(AMBER, Port::First);
    stage.create("half", Replication::None, "");
    stage.start("half", "");
    stage.exec("half", "echo kept > /data/file");
    stage.restore_portal(AMBER, Port::First);
    stage.clear("half");
    stage.nothing_left();
}
