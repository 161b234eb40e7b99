//! `showvv`.

use crate::pair::Desk;
use crate::{desk, names};
use hpe3par_sim::state::Release::{V322, V331, V1050};

#[test]
fn the_default_listing_of_each_release() {
    let titles = |release| {
        let mut desk = Desk::new(release);
        let kind = if release == V1050 { "-reduce" } else { "-tpvv" };
        desk.quiet(&[&format!("createvv {kind} fast vol 1g")]);
        desk.ask("north", "showvv").stdout
    };
    assert_eq!(
        titles(V331),
        "                                                               -Rsvd(MiB)- -(MB)-
Id Name  Prov Compr Dedup Type CopyOf BsId Rd -Detailed_State- Snp     Usr  VSize
 1 vol   tpvv No    No    base ---       1 RW normal             0     512   1024
---------------------------------------------------------------------------------
 1 total                                                         0     512   1024
"
    );
    assert!(
        titles(V322)
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("Id Name  Prov Type CopyOf BsId Rd -Detailed_State- ")
    );
    assert!(
        titles(V322)
            .lines()
            .next()
            .unwrap()
            .trim()
            .starts_with("-Rsvd(MB)-")
    );
    assert_eq!(
        titles(V1050).lines().next().unwrap(),
        "Id Name  Prov Compr Dedup Type CopyOf BsId Rd -Detailed_State- Rsvd(MiB) VSize(MiB)"
    );
}

#[test]
fn showvv_forms() {
    let mut desk = desk();
    desk.quiet(&["createvv -tpvv -snp_cpg slow fast v1 1g"]);
    for (form, heads) in [
        (
            "-d",
            "Id,Name,Rd,Mstr,Prnt,Roch,Rwch,PPrnt,PBlkRemain,VV_WWN,CreationTime,Udid",
        ),
        ("-pol", "Id,Name,Policies"),
        ("-cpgalloc", "Id,Name,Prov,Compr,Dedup,Type,UsrCPG,SnpCPG"),
        (
            "-state",
            "Id,Name,Prov,Compr,Dedup,Type,State,Detailed_State",
        ),
        (
            "-hist",
            "Id,Name,Prov,Compr,Dedup,Type,CreationTime,RetentionEndTime,ExpirationTime,SpaceCalcTime,Comment",
        ),
        ("-pol -rcopy", "Id,Name,Policies,RcopyStatus,RcopyGroup"),
        ("-pol -listdom", "Id,Name,Domain,Policies"),
    ] {
        let text = desk
            .ask("north", &format!("showvv {form} -csvtable"))
            .stdout;
        let first = text.lines().next().unwrap();
        let plain: Vec<&str> = first
            .split(',')
            .map(|head| head.trim_matches('-'))
            .collect();
        assert_eq!(plain.join(","), heads);
    }
    let wide = desk.ask("north", "showvv -d").stdout;
    assert!(
        wide.contains(" -------------VV_WWN------------- -----CreationTime------ "),
        "{wide}"
    );
    assert!(
        wide.contains("60002AC0000000000000000100001005 2023-11-14 23:13:20 CET"),
        "{wide}"
    );
    let chosen = desk
        .ask("north", "showvv -showcols Id,Name,VV_WWN,VSize_MB v1")
        .stdout;
    assert_eq!(
        chosen,
        "Id Name  VV_WWN                           VSize_MB
 1 v1    60002AC0000000000000000100001005     1024
--------------------------------------------------
 1 total                                      1024
"
    );
}

#[test]
fn columns_a_release_lacks_are_refused_all_at_once() {
    let mut desk = Desk::new(V1050);
    let said = desk.refused("north", "showvv -showcols Id,UsrCPG,Name,SnpCPG");
    assert_eq!(said, "Invalid columns specified: UsrCPG SnpCPG\n");
    let known = desk.ask("north", "showvv -listcols").stdout;
    assert!(known.contains(",CPG,") && !known.contains("UsrCPG"));
    let mut desk = Desk::new(V331);
    assert_eq!(
        desk.refused("north", "showvv -showcols CPG"),
        "Invalid columns specified: CPG\n"
    );
    assert_eq!(
        desk.refused("north", "showvv -showcols Deduplication"),
        "Invalid columns specified: Deduplication\n"
    );
    assert_eq!(
        Desk::new(V322).refused("north", "showvv -showcols Compr"),
        "Invalid columns specified: Compr\n"
    );
    desk.array("north")
        .licenses
        .retain(|one| one != "Remote Copy");
    assert_eq!(
        desk.refused("north", "showvv -showcols RcopyStatus,RcopyGroup"),
        "Invalid columns specified: RcopyStatus RcopyGroup\n"
    );
}

