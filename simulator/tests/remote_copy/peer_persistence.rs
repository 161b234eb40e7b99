//! Groups that hosts reach on both arrays.

use crate::pair::{Desk, WWPN};
use crate::{admitted, in_each};
use hpe3par_sim::remote_copy::peer_persistence::in_one;
use hpe3par_sim::state::Release::V1050;

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
