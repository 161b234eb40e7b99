//! After a failover: recover and restore, and what a group takes meanwhile.

use crate::pair::Desk;
use crate::{RELEASES, SOUTH, both, copies, failed_over, periodic, state, stopped, triple};
use hpe3par_sim::state::Release::{self, V331, V1050};

/// A group that was failed over, with the copy back complete.
fn recovered(release: Release) -> Desk {
    let mut desk = failed_over(release);
    desk.ask("south", "setrcopygroup recover -f g1.r4101");
    desk.pass(60);
    desk
}

#[test]
fn recover_and_restore_bring_everything_home() {
    for release in RELEASES {
        let mut desk = failed_over(release);
        let answer = desk.ask("south", "setrcopygroup recover -f g1.r4101");
        assert_eq!(
            answer.stdout,
            "setrcopygroup for recover g1.r4101\nrecover started with tasks: 2\n"
        );
        desk.pass(1);
        assert!(desk.ask("south", "showtask -d 2").stdout.contains(
            " Switched    Target to_north of group g1.r4101 was switched from primary to secondary.\n"
        ));
        assert_eq!(
            both(&mut desk),
            "Starting Secondary-Rev | Starting Primary-Rev"
        );
        desk.pass(2);
        assert_eq!(
            state(&mut desk, "south", SOUTH),
            triple("Started", "Primary-Rev", &["Syncing (66%)"]),
            "differences only"
        );
        assert!(copies(&desk).is_empty());
        desk.pass(1);
        assert_eq!(
            both(&mut desk),
            "Started Secondary-Rev | Started Primary-Rev"
        );
        assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"]);
        assert_eq!(copies(&desk), [("south", "north")]);
        desk.world.agreements.clear();

        let answer = desk.ask("south", "setrcopygroup restore -f -t to_north g1.r4101");
        assert_eq!(
            answer.stdout,
            "setrcopygroup for restore g1.r4101\nrestore started with tasks: 3\n"
        );
        desk.pass(1);
        assert_eq!(both(&mut desk), "Starting Primary | Starting Secondary");
        assert_eq!(
            copies(&desk),
            [("south", "north")],
            "what was written there until now"
        );
        desk.pass(10);
        assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
        assert_eq!(copies(&desk), [("south", "north"), ("north", "south")]);
        assert_eq!(state(&mut desk, "south", SOUTH).2, ["Synced"]);
        assert_eq!(
            desk.ask("south", "showvv -p -type vcopy").stdout,
            "no vv listed\n",
            "the side that receives keeps no snapshots"
        );
    }
}

#[test]
fn restore_recovers_first_and_waits_for_the_copy() {
    for waits in [false, true] {
        let mut desk = failed_over(V331);
        let option = if waits { "-waittask" } else { "" };
        let line = format!("setrcopygroup restore -f {option} g1.r4101");
        let answer = desk.ask("south", &line);
        let start = "setrcopygroup for restore g1.r4101\nrestore started with tasks: 2\n";
        if waits {
            assert_eq!(
                answer.stdout,
                format!("{start}Waiting for tasks to complete\nTask 2 done\n")
            );
        } else {
            assert_eq!(answer.stdout, start);
            desk.pass(2);
            assert_eq!(
                both(&mut desk),
                "Started Secondary-Rev | Started Primary-Rev"
            );
            assert_eq!(desk.column("south", "showtask -active", "Id"), ["2"]);
            desk.pass(600);
            assert_eq!(desk.column("south", "showtask", "Status"), ["done"; 2]);
            let seconds = desk.world.arrays["south"].tasks[1].finished.unwrap()
                - desk.world.arrays["south"].tasks[1].started;
            assert_eq!(
                seconds, 4,
                "when the copy was complete, not when time passed"
            );
        }
        assert_eq!(copies(&desk)[0], ("south", "north"));
        desk.pass(5);
        assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
    }
}

