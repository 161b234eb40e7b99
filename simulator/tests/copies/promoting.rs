//! Snapshots that are put back.

use hpe3par_sim::state::Release;

use crate::pair::Desk;
use crate::{all_refused, desk, in_each, state};

fn replicated(release: Release) -> Desk {
    let mut desk = desk(release);
    desk.prepare(&[
        "createsv -ro noon db",
        "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g1 to_south:sync",
        "admitrcopyvv -createvv db g1 to_south:db",
        "startrcopygroup g1",
    ]);
    desk.pass(60);
    desk
}

#[test]
fn a_snapshot_goes_back_as_a_task() {
    in_each(|release| {
        let mut desk = desk(release);
        desk.quiet(&[
            "createsv -ro noon db",
            "createhost -persona 2 web 2100001B32000009",
        ]);
        all_refused(
            &mut desk,
            &[
                ("promotesv", "SYNTAX"),
                ("promotesv none", "VV none not found"),
                ("promotesv db", "Error: Base volume may not be promoted"),
                ("promotesv -target copy noon", "copy is no parent of noon"),
            ],
        );
        desk.ask("north", "createvlun db 1 web");
        all_refused(&mut desk, &[("promotesv noon", "db has exports defined")]);
        desk.ask("north", "removevlun -f db 1 web");
        let answer = desk.ask("north", "promotesv noon");
        assert_eq!(
            answer.stdout,
            "Task 1 has been started to promote virtual copy noon\n"
        );
        assert_eq!(state(&mut desk, "db"), "base promoting");
        all_refused(
            &mut desk,
            &[
                ("promotesv noon", "A promote is in progress to vv db"),
                ("createvlun db 1 web", "A promote is in progress"),
                ("growvv db 1g", "A promote is in progress"),
                ("createvvcopy -p db copy", "A promote is in progress"),
            ],
        );
        assert_eq!(desk.ask("north", "removevv -f noon").status, 1);
        desk.pass(8);
        assert_eq!(state(&mut desk, "db"), "base normal");
        assert_eq!(desk.column("north", "showtask", "Type"), ["promote_sv"]);
        assert_eq!(desk.column("north", "showtask", "Status"), ["done"]);
        desk.quiet(&["growvv db 1g"]);
        all_refused(&mut desk, &[("promotesv noon", "has increased")]);
    });
}

#[test]
fn on_line_hosts_may_keep_it() {
    in_each(|release| {
        let mut desk = desk(release);
        desk.quiet(&[
            "createsv -ro noon db",
            "createhost -persona 2 web 2100001B32000009",
        ]);
        desk.ask("north", "createvlun db 1 web");
        assert_eq!(desk.ask("north", "promotesv -online noon").status, 0);
    });
}

#[test]
fn in_a_group_it_needs_rcp_and_a_stopped_group_which_then_waits() {
    in_each(|release| {
        let mut desk = replicated(release);
        all_refused(
            &mut desk,
            &[
                ("promotesv noon", "is in remote copy group g1"),
                (
                    "promotesv -rcp noon",
                    "is in the started remote copy group g1",
                ),
            ],
        );
        desk.quiet(&["stoprcopygroup -f g1"]);
        assert_eq!(desk.ask("north", "promotesv -rcp noon").status, 0);
        let said = desk.refused("north", "startrcopygroup g1");
        assert!(said.contains("vv db is currently being promoted"), "{said}");
        assert!(said.contains("could be retried later"), "{said}");
        let said = desk.refused("south", "setrcopygroup failover -f g1.r4101");
        assert!(said.contains("db is currently being promoted"), "{said}");
        desk.pass(8);
        desk.quiet(&["startrcopygroup g1"]);
    });
}

#[test]
fn a_group_in_which_it_failed_sends_what_there_is() {
    in_each(|release| {
        let mut desk = replicated(release);
        desk.array("north")
            .switches
            .insert("copies_fail".into(), true);
        desk.quiet(&["stoprcopygroup -f g1"]);
        assert_eq!(desk.ask("north", "promotesv -rcp noon").status, 0);
        desk.pass(8);
        assert_eq!(state(&mut desk, "db"), "base copy_failed");
        desk.quiet(&["startrcopygroup g1"]);
        // And it can be tried again, when the group is stopped.
        desk.array("north")
            .switches
            .insert("copies_fail".into(), false);
        desk.pass(60);
        desk.quiet(&["stoprcopygroup -f g1"]);
        assert_eq!(desk.ask("north", "promotesv -rcp noon").status, 0);
        desk.pass(8);
        assert_eq!(state(&mut desk, "db"), "base normal");
    });
}

#[test]
fn what_only_receives_is_not_put_back() {
    in_each(|release| {
        let mut desk = replicated(release);
        desk.quiet(&["stoprcopygroup -f g1"]);
        assert_eq!(desk.ask("south", "createsv -ro night db").stderr, "");
        let said = desk.refused("south", "promotesv -rcp night");
        assert!(
            said.contains("is a secondary of remote copy group"),
            "{said}"
        );
    });
}

#[test]
fn a_snapshot_does_not_expire_while_it_is_used() {
    in_each(|release| {
        let mut desk = desk(release);
        desk.quiet(&["createsv -ro -exp 1m noon db"]);
        desk.pass(58);
        assert_eq!(desk.ask("north", "promotesv -pri low noon").status, 0);
        desk.pass(10);
        assert!(desk.array("north").vvs.contains_key("noon"));
        desk.pass(6);
        assert!(!desk.array("north").vvs.contains_key("noon"));
    });
}
