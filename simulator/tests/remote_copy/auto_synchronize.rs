//! The policy `auto_synchronize`: after a failover the arrays turn the group round by themselves.

use crate::{SOUTH, both, copies, set_links, state, synced};
use hpe3par_sim::state::Release::{V331, V1050};

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
fn a_restore_ends_what_the_policy_had_begun() {
    let mut desk = synced(V1050);
    desk.array("north")
        .switches
        .insert("switchover_keeps_natural".into(), true);
    desk.quiet(&[
        "setrcopygroup pol auto_synchronize g1",
        "setrcopygroup pol path_management g1",
    ]);
    desk.ask("south", "setrcopygroup failover -f g1.r4101");
    desk.pass(2);
    desk.ask("south", "setrcopygroup restore -f g1.r4101");
    desk.pass(60);
    assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
    desk.ask("north", "setrcopygroup switchover -f g1");
    desk.pass(60);
    assert_eq!(
        both(&mut desk),
        "Started Secondary-Rev | Started Primary-Rev",
        "that was no failover"
    );
}

#[test]
fn a_failover_may_leave_the_copy_back_for_later() {
    for (option, roles, sync) in [
        (
            "-nostart",
            "Stopped Secondary-Rev | Stopped Primary-Rev",
            "Stopped",
        ),
        ("-nosync", "Started Secondary | Started Primary", "Synced"),
    ] {
        let mut desk = synced(V1050);
        desk.quiet(&["setrcopygroup pol auto_synchronize g1"]);
        desk.ask(
            "south",
            &format!("setrcopygroup failover -f {option} g1.r4101"),
        );
        desk.pass(600);
        assert_eq!(both(&mut desk), roles, "{option}");
        assert_eq!(state(&mut desk, "south", SOUTH).2, [sync]);
        assert_eq!(copies(&desk), [("north", "south")], "nothing came back");
        if option == "-nostart" {
            desk.ask("south", "startrcopygroup g1.r4101");
            desk.pass(60);
            assert_eq!(both(&mut desk), "Started Secondary | Started Primary");
            assert_eq!(copies(&desk)[1], ("south", "north"));
        }
    }
}

#[test]
fn a_copy_back_that_was_interrupted_is_begun_again_by_a_person_and_ends_as_it_would_have() {
    for line in [
        "startrcopygroup g1.r4101",
        "setrcopygroup recover -f g1.r4101",
    ] {
        let mut desk = synced(V1050);
        desk.quiet(&["setrcopygroup pol auto_synchronize g1"]);
        desk.ask("south", "setrcopygroup failover -f g1.r4101");
        desk.pass(3);
        assert_eq!(state(&mut desk, "south", SOUTH).2, ["Syncing (66%)"]);
        set_links(&mut desk, false);
        desk.pass(60);
        set_links(&mut desk, true);
        desk.pass(60);
        assert_eq!(
            both(&mut desk),
            "Stopped Secondary-Rev | Stopped Primary-Rev"
        );
        assert_eq!(desk.ask("south", line).status, 0, "{line}");
        desk.pass(60);
        assert_eq!(
            both(&mut desk),
            "Started Secondary | Started Primary",
            "{line}"
        );
    }
}
