//! Failover as a command: what it says, asks and refuses, and which groups it takes.

use crate::{RELEASES, both, copies, state, stopped, synced};
use hpe3par_sim::state::Release::V331;

#[test]
fn failover_is_a_task() {
    for release in RELEASES {
        let mut desk = stopped(release);
        let answer = desk.ask("south", "setrcopygroup failover -f g1.r4101");
        assert_eq!(
            answer.stdout,
            "setrcopygroup for failover g1.r4101\nfailover started with tasks: 1\n"
        );
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""));
        assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
        assert_eq!(desk.column("south", "showtask", "Status"), ["active"]);
        desk.pass(1);
        assert_eq!(both(&mut desk), "Stopped Primary | Stopped Primary-Rev");
        assert_eq!(
            desk.column("south", "showtask", "Type"),
            ["remote_copy_failover"]
        );
        assert_eq!(desk.column("south", "showtask", "Status"), ["done"]);
        let detail = desk.ask("south", "showtask -d 1").stdout;
        let lines: Vec<&str> = detail
            .lines()
            .skip_while(|line| *line != "Detailed status:")
            .skip(1)
            .map(|line| &line[24..])
            .collect();
        assert_eq!(
            lines,
            [
                "Created     task.",
                "Begin       Failover operation on group g1.r4101 started.",
                "Switched    Group g1.r4101 was switched from secondary to primary.",
                "Completed   Group g1.r4101 failover completed.",
            ]
        );
        assert!(copies(&desk).is_empty(), "both copies stay as they are");
    }
}

#[test]
fn operations_ask_and_refuse() {
    let mut desk = synced(V331);
    let no_vv = "creatercopygroup empty to_south:sync";
    desk.quiet(&[no_vv]);
    for (array, line, words) in [
        (
            "south",
            "setrcopygroup failover -f g1.r4101",
            "is not stopped",
        ),
        (
            "south",
            "setrcopygroup failover -f none",
            "does not exist on the system",
        ),
        ("south", "setrcopygroup failover -f", "SYNTAX"),
        (
            "south",
            "setrcopygroup failover -f -t other g1.r4101",
            "not a target",
        ),
        (
            "south",
            "setrcopygroup failover -f empty.r4101",
            "contains no volumes",
        ),
        (
            "south",
            "setrcopygroup failover -f -local g1.r4101",
            "SYNTAX",
        ),
        (
            "north",
            "setrcopygroup failover -f g1",
            "only on the secondary side",
        ),
        (
            "south",
            "setrcopygroup recover -f g1.r4101",
            "only on the primary side",
        ),
        (
            "north",
            "setrcopygroup restore -f g1",
            "was not previously switched",
        ),
        ("north", "setrcopygroup reverse -f -local g1", "SYNTAX"),
        (
            "north",
            "setrcopygroup reverse -f -natural -current g1",
            "SYNTAX",
        ),
        (
            "north",
            "setrcopygroup override -f g1",
            "not in failsafe state",
        ),
    ] {
        let said = desk.refused(array, line);
        assert!(said.contains(words), "{line}: {said}");
    }
    desk.quiet(&["stoprcopygroup -f g1"]);
    let asked = desk
        .ask("south", "setrcopygroup failover g1.r4101")
        .question;
    assert!(asked.unwrap().ends_with("\nselect q=quit y=yes n=no: "));
    assert_eq!(both(&mut desk), "Stopped Primary | Stopped Secondary");
    desk.yes("south", "setrcopygroup failover g1.r4101");
    assert!(
        desk.refused("south", "setrcopygroup failover -f g1.r4101")
            .contains("could be retried later"),
        "one at a time"
    );
    assert!(
        desk.refused("north", "startrcopygroup g1")
            .contains("could be retried later")
    );
    desk.pass(1);
    desk.ask("south", "setrcopygroup recover -f g1.r4101");
    desk.pass(60);
    let asked = desk.ask("south", "setrcopygroup restore g1.r4101").question;
    assert!(asked.unwrap().starts_with(
        "This command will cause all indicated groups to be returned to their natural direction"
    ));
    assert!(
        desk.refused("south", "setrcopygroup recover -f g1.r4101")
            .contains("is not stopped")
    );
    desk.ask("south", "stoprcopygroup -f g1.r4101");
    desk.ask(
        "north",
        "setrcopygroup reverse -f -local -natural -waittask g1",
    );
    assert!(
        desk.refused("south", "setrcopygroup recover -f g1.r4101")
            .contains("conflict"),
        "Secondary and Primary-Rev are no halves of one failover"
    );
}

#[test]
fn a_target_or_a_pattern_stands_for_its_groups() {
    for words in ["to_north", "-t to_north", "-pat g*"] {
        let mut desk = stopped(V331);
        desk.quiet(&[
            "createvv -tpvv -snp_cpg fast fast v2 1g",
            "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g2 to_south:sync",
            "admitrcopyvv -createvv v2 g2 to_south:v2",
        ]);
        let answer = desk.ask("south", &format!("setrcopygroup failover -f {words}"));
        assert_eq!(
            answer.stdout,
            "setrcopygroup for failover g1.r4101\nsetrcopygroup for failover g2.r4101\nfailover started with tasks: 1, 2\n"
        );
        desk.pass(1);
        for group in ["g1.r4101", "g2.r4101"] {
            assert_eq!(state(&mut desk, "south", group).1, "Primary-Rev");
        }
    }
}
