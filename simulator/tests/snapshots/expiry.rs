//! Snapshots whose time is over.

use crate::pair::IQN;
use crate::{RELEASES, desk, names};

#[test]
fn an_expired_snapshot_goes_by_itself() {
    for release in RELEASES {
        let mut desk = desk(release);
        desk.quiet(&[
            "createsv -ro -exp 1h s db",
            "createsv -ro never db",
            "createvvset set s never",
        ]);
        desk.pass(3599);
        assert_eq!(names(&mut desk, "north"), ["never", "s"]);
        desk.pass(1);
        assert_eq!(names(&mut desk, "north"), ["never"]);
        assert_eq!(desk.array("north").vv_sets["set"].members, ["never"]);
        assert!(desk.array("north").vvs.contains_key("db"));
    }
}

#[test]
fn what_a_host_has_stays_until_it_is_taken_away() {
    let mut desk = desk(RELEASES[1]);
    let host = format!("createhost -iscsi h {IQN}");
    desk.quiet(&[&host, "createsv -exp 1h s db"]);
    desk.ask("north", "createvlun s 1 h");
    desk.pass(7200);
    assert_eq!(names(&mut desk, "north"), ["s"]);
    assert_eq!(
        desk.column("north", "showvv -showcols Name -expired", "Name"),
        ["s"]
    );
    desk.ask("north", "removevlun -f s 1 h");
    desk.pass(0);
    assert!(names(&mut desk, "north").is_empty());
}

#[test]
fn copies_keep_their_parent() {
    let mut desk = desk(RELEASES[1]);
    desk.quiet(&["createsv -ro -exp 1h s db", "createsv -exp 2h s2 s"]);
    desk.pass(3600);
    assert_eq!(names(&mut desk, "north"), ["s", "s2"]);
    desk.pass(3600);
    assert!(names(&mut desk, "north").is_empty());
}

#[test]
fn an_array_that_is_off_removes_nothing() {
    let mut desk = desk(RELEASES[1]);
    desk.quiet(&["createsv -ro -exp 1h s db"]);
    desk.array("north").up = false;
    desk.pass(7200);
    assert_eq!(names(&mut desk, "north"), ["s"]);
    desk.array("north").up = true;
    desk.pass(0);
    assert!(names(&mut desk, "north").is_empty());
}

#[test]
fn an_expiry_can_be_moved_and_taken_back() {
    let mut desk = desk(RELEASES[1]);
    desk.quiet(&[
        "createsv -ro -exp 1h s1 db",
        "createsv -ro -exp 1h s2 db",
        "createsv -ro -exp 1h s3 db",
        "setvv -exp 2h s1",
        "setvv -exp 0 s2",
    ]);
    desk.pass(3600);
    assert_eq!(names(&mut desk, "north"), ["s1", "s2"]);
    let shown = desk.column(
        "north",
        "showvv -showcols Name,ExpirationTime",
        "ExpirationTime",
    );
    assert_eq!(shown.iter().filter(|cell| *cell != "--").count(), 1);
    desk.pass(86_400);
    assert_eq!(names(&mut desk, "north"), ["s2"]);
}
