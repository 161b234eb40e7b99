//! Groups that hosts reach on both arrays.

use crate::pair::{Desk, WWPN};
use crate::{admitted, both, in_each, set_links, state, synced, triple};
use hpe3par_sim::remote_copy::peer_persistence::in_one;
use hpe3par_sim::state::Release::{self, V1050};

#[test]
fn peer_persistence_paths_stand_by_on_the_secondary() {
    in_each(|release| {
        let mut desk = admitted(release);
        desk.quiet(&["setrcopygroup pol path_management g1"]);
        for array in ["north", "south"] {
            desk.ask(array, &format!("createhost h {WWPN}"));
            desk.array(array)
                .logins
                .insert(WWPN.into(), vec!["0:1:1".into()]);
        }
        // On 10.x the port is at the node that does not own the volume.
        let here = if release == V1050 { "nonopt" } else { "active" };
        for (array, status) in [("north", here), ("south", "standby")] {
            assert_eq!(desk.ask(array, "createvlun v1 1 h").status, 0);
            assert_eq!(desk.column(array, "showvlun -a", "Status"), [status]);
        }
    });
}

#[test]
fn both_sides_of_an_active_active_group_are_active_and_one() {
    let mut desk = admitted(V1050);
    desk.quiet(&["setrcopygroup pol path_management g1"]);
    desk.ask("south", &format!("createhost h {WWPN} ; createvlun v1 1 h"));
    desk.quiet(&["setrcopygroup pol active_active g1"]);
    desk.array("south")
        .logins
        .insert(WWPN.into(), vec!["0:1:1".into()]);
    assert_eq!(desk.column("south", "showvlun -a", "Status"), ["nonopt"]);
    desk.quiet(&["setrcopygroup pol no_path_management g1"]);
    assert!(in_one(&desk.world).is_empty());
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(60);
    assert_eq!(in_one(&desk.world).len(), 1);
    desk.quiet(&["setrcopygroup pol no_auto_recover g1"]);
    desk.array("north").vvs.get_mut("v1").unwrap().wwn = "another".into();
    assert!(in_one(&desk.world).is_empty(), "hosts see two volumes");
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

#[test]
fn active_active_groups_guard_themselves() {
    let mut desk = Desk::new(V1050);
    desk.quiet(&[
        "createvv -tpvv fast v1 1g",
        "creatercopygroup -usr_cpg fast to_south:fast g1 to_south:sync",
        "admitrcopyvv -createvv v1 g1 to_south:v1",
    ]);
    desk.ask("south", "createhost h ; createvlun v1 7 h");
    desk.quiet(&["setrcopygroup pol active_active g1"]);
    assert_eq!(
        desk.array("north").groups["g1"].policies.join(","),
        "auto_recover,auto_synchronize,active_active"
    );
    assert_eq!(
        desk.refused("south", "createvlun -f v1 8 h"),
        "Error: Volume v1 is from active-active group g1.r4101. Cannot export to host which is not admitted to the group.\n"
    );
    let id = desk.array("south").vvs["v1"].id;
    assert_eq!(
        desk.refused("north", "setrcopygroup pol no_active_active g1"),
        format!(
            "Error: Cannot remove active_active policy: Operation failed. Remote group g1.r4101 contains an exported Peer Persistence volume (Id={id}).  Please unexport geoclustered volumes, or remove from relevant groups and retry.\n"
        )
    );
    assert!(desk.refused("north", "removercopygroup -f g1").starts_with(
        "Volume v1 of group g1.r4101 is an Active-Active Peer Persistence volume. Please unexport the secondary volume"
    ));
    desk.quiet(&["startrcopygroup g1"]);
    assert_eq!(
        desk.ask("south", "stoprcopygroup -f -remote g1.r4101")
            .status,
        0
    );
    assert_eq!(desk.array("north").groups["g1"].status.word(), "Stopped");
}

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
        assert_eq!(both(&mut desk), "Stopped Primary | Stopped Primary-Rev");
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
            desk.array("north").up = true;
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