#[test]
fn showvv_filters() {
    let mut desk = desk();
    desk.array("north").add_system_vvs(1_600_000_000);
    desk.quiet(&[
        "createvv -tpvv -snp_cpg slow fast v1 1g",
        "createvv slow v2 1g",
        "createvv -tpvv -exp 1h law v3 1g",
        "createvvset s1 v2 v3",
        "createhost h1",
    ]);
    desk.ask("north", "createvlun v2 5 h1");
    assert_eq!(
        names(&mut desk, "showvv"),
        [".srdata", "admin", "v1", "v2", "v3"]
    );
    for (line, expected) in [
        ("showvv v1 v3", &["v1", "v3"][..]),
        ("showvv v[12]", &["v1", "v2"]),
        ("showvv set:s1", &["v2", "v3"]),
        ("showvv -p -prov tpvv", &["v1", "v3"]),
        ("showvv -p -type base -cpg slow", &["v1", "v2"]),
        ("showvv -p -usrcpg slow", &["v2"]),
        ("showvv -p -snpcpg slow", &["v1"]),
        ("showvv -domain law", &["v3"]),
        ("showvv -p -host h1", &["v2"]),
        ("showvv -p -policy system", &[".srdata", "admin"]),
        ("showvv -p -baseid 3,4", &["v1", "v2"]),
    ] {
        assert_eq!(names(&mut desk, line), expected, "{line}");
    }
    desk.pass(3601);
    assert_eq!(names(&mut desk, "showvv -expired"), ["v3"]);
    for line in [
        "showvv nothing",
        "showvv -p -rcopygroup g",
        "showvv -retained",
        "showvv -failed",
    ] {
        let answer = desk.ask("north", line);
        assert_eq!(
            (answer.stdout.as_str(), answer.status),
            ("no vv listed\n", 0),
            "{line}"
        );
    }
}

#[test]
fn copies_stand_below_their_parent_and_protect_it() {
    let mut desk = desk();
    desk.quiet(&[
        "createvv -tpvv fast zebra 1g",
        "createvv -tpvv fast other 1g",
    ]);
    let now = desk.now;
    let north = desk.array("north");
    for (name, parent, read_only) in [("a_ro", "zebra", true), ("b_rw", "a_ro", false)] {
        let copy =
            hpe3par_sim::state::Vv::snapshot(name, &north.vvs[parent].clone(), read_only, now);
        north.add_vv(copy);
    }
    let text = desk
        .ask("north", "showvv -showcols Name,CopyOf,BsId,Rd")
        .stdout;
    assert_eq!(
        text,
        "Name   CopyOf BsId Rd
other  ---       2 RW
zebra  ---       1 RW
 a_ro  zebra     1 RO
  b_rw a_ro      1 RW
---------------------
4      total         \n"
    );
    assert_eq!(
        names(&mut desk, "showvv -notree -p -copyof zebra"),
        ["a_ro"]
    );
    let answer = desk.ask("north", "removevv -f zebra");
    assert!(
        answer.stderr.starts_with("Attempt to delete rw vol zebra "),
        "{answer:?}"
    );
    let answer = desk.ask("north", "removevv -f a_ro");
    assert!(
        answer.stderr.starts_with("Attempt to delete ro vol a_ro "),
        "{answer:?}"
    );
    assert_eq!(
        desk.ask("north", "removevv -f -snaponly zebra").stdout,
        "Removing vv b_rw\nRemoving vv a_ro\n"
    );
    assert_eq!(desk.ask("north", "removevv -f zebra").status, 0);
}

#[test]
fn system_volumes_are_listed_and_safe() {
    let mut desk = desk();
    desk.array("north").add_system_vvs(1_600_000_000);
    for line in [
        "setvv -comment x admin",
        "createvvset s admin",
        "createvlun .srdata 1 0:1:1",
    ] {
        assert!(
            desk.refused("north", line).contains("system volume"),
            "{line}"
        );
    }
    assert!(
        desk.ask("north", "removevv -f .srdata")
            .stderr
            .contains("system vv")
    );
    assert_eq!(names(&mut desk, "showvv").len(), 2);
}
