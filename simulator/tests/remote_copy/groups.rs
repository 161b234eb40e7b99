//! Making, setting and removing groups.

use crate::pair::Desk;
use crate::{CREATE, admitted, desk, in_each, periodic, state, synced, triple};
use hpe3par_sim::state::Release::{self, V331, V1050};

#[test]
fn a_group_is_made_on_both_arrays() {
    in_each(|release| {
        let mut desk = desk(release);
        assert_eq!(
            state(&mut desk, "north", "g1"),
            triple("Stopped", "Primary", &[])
        );
        assert_eq!(
            state(&mut desk, "south", "g1.r4101"),
            triple("Stopped", "Secondary", &[])
        );
        let (north, south) = (
            desk.array("north").groups["g1"].clone(),
            desk.array("south").groups["g1.r4101"].clone(),
        );
        assert_eq!(north.usr_cpg, Some(("fast".into(), "slow".into())));
        assert_eq!(south.usr_cpg, Some(("slow".into(), "fast".into())));
        assert_eq!(
            (south.target.as_str(), south.peer_name.as_str()),
            ("to_north", "g1")
        );
        assert_eq!(north.id, south.id);
    });
}

#[test]
fn creatercopygroup_refuses() {
    let mut desk = desk(V331);
    for (line, words) in [
        ("creatercopygroup g1 to_south:sync", "already exists"),
        (
            "creatercopygroup g2 nowhere:sync",
            "target nowhere does not exist",
        ),
        ("creatercopygroup g2 to_south:other", "Invalid mode"),
        ("creatercopygroup g/2 to_south:sync", "Invalid group name"),
        (
            "creatercopygroup abcdefghijklmnopqrstuvw to_south:sync",
            "longer than 22",
        ),
        (
            "creatercopygroup -usr_cpg none to_south:slow g2 to_south:sync",
            "Invalid CPG name: none",
        ),
        (
            "creatercopygroup -usr_cpg fast to_south:none g2 to_south:sync",
            "Invalid CPG name: none",
        ),
        (
            "creatercopygroup -usr_cpg fast other:slow g2 to_south:sync",
            "does not name target",
        ),
        (
            "creatercopygroup -usr_cpg law to_south:law g2 to_south:sync",
            "same domain",
        ),
        ("creatercopygroup g2", "SYNTAX"),
        ("creatercopygroup g2 to_south", "SYNTAX"),
        (
            "creatercopygroup g2 to_south:sync to_south:periodic",
            "SYNTAX",
        ),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    desk.quiet(&[
        "creatercopygroup -domain law -usr_cpg law to_south:law -snp_cpg law to_south:law g3 to_south:sync",
        "creatercopygroup abcdefghijklmnopqrstuv to_south:async",
    ]);
    desk.array("north").remote_copy = false;
    assert_eq!(
        desk.refused("north", "creatercopygroup g2 to_south:sync"),
        "Remote Copy config is not started\n"
    );
    desk.array("north").licenses.clear();
    assert!(
        desk.refused("north", "creatercopygroup g2 to_south:sync")
            .contains("Remote Copy is not licensed")
    );
    let mut later = Desk::new(V1050);
    assert!(
        later.refused("north", CREATE).contains("SYNTAX"),
        "-snp_cpg is gone"
    );
    assert!(
        later
            .refused("north", "creatercopygroup g to_south:async")
            .contains("Invalid mode")
    );
}

#[test]
fn nothing_is_changed_while_the_target_is_not_ready() {
    in_each(|release| {
        for broken in 0..3 {
            let mut desk = admitted(release);
            desk.prepare(&["createvv -tpvv -snp_cpg fast fast v2 1g"]);
            match broken {
                0 => desk.array("north").targets[0]
                    .links
                    .iter_mut()
                    .for_each(|link| link.up = false),
                1 => desk.array("south").up = false,
                _ => desk.array("north").targets[0].status = "failed".into(),
            }
            assert_eq!(
                desk.column("north", "showrcopy targets", "Status"),
                ["failed"]
            );
            for line in [
                "creatercopygroup g2 to_south:sync",
                "admitrcopyvv -createvv v2 g1 to_south:v2",
                "startrcopygroup g1",
                "dismissrcopyvv -f v1 g1",
                "removercopygroup -f g1",
                "setrcopygroup pol auto_recover g1",
            ] {
                assert!(
                    desk.refused("north", line)
                        .contains("Target to_south is not up and ready"),
                    "{line}"
                );
            }
        }
    });
}

#[test]
fn policies() {
    in_each(|release| {
        let mut desk = admitted(release);
        desk.quiet(&[
            "setrcopygroup pol path_management g1",
            "setrcopygroup pol auto_recover g1",
            "setrcopygroup pol auto_failover g1",
        ]);
        for (array, group) in [("north", "g1"), ("south", "g1.r4101")] {
            let policies = desk.array(array).groups[group].policies.join(",");
            assert_eq!(policies, "auto_recover,auto_failover,path_management");
        }
        desk.quiet(&["setrcopygroup pol -pat no_auto_recover g*"]);
        assert!(
            desk.ask("north", "showrcopy groups")
                .stdout
                .contains(" auto_failover,path_management\n")
        );
        periodic_refused(release, &mut desk);
        if release != V1050 {
            let said = desk.refused("north", "setrcopygroup pol active_active g1");
            assert!(said.contains("Invalid policy"), "{said}");
        }
        for (array, line, words) in [
            ("north", "setrcopygroup pol what g1", "Invalid policy"),
            (
                "north",
                "setrcopygroup pol over_per_alert g1",
                "not periodic",
            ),
            (
                "north",
                "setrcopygroup pol auto_recover none",
                "does not exist on the system",
            ),
            ("north", "setrcopygroup pol auto_recover", "SYNTAX"),
            ("north", "setrcopygroup what", "SYNTAX"),
            (
                "south",
                "setrcopygroup pol auto_recover g1.r4101",
                "only on the primary side",
            ),
        ] {
            assert!(desk.refused(array, line).contains(words), "{line}");
        }
    });
}

fn periodic_refused(release: Release, desk: &mut Desk) {
    let said = desk.refused("north", "creatercopygroup per to_south:periodic");
    assert!(said.contains("Peer Persistence"), "{said}");
    let mut other = Desk::new(release);
    periodic(&mut other);
    for policy in ["auto_failover", "path_management"] {
        assert!(
            other
                .refused("north", &format!("setrcopygroup pol {policy} per"))
                .contains("not synchronous")
        );
    }
}

#[test]
fn periods_modes_and_cpgs() {
    in_each(|release| {
        let mut desk = desk(release);
        periodic(&mut desk);
        let (too_short, least) = if release == V1050 {
            (14, 15)
        } else {
            (299, 300)
        };
        let said = desk.refused(
            "north",
            &format!("setrcopygroup period {too_short}s to_south per"),
        );
        assert!(said.contains(&format!("The minimum allowable period is {least} seconds.")));
        for (line, words) in [
            ("setrcopygroup period 367d to_south per", "maximum"),
            ("setrcopygroup period 5x to_south per", "Invalid period"),
            ("setrcopygroup period 5m other per", "not a target of group"),
            ("setrcopygroup period 5m to_south g1", "is not periodic"),
            ("setrcopygroup mode what to_south per", "Invalid mode"),
            (
                "setrcopygroup cpg -usr_cpg none to_south:slow g1",
                "Invalid CPG name",
            ),
        ] {
            assert!(desk.refused("north", line).contains(words), "{line}");
        }
        desk.prepare(&[
            "setrcopygroup period 0 to_south per",
            "setrcopygroup period 31622400s to_south per",
        ]);
        assert_eq!(desk.array("south").groups["per.r4101"].period, 31_622_400);
        desk.prepare(&["setrcopygroup mode sync to_south per"]);
        let south = desk.array("south").groups["per.r4101"].clone();
        assert_eq!(
            (south.mode.word(), south.period, south.policies.len()),
            ("Sync", 0, 0)
        );
        desk.prepare(&["startrcopygroup per"]);
        assert!(
            desk.refused("north", "setrcopygroup mode periodic to_south per")
                .contains("is started")
        );
        desk.prepare(&["setrcopygroup cpg -usr_cpg slow to_south:fast g1"]);
        let unset = desk.ask("north", "setrcopygroup cpg -snp_cpg_unset g1");
        assert_eq!(unset.stderr.contains("SYNTAX"), release == V1050);
        let north = desk.array("north").groups["g1"].clone();
        assert_eq!(
            (north.usr_cpg, north.snp_cpg),
            (Some(("slow".into(), "fast".into())), None)
        );
        assert_eq!(
            desk.array("south").groups["g1.r4101"].usr_cpg,
            Some(("fast".into(), "slow".into()))
        );
        desk.quiet(&[
            "creatercopygroup p to_south:periodic",
            &format!("setrcopygroup period {least}s to_south p"),
        ]);
    });
}

#[test]
fn dismissing_and_removing() {
    in_each(|release| {
        let mut desk = synced(release);
        desk.prepare(&["createvv -tpvv -snp_cpg fast fast v2 1g"]);
        assert!(
            desk.ask("north", "removevv -f v1")
                .stderr
                .contains("remote copy group g1")
        );
        assert!(
            desk.refused("north", "dismissrcopyvv -f v1 g1")
                .contains("is started")
        );
        assert!(
            desk.refused("north", "removercopygroup -f g1")
                .contains("is started")
        );
        desk.prepare(&[
            "stoprcopygroup -f g1",
            "admitrcopyvv -createvv v2 g1 to_south:v2",
        ]);
        for (array, line, words) in [
            ("north", "dismissrcopyvv -f none g1", "is not in group g1"),
            (
                "north",
                "dismissrcopyvv -f v1 none",
                "does not exist on the system",
            ),
            (
                "north",
                "dismissrcopyvv -f -keepsnap -removevv v1 g1",
                "SYNTAX",
            ),
            (
                "south",
                "dismissrcopyvv -f v1 g1.r4101",
                "only on the primary side",
            ),
            (
                "south",
                "removercopygroup -f g1.r4101",
                "only on the primary side",
            ),
            (
                "north",
                "removercopygroup -f none",
                "does not exist on the system",
            ),
        ] {
            assert!(desk.refused(array, line).contains(words), "{line}");
        }
        desk.ask("south", "createhost h ; createvlun v1 1 h");
        assert!(
            desk.refused("north", "dismissrcopyvv -f -removevv v1 g1")
                .contains("is exported")
        );
        desk.ask("south", "removevlun -f v1 1 h");
        assert!(
            desk.ask("north", "dismissrcopyvv -removevv v1 g1")
                .question
                .is_some()
        );
        assert_eq!(
            desk.ask("north", "dismissrcopyvv -f -removevv v1 g1")
                .stdout,
            "Volume v1 has been dismissed from group g1.\n"
        );
        assert_eq!(desk.column("south", "showvv", "Name"), ["v2"]);
        assert_eq!(
            desk.column("north", "showvv", "Name"),
            ["v1", "v2"],
            "the resync snapshot is gone"
        );
        assert!(
            desk.ask("north", "removercopygroup -f -removevv g1")
                .question
                .is_some(),
            "asks even with -f"
        );
        assert!(desk.ask("north", "removercopygroup g1").question.is_some());
        assert_eq!(
            desk.ask("north", "removercopygroup -f g1").stdout,
            "Removing g1\nGroup g1 has been deleted.\n\n"
        );
        assert!(desk.array("south").groups.is_empty() && desk.array("north").groups.is_empty());
        assert_eq!(
            desk.column("south", "showvv", "Name"),
            ["v2"],
            "both copies stay"
        );
        assert_eq!(desk.ask("north", "removevv -f v1 v2").status, 0);
    });
}

#[test]
fn keepsnap_keeps_the_snapshot() {
    in_each(|release| {
        let mut desk = synced(release);
        desk.quiet(&["stoprcopygroup -f g1"]);
        desk.ask("north", "dismissrcopyvv -f -keepsnap v1 g1");
        assert_eq!(
            desk.column("north", "showvv -p -type vcopy", "Name"),
            ["sv.rcpy.v1"]
        );
        let snapshot = &desk.array("north").vvs["sv.rcpy.v1"];
        assert_eq!(
            (snapshot.name.as_str(), snapshot.copy_of.as_deref()),
            ("sv.rcpy.v1", Some("v1"))
        );
    });
}

#[test]
fn automatic_vv_sets_follow_the_group() {
    in_each(|release| {
        let mut desk = Desk::new(release);
        for array in ["north", "south"] {
            desk.array(array).switches.insert("rcp_sets".into(), true);
        }
        desk.prepare(&[
            "createvv -tpvv -snp_cpg fast fast v1 1g",
            CREATE,
            "admitrcopyvv -createvv v1 g1 to_south:far",
        ]);
        assert_eq!(desk.column("north", "showvvset RCP_g1", "Members"), ["v1"]);
        assert_eq!(
            desk.column("south", "showvvset RCP_g1.r4101", "Members"),
            ["far"]
        );
        desk.prepare(&["createvv -tpvv fast v2 1g"]);
        for line in ["createvvset -add RCP_g1 v2", "removevvset -f RCP_g1"] {
            assert!(
                desk.refused("north", line)
                    .contains("created automatically"),
                "{line}"
            );
        }
        desk.ask("north", "dismissrcopyvv -f v1 g1");
        assert_eq!(desk.column("north", "showvvset", "Members"), ["--"]);
        desk.ask("north", "removercopygroup -f g1");
        assert_eq!(desk.ask("south", "showvvset").stdout, "No vv set listed\n");
    });
}

#[test]
fn a_replicated_volume_grows_on_both_arrays_while_its_group_is_stopped() {
    let mut desk = Desk::new(V331);
    desk.quiet(&[
        "createvv -tpvv -snp_cpg fast fast v1 1g",
        "creatercopygroup -usr_cpg fast to_south:fast -snp_cpg fast to_south:fast g1 to_south:sync",
        "admitrcopyvv -createvv v1 g1 to_south:v1",
        "startrcopygroup g1",
    ]);
    desk.pass(60);
    let said = desk.refused("north", "growvv v1 1g");
    assert!(said.contains("started remote copy group g1"), "{said}");
    desk.quiet(&["stoprcopygroup -f g1"]);
    let said = desk.refused("south", "growvv v1 1g");
    assert!(said.contains("is a secondary"), "{said}");
    desk.quiet(&["growvv v1 1g"]);
    let sizes = ["north", "south"].map(|array| desk.array(array).vvs["v1"].size_mib);
    assert_eq!(sizes, [2048, 2048]);
    desk.array("south").up = false;
    desk.pass(0);
    let said = desk.refused("north", "growvv v1 1g");
    assert!(
        said.contains("Target to_south is not up and ready"),
        "{said}"
    );
}
