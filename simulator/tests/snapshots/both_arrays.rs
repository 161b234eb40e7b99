//! Snapshots of replicated volumes.

use hpe3par_sim::state::Release;

use crate::pair::Desk;
use crate::{RELEASES, desk, names};

/// `db` in the group `g`, copied to the other array if `started`.
fn replicated(release: Release, mode: &str, started: bool) -> Desk {
    let mut desk = desk(release);
    let group = format!(
        "creatercopygroup -usr_cpg fast to_south:fast -snp_cpg fast to_south:fast g to_south:{mode}"
    );
    desk.prepare(&[&group, "admitrcopyvv -createvv db g to_south:db"]);
    if started {
        desk.quiet(&["startrcopygroup g"]);
        desk.pass(600);
    }
    desk
}

#[test]
fn each_side_can_be_taken_by_itself() {
    for release in RELEASES {
        let mut desk = replicated(release, "sync", true);
        desk.quiet(&["createsv -ro s db"]);
        assert_eq!(desk.ask("south", "createsv -ro t db").status, 0);
        assert_eq!(names(&mut desk, "north"), ["s"]);
        assert_eq!(names(&mut desk, "south"), ["t"]);
    }
}

#[test]
fn both_are_taken_at_one_instant() {
    for release in RELEASES {
        let mut desk = replicated(release, "sync", true);
        desk.quiet(&["createsv -ro -rcopy -exp 1h -comment c s db"]);
        for array in ["north", "south"] {
            let s = &desk.array(array).vvs["s"];
            assert_eq!(s.copy_of.as_deref(), Some("db"));
            assert_eq!((s.comment.as_str(), s.read_only), ("c", true));
            assert!(s.expires_at.is_some());
        }
        desk.pass(3600);
        assert!(names(&mut desk, "north").is_empty());
        assert!(names(&mut desk, "south").is_empty());
    }
}

#[test]
fn both_need_a_synchronous_started_synced_group() {
    let release = Release::V331;
    let line = "createsv -ro -rcopy s db";
    for (mut desk, words) in [
        (replicated(release, "periodic", true), "not synchronous"),
        (replicated(release, "sync", false), "not started"),
    ] {
        let told = desk.refused("north", line);
        assert!(told.contains(words), "{told}");
    }
    let mut copying = replicated(release, "sync", false);
    copying.quiet(&["startrcopygroup g"]);
    let told = copying.refused("north", line);
    assert!(told.contains("not synced"), "{told}");
    let mut desk = replicated(release, "sync", true);
    let told = desk.refused("south", line);
    assert!(told.contains("only on the primary side"), "{told}");
    desk.ask("south", "createsv -ro s db");
    let told = desk.refused("north", line);
    assert!(told.contains("use by volume"), "{told}");
    for link in &mut desk.array("north").targets[0].links {
        link.up = false;
    }
    desk.pass(0);
    let told = desk.refused("north", "createsv -ro -rcopy s2 db");
    assert!(told.contains("not up and ready"), "{told}");
}

#[test]
fn a_secondary_with_snapshots_is_not_removed() {
    let mut desk = replicated(Release::V331, "sync", true);
    desk.ask("south", "createsv -f -ro -exp 3h -retain 1h s db");
    desk.quiet(&["stoprcopygroup -f g"]);
    let line = "dismissrcopyvv -f -removevv db g";
    for on in [false, true] {
        desk.array("south")
            .switches
            .insert("dismiss_removes_snapshots".into(), on);
        let told = desk.refused("north", line);
        assert!(told.contains("on the target has snapshots"), "{told}");
    }
    desk.pass(3600);
    assert_eq!(desk.ask("north", line).status, 0);
    assert!(desk.array("south").vvs.is_empty());
}
