//! Failover, recover, restore.

use crate::pair::Desk;
use crate::{RELEASES, SOUTH, both, copies, failed_over, periodic, state, stopped, synced, triple};
use hpe3par_sim::state::Release::{self, V331, V1050};

/// A group that was failed over, with the copy back complete.
fn recovered(release: Release) -> Desk {
    let mut desk = failed_over(release);
    desk.ask("south", "setrcopygroup recover -f g1.r4101");
    desk.pass(60);
    desk
}

#[test]
fn failover_is_a_task() {
    for release in RELEASES {
        let mut desk = stopped(release);
        let answer = desk.ask("south", "setrcopygroup failover -f g1.r4101");
        assert_eq!(
            answer.stdout,
            "setrcopygroup for failover g1.r4101\nfailover started with tasks: 1\n"
        );
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""));
        assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
        assert_eq!(desk.column("south", "showtask", "Status"), ["active"]);
        desk.pass(1);
        assert_eq!(both(&mut desk), "Stopped Primary | Stopped Primary-Rev");
        assert_eq!(
            desk.column("south", "showtask", "Type"),
            ["remote_copy_failover"]
        );
        assert_eq!(desk.column("south", "showtask", "Status"), ["done"]);
        let detail = desk.ask("south", "showtask -d 1").stdout;
        let lines: Vec<&str> = detail
            .lines()
            .skip_while(|line| *line != "Detailed status:")
            .skip(1)
            .map(|line| &line[24..])
            .collect();
        assert_eq!(
            lines,
            [
                "Created     task.",
                "Begin       Failover operation on group g1.r4101 started.",
                "Switched    Group g1.r4101 was switched from secondary to primary.",
                "Completed   Group g1.r4101 failover completed.",
            ]
        );
        assert!(copies(&desk).is_empty(), "both copies stay as they are");
    }
}

#[test]
fn a_role_with_rev_widens_its_column() {
    let mut desk = failed_over(V331);
    let listing = desk.ask("south", "showrcopy groups").stdout;
    let lines: Vec<&str> = listing.lines().skip(6).take(2).map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "Name         Target     Status   Role        Mode     Options",
            "g1.r4101     to_north   Stopped  Primary-Rev Sync",
        ]
    );
}

#[test]
fn a_role_with_rev_may_run_over_its_column() {
    let mut desk = failed_over(V331);
    desk.array("south")
        .switches
        .insert("rev_runs_over".into(), true);
    let listing = desk.ask("south", "showrcopy groups").stdout;
    let lines: Vec<&str> = listing.lines().skip(6).take(2).map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "Name         Target     Status   Role       Mode     Options",
            "g1.r4101     to_north   Stopped  Primary-Rev Sync",
        ]
    );
    assert_eq!(desk.column("south", "showrcopy groups", "Mode")[0], "Sync");
}

#[test]
fn recover_and_restore_bring_everything_home() {
    for release in RELEASES {
        let mut desk = failed_over(release);
        let answer = desk.ask("south", "setrcopygroup recover -f g1.r4101");
        assert_eq!(
            answer.stdout,
            "setrcopygroup for recover g1.r4101\nrecover started with tasks: 2\n"
        );
        desk.pass(1);
        assert!(desk.ask("south", "showtask -d 2").stdout.contains(
            " Switched    Target to_north of group g1.r4101 was switched from primary to secondary.\n"
        ));
        assert_eq!(
            both(&mut desk),
            "Starting Secondary-Rev | Starting Primary-Rev"
        );
        desk.pass(2);
        assert_eq!(
            state(&mut desk, "south", SOUTH),
            triple("Started", "Primary-Rev", &["Syncing (66%)"]),
            "differences only"
        );
        assert!(copies(&desk).is_empty());
        desk.pass(1);
        assert_eq!(
            both(&mut desk),
            "Started Secondary-Rev | Started Primary-Rev"
        );
        assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"]);
        assert_eq!(copies(&desk), [("south", "north")]);
        desk.world.agreements.clear();

        let answer = desk.ask("south", "setrcopygroup restore -f -t to_north g1.r4101");
        assert_eq!(
            answer.stdout,
            "setrcopygroup for restore g1.r4101\nrestore started with tasks: 3\n"
        );
        desk.pass(1);
        assert_eq!(both(&mut desk), "Starting Primary | Starting Secondary");
        assert_eq!(
            copies(&desk),
            [("south", "north")],
            "what was written there until now"
        );
        desk.pass(10);
        assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
        assert_eq!(copies(&desk), [("south", "north"), ("north", "south")]);
        assert_eq!(state(&mut desk, "south", SOUTH).2, ["Synced"]);
        assert_eq!(
            desk.ask("south", "showvv -p -type vcopy").stdout,
            "no vv listed\n",
            "the side that receives keeps no snapshots"
        );
    }
}

