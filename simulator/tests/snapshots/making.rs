//! What `createsv` makes, and what it refuses.

use hpe3par_sim::state::Release::{V331, V1050};

use crate::pair::Desk;
use crate::{RELEASES, desk, names};

#[test]
fn a_snapshot_is_a_vv_below_its_parent() {
    for release in RELEASES {
        let mut desk = desk(release);
        desk.quiet(&["createsv -ro -exp 2d -comment why s1 db", "createsv s2 s1"]);
        let shown = "showvv -showcols Name,Prov,Type,CopyOf,BsId,Rd,VSize_MB,Comment -p -copyof db";
        let base = desk.array("north").vvs["db"].id.to_string();
        for (head, cell) in [
            ("Name", "s1"),
            ("Prov", "snp"),
            ("Type", "vcopy"),
            ("CopyOf", "db"),
            ("BsId", &base),
            ("Rd", "RO"),
            ("VSize_MB", "1024"),
            ("Comment", "why"),
        ] {
            assert_eq!(desk.column("north", shown, head), [cell], "{release:?}");
        }
        let both = desk.column("north", "showvv -showcols Name,BsId -p -type vcopy", "BsId");
        assert_eq!(both, [base.clone(), base]);
        let now = desk.now;
        let one = &desk.array("north").vvs["s1"];
        assert_eq!((one.created, one.expires_at), (now, Some(now + 172_800)));
        assert_eq!(desk.array("north").vvs["s2"].copy_of.as_deref(), Some("s1"));
        assert!(!desk.array("north").vvs["s2"].read_only);
    }
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut desk = desk(V331);
    desk.array("north").add_system_vvs(0);
    desk.quiet(&[
        "createvv -tpvv fast bare 1g",
        "createsv -ro ro db",
        "createsv rw db",
        "createvvset empty",
    ]);
    let too_long = "x".repeat(32);
    for (line, words) in [
        ("createsv -ro s absent", "VV absent not found"),
        ("createsv -ro ro db", "use by volume"),
        ("createsv -ro db rw", "use by volume"),
        ("createsv -ro s ro", "read-only copy of the read-only vv"),
        ("createsv s bare", "must allow snapshots"),
        ("createsv s admin", "system volume"),
        (
            "createsv -ro -f -exp 1h -retain 2h s db",
            "longer than the expiration",
        ),
        (
            "createsv -ro -f -exp 16d -retain 15d s db",
            "maximum retention time",
        ),
        ("createsv -ro -exp 1826d s db", "Invalid time"),
        ("createsv -ro -exp 59s s db", "Invalid time"),
        ("createsv -ro -rcopy s db", "not in a remote copy group"),
        ("createsv -ro s set:none", "does not exist"),
        ("createsv -ro s set:empty", "has no members"),
        ("createsv -ro -addtoset a+b s db", "Invalid vv set name"),
        ("createsv -ro s", "SYNTAX"),
        (&format!("createsv -ro {too_long} db"), "longer than 31"),
    ] {
        let told = desk.refused("north", line);
        assert!(told.contains(words), "{line}: {told}");
    }
    desk.array("north")
        .licenses
        .retain(|one| one != "Virtual Lock");
    let told = desk.refused("north", "createsv -f -ro -retain 1h s db");
    assert!(told.contains("Virtual Lock is not licensed"), "{told}");
    let told = desk.refused("north", "setvv -f -retain 1h ro");
    assert!(told.contains("Virtual Lock is not licensed"), "{told}");
    desk.array("north").licenses.clear();
    let told = desk.refused("north", "createsv -ro s db");
    assert!(told.contains("Virtual Copy is not licensed"), "{told}");
    let told = desk.ask_as("north", "looker", "createsv -ro s db", false);
    assert!(told.stderr.contains("Permission denied"), "{told:?}");
}

#[test]
fn a_retention_is_asked_about() {
    let mut desk = desk(V331);
    let line = "createsv -ro -retain 1h s db";
    let asked = desk.ask("north", line).question;
    assert!(asked.unwrap().contains("retention"));
    assert!(names(&mut desk, "north").is_empty());
    desk.yes("north", line);
    assert_eq!(names(&mut desk, "north"), ["s"]);
}

#[test]
fn snapshot_space_can_be_full() {
    for release in RELEASES {
        let mut desk = desk(release);
        for cpg in &mut desk.array("north").cpgs {
            cpg.free_mib = 0;
        }
        let told = desk.refused("north", "createsv -ro s db");
        assert!(told.contains("no free space"), "{told}");
    }
}

#[test]
fn a_copy_that_can_be_written_may_want_a_parent_that_cannot() {
    let mut desk = desk(V331);
    desk.quiet(&["createsv s db"]);
    desk.array("north")
        .switches
        .insert("rw_snapshot_of_ro_only".into(), true);
    let told = desk.refused("north", "createsv s2 db");
    assert!(told.contains("read-write copy"), "{told}");
    desk.quiet(&["createsv -ro ro db", "createsv rw ro"]);
}

#[test]
fn a_set_is_taken_as_a_whole_or_not_at_all() {
    let mut desk = Desk::new(V1050);
    desk.quiet(&[
        "createvv -tpvv fast a 1g",
        "createvv -tpvv fast b 1g",
        "createvvset pair a b",
        "createsv -ro -addtoset kept @vvname@.@y@@m@@d@ set:pair",
    ]);
    assert_eq!(names(&mut desk, "north"), ["a.231114", "b.231114"]);
    assert_eq!(
        desk.array("north").vv_sets["kept"].members,
        ["a.231114", "b.231114"]
    );
    let told = desk.refused("north", "createsv -ro same set:pair");
    assert!(told.contains("use by volume"), "{told}");
    desk.quiet(&["createsv -ro b-now b"]);
    let told = desk.refused("north", "createsv -ro @vvname@-now set:pair");
    assert!(told.contains("use by volume"), "{told}");
}

#[test]
fn a_parent_and_a_retained_one_stay() {
    for release in RELEASES {
        let mut desk = desk(release);
        desk.quiet(&["createsv -f -ro -exp 3h -retain 2h s db"]);
        let answer = desk.ask("north", "removevv -f db");
        assert!(
            answer.stderr.contains("Attempt to delete rw vol db"),
            "{answer:?}"
        );
        let answer = desk.ask("north", "removevv -f s");
        assert!(
            answer.stderr.contains("retention time has not expired"),
            "{answer:?}"
        );
        for (line, words) in [
            ("setvv -f -retain 1h s", "cannot be removed or reduced"),
            ("setvv -exp 1h s", "longer than the expiration"),
            ("setvv -f -retain 4h s", "longer than the expiration"),
        ] {
            let told = desk.refused("north", line);
            assert!(told.contains(words), "{line}: {told}");
        }
        desk.quiet(&["setvv -exp 5h s", "setvv -f -retain 4h s"]);
        desk.pass(4 * 3600);
        assert_eq!(desk.ask("north", "removevv -f s").status, 0);
        assert_eq!(desk.ask("north", "removevv -f db").status, 0);
    }
}
