//! Reverse and switchover.

use crate::{RELEASES, SOUTH, both, copies, failed_over, state, stopped, synced};
use hpe3par_sim::state::Release::V331;

#[test]
fn reverse_turns_what_it_is_told_to() {
    for (option, roles) in [
        ("", "Secondary | Primary"),
        ("-natural", "Primary-Rev | Secondary-Rev"),
        ("-current", "Secondary-Rev | Primary-Rev"),
    ] {
        for array in ["north", "south"] {
            let mut desk = stopped(V331);
            let group = if array == "north" { "g1" } else { SOUTH };
            let answer = desk.ask(
                array,
                &format!("setrcopygroup reverse -f -waittask {option} {group}"),
            );
            assert_eq!(
                answer.stdout,
                format!(
                    "setrcopygroup for reverse {group}\nreverse started with tasks: {0}\nWaiting for tasks to complete\nTask {0} done\n",
                    if array == "north" { 2 } else { 1 }
                )
            );
            let both = both(&mut desk).replace("Stopped ", "");
            assert_eq!(both, roles, "{option} on {array}");
        }
    }
}

#[test]
fn reverse_needs_a_stopped_group_or_stops_it() {
    let mut desk = synced(V331);
    for option in ["", "-current"] {
        assert!(
            desk.refused("north", &format!("setrcopygroup reverse -f {option} g1"))
                .contains("is not stopped")
        );
    }
    desk.ask("north", "setrcopygroup reverse -f -natural -waittask g1");
    assert_eq!(
        both(&mut desk),
        "Started Primary-Rev | Started Secondary-Rev",
        "only words change"
    );
    desk.ask("north", "setrcopygroup reverse -f -natural -waittask g1");
    desk.ask(
        "south",
        "setrcopygroup reverse -f -stopgroups -waittask g1.r4101",
    );
    assert_eq!(both(&mut desk), "Stopped Secondary | Stopped Primary");
    assert_eq!(
        copies(&desk),
        [("north", "south")],
        "the stop sent the last"
    );
    assert_eq!(desk.ask("south", "startrcopygroup g1.r4101").status, 0);
    desk.pass(3);
    assert_eq!(copies(&desk)[1], ("south", "north"), "differences only");
}

#[test]
fn reverse_on_one_side_throws_away_what_was_written_there() {
    let mut desk = failed_over(V331);
    desk.ask(
        "south",
        "setrcopygroup reverse -f -local -current -waittask g1.r4101",
    );
    assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(60);
    assert_eq!(copies(&desk), [("north", "south")]);
    assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
}

#[test]
fn reverse_of_both_sides_fails_as_a_task_where_it_cannot_be() {
    let mut desk = failed_over(V331);
    let answer = desk.ask("south", "setrcopygroup reverse -f -waittask g1.r4101");
    assert_eq!(answer.status, 1);
    assert!(answer.stdout.ends_with("Task 2 failed\n"), "{answer:?}");
    assert_eq!(both(&mut desk), "Stopped Primary | Stopped Primary-Rev");
}

#[test]
fn switchover_changes_places_without_a_stop() {
    for (keeps, roles) in [
        (false, "Started Secondary | Started Primary"),
        (true, "Started Secondary-Rev | Started Primary-Rev"),
    ] {
        for release in RELEASES {
            let mut desk = synced(release);
            assert!(
                desk.refused("north", "setrcopygroup switchover -f g1")
                    .contains("path_management")
            );
            desk.quiet(&["setrcopygroup pol path_management g1"]);
            assert!(
                desk.refused("south", "setrcopygroup switchover -f g1.r4101")
                    .contains("only on the primary side")
            );
            desk.array("north")
                .switches
                .insert("switchover_keeps_natural".into(), keeps);
            let answer = desk.ask("north", "setrcopygroup switchover -f g1");
            assert_eq!(
                answer.stdout,
                "setrcopygroup for switchover g1\nswitchover started with tasks: 2\n"
            );
            desk.pass(1);
            assert_eq!(both(&mut desk), roles);
            assert_eq!(state(&mut desk, "south", SOUTH).2, ["Synced"]);
            assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"]);
        }
    }
}

#[test]
fn switchover_needs_equal_copies_under_one_wwn() {
    let mut desk = synced(V331);
    desk.quiet(&[
        "setrcopygroup pol path_management g1",
        "stoprcopygroup -f g1",
    ]);
    assert_eq!(
        desk.refused("north", "setrcopygroup switchover -f g1"),
        "Group isn't started\n"
    );
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(2);
    assert!(
        desk.refused("north", "setrcopygroup switchover -f g1")
            .contains("Not all volumes of group g1 are synced")
    );
    desk.pass(60);
    // Only out of its group it gets another one.
    assert!(
        desk.refused("south", "setvv -wwn auto v1")
            .contains("admitted to a remote copy group")
    );
    desk.quiet(&["stoprcopygroup -f g1"]);
    desk.ask("north", "dismissrcopyvv -f v1 g1");
    desk.ask("south", "setvv -wwn auto v1");
    desk.quiet(&["admitrcopyvv v1 g1 to_south:v1", "startrcopygroup g1"]);
    desk.pass(60);
    assert!(
        desk.refused("north", "setrcopygroup switchover -f g1")
            .contains("another WWN")
    );
}