#[test]
fn restore_recovers_first_and_waits_for_the_copy() {
    for waits in [false, true] {
        let mut desk = failed_over(V331);
        let option = if waits { "-waittask" } else { "" };
        let line = format!("setrcopygroup restore -f {option} g1.r4101");
        let answer = desk.ask("south", &line);
        let start = "setrcopygroup for restore g1.r4101\nrestore started with tasks: 2\n";
        if waits {
            assert_eq!(
                answer.stdout,
                format!("{start}Waiting for tasks to complete\nTask 2 done\n")
            );
        } else {
            assert_eq!(answer.stdout, start);
            desk.pass(2);
            assert_eq!(
                both(&mut desk),
                "Started Secondary-Rev | Started Primary-Rev"
            );
            assert_eq!(desk.column("south", "showtask -active", "Id"), ["2"]);
            desk.pass(600);
            assert_eq!(desk.column("south", "showtask", "Status"), ["done"; 2]);
            let seconds = desk.world.arrays["south"].tasks[1].finished.unwrap()
                - desk.world.arrays["south"].tasks[1].started;
            assert_eq!(
                seconds, 4,
                "when the copy was complete, not when time passed"
            );
        }
        assert_eq!(copies(&desk)[0], ("south", "north"));
        desk.pass(5);
        assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
    }
}

#[test]
fn nostart_and_nosnap() {
    let mut desk = stopped(V331);
    desk.ask("south", "setrcopygroup failover -f -nosnap g1.r4101");
    desk.pass(1);
    desk.ask("south", "setrcopygroup recover -f -nostart g1.r4101");
    desk.pass(1);
    assert_eq!(
        both(&mut desk),
        "Stopped Secondary-Rev | Stopped Primary-Rev"
    );
    assert_eq!(desk.ask("south", "startrcopygroup g1.r4101").status, 0);
    desk.pass(4);
    assert_eq!(
        state(&mut desk, "south", SOUTH).2,
        ["Syncing (80%)"],
        "everything again"
    );
    desk.pass(60);
    desk.ask("south", "setrcopygroup restore -f -nostart g1.r4101");
    desk.pass(1);
    assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
}

#[test]
fn auto_synchronize_does_it_by_itself() {
    for (release, drops, roles) in [
        (V331, false, "Started Secondary-Rev | Started Primary-Rev"),
        (V331, true, "Started Secondary | Started Primary"),
        (V1050, false, "Started Secondary | Started Primary"),
    ] {
        let mut desk = synced(release);
        if drops {
            for array in ["north", "south"] {
                let switches = &mut desk.array(array).switches;
                switches.insert("auto_synchronize_drops_rev".into(), true);
            }
        }
        desk.quiet(&["setrcopygroup pol auto_synchronize g1"]);
        let answer = desk.ask("south", "setrcopygroup failover -f g1.r4101");
        assert_eq!(answer.status, 0, "it need not be stopped: {answer:?}");
        desk.pass(1);
        assert_eq!(
            both(&mut desk),
            "Starting Secondary-Rev | Starting Primary-Rev",
            "mirrored at once"
        );
        assert_eq!(copies(&desk), [("north", "south")], "by the stop");
        assert!(
            desk.refused("south", "setrcopygroup recover -f g1.r4101")
                .contains("is not stopped")
        );
        desk.pass(10);
        assert_eq!(both(&mut desk), roles);
        assert_eq!(copies(&desk)[1], ("south", "north"));
        if !roles.contains("Rev") {
            assert!(
                desk.refused("south", "setrcopygroup restore -f g1.r4101")
                    .contains("the role of group g1.r4101 was not previously switched")
            );
            // The way home is the same move from the other side.
            desk.ask("south", "stoprcopygroup -f g1.r4101");
            desk.ask("north", "setrcopygroup failover -f g1");
            desk.pass(20);
            assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
        }
    }
}

