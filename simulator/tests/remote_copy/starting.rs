//! Starting, stopping, synchronising.

use crate::pair::Desk;
use crate::{admitted, in_each, periodic, state, synced, triple};
use hpe3par_sim::state::Release::V1050;

#[test]
fn starting_takes_a_second_and_syncing_goes_by_size() {
    in_each(|release| {
        let mut desk = admitted(release);
        desk.quiet(&["startrcopygroup g1"]);
        assert_eq!(
            state(&mut desk, "north", "g1"),
            triple("Starting", "Primary", &["Syncing (0%)"])
        );
        desk.pass(2);
        assert_eq!(
            state(&mut desk, "north", "g1"),
            triple("Started", "Primary", &["Syncing (40%)"])
        );
        assert_eq!(
            state(&mut desk, "south", "g1.r4101"),
            triple("Started", "Secondary", &["Syncing"])
        );
        assert!(desk.world.agreements.is_empty());
        desk.pass(2);
        assert_eq!(state(&mut desk, "north", "g1").2, ["Syncing (80%)"]);
        desk.pass(1);
        assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"]);
        assert_eq!(state(&mut desk, "south", "g1.r4101").2, ["Synced"]);
        let pairs: Vec<_> = desk
            .world
            .agreements
            .iter()
            .map(|one| (one.from.clone(), one.to.clone()))
            .collect();
        assert_eq!(
            pairs,
            [(("north".into(), "v1".into()), ("south".into(), "v1".into()))]
        );
        assert_eq!(
            desk.column("north", "showrcopy groups g1", "LastSyncTime"),
            ["NA"]
        );
        assert_eq!(
            desk.column("north", "showtask", "Type"),
            ["remote_copy_sync"]
        );
        assert_eq!(desk.column("north", "showtask", "Status"), ["done"]);
    });
}

#[test]
fn start_refuses() {
    in_each(|release| {
        let mut desk = admitted(release);
        desk.quiet(&["creatercopygroup g2 to_south:sync"]);
        assert!(
            desk.refused("north", "startrcopygroup g2")
                .contains("must contain volumes before being started")
        );
        assert!(
            desk.refused("north", "startrcopygroup none")
                .contains("group matching none does not exist on the system")
        );
        assert!(
            desk.refused("north", "startrcopygroup -t other g1")
                .contains("not a target")
        );
        assert!(
            desk.refused("south", "startrcopygroup -wait g1.r4101")
                .contains("not supported")
        );
        assert!(
            desk.refused("north", "startrcopygroup g1 v1:none")
                .contains("Incorrect snapshot")
        );
        assert!(desk.refused("north", "startrcopygroup").contains("SYNTAX"));
        periodic(&mut desk);
        desk.quiet(&["startrcopygroup g1"]);
        assert_eq!(
            desk.refused("north", "startrcopygroup g1"),
            "Group has already been started\n"
        );
        assert_eq!(
            desk.refused("north", "startrcopygroup per"),
            "Group with different modes on a single target is not supported\n"
        );
        desk.quiet(&["stoprcopygroup -f g1", "startrcopygroup per"]);
    });
}

#[test]
fn start_from_the_other_side_and_waiting() {
    in_each(|release| {
        let mut desk = admitted(release);
        assert_eq!(
            desk.ask("south", "startrcopygroup g1.r4101"),
            hpe3par_sim::commands::Answer::default()
        );
        assert_eq!(state(&mut desk, "north", "g1").0, "Starting");
        let mut desk = admitted(release);
        let answer = desk.ask("north", "startrcopygroup -wait g1");
        assert!(answer.stdout.contains("starts, task ID"), "{answer:?}");
        assert_eq!(
            state(&mut desk, "north", "g1"),
            triple("Started", "Primary", &["Synced"])
        );
        let mut desk = admitted(release);
        desk.quiet(&["startrcopygroup -nosync g1"]);
        assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"]);
        desk.quiet(&["stoprcopygroup -f -pat g*"]);
        desk.quiet(&["startrcopygroup -pat g*"]);
    });
}

#[test]
fn stopping_keeps_snapshots_until_the_next_sync() {
    in_each(|release| {
        let mut desk = synced(release);
        let id = desk.array("north").vvs["v1"].id;
        desk.quiet(&["stoprcopygroup -f g1"]);
        assert_eq!(desk.world.agreements.len(), 1, "all writes are over there");
        let snapshot = format!("rcpy.1.{id}.4");
        assert_eq!(
            state(&mut desk, "north", "g1"),
            triple("Stopped", "Primary", &["Stopped"])
        );
        assert_eq!(
            state(&mut desk, "south", "g1.r4101"),
            triple("Stopped", "Secondary", &["Stopped"])
        );
        assert_eq!(
            desk.column("north", "showrcopy groups g1", "LastSyncTime"),
            ["2023-11-14 23:14:20 CET"]
        );
        assert_eq!(
            desk.column("north", "showrcopy -d groups g1", "Resync_ss"),
            std::slice::from_ref(&snapshot)
        );
        assert_eq!(
            desk.column("north", "showvv -p -type vcopy", "Name"),
            std::slice::from_ref(&snapshot)
        );
        assert!(
            desk.ask("north", &format!("removevv -f {snapshot}"))
                .stderr
                .contains("remote copy")
        );
        desk.quiet(&["startrcopygroup g1"]);
        desk.pass(2);
        assert_eq!(
            desk.column("north", "showvv -p -type vcopy", "Name"),
            [snapshot],
            "still syncing"
        );
        desk.pass(1);
        assert_eq!(
            state(&mut desk, "north", "g1").2,
            ["Synced"],
            "differences only: two seconds"
        );
        assert_eq!(
            desk.ask("north", "showvv -p -type vcopy").stdout,
            "no vv listed\n"
        );
    });
}

