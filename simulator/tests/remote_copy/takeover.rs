//! Peer Persistence: a secondary that takes over by itself, and a primary that must not serve beside it.

use crate::pair::Desk;
use crate::{both, in_each, set_links, state, synced, triple};
use hpe3par_sim::state::Release::{self, V1050};

/// A synced group that fails over by itself, with a witness.
fn watched(release: Release) -> Desk {
    let mut desk = synced(release);
    for array in ["north", "south"] {
        desk.array(array).targets[0].witness = Some("198.51.100.9".into());
    }
    desk.quiet(&[
        "setrcopygroup pol auto_failover g1",
        "setrcopygroup pol path_management g1",
    ]);
    desk
}

fn lose_witness(desk: &mut Desk, array: &str) {
    let now = desk.now;
    desk.array(array).witness_lost = Some(now);
    desk.pass(0);
}

#[test]
fn the_secondary_takes_over_from_a_dead_primary() {
    in_each(|release| {
        let mut desk = watched(release);
        desk.array("north").up = false;
        desk.pass(0);
        desk.pass(9);
        assert_eq!(state(&mut desk, "south", "g1.r4101").1, "Secondary");
        desk.pass(1);
        assert_eq!(
            state(&mut desk, "south", "g1.r4101"),
            triple("Stopped", "Primary-Rev", &["Stopped"])
        );
        assert_eq!(
            desk.column("south", "showtask", "Type"),
            ["remote_copy_failover"]
        );
        desk.array("north").up = true;
        desk.pass(60);
        assert_eq!(both(&mut desk), "Failsafe Primary | Stopped Primary-Rev");
    });
}

/// A person's failover has not happened yet when the array's own does: one of them is done, and none goes on for ever.
#[test]
fn a_failover_that_is_overtaken_ends() {
    in_each(|release| {
        let mut desk = watched(release);
        desk.array("north").up = false;
        desk.pass(0);
        desk.pass(9);
        desk.ask("south", "setrcopygroup failover -f g1.r4101");
        desk.pass(30);
        let state = state(&mut desk, "south", "g1.r4101");
        assert_eq!(state, triple("Stopped", "Primary-Rev", &["Stopped"]));
        let mut ends = desk.column("south", "showtask", "Status");
        ends.sort();
        assert_eq!(ends, ["done", "failed"]);
    });
}

#[test]
fn a_primary_without_links_and_witness_goes_into_failsafe() {
    in_each(|release| {
        for links_first in [true, false] {
            let mut desk = watched(release);
            if links_first {
                set_links(&mut desk, false);
                desk.pass(3);
                lose_witness(&mut desk, "north");
            } else {
                lose_witness(&mut desk, "north");
                desk.pass(3);
                set_links(&mut desk, false);
            }
            desk.pass(30);
            assert_eq!(both(&mut desk), "Failsafe Primary | Stopped Primary-Rev");
            set_links(&mut desk, true);
            desk.array("north").witness_lost = None;
            desk.pass(60);
            assert_eq!(both(&mut desk), "Failsafe Primary | Stopped Primary-Rev");
            assert!(
                desk.refused("north", "startrcopygroup g1")
                    .contains("failsafe")
            );
            assert_eq!(
                desk.ask("north", "setrcopygroup override -f -waittask g1")
                    .status,
                0
            );
            assert_eq!(both(&mut desk), "Stopped Primary | Stopped Primary-Rev");
            desk.ask("south", "setrcopygroup restore -f g1.r4101");
            desk.pass(60);
            assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
        }
    });
}

#[test]
fn a_failsafe_primary_is_recovered() {
    in_each(|release| {
        let mut desk = watched(release);
        desk.quiet(&["setrcopygroup pol auto_synchronize g1"]);
        set_links(&mut desk, false);
        lose_witness(&mut desk, "north");
        desk.pass(30);
        assert_eq!(both(&mut desk), "Failsafe Primary | Stopped Primary-Rev");
        set_links(&mut desk, true);
        desk.pass(30);
        let roles_after = if release == V1050 {
            "Started Secondary | Started Primary"
        } else {
            "Started Secondary-Rev | Started Primary-Rev"
        };
        assert_eq!(both(&mut desk), roles_after);
    });
}

