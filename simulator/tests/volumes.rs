//! VVs and VV sets.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod pair;

use hpe3par_sim::state::Release::{V322, V331, V1050};
use pair::Desk;

fn desk() -> Desk {
    Desk::new(V331)
}

fn names(desk: &mut Desk, line: &str) -> Vec<String> {
    desk.column("north", line, "Name")
}

#[test]
fn createvv_is_silent_and_rounds_the_size_up() {
    let mut desk = desk();
    desk.quiet(&[
        "createvv -tpvv -snp_cpg fast -comment \"two words\" -pol one_host,no_stale_ss fast v1 2g",
        "createvv slow v2 300",
        "createvv -tdvv fast v3 1T",
        "createvv -dedup -compr fast v4 16g",
        "createvv -f -tpvv -exp 3d -retain 2d fast v5 256",
        "createvv -tpvv -cnt 2 fast w.8 1G",
    ]);
    let line = "showvv -showcols Name,Prov,Compr,Dedup,Type,VSize_MB,UsrCPG,SnpCPG,Comment";
    let text = desk
        .ask("north", &format!("{line} -csvtable -nohdtot"))
        .stdout;
    assert_eq!(
        text,
        "v1,tpvv,No,No,base,2048,fast,fast,two words\n\
         v2,full,NA,NA,base,512,slow,--,--\n\
         v3,tdvv,No,Yes,base,1048576,fast,--,--\n\
         v4,tdvv,Yes,Yes,base,16384,fast,--,--\n\
         v5,tpvv,No,No,base,256,fast,--,--\n\
         w.8,tpvv,No,No,base,1024,fast,--,--\n\
         w.9,tpvv,No,No,base,1024,fast,--,--\n"
    );
    assert_eq!(
        desk.column("north", "showvv -pol v1 v2", "Policies"),
        ["one_host", "stale_ss"]
    );
    let times = desk.column(
        "north",
        "showvv -showcols ExpirationTime,RetentionEndTime v5",
        "ExpirationTime",
    );
    assert_eq!(times, ["2023-11-17 23:13:20 CET"]);
}