#[test]
fn stop_refuses_and_nosnap_forgets() {
    in_each(|release| {
        let mut desk = synced(release);
        assert!(
            desk.refused("south", "stoprcopygroup -f g1.r4101")
                .contains("only on the primary side")
        );
        assert!(
            desk.refused("north", "stoprcopygroup -f none")
                .contains("does not exist on the system")
        );
        if release != V1050 {
            let said = desk.refused("north", "stoprcopygroup -f -remote g1");
            assert!(said.contains("SYNTAX"), "{said}");
        }
        assert!(
            desk.refused("north", "stoprcopygroup -f -t other g1")
                .contains("not a target")
        );
        assert!(desk.ask("north", "stoprcopygroup g1").question.is_some());
        assert_eq!(state(&mut desk, "north", "g1").0, "Started");
        desk.quiet(&["stoprcopygroup -f -nosnap g1"]);
        assert_eq!(
            desk.refused("north", "stoprcopygroup -f g1"),
            "Group isn't started\n"
        );
        assert_eq!(
            desk.ask("north", "showvv -p -type vcopy").stdout,
            "no vv listed\n"
        );
        desk.quiet(&["startrcopygroup g1"]);
        desk.pass(4);
        assert_eq!(
            state(&mut desk, "north", "g1").2,
            ["Syncing (80%)"],
            "everything again"
        );
    });
}

#[test]
fn an_interrupted_first_sync_is_not_synced() {
    in_each(|release| {
        let mut desk = admitted(release);
        desk.quiet(&["startrcopygroup g1"]);
        desk.pass(3);
        desk.quiet(&["stoprcopygroup -f g1"]);
        assert_eq!(
            state(&mut desk, "north", "g1"),
            triple("Stopped", "Primary", &["NotSynced"])
        );
        assert!(desk.world.agreements.is_empty());
    });
}

#[test]
fn syncrcopy_on_demand() {
    in_each(|release| {
        let mut desk = Desk::new(release);
        periodic(&mut desk);
        assert_eq!(
            desk.refused("north", "syncrcopy per"),
            "Group isn't started\n"
        );
        assert!(
            desk.refused("north", "syncrcopy none")
                .contains("does not exist on the system")
        );
        desk.quiet(&["startrcopygroup per"]);
        desk.pass(1);
        assert!(
            desk.refused("north", "syncrcopy per")
                .contains("synchronization")
        );
        desk.pass(30);
        assert_eq!(
            desk.ask("north", "syncrcopy per").stdout,
            "Synchronization request issued for group per\n"
        );
        assert_eq!(state(&mut desk, "north", "per").2, ["Syncing (0%)"]);
        desk.pass(30);
        assert!(
            desk.refused("south", "syncrcopy -w per.r4101")
                .contains("not supported")
        );
        assert_eq!(
            desk.ask("north", "syncrcopy -w per").stdout,
            "Completed synchronization for group per\n"
        );
        assert_eq!(state(&mut desk, "north", "per").2, ["Synced"]);
        let mut desk = synced(release);
        assert!(desk.ask("north", "syncrcopy g1").question.is_some());
        assert_eq!(desk.ask("north", "syncrcopy -ovrd g1").status, 0);
        desk.pass(3);
        assert_eq!(state(&mut desk, "north", "g1").2, ["Syncing (75%)"]);
    });
}

#[test]
fn tasks() {
    in_each(|release| {
        let mut desk = admitted(release);
        assert_eq!(desk.ask("north", "showtask").stdout, "No tasks.\n");
        desk.quiet(&["startrcopygroup g1"]);
        assert_eq!(
        desk.ask("north", "showtask").stdout,
        "Id Type             Name Status Phase Step -------StartTime------- ------FinishTime------- -Priority- -User-
 1 remote_copy_sync g1   active 0/1   0/1  2023-11-14 23:13:20 CET -                       n/a        admin1
"
    );
        desk.pass(10);
        let detail = desk.ask("north", "showtask -d 1").stdout;
        assert!(
            detail.contains("\nDetailed status:\n2023-11-14 23:13:20 CET Created     task.\n"),
            "{detail}"
        );
        assert_eq!(desk.ask("north", "showtask -active").stdout, "No tasks.\n");
        assert!(
            desk.refused("north", "showtask -d 99")
                .contains("does not exist")
        );
        desk.pass(86_400);
        assert_eq!(desk.ask("north", "showtask").stdout, "No tasks.\n");
        assert_eq!(desk.column("north", "showtask -all", "Id"), ["1"]);
    });
}

#[test]
fn stopping_takes_a_while_where_the_switch_says_so() {
    in_each(|release| {
        let mut desk = synced(release);
        desk.array("north")
            .switches
            .insert("stops_slowly".into(), true);
        assert_eq!(desk.ask("north", "stoprcopygroup -f g1").status, 0);
        for (array, group) in [("north", "g1"), ("south", "g1.r4101")] {
            assert_eq!(state(&mut desk, array, group).0, "Stopping");
        }
        for line in [
            "startrcopygroup g1",
            "stoprcopygroup -f g1",
            "dismissrcopyvv -f v1 g1",
            "removercopygroup -f g1",
        ] {
            desk.refused("north", line);
        }
        desk.pass(6);
        for (array, group) in [("north", "g1"), ("south", "g1.r4101")] {
            assert_eq!(state(&mut desk, array, group).0, "Stopped");
        }
        desk.quiet(&["startrcopygroup g1"]);
    });
}