#[test]
fn restore_takes_the_groups_that_can_go_home() {
    let mut desk = failed_over(V331);
    for at in [2, 3] {
        desk.quiet(&[
            &format!("createvv -tpvv -snp_cpg fast fast v{at} 1g"),
            &format!(
                "creatercopygroup -usr_cpg fast to_south:fast -snp_cpg fast to_south:fast g{at} to_south:sync"
            ),
            &format!("admitrcopyvv -createvv v{at} g{at} to_south:v{at}"),
        ]);
    }
    let refused = desk.refused("south", "setrcopygroup restore -f g2.r4101 g3.r4101");
    assert!(!refused.contains("started"), "{refused}");
    for group in ["g2.r4101", "g3.r4101"] {
        assert!(refused.contains(&format!("Group {group} is a secondary group")));
    }
    assert!(
        desk.refused("south", "setrcopygroup failover -f g2.r4101 g1.r4101")
            .contains("is a primary group"),
        "all or nothing"
    );
    let answer = desk.ask(
        "south",
        "setrcopygroup restore -f g2.r4101 g1.r4101 g3.r4101",
    );
    assert_eq!(
        answer.stdout,
        "setrcopygroup for restore g1.r4101\nrestore started with tasks: 2\n"
    );
    assert_eq!(answer.status, 1);
    for group in ["g2.r4101", "g3.r4101"] {
        assert!(
            answer
                .stderr
                .contains(&format!("Group {group} is a secondary group")),
            "{answer:?}"
        );
    }
    desk.pass(60);
    assert_eq!(both(&mut desk), "Started Primary | Started Secondary");
}

#[test]
fn nostart_and_nosnap() {
    let mut desk = stopped(V331);
    desk.ask("south", "setrcopygroup failover -f -nosnap g1.r4101");
    desk.pass(1);
    desk.ask("south", "setrcopygroup recover -f -nostart g1.r4101");
    desk.pass(1);
    assert_eq!(
        both(&mut desk),
        "Stopped Secondary-Rev | Stopped Primary-Rev"
    );
    assert_eq!(desk.ask("south", "startrcopygroup g1.r4101").status, 0);
    desk.pass(4);
    assert_eq!(
        state(&mut desk, "south", SOUTH).2,
        ["Syncing (80%)"],
        "everything again"
    );
    desk.pass(60);
    desk.ask("south", "setrcopygroup restore -f -nostart g1.r4101");
    desk.pass(1);
    assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
}

#[test]
fn periodic_groups_send_what_is_left_before_they_go_home() {
    for option in ["", "-waittask"] {
        let mut desk = Desk::new(V331);
        periodic(&mut desk);
        desk.quiet(&["startrcopygroup per"]);
        desk.pass(60);
        desk.array("north").up = false;
        desk.pass(60);
        desk.world.agreements.clear();
        desk.ask("south", "setrcopygroup failover -f per.r4101");
        desk.pass(1);
        desk.array("north").up = true;
        if option.is_empty() {
            desk.ask("south", "setrcopygroup recover -f per.r4101");
            desk.pass(60);
            assert_eq!(copies(&desk), [("south", "north")]);
        }
        let line = format!("setrcopygroup restore -f {option} per.r4101");
        assert_eq!(desk.ask("south", &line).status, 0);
        desk.pass(60);
        assert_eq!(
            state(&mut desk, "north", "per"),
            triple("Started", "Primary", &["Synced"])
        );
        assert_eq!(
            copies(&desk),
            [("south", "north"), ("south", "north"), ("north", "south")]
        );
    }
}

#[test]
fn volumes_come_and_go_from_whichever_side_sends() {
    for release in RELEASES {
        let mut desk = recovered(release);
        desk.ask("south", "stoprcopygroup -f g1.r4101");
        let snp = if release == V1050 {
            ""
        } else {
            "-snp_cpg slow"
        };
        desk.ask("south", &format!("createvv -tpvv {snp} slow v2 1g"));
        let admit = "admitrcopyvv -createvv v2 g1.r4101 to_north:v2";
        assert_eq!(desk.ask("south", admit).stderr, "");
        assert_eq!(
            desk.column("north", "showrcopy groups g1", "LocalVV"),
            ["v1", "v2"]
        );
        assert_eq!(desk.array("north").vvs["v2"].cpg, "fast");
        assert!(
            desk.refused("north", "dismissrcopyvv -f v2 g1")
                .contains("only on the primary side")
        );
        desk.ask("south", "startrcopygroup g1.r4101");
        desk.pass(60);
        desk.ask("south", "stoprcopygroup -f g1.r4101");
        let gone = desk.ask("south", "dismissrcopyvv -f -removevv v2 g1.r4101");
        assert_eq!(
            gone.stdout,
            "Volume v2 has been dismissed from group g1.r4101.\n"
        );
        assert!(!desk.array("north").vvs.contains_key("v2"));
        // A group that is made here is named after this array there.
        assert_eq!(
            desk.ask("south", "creatercopygroup g2 to_north:sync")
                .stderr,
            ""
        );
        assert!(desk.array("north").groups.contains_key("g2.r4102"));
    }
}
