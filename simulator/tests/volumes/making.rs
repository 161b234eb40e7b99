//! Making, changing and removing volumes.

use crate::{Desk, desk, names};

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
fn growvv_adds_to_the_size() {
    let mut desk = desk();
    desk.quiet(&["createvv fast v1 1g", "createvv -tpvv fast v2 1g"]);
    let free = |desk: &mut Desk| desk.array("north").cpgs[0].free_mib;
    let before = free(&mut desk);
    desk.quiet(&["growvv v1 1", "growvv v2 2G"]);
    let size = |desk: &mut Desk, vv: &str| desk.array("north").vvs[vv].size_mib;
    assert_eq!((size(&mut desk, "v1"), size(&mut desk, "v2")), (1280, 3072));
    assert_eq!(before - free(&mut desk), 256, "a full VV takes all of it");
    let asked = desk.ask("north", "growvv v2 2t");
    assert!(asked.question.is_some(), "{asked:?}");
    assert_eq!(size(&mut desk, "v2"), 3072);
    desk.quiet(&["growvv -f v2 2t"]);
    for (line, words) in [
        ("growvv v1", "SYNTAX"),
        ("growvv v9 1g", "VV v9 not found"),
        ("growvv v1 0", "Invalid volume size"),
        ("growvv v1 1x", "Invalid volume size"),
        ("growvv -f v2 15t", "larger than the maximum"),
        ("growvv -f v1 2t", "has no free space"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    desk.array("north").add_system_vvs(0);
    assert!(
        desk.refused("north", "growvv admin 1g")
            .contains("system volume")
    );
}