#[test]
fn a_primary_that_died_is_primary_when_it_is_back() {
    for synchronizes in [false, true] {
        let mut desk = synced(V331);
        desk.quiet(&["setrcopygroup pol auto_recover g1"]);
        if synchronizes {
            desk.quiet(&["setrcopygroup pol auto_synchronize g1"]);
        }
        desk.array("north").up = false;
        desk.pass(5);
        let answer = desk.ask("south", "setrcopygroup failover -f g1.r4101");
        assert_eq!(answer.status, 0, "{answer:?}");
        desk.pass(1);
        assert_eq!(
            state(&mut desk, "south", SOUTH),
            triple("Stopped", "Primary-Rev", &["Stopped"])
        );
        for line in [
            "setrcopygroup recover -f g1.r4101",
            "setrcopygroup restore -f g1.r4101",
        ] {
            let said = desk.refused("south", line);
            assert!(
                said.contains("Target to_north is not up and ready"),
                "{said}"
            );
        }
        desk.array("north").up = true;
        desk.pass(0);
        if synchronizes {
            assert_eq!(
                both(&mut desk),
                "Starting Secondary-Rev | Starting Primary-Rev"
            );
            continue;
        }
        desk.pass(3600);
        assert_eq!(
            both(&mut desk),
            "Stopped Primary | Stopped Primary-Rev",
            "auto_recover does not start it"
        );
        for (array, line, words) in [
            ("north", "startrcopygroup g1", "conflict"),
            ("south", "startrcopygroup g1.r4101", "conflict"),
            ("north", "dismissrcopyvv -f v1 g1", "in failover state"),
            ("north", "removercopygroup -f g1", "in failover state"),
            ("south", "removercopygroup -f g1.r4101", "in failover state"),
            (
                "north",
                "setrcopygroup recover -f g1",
                "was not previously switched",
            ),
            (
                "north",
                "setrcopygroup failover -f g1",
                "only on the secondary side",
            ),
        ] {
            let said = desk.refused(array, line);
            assert!(said.contains(words), "{line}: {said}");
        }
        desk.quiet(&["createvv -tpvv -snp_cpg fast fast v2 1g"]);
        assert!(
            desk.refused("north", "admitrcopyvv -createvv v2 g1 to_south:v2")
                .contains("in failover state")
        );
        desk.quiet(&["setrcopygroup pol no_auto_recover g1"]);
        assert!(
            desk.array("south").groups[SOUTH].has_policy("auto_recover"),
            "two primaries mirror nothing to each other"
        );
        desk.ask("south", "setrcopygroup recover -f g1.r4101");
        desk.pass(30);
        assert_eq!(
            both(&mut desk),
            "Started Secondary-Rev | Started Primary-Rev"
        );
    }
}

#[test]
fn a_failure_on_the_way_back_stops_both_sides() {
    let mut desk = failed_over(V331);
    desk.ask("south", "setrcopygroup restore -f g1.r4101");
    desk.pass(2);
    desk.array("north").targets[0]
        .links
        .iter_mut()
        .for_each(|link| link.up = false);
    desk.array("south").targets[0]
        .links
        .iter_mut()
        .for_each(|link| link.up = false);
    desk.pass(60);
    assert_eq!(
        both(&mut desk),
        "Stopped Secondary-Rev | Stopped Primary-Rev"
    );
    assert_eq!(
        desk.column("south", "showtask", "Status"),
        ["done", "failed"]
    );
    let detail = desk.ask("south", "showtask -d 2").stdout;
    assert!(detail.contains("Failed to switch target group"), "{detail}");
    assert!(copies(&desk).is_empty());
}

#[test]
fn an_operation_dies_with_its_array() {
    let mut desk = stopped(V331);
    desk.ask("south", "setrcopygroup failover -f g1.r4101");
    desk.array("south").up = false;
    desk.pass(60);
    desk.array("south").up = true;
    assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
    assert_eq!(desk.column("south", "showtask", "Status"), ["failed"]);
}

#[test]
fn volumes_come_and_go_from_whichever_side_sends() {
    for release in RELEASES {
        let mut desk = recovered(release);
        desk.ask("south", "stoprcopygroup -f g1.r4101");
        let snp = if release == V1050 {
            ""
        } else {
            "-snp_cpg slow"
        };
        desk.ask("south", &format!("createvv -tpvv {snp} slow v2 1g"));
        let admit = "admitrcopyvv -createvv v2 g1.r4101 to_north:v2";
        assert_eq!(desk.ask("south", admit).stderr, "");
        assert_eq!(
            desk.column("north", "showrcopy groups g1", "LocalVV"),
            ["v1", "v2"]
        );
        assert_eq!(desk.array("north").vvs["v2"].cpg, "fast");
        assert!(
            desk.refused("north", "dismissrcopyvv -f v2 g1")
                .contains("only on the primary side")
        );
        desk.ask("south", "startrcopygroup g1.r4101");
        desk.pass(60);
        desk.ask("south", "stoprcopygroup -f g1.r4101");
        let gone = desk.ask("south", "dismissrcopyvv -f -removevv v2 g1.r4101");
        assert_eq!(
            gone.stdout,
            "Volume v2 has been dismissed from group g1.r4101.\n"
        );
        assert!(!desk.array("north").vvs.contains_key("v2"));
        // A group that is made here is named after this array there.
        assert_eq!(
            desk.ask("south", "creatercopygroup g2 to_north:sync")
                .stderr,
            ""
        );
        assert!(desk.array("north").groups.contains_key("g2.r4102"));
    }
}