#[test]
fn nobody_takes_over_without_a_reason() {
    in_each(|release| {
        type Happening = fn(&mut Desk);
        let happenings: [(&str, Happening); 9] = [
            ("links down, both see the witness", |desk| {
                set_links(desk, false);
            }),
            ("the secondary is isolated", |desk| {
                set_links(desk, false);
                lose_witness(desk, "south");
            }),
            ("the witness is lost, links later", |desk| {
                lose_witness(desk, "north");
                desk.pass(60);
                set_links(desk, false);
            }),
            ("links down, the primary dies later", |desk| {
                set_links(desk, false);
                desk.pass(60);
                desk.array("north").up = false;
            }),
            ("the secondary does not see the witness", |desk| {
                lose_witness(desk, "south");
                desk.array("north").up = false;
            }),
            ("no witness is configured", |desk| {
                desk.array("south").targets[0].witness = None;
                desk.array("north").up = false;
            }),
            ("no policy", |desk| {
                desk.quiet(&["setrcopygroup pol no_auto_failover g1"]);
                desk.array("north").up = false;
            }),
            ("the volumes were not equal", |desk| {
                desk.quiet(&["stoprcopygroup -f g1", "startrcopygroup g1"]);
                desk.pass(1);
                desk.array("north").up = false;
            }),
            ("a person had stopped it", |desk| {
                desk.quiet(&["stoprcopygroup -f g1"]);
                desk.array("north").up = false;
            }),
        ];
        for (what, happen) in happenings {
            let mut desk = watched(release);
            happen(&mut desk);
            desk.pass(60);
            desk.pass(60);
            assert_eq!(state(&mut desk, "south", "g1.r4101").1, "Secondary");
            desk.array("north").up = true;
            set_links(&mut desk, true);
            assert_eq!(
                both(&mut desk),
                "Stopped Primary | Stopped Secondary",
                "{what}"
            );
        }
        let mut desk = watched(release);
        lose_witness(&mut desk, "north");
        desk.pass(60);
        assert_eq!(
            both(&mut desk),
            "Started Primary | Started Secondary",
            "the witness alone"
        );
    });
}

#[test]
fn auto_failover_ext_takes_over_after_a_rolling_failure() {
    let mut desk = watched(V1050);
    desk.quiet(&["setrcopygroup pol auto_failover_ext g1"]);
    lose_witness(&mut desk, "north");
    assert_eq!(
        desk.column("north", "showrcopy -qw targets", "Q-Status-Qual"),
        ["failed"]
    );
    desk.pass(600);
    set_links(&mut desk, false);
    desk.pass(30);
    assert_eq!(both(&mut desk), "Failsafe Primary | Stopped Primary-Rev");
}

#[test]
fn links_that_are_back_in_time_change_nothing() {
    in_each(|release| {
        let mut desk = watched(release);
        desk.quiet(&["setrcopygroup pol auto_recover g1"]);
        set_links(&mut desk, false);
        lose_witness(&mut desk, "north");
        desk.pass(5);
        set_links(&mut desk, true);
        desk.pass(60);
        assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
    });
}

#[test]
fn a_secondary_that_was_down_does_not_take_over() {
    let mut desk = watched(V1050);
    desk.array("south").up = false;
    desk.pass(0);
    desk.pass(3);
    desk.array("north").up = false;
    desk.array("south").up = true;
    desk.pass(60);
    assert_eq!(
        state(&mut desk, "south", "g1.r4101"),
        triple("Stopped", "Secondary", &["Stopped"])
    );
}

/// What may have happened while the primary was off: (what, commands in the south, roles when both see each other again).
const WHILE_OFF: [(&str, &[&str], &str); 2] = [
    (
        "nobody took over",
        &[],
        "Stopped Primary | Stopped Secondary",
    ),
    (
        "a person failed over",
        &["setrcopygroup failover -f -waittask g1.r4101"],
        "Failsafe Primary | Stopped Primary-Rev",
    ),
];