#[test]
fn createvv_refuses() {
    let mut desk = desk();
    desk.quiet(&["createvv -tpvv fast v1 1g"]);
    for (line, words) in [
        ("createvv -tpvv fast v1 1g", "vv v1 already exists"),
        ("createvv -tpvv none v2 1g", "Invalid CPG name: none"),
        (
            "createvv -tpvv -snp_cpg none fast v2 1g",
            "Invalid CPG name: none",
        ),
        (
            "createvv -tpvv -snp_cpg law fast v2 1g",
            "must be in the same domain",
        ),
        ("createvv -tpvv fast v2 0", "Invalid volume size"),
        ("createvv -tpvv fast v2 17T", "Invalid volume size"),
        ("createvv -tpvv fast v2 1x", "Invalid volume size"),
        ("createvv -tpvv fast a/b 1g", "Invalid vv name:"),
        (
            "createvv -tpvv fast abcdefghijklmnopqrstuvwxyz123456 1g",
            "longer than 31",
        ),
        ("createvv -tpvv -cnt 2 fast v2 1g", "Invalid vv name:"),
        (
            "createvv -tpvv -cnt 1000 fast v.2 1g",
            "Illegal pattern integer or range",
        ),
        ("createvv -tdvv slow v2 1g", "SSD"),
        ("createvv -tpvv -compr slow v2 16g", "SSD"),
        ("createvv -tpvv -compr fast v2 15g", "16 GiB"),
        ("createvv -compr fast v2 16g", "SYNTAX"),
        ("createvv -tpvv -tdvv fast v2 16g", "SYNTAX"),
        ("createvv -reduce fast v2 16g", "SYNTAX"),
        ("createvv -nonsense fast v2 16g", "SYNTAX"),
        ("createvv -tpvv fast v2", "SYNTAX"),
        (
            "createvv -tpvv -f -retain 15d fast v2 1g",
            "maximum retention time",
        ),
        (
            "createvv -tpvv -f -retain 2d -exp 1d fast v2 1g",
            "cannot be longer than the expiration",
        ),
        ("createvv -tpvv -exp 1826d fast v2 1g", "Invalid time"),
        ("createvv -tpvv -pol nonsense fast v2 1g", "Invalid policy"),
        ("createvv -tpvv -i 1 fast v2 1g", "already in use"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    let long = "c".repeat(512);
    assert!(
        desk.refused(
            "north",
            &format!("createvv -tpvv -comment {long} fast v2 1g")
        )
        .contains("511")
    );
    assert!(
        desk.ask_as("north", "looker", "createvv -tpvv fast v2 1g", false)
            .stderr
            .contains("Permission denied")
    );
    assert_eq!(names(&mut desk, "showvv"), ["v1"]);
}

#[test]
fn a_full_cpg_and_missing_licences_refuse() {
    let mut desk = desk();
    desk.quiet(&["createvv slow big 1023g"]);
    assert!(
        desk.refused("north", "createvv slow more 2g")
            .contains("no free space")
    );
    desk.quiet(&["createvv -tpvv slow thin 2g"]);
    desk.array("north").cpgs[1].free_mib = 0;
    assert!(
        desk.refused("north", "createvv -tpvv slow more 2g")
            .contains("no free space")
    );
    let answer = desk.ask("north", "removevv -f big");
    assert_eq!(answer.stdout, "Removing vv big\n");
    desk.quiet(&["createvv slow again 1g"]);
    for (licence, line) in [
        ("Thin Provisioning", "createvv -tpvv fast v 1g"),
        ("Deduplication", "createvv -tdvv fast v 1g"),
        ("Compression", "createvv -dedup -compr fast v 16g"),
        ("Virtual Lock", "createvv -f -retain 1h fast v 1g"),
    ] {
        let all = desk.array("north").licenses.clone();
        desk.array("north").licenses.retain(|one| one != licence);
        let said = desk.refused("north", line);
        assert!(
            said.contains(&format!("{licence} is not licensed")),
            "{said}"
        );
        desk.array("north").licenses = all;
    }
}

#[test]
fn retention_asks_first() {
    let mut desk = desk();
    let answer = desk.ask("north", "createvv -tpvv -retain 1d fast v 1g");
    assert!(
        answer
            .question
            .unwrap()
            .ends_with("select q=quit y=yes n=no: ")
    );
    assert_eq!(desk.ask("north", "showvv").stdout, "no vv listed\n");
    assert_eq!(
        desk.yes("north", "createvv -tpvv -retain 1d fast v 1g")
            .status,
        0
    );
    assert!(
        desk.refused("north", "setvv -f -retain 1h v")
            .contains("cannot be removed or reduced")
    );
    desk.quiet(&["setvv -f -retain 3d v"]);
    let refused = desk.ask("north", "removevv -f v");
    assert_eq!(
        (refused.stdout.as_str(), refused.status),
        ("Removing vv v\n", 1)
    );
    assert!(
        refused
            .stderr
            .contains("volume retention time has not expired")
    );
    desk.pass(3 * 86_400 + 1);
    assert_eq!(desk.ask("north", "removevv -f v").status, 0);
}

#[test]
fn wwns_never_repeat_though_ids_wrap() {
    let mut desk = desk();
    let mut seen = std::collections::BTreeSet::new();
    let mut ids = Vec::new();
    for start in [0, 65_533] {
        desk.array("north").counters.insert("vv".into(), start);
        for _ in 0..4 {
            desk.quiet(&["createvv -tpvv fast v 1g"]);
            let vv = desk.array("north").vvs["v"].clone();
            assert!(
                vv.wwn.len() == 32 && vv.wwn.starts_with("60002AC") && vv.wwn.ends_with("00001005")
            );
            assert!(seen.insert(vv.wwn));
            ids.push(vv.id);
            assert_eq!(desk.ask("north", "removevv -f v").status, 0);
        }
    }
    assert_eq!(ids, [1, 2, 3, 4, 65_534, 65_535, 0, 1]);
    desk.quiet(&["createvv -tpvv fast keep 1g"]);
    let next = desk.array("north").vvs["keep"].id;
    desk.array("north")
        .counters
        .insert("vv".into(), 3 * 65_536 + next - 1);
    desk.quiet(&["createvv -tpvv fast v 1g"]);
    assert_ne!(
        desk.array("north").vvs["v"].id,
        next,
        "an id in use is passed over"
    );
    assert_eq!(desk.ask("north", "removevv -f v").status, 0);
    desk.quiet(&["createvv -tpvv -i 7 fast v 1g"]);
    assert_eq!(desk.array("north").vvs["v"].id, 7);
    let wwn = desk.array("north").vvs["v"].wwn.clone();
    assert!(seen.insert(wwn));
}

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
fn setvv_changes_and_refuses() {
    let mut desk = desk();
    desk.quiet(&[
        "createvv -tpvv fast v1 1g",
        "createvv -tpvv fast v2 1g",
        "createhost h1",
        "setvv -comment \"a b\" v1",
        "setvv -snp_cpg slow v1",
        "setvv -pol one_host v1",
        "setvv -exp 1d v1",
        "setvv -comment c v1 v2",
    ]);
    assert_eq!(
        desk.column("north", "showvv -showcols Comment,Name", "Comment"),
        ["c", "c"]
    );
    desk.quiet(&[
        "setvv -comment \"\" v1",
        "setvv -exp 0 v1",
        "createvvset s v1",
    ]);
    let old = desk.array("north").vvs["v1"].wwn.clone();
    desk.quiet(&["setvv -wwn 60002ac0000000000000000900001005 v1"]);
    assert_eq!(
        desk.array("north").vvs["v1"].wwn,
        "60002AC0000000000000000900001005"
    );
    desk.quiet(&["setvv -wwn auto v1"]);
    assert_ne!(desk.array("north").vvs["v1"].wwn, old);
    desk.ask("north", "createvlun v2 1 h1");
    desk.quiet(&["setvv -name new v1"]);
    assert_eq!(desk.column("north", "showvvset s", "Members"), ["new"]);
    for (line, words) in [
        ("setvv -comment x none", "VV none not found"),
        ("setvv -name v2 new", "already exists"),
        ("setvv -name a -wwn auto new", "SYNTAX"),
        ("setvv -name x new v2", "SYNTAX"),
        ("setvv -wwn 12 new", "Invalid WWN"),
        ("setvv -wwn auto v2", "is exported"),
        ("setvv -snp_cpg none v2", "Invalid CPG name"),
        ("setvv -snp_cpg law v2", "same domain"),
        ("setvv -pol what v2", "Invalid policy"),
        ("setvv", "SYNTAX"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    let wwn = desk.array("north").vvs["v2"].wwn.clone();
    assert!(
        desk.refused("north", &format!("setvv -wwn {wwn} new"))
            .contains("already used by vv v2")
    );
}

#[test]
fn removevv_says_what_stops_it() {
    let mut desk = desk();
    desk.quiet(&[
        "createvv -tpvv fast in_set 1g",
        "createvv -tpvv fast seen 1g",
        "createvv -tpvv fast x1 1g",
        "createvv -tpvv fast x2 1g",
        "createvvset s in_set",
        "createhost h1",
    ]);
    desk.ask("north", "createvlun seen 1 h1");
    let answer = desk.ask("north", "removevv -f in_set");
    assert_eq!(answer.stdout, "Removing vv in_set\n");
    assert_eq!(
        answer.stderr,
        "Attempt to delete vv in_set which is a member of vv set s\n\n"
    );
    let answer = desk.ask("north", "removevv -f x1 seen x2");
    assert_eq!(answer.stdout, "Removing vv x1\nRemoving vv seen\n");
    assert_eq!(
        (answer.stderr.as_str(), answer.status),
        ("Attempt to delete vv seen which is exported\n", 1)
    );
    assert_eq!(
        names(&mut desk, "showvv"),
        ["in_set", "seen", "x2"],
        "it stops there"
    );
    assert!(
        desk.refused("north", "removevv -f x2 none")
            .contains("VV none not found")
    );
    assert!(
        desk.refused("north", "removevv -f x*")
            .contains("not found"),
        "a pattern needs -pat"
    );
    assert!(
        desk.refused("north", "removevv -f -pat y*")
            .contains("no volumes matching")
    );
    assert!(desk.ask("north", "removevv x2").question.is_some());
    assert_eq!(
        desk.ask("north", "removevv -dr x2").stdout,
        "Dry run: Removing vv x2\n"
    );
    assert_eq!(
        desk.ask("north", "removevv -f -pat x*").stdout,
        "Removing vv x2\n"
    );
    assert_eq!(
        desk.ask("north", "removevv -f -cascade seen in_set").status,
        0
    );
    assert_eq!(desk.ask("north", "showvv").stdout, "no vv listed\n");
    assert_eq!(desk.column("north", "showvvset", "Members"), ["--"]);
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

#[test]
fn vv_sets() {
    let mut desk = desk();
    desk.quiet(&[
        "createvv -tpvv fast v1 1g",
        "createvv -tpvv fast v2 1g",
        "createvvset -comment \"for two\" both v1",
        "createvvset empty",
        "createvvset -add both v2",
    ]);
    assert_eq!(
        desk.ask("north", "showvvset -d").stdout,
        "Id Name  Members Comment
 1 both  v1      for two
         v2             \n 2 empty --      --     
------------------------
 2 total 2              \n"
    );
    assert_eq!(
        desk.column("north", "showvvset -vv v2", "Name"),
        ["both", ""]
    );
    assert_eq!(
        desk.ask("north", "showvvset none").stdout,
        "No vv set listed\n"
    );
    for (line, words) in [
        ("createvvset both", "already exists"),
        ("createvvset -add none v1", "vv set none does not exist"),
        ("createvvset -add both v1", "is already in"),
        ("createvvset new v9", "VV v9 not found"),
        (
            "createvvset abcdefghijklmnopqrstuvwxyz12",
            "Invalid vv set name",
        ),
        ("createvvset -add both", "SYNTAX"),
        ("removevvset -f none", "vv set none does not exist"),
        ("removevvset -f empty v1", "is not in"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    assert!(desk.ask("north", "removevvset both").question.is_some());
    desk.quiet(&["removevvset -f both v1"]);
    assert_eq!(desk.column("north", "showvvset both", "Members"), ["v2"]);
    desk.quiet(&["removevvset -f both", "removevvset -f -pat em*"]);
    let text = desk.ask("north", "showvvset").stdout;
    assert_eq!(text, "No vv set listed\n");
}
