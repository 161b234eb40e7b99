//! Links and arrays that fail.

use crate::{both, in_each, set_links, state, synced, triple};
use hpe3par_sim::remote_copy;

#[test]
fn links_down_stop_the_group_and_auto_recover_starts_it() {
    in_each(|release| {
        for recovers in [true, false] {
            let mut desk = synced(release);
            if recovers {
                desk.quiet(&["setrcopygroup pol auto_recover g1"]);
            }
            remote_copy::agree_now(&mut desk.world);
            assert_eq!(desk.world.agreements.len(), 1);
            desk.array("north").targets[0].links[0].up = false;
            desk.pass(5);
            assert_eq!(
                state(&mut desk, "north", "g1").0,
                "Started",
                "one link is enough"
            );
            desk.array("north").targets[0].links[1].up = false;
            desk.pass(5);
            assert_eq!(
                state(&mut desk, "north", "g1"),
                triple("Stopped", "Primary", &["Stopped"])
            );
            assert_eq!(
                state(&mut desk, "south", "g1.r4101"),
                triple("Stopped", "Secondary", &["Stopped"])
            );
            assert_eq!(
                desk.world.agreements.len(),
                1,
                "nothing goes over cut links"
            );
            assert_eq!(
                desk.column("north", "showrcopy links", "Status"),
                ["Down", "Down", "Up", "Up"]
            );
            assert_eq!(
                desk.column("south", "showrcopy links", "Target"),
                ["to_north", "to_north", "receive", "receive"]
            );
            for link in &mut desk.array("north").targets[0].links {
                link.up = true;
            }
            desk.pass(1);
            desk.pass(10);
            let expected = if recovers { "Started" } else { "Stopped" };
            assert_eq!(state(&mut desk, "north", "g1").0, expected);
            assert_eq!(desk.world.agreements.len(), if recovers { 2 } else { 1 });
        }
    });
}

#[test]
fn a_dead_array_stops_the_group_until_it_is_back() {
    in_each(|release| {
        let mut desk = synced(release);
        desk.quiet(&["setrcopygroup pol auto_recover g1"]);
        desk.array("north").up = false;
        desk.pass(1);
        assert_eq!(
            state(&mut desk, "south", "g1.r4101"),
            triple("Stopped", "Secondary", &["Stopped"])
        );
        assert_eq!(
            desk.column("south", "showrcopy targets", "Status"),
            ["failed"]
        );
        let system = desk.ask("south", "showrcopy").stdout;
        assert!(
            system.starts_with("\nRemote Copy System Information\nStatus: Started, Normal\n\n")
        );
        desk.array("north").up = true;
        desk.pass(1);
        desk.pass(10);
        assert_eq!(
            state(&mut desk, "south", "g1.r4101"),
            triple("Started", "Secondary", &["Synced"])
        );
    });
}

#[test]
fn a_stop_by_hand_is_not_undone() {
    in_each(|release| {
        let mut desk = synced(release);
        desk.quiet(&["setrcopygroup pol auto_recover g1", "stoprcopygroup -f g1"]);
        desk.pass(3600);
        assert_eq!(state(&mut desk, "north", "g1").0, "Stopped");
    });
}

#[test]
fn auto_recover_is_asked_when_the_links_come_back_and_not_later() {
    in_each(|release| {
        let mut desk = synced(release);
        set_links(&mut desk, false);
        set_links(&mut desk, true);
        desk.quiet(&["setrcopygroup pol auto_recover g1"]);
        desk.pass(3600);
        assert_eq!(
            both(&mut desk),
            "Stopped Primary | Stopped Secondary",
            "the policy came after the links"
        );
        set_links(&mut desk, false);
        set_links(&mut desk, true);
        desk.pass(3600);
        assert_eq!(
            both(&mut desk),
            "Stopped Primary | Stopped Secondary",
            "these links stopped nothing"
        );
        desk.quiet(&["startrcopygroup g1"]);
        desk.pass(60);
        set_links(&mut desk, false);
        set_links(&mut desk, true);
        desk.pass(60);
        assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
    });
}
