//! What fails before, during and after a failover: the primary, the links, the array that carries an operation out.

use crate::pair::Desk;
use crate::{SOUTH, both, copies, failed_over, in_each, set_links, state, stopped, synced, triple};
use hpe3par_sim::state::Release::{self, V331};
use hpe3par_sim::state::Task;

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
    set_links(&mut desk, false);
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
fn a_former_primary_may_notice_the_failover_by_itself() {
    in_each(|release| {
        for line in [
            "setrcopygroup recover -f g1.r4101",
            "setrcopygroup restore -f g1.r4101",
            "startrcopygroup g1.r4101",
        ] {
            let mut desk = synced(release);
            for array in ["north", "south"] {
                let switches = &mut desk.array(array).switches;
                switches.insert("failover_noticed".into(), true);
            }
            desk.array("north").up = false;
            desk.pass(5);
            desk.ask("south", "setrcopygroup failover -f g1.r4101");
            desk.pass(5);
            assert_eq!(state(&mut desk, "north", "g1").1, "Primary", "it is off");
            desk.array("north").up = true;
            desk.pass(60);
            assert_eq!(
                both(&mut desk),
                "Stopped Secondary-Rev | Stopped Primary-Rev"
            );
            assert!(copies(&desk).is_empty());
            assert_eq!(desk.ask("south", line).status, 0, "{line}");
            desk.pass(60);
            assert_eq!(copies(&desk)[0], ("south", "north"));
            let roles = if line.contains("restore") {
                "Started Primary | Started Secondary"
            } else {
                "Started Secondary-Rev | Started Primary-Rev"
            };
            assert_eq!(both(&mut desk), roles, "{line}");
        }
    });
}

/// Recovering, when an array goes off in the middle of the copy and comes back.
fn interrupted(release: Release, array: &str) -> Desk {
    let mut desk = failed_over(release);
    desk.ask("south", "setrcopygroup recover -f g1.r4101");
    desk.pass(2);
    assert_eq!(
        state(&mut desk, "south", SOUTH),
        triple("Started", "Primary-Rev", &["Syncing (33%)"])
    );
    desk.array(array).up = false;
    desk.pass(60);
    desk
}

#[test]
fn a_way_back_that_the_old_primary_interrupted_is_begun_again() {
    in_each(|release| {
        for line in [
            "startrcopygroup g1.r4101",
            "setrcopygroup recover -f g1.r4101",
        ] {
            let mut desk = interrupted(release, "north");
            let stopped = triple("Stopped", "Primary-Rev", &["Stopped"]);
            assert_eq!(state(&mut desk, "south", SOUTH), stopped);
            assert!(desk.refused("south", line).contains("not up and ready"));
            desk.array("north").up = true;
            desk.pass(60);
            assert_eq!(
                both(&mut desk),
                "Stopped Secondary-Rev | Stopped Primary-Rev"
            );
            assert!(copies(&desk).is_empty(), "nothing of half a copy");
            assert_eq!(desk.ask("south", line).status, 0, "{line}");
            desk.pass(10);
            assert_eq!(
                both(&mut desk),
                "Started Secondary-Rev | Started Primary-Rev"
            );
            assert_eq!(copies(&desk), [("south", "north")]);
            let tasks = desk.array("south").tasks.clone();
            let switched = |task: &Task| task.details.iter().any(|line| line.1 == "Switched");
            let switches = tasks
                .iter()
                .filter(|task| task.kind == "remote_copy_recover" && switched(task));
            assert_eq!(switches.count(), 1, "the second time nothing is switched");
            desk.ask("south", "setrcopygroup restore -f g1.r4101");
            desk.pass(60);
            assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
        }
    });
}

#[test]
fn a_way_back_goes_on_by_itself_with_auto_recover() {
    in_each(|release| {
        let mut desk = failed_over(release);
        desk.ask("south", "setrcopygroup pol auto_recover g1.r4101");
        desk.ask("south", "setrcopygroup recover -f g1.r4101");
        desk.pass(2);
        set_links(&mut desk, false);
        desk.pass(60);
        set_links(&mut desk, true);
        desk.pass(60);
        assert_eq!(
            both(&mut desk),
            "Started Secondary-Rev | Started Primary-Rev"
        );
        assert_eq!(copies(&desk), [("south", "north")]);
    });
}

#[test]
fn a_failover_back_to_the_old_primary_is_recovered_from_there() {
    in_each(|release| {
        let mut desk = interrupted(release, "south");
        desk.ask("north", "setrcopygroup failover -f g1");
        desk.pass(1);
        desk.array("south").up = true;
        desk.pass(60);
        assert_eq!(both(&mut desk), "Stopped Primary | Stopped Primary-Rev");
        for (array, line) in [
            ("north", "startrcopygroup g1"),
            ("south", "startrcopygroup g1.r4101"),
        ] {
            assert!(desk.refused(array, line).contains("conflict"), "{line}");
        }
        assert!(
            desk.refused("north", "setrcopygroup restore -f g1")
                .contains("was not previously switched"),
            "it is in its natural direction"
        );
        desk.ask("north", "setrcopygroup recover -f g1");
        desk.pass(60);
        assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
        assert_eq!(copies(&desk), [("north", "south")]);
        desk.quiet(&["stoprcopygroup -f g1"]);
        assert!(
            desk.refused("north", "setrcopygroup recover -f g1")
                .contains("was not previously switched"),
            "that failover is over"
        );
    });
}