#[test]
fn a_primary_that_comes_back_serves_only_if_nobody_took_over() {
    in_each(|release| {
        for cut in [false, true] {
            for (what, lines, roles) in WHILE_OFF {
                let mut desk = synced(release);
                desk.quiet(&["setrcopygroup pol path_management g1"]);
                desk.array("north").up = false;
                desk.pass(60);
                for line in lines {
                    assert_eq!(desk.ask("south", line).status, 0);
                }
                if cut {
                    set_links(&mut desk, false);
                    desk.array("north").up = true;
                    desk.pass(60);
                    let (status, role, _) = state(&mut desk, "north", "g1");
                    assert_eq!((&*status, &*role), ("Failsafe", "Primary"), "{what}");
                    set_links(&mut desk, true);
                } else {
                    desk.array("north").up = true;
                }
                desk.pass(60);
                assert_eq!(both(&mut desk), roles, "{what}, links cut: {cut}");
            }
        }
    });
}

#[test]
fn a_primary_that_comes_back_in_failsafe_is_recovered_restored_or_overridden() {
    in_each(|release| {
        for (array, line, roles) in [
            (
                "south",
                "setrcopygroup recover -f g1.r4101",
                "Started Secondary-Rev | Started Primary-Rev",
            ),
            (
                "south",
                "setrcopygroup restore -f g1.r4101",
                "Started Primary | Started Secondary",
            ),
            (
                "north",
                "setrcopygroup override -f g1",
                "Stopped Primary | Stopped Primary-Rev",
            ),
            (
                "north",
                "setrcopygroup reverse -f -local -current g1",
                "Stopped Secondary-Rev | Stopped Primary-Rev",
            ),
        ] {
            let mut desk = watched(release);
            desk.array("north").up = false;
            desk.pass(0);
            desk.pass(30);
            desk.array("north").up = true;
            desk.pass(0);
            assert_eq!(both(&mut desk), "Failsafe Primary | Stopped Primary-Rev");
            assert_eq!(desk.ask(array, line).status, 0, "{line}");
            desk.pass(60);
            assert_eq!(both(&mut desk), roles, "{line}");
        }
    });
}

#[test]
fn an_isolated_primary_serves_again_when_it_sees_that_nobody_took_over() {
    in_each(|release| {
        for recovers in [false, true] {
            let mut desk = watched(release);
            if recovers {
                desk.quiet(&["setrcopygroup pol auto_recover g1"]);
            }
            lose_witness(&mut desk, "south");
            lose_witness(&mut desk, "north");
            set_links(&mut desk, false);
            desk.pass(30);
            assert_eq!(both(&mut desk), "Failsafe Primary | Stopped Secondary");
            set_links(&mut desk, true);
            desk.pass(60);
            let status = if recovers { "Started" } else { "Stopped" };
            assert_eq!(
                both(&mut desk),
                format!("{status} Primary | {status} Secondary")
            );
        }
    });
}

#[test]
fn a_group_that_is_served_on_one_side_knows_no_failsafe() {
    in_each(|release| {
        let mut desk = synced(release);
        desk.array("north").up = false;
        desk.pass(5);
        set_links(&mut desk, false);
        desk.array("north").up = true;
        desk.pass(5);
        assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
    });
}

#[test]
fn an_override_is_the_last_word() {
    in_each(|release| {
        let mut desk = watched(release);
        set_links(&mut desk, false);
        desk.array("north").up = false;
        desk.pass(30);
        desk.array("north").up = true;
        desk.pass(30);
        assert_eq!(state(&mut desk, "north", "g1").0, "Failsafe");
        desk.ask("north", "setrcopygroup override -f g1");
        desk.pass(30);
        assert_eq!(state(&mut desk, "north", "g1").0, "Stopped");
        set_links(&mut desk, true);
        desk.pass(30);
        assert_eq!(both(&mut desk), "Stopped Primary | Stopped Primary-Rev");
    });
}
