//! Groups that hosts reach on both arrays.

use crate::admitted;
use crate::pair::{Desk, WWPN};
use hpe3par_sim::state::Release::V1050;

#[test]
fn peer_persistence_paths_stand_by_on_the_secondary() {
    let mut desk = admitted();
    desk.quiet(&["setrcopygroup pol path_management g1"]);
    for array in ["north", "south"] {
        desk.ask(array, &format!("createhost h {WWPN}"));
        desk.array(array)
            .logins
            .insert(WWPN.into(), vec!["0:1:1".into()]);
    }
    for (array, status) in [("north", "active"), ("south", "standby")] {
        assert_eq!(desk.ask(array, "createvlun v1 1 h").status, 0);
        assert_eq!(desk.column(array, "showvlun -a", "Status"), [status]);
    }
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
