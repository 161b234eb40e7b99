//! Which paths `showvlun -a` shows on both arrays while a group goes there and back.

use crate::pair::{Desk, WWPN};
use crate::{admitted, in_each, set_links};
use hpe3par_sim::state::Release;

/// Started, exported on both arrays to a host that is logged in to both, and to one that is logged in nowhere.
fn exported(release: Release, policies: &[&str]) -> Desk {
    let mut desk = admitted(release);
    for policy in policies {
        desk.quiet(&[&format!("setrcopygroup pol {policy} g1")]);
    }
    for array in ["north", "south"] {
        desk.ask(array, &format!("createhost h {WWPN}"));
        // On 10.x the ports of the node that does not own a volume are `nonopt`; this one does.
        let owner = desk.array(array).vvs["v1"].id % 2;
        let port = format!("{owner}:1:1");
        desk.array(array).logins.insert(WWPN.into(), vec![port]);
        assert_eq!(desk.ask(array, "createvlun v1 1 h").status, 0);
        desk.ask(array, "createhost away 2100001B32000009");
        assert_eq!(desk.ask(array, "createvlun -f v1 2 away").status, 0);
    }
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(60);
    desk
}

/// (host, status) of the active paths on an array.
fn paths(desk: &mut Desk, array: &str) -> Vec<(String, String)> {
    if desk.ask(array, "showvlun -a").stdout == "no vluns listed\n" {
        return Vec::new();
    }
    let hosts = desk.column(array, "showvlun -a", "HostName");
    let statuses = desk.column(array, "showvlun -a", "Status");
    hosts.into_iter().zip(statuses).collect()
}

#[track_caller]
fn assert_paths(desk: &mut Desk, north: &str, south: &str, when: &str) {
    for (array, status) in [("north", north), ("south", south)] {
        let one = ("h".to_owned(), status.to_owned());
        assert_eq!(paths(desk, array), [one], "{when}: {array}");
        assert_eq!(
            desk.column(array, "showvlun -t", "HostName"),
            ["h", "away"],
            "{when}: {array}"
        );
    }
}

#[test]
fn each_side_of_a_group_that_is_served_on_one_has_active_paths() {
    in_each(|release| {
        let mut desk = exported(release, &[]);
        let both_active = |desk: &mut Desk, when| assert_paths(desk, "active", "active", when);
        both_active(&mut desk, "at home");
        desk.quiet(&["stoprcopygroup -f g1"]);
        for what in ["failover", "recover", "restore"] {
            desk.ask("south", &format!("setrcopygroup {what} -f g1.r4101"));
            desk.pass(60);
            both_active(&mut desk, what);
        }
        desk.array("north").logins.clear();
        assert!(paths(&mut desk, "north").is_empty(), "templates alone");
        assert_eq!(paths(&mut desk, "south").len(), 1);
    });
}

#[test]
fn paths_of_peer_persistence_go_over_with_the_role() {
    in_each(|release| {
        let mut desk = exported(release, &["path_management"]);
        assert_paths(&mut desk, "active", "standby", "at home");
        desk.ask("north", "setrcopygroup switchover -f g1");
        desk.pass(60);
        assert_paths(&mut desk, "standby", "active", "switched over");
        desk.ask("south", "setrcopygroup switchover -f g1.r4101");
        desk.pass(60);
        assert_paths(&mut desk, "active", "standby", "switched back");

        desk.array("north").up = false;
        desk.pass(5);
        assert_eq!(
            paths(&mut desk, "south")[0].1,
            "standby",
            "nobody took over yet"
        );
        desk.ask("south", "setrcopygroup failover -f g1.r4101");
        desk.pass(5);
        assert_eq!(paths(&mut desk, "south")[0].1, "active");
        desk.array("north").up = true;
        desk.ask("south", "setrcopygroup recover -f g1.r4101");
        desk.pass(60);
        assert_paths(&mut desk, "standby", "active", "recovered");
        set_links(&mut desk, false);
        assert_paths(&mut desk, "standby", "active", "interrupted");
        set_links(&mut desk, true);
        desk.ask("south", "startrcopygroup g1.r4101");
        desk.pass(60);
        desk.ask("south", "setrcopygroup restore -f g1.r4101");
        desk.pass(60);
        assert_paths(&mut desk, "active", "standby", "restored");
    });
}