#[test]
fn periodic_groups_send_what_is_left_before_they_go_home() {
    for option in ["", "-waittask"] {
        let mut desk = Desk::new(V331);
        periodic(&mut desk);
        desk.quiet(&["startrcopygroup per"]);
        desk.pass(60);
        desk.array("north").up = false;
        desk.pass(60);
        desk.world.agreements.clear();
        desk.ask("south", "setrcopygroup failover -f per.r4101");
        desk.pass(1);
        desk.array("north").up = true;
        if option.is_empty() {
            desk.ask("south", "setrcopygroup recover -f per.r4101");
            desk.pass(60);
            assert_eq!(copies(&desk), [("south", "north")]);
        }
        let line = format!("setrcopygroup restore -f {option} per.r4101");
        assert_eq!(desk.ask("south", &line).status, 0);
        desk.pass(60);
        assert_eq!(
            state(&mut desk, "north", "per"),
            triple("Started", "Primary", &["Synced"])
        );
        assert_eq!(
            copies(&desk),
            [("south", "north"), ("south", "north"), ("north", "south")]
        );
    }
}

#[test]
fn operations_ask_and_refuse() {
    let mut desk = synced(V331);
    let no_vv = "creatercopygroup empty to_south:sync";
    desk.quiet(&[no_vv]);
    for (array, line, words) in [
        (
            "south",
            "setrcopygroup failover -f g1.r4101",
            "is not stopped",
        ),
        (
            "south",
            "setrcopygroup failover -f none",
            "does not exist on the system",
        ),
        ("south", "setrcopygroup failover -f", "SYNTAX"),
        (
            "south",
            "setrcopygroup failover -f -t other g1.r4101",
            "not a target",
        ),
        (
            "south",
            "setrcopygroup failover -f empty.r4101",
            "contains no volumes",
        ),
        (
            "south",
            "setrcopygroup failover -f -local g1.r4101",
            "SYNTAX",
        ),
        (
            "north",
            "setrcopygroup failover -f g1",
            "only on the secondary side",
        ),
        (
            "south",
            "setrcopygroup recover -f g1.r4101",
            "only on the primary side",
        ),
        (
            "north",
            "setrcopygroup restore -f g1",
            "was not previously switched",
        ),
        ("north", "setrcopygroup reverse -f -local g1", "SYNTAX"),
        (
            "north",
            "setrcopygroup reverse -f -natural -current g1",
            "SYNTAX",
        ),
        (
            "north",
            "setrcopygroup override -f g1",
            "not in failsafe state",
        ),
    ] {
        let said = desk.refused(array, line);
        assert!(said.contains(words), "{line}: {said}");
    }
    desk.quiet(&["stoprcopygroup -f g1"]);
    let asked = desk
        .ask("south", "setrcopygroup failover g1.r4101")
        .question;
    assert!(asked.unwrap().ends_with("\nselect q=quit y=yes n=no: "));
    assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
    desk.yes("south", "setrcopygroup failover g1.r4101");
    assert!(
        desk.refused("south", "setrcopygroup failover -f g1.r4101")
            .contains("could be retried later"),
        "one at a time"
    );
    assert!(
        desk.refused("north", "startrcopygroup g1")
            .contains("could be retried later")
    );
    desk.pass(1);
    desk.ask("south", "setrcopygroup recover -f g1.r4101");
    desk.pass(60);
    let asked = desk.ask("south", "setrcopygroup restore g1.r4101").question;
    assert!(asked.unwrap().starts_with(
        "This command will cause all indicated groups to be returned to their natural direction"
    ));
    assert!(
        desk.refused("south", "setrcopygroup recover -f g1.r4101")
            .contains("is not stopped")
    );
    desk.ask("south", "stoprcopygroup -f g1.r4101");
    assert!(
        desk.refused("south", "setrcopygroup recover -f g1.r4101")
            .contains("conflict"),
        "it was recovered"
    );
}

#[test]
fn a_target_or_a_pattern_stands_for_its_groups() {
    for words in ["to_north", "-t to_north", "-pat g*"] {
        let mut desk = stopped(V331);
        desk.quiet(&[
            "createvv -tpvv -snp_cpg fast fast v2 1g",
            "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g2 to_south:sync",
            "admitrcopyvv -createvv v2 g2 to_south:v2",
        ]);
        let answer = desk.ask("south", &format!("setrcopygroup failover -f {words}"));
        assert_eq!(
            answer.stdout,
            "setrcopygroup for failover g1.r4101\nsetrcopygroup for failover g2.r4101\nfailover started with tasks: 1, 2\n"
        );
        desk.pass(1);
        for group in ["g1.r4101", "g2.r4101"] {
            assert_eq!(state(&mut desk, "south", group).1, "Primary-Rev");
        }
    }
}
