//! Remote copy groups: commands on both sides, refusals, and what time does.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod pair;

use hpe3par_sim::remote_copy;
use hpe3par_sim::state::Release::{self, V322, V331, V1050};
use pair::{Desk, WWPN};

const CREATE: &str = "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g1 to_south:sync";

/// A volume and an empty synchronous group.
fn desk() -> Desk {
    let mut desk = Desk::new(V331);
    desk.quiet(&["createvv -tpvv -snp_cpg fast fast v1 4g", CREATE]);
    desk
}

/// The same, admitted.
fn admitted() -> Desk {
    let mut desk = desk();
    desk.quiet(&["admitrcopyvv -createvv v1 g1 to_south:v1"]);
    desk
}

/// The same, started and synced.
fn synced() -> Desk {
    let mut desk = admitted();
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(60);
    desk.world.agreements.clear();
    desk
}

fn state(desk: &mut Desk, array: &str, group: &str) -> (String, String, Vec<String>) {
    let line = format!("showrcopy groups {group}");
    let text = desk.ask(array, &format!("{line} -csvtable")).stdout;
    let status = pair::column(&text, "Status").swap_remove(0);
    let role = pair::column(&text, "Role").swap_remove(0);
    (status, role, if text.contains("SyncStatus") { pair::column(&text, "SyncStatus") } else { Vec::new() })
}

fn triple(status: &str, role: &str, sync: &[&str]) -> (String, String, Vec<String>) {
    (status.into(), role.into(), sync.iter().map(|word| (*word).to_owned()).collect())
}

/// A periodic group with a period, not started.
fn periodic(desk: &mut Desk) {
    desk.quiet(&[
        "createvv -tpvv -snp_cpg fast fast p1 1g",
        "creatercopygroup -usr_cpg fast to_south:fast -snp_cpg fast to_south:fast per to_south:periodic",
        "setrcopygroup period 15m to_south per",
        "admitrcopyvv -createvv -nowwn p1 per to_south:p1copy",
    ]);
}

#[test]
fn a_group_is_made_on_both_arrays() {
    let mut desk = desk();
    assert_eq!(state(&mut desk, "north", "g1"), triple("Stopped", "Primary", &[]));
    assert_eq!(state(&mut desk, "south", "g1.r4101"), triple("Stopped", "Secondary", &[]));
    let (north, south) = (desk.array("north").groups["g1"].clone(), desk.array("south").groups["g1.r4101"].clone());
    assert_eq!(north.usr_cpg, Some(("fast".into(), "slow".into())));
    assert_eq!(south.usr_cpg, Some(("slow".into(), "fast".into())));
    assert_eq!((south.target.as_str(), south.peer_name.as_str()), ("to_north", "g1"));
    assert_eq!(north.id, south.id);
}

#[test]
fn creatercopygroup_refuses() {
    let mut desk = desk();
    for (line, words) in [
        ("creatercopygroup g1 to_south:sync", "already exists"),
        ("creatercopygroup g2 nowhere:sync", "target nowhere does not exist"),
        ("creatercopygroup g2 to_south:other", "Invalid mode"),
        ("creatercopygroup g/2 to_south:sync", "Invalid group name"),
        ("creatercopygroup abcdefghijklmnopqrstuvw to_south:sync", "longer than 22"),
        ("creatercopygroup -usr_cpg none to_south:slow g2 to_south:sync", "Invalid CPG name: none"),
        ("creatercopygroup -usr_cpg fast to_south:none g2 to_south:sync", "Invalid CPG name: none"),
        ("creatercopygroup -usr_cpg fast other:slow g2 to_south:sync", "does not name target"),
        ("creatercopygroup -usr_cpg law to_south:law g2 to_south:sync", "same domain"),
        ("creatercopygroup g2", "SYNTAX"),
        ("creatercopygroup g2 to_south", "SYNTAX"),
        ("creatercopygroup g2 to_south:sync to_south:periodic", "SYNTAX"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    desk.quiet(&[
        "creatercopygroup -domain law -usr_cpg law to_south:law -snp_cpg law to_south:law g3 to_south:sync",
        "creatercopygroup abcdefghijklmnopqrstuv to_south:async",
    ]);
    desk.array("north").remote_copy = false;
    assert_eq!(desk.refused("north", "creatercopygroup g2 to_south:sync"), "Remote Copy config is not started\n");
    desk.array("north").licenses.clear();
    assert!(desk.refused("north", "creatercopygroup g2 to_south:sync").contains("Remote Copy is not licensed"));
    let mut later = Desk::new(V1050);
    assert!(later.refused("north", CREATE).contains("SYNTAX"), "-snp_cpg is gone");
    assert!(later.refused("north", "creatercopygroup g to_south:async").contains("Invalid mode"));
}

#[test]
fn nothing_is_changed_while_the_target_is_not_ready() {
    for broken in 0..3 {
        let mut desk = admitted();
        desk.quiet(&["createvv -tpvv -snp_cpg fast fast v2 1g"]);
        match broken {
            0 => desk.array("north").targets[0].links.iter_mut().for_each(|link| link.up = false),
            1 => desk.array("south").up = false,
            _ => desk.array("north").targets[0].status = "failed".into(),
        }
        assert_eq!(desk.column("north", "showrcopy targets", "Status"), ["failed"]);
        for line in [
            "creatercopygroup g2 to_south:sync",
            "admitrcopyvv -createvv v2 g1 to_south:v2",
            "startrcopygroup g1",
            "dismissrcopyvv -f v1 g1",
            "removercopygroup -f g1",
            "setrcopygroup pol auto_recover g1",
        ] {
            assert!(desk.refused("north", line).contains("Target to_south is not up and ready"), "{line}");
        }
    }
}

#[test]
fn admit_makes_the_secondary() {
    let mut desk = admitted();
    desk.quiet(&["createvv -tpvv -snp_cpg fast fast v2 2g", "admitrcopyvv -createvv -nowwn v2 g1 to_south:v2.far"]);
    let line = "showvv -showcols Name,Prov,VSize_MB,UsrCPG,SnpCPG,RcopyGroup,RcopyStatus -csvtable -nohdtot";
    assert_eq!(
        desk.ask("south", line).stdout,
        "v1,tpvv,4096,slow,slow,g1.r4101,Secondary\nv2.far,tpvv,2048,slow,slow,g1.r4101,Secondary\n"
    );
    let wwn = |desk: &mut Desk, array: &str, vv: &str| desk.array(array).vvs[vv].wwn.clone();
    assert_eq!(wwn(&mut desk, "north", "v1"), wwn(&mut desk, "south", "v1"));
    assert_ne!(wwn(&mut desk, "north", "v2"), wwn(&mut desk, "south", "v2.far"));
    assert_eq!(state(&mut desk, "north", "g1").2, ["New", "New"]);
    assert_eq!(desk.column("north", "showvv -p -rcopygroup g1", "Name"), ["v1", "v2"]);
    desk.quiet(&["setvv -name new v2"]);
    assert_eq!(desk.column("south", "showrcopy groups g1.r4101", "RemoteVV"), ["v1", "new"]);
}

#[test]
fn admit_refuses() {
    let mut desk = admitted();
    desk.quiet(&[
        "createvv -tpvv -snp_cpg fast fast free 1g",
        "createvv -tpvv fast bare 1g",
        "createvv -tpvv -snp_cpg law law lawful 1g",
        "creatercopygroup -usr_cpg fast to_south:fast nosnp to_south:sync",
    ]);
    for line in ["createvv -tpvv slow small 2g", "createvv -tpvv -snp_cpg slow slow seen 1g", "createvv -tpvv slow nosn 1g"] {
        desk.ask("south", line);
    }
    desk.ask("south", "createhost h ; createvlun seen 1 h");
    let now = desk.now;
    let north = desk.array("north");
    for (name, read_only) in [("ro", true), ("rw", false)] {
        let copy = hpe3par_sim::state::Vv::snapshot(name, &north.vvs["v1"].clone(), read_only, now);
        north.add_vv(copy);
    }
    for (line, words) in [
        ("admitrcopyvv -createvv free none to_south:free", "group matching none does not exist on the system"),
        ("admitrcopyvv -createvv none g1 to_south:none", "VV none not found"),
        ("admitrcopyvv -createvv v1 g1 to_south:x", "Volume already in group g1"),
        ("admitrcopyvv -createvv v1 nosnp to_south:x", "already in another group"),
        ("admitrcopyvv -createvv free nosnp to_south:x", "has no CPG for target to_south"),
        ("admitrcopyvv -createvv bare g1 to_south:x", "snapshot space"),
        ("admitrcopyvv -createvv lawful g1 to_south:x", "same domain"),
        ("admitrcopyvv -createvv ro g1 to_south:x", "read only"),
        ("admitrcopyvv -createvv rw g1 to_south:x", "same family"),
        ("admitrcopyvv -createvv free g1 other:x", "not a target of group"),
        ("admitrcopyvv -createvv free g1 to_south:v1", "already exists on target"),
        ("admitrcopyvv -createvv free g1 to_south:a/b", "Invalid vv name"),
        ("admitrcopyvv free g1 to_south:none", "does not exist on target"),
        ("admitrcopyvv free g1 to_south:small", "another size"),
        ("admitrcopyvv free g1 to_south:seen", "is exported"),
        ("admitrcopyvv free g1 to_south:nosn", "snapshot space"),
        ("admitrcopyvv free:rw g1 to_south:small", "not read only"),
        ("admitrcopyvv free:ro g1 to_south:small", "not a snapshot of"),
        ("admitrcopyvv -createvv free:ro g1 to_south:x", "SYNTAX"),
        ("admitrcopyvv free g1", "SYNTAX"),
    ] {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
    desk.array("south").cpgs[1].free_mib = 0;
    assert!(desk.refused("north", "admitrcopyvv -createvv free g1 to_south:x").contains("no free space"));
    let wwn = desk.array("north").vvs["free"].wwn.clone();
    desk.array("south").cpgs[1].free_mib = 9999;
    desk.ask("south", &format!("setvv -wwn {wwn} small"));
    assert!(desk.refused("north", "admitrcopyvv -createvv free g1 to_south:x").contains("WWN"));
    desk.quiet(&["startrcopygroup g1"]);
    assert_eq!(desk.refused("north", "admitrcopyvv -createvv -nowwn free g1 to_south:x"), "Group has already been started\n");
}

#[test]
fn admitting_an_existing_secondary() {
    let mut desk = desk();
    desk.ask("south", "createvv -tpvv -snp_cpg slow slow twin 4g");
    desk.array("north").switches.insert("admit_existing_hangs".into(), true);
    assert!(desk.ask("north", "admitrcopyvv v1 g1 to_south:twin").question.is_some());
    assert!(desk.array("north").groups["g1"].volumes.is_empty());
    desk.array("north").switches.clear();
    desk.quiet(&["admitrcopyvv -nosync v1 g1 to_south:twin"]);
    assert_eq!(state(&mut desk, "north", "g1").2, ["New-PreSynced"]);
    assert_eq!(state(&mut desk, "south", "g1.r4101").2, ["New"]);
    desk.quiet(&["startrcopygroup g1"]);
    assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"]);
    assert!(desk.world.agreements.is_empty(), "nothing is copied");
}

#[test]
fn admit_by_set_and_by_pattern() {
    let mut desk = desk();
    desk.quiet(&[
        "createvv -tpvv -snp_cpg fast fast v2 1g",
        "createvv -tpvv -snp_cpg fast fast w1 1g",
        "createvvset vs v1 v2",
        "admitrcopyvv -createvv set:vs g1 to_south:vs.far",
        "admitrcopyvv -createvv -pat w* g1 to_south:far-@vvname@",
    ]);
    assert_eq!(desk.column("south", "showvvset vs.far", "Members"), ["v1.r", "v2.r"]);
    assert_eq!(desk.column("north", "showrcopy -d groups", "LocalSet"), ["vs", "vs", "NA"]);
    assert_eq!(desk.column("north", "showrcopy groups", "RemoteVV"), ["v1.r", "v2.r", "far-w1"]);
    for (array, set) in [("north", "vs"), ("south", "vs.far")] {
        assert_eq!(
            desk.refused(array, &format!("removevvset -f {set}")),
            format!("Set {set} is currently admitted to Remote Copy Group and may not be directly removed.\n")
        );
    }
    let gone = desk.ask("north", "dismissrcopyvv -f -removevv set:vs g1").stdout;
    assert_eq!(gone.lines().count(), 2);
    assert_eq!(desk.ask("south", "showvvset").stdout, "No vv set listed\n", "the last volume takes the set along");
    assert_eq!(desk.column("south", "showvv", "Name"), ["far-w1"]);
}

#[test]
fn starting_takes_a_second_and_syncing_goes_by_size() {
    let mut desk = admitted();
    desk.quiet(&["startrcopygroup g1"]);
    assert_eq!(state(&mut desk, "north", "g1"), triple("Starting", "Primary", &["Syncing (0%)"]));
    desk.pass(2);
    assert_eq!(state(&mut desk, "north", "g1"), triple("Started", "Primary", &["Syncing (40%)"]));
    assert_eq!(state(&mut desk, "south", "g1.r4101"), triple("Started", "Secondary", &["Syncing"]));
    assert!(desk.world.agreements.is_empty());
    desk.pass(2);
    assert_eq!(state(&mut desk, "north", "g1").2, ["Syncing (80%)"]);
    desk.pass(1);
    assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"]);
    assert_eq!(state(&mut desk, "south", "g1.r4101").2, ["Synced"]);
    let pairs: Vec<_> = desk.world.agreements.iter().map(|one| (one.from.clone(), one.to.clone())).collect();
    assert_eq!(pairs, [(("north".into(), "v1".into()), ("south".into(), "v1".into()))]);
    assert_eq!(desk.column("north", "showrcopy groups g1", "LastSyncTime"), ["NA"]);
    assert_eq!(desk.column("north", "showtask", "Type"), ["remote_copy_sync"]);
    assert_eq!(desk.column("north", "showtask", "Status"), ["done"]);
}

#[test]
fn start_refuses() {
    let mut desk = admitted();
    desk.quiet(&["creatercopygroup g2 to_south:sync"]);
    assert!(desk.refused("north", "startrcopygroup g2").contains("must contain volumes before being started"));
    assert!(desk.refused("north", "startrcopygroup none").contains("group matching none does not exist on the system"));
    assert!(desk.refused("north", "startrcopygroup -t other g1").contains("not a target"));
    assert!(desk.refused("south", "startrcopygroup -wait g1.r4101").contains("not supported"));
    assert!(desk.refused("north", "startrcopygroup g1 v1:none").contains("Incorrect snapshot"));
    assert!(desk.refused("north", "startrcopygroup").contains("SYNTAX"));
    periodic(&mut desk);
    desk.quiet(&["startrcopygroup g1"]);
    assert_eq!(desk.refused("north", "startrcopygroup g1"), "Group has already been started\n");
    assert_eq!(
        desk.refused("north", "startrcopygroup per"),
        "Group with different modes on a single target is not supported\n"
    );
    desk.quiet(&["stoprcopygroup -f g1", "startrcopygroup per"]);
}

#[test]
fn start_from_the_other_side_and_waiting() {
    let mut desk = admitted();
    assert_eq!(desk.ask("south", "startrcopygroup g1.r4101"), hpe3par_sim::commands::Answer::default());
    assert_eq!(state(&mut desk, "north", "g1").0, "Starting");
    let mut desk = admitted();
    let answer = desk.ask("north", "startrcopygroup -wait g1");
    assert!(answer.stdout.contains("starts, task ID"), "{answer:?}");
    assert_eq!(state(&mut desk, "north", "g1"), triple("Started", "Primary", &["Synced"]));
    let mut desk = admitted();
    desk.quiet(&["startrcopygroup -nosync g1"]);
    assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"]);
    desk.quiet(&["stoprcopygroup -f -pat g*"]);
    desk.quiet(&["startrcopygroup -pat g*"]);
}

#[test]
fn stopping_keeps_snapshots_until_the_next_sync() {
    let mut desk = synced();
    let id = desk.array("north").vvs["v1"].id;
    desk.quiet(&["stoprcopygroup -f g1"]);
    assert_eq!(desk.world.agreements.len(), 1, "all writes are over there");
    let snapshot = format!("rcpy.1.{id}.4");
    assert_eq!(state(&mut desk, "north", "g1"), triple("Stopped", "Primary", &["Stopped"]));
    assert_eq!(state(&mut desk, "south", "g1.r4101"), triple("Stopped", "Secondary", &["Stopped"]));
    assert_eq!(desk.column("north", "showrcopy groups g1", "LastSyncTime"), ["2023-11-14 23:14:20 CET"]);
    assert_eq!(desk.column("north", "showrcopy -d groups g1", "Resync_ss"), [snapshot.clone()]);
    assert_eq!(desk.column("north", "showvv -p -type vcopy", "Name"), [snapshot.clone()]);
    assert!(desk.ask("north", &format!("removevv -f {snapshot}")).stderr.contains("remote copy"));
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(2);
    assert_eq!(desk.column("north", "showvv -p -type vcopy", "Name"), [snapshot], "still syncing");
    desk.pass(1);
    assert_eq!(state(&mut desk, "north", "g1").2, ["Synced"], "differences only: two seconds");
    assert_eq!(desk.ask("north", "showvv -p -type vcopy").stdout, "no vv listed\n");
}

#[test]
fn stop_refuses_and_nosnap_forgets() {
    let mut desk = synced();
    assert!(desk.refused("south", "stoprcopygroup -f g1.r4101").contains("only on the primary side"));
    assert!(desk.refused("north", "stoprcopygroup -f none").contains("does not exist on the system"));
    assert!(desk.refused("north", "stoprcopygroup -f -remote g1").contains("SYNTAX"));
    assert!(desk.refused("north", "stoprcopygroup -f -t other g1").contains("not a target"));
    assert!(desk.ask("north", "stoprcopygroup g1").question.is_some());
    assert_eq!(state(&mut desk, "north", "g1").0, "Started");
    desk.quiet(&["stoprcopygroup -f -nosnap g1"]);
    assert_eq!(desk.refused("north", "stoprcopygroup -f g1"), "Group isn't started\n");
    assert_eq!(desk.ask("north", "showvv -p -type vcopy").stdout, "no vv listed\n");
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(4);
    assert_eq!(state(&mut desk, "north", "g1").2, ["Syncing (80%)"], "everything again");
}

#[test]
fn an_interrupted_first_sync_is_not_synced() {
    let mut desk = admitted();
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(3);
    desk.quiet(&["stoprcopygroup -f g1"]);
    assert_eq!(state(&mut desk, "north", "g1"), triple("Stopped", "Primary", &["NotSynced"]));
    assert!(desk.world.agreements.is_empty());
}

#[test]
fn links_down_stop_the_group_and_auto_recover_starts_it() {
    for recovers in [true, false] {
        let mut desk = synced();
        if recovers {
            desk.quiet(&["setrcopygroup pol auto_recover g1"]);
        }
        remote_copy::agree_now(&mut desk.world);
        assert_eq!(desk.world.agreements.len(), 1);
        desk.array("north").targets[0].links[0].up = false;
        desk.pass(5);
        assert_eq!(state(&mut desk, "north", "g1").0, "Started", "one link is enough");
        desk.array("north").targets[0].links[1].up = false;
        desk.pass(5);
        assert_eq!(state(&mut desk, "north", "g1"), triple("Stopped", "Primary", &["Stopped"]));
        assert_eq!(state(&mut desk, "south", "g1.r4101"), triple("Stopped", "Secondary", &["Stopped"]));
        assert_eq!(desk.world.agreements.len(), 1, "nothing goes over cut links");
        assert_eq!(desk.column("north", "showrcopy links", "Status"), ["Down", "Down", "Up", "Up"]);
        assert_eq!(desk.column("south", "showrcopy links", "Target"), ["to_north", "to_north", "receive", "receive"]);
        for link in &mut desk.array("north").targets[0].links {
            link.up = true;
        }
        desk.pass(1);
        desk.pass(10);
        let expected = if recovers { "Started" } else { "Stopped" };
        assert_eq!(state(&mut desk, "north", "g1").0, expected);
        assert_eq!(desk.world.agreements.len(), if recovers { 2 } else { 1 });
    }
}

#[test]
fn a_dead_array_stops_the_group_until_it_is_back() {
    let mut desk = synced();
    desk.quiet(&["setrcopygroup pol auto_recover g1"]);
    desk.array("north").up = false;
    desk.pass(1);
    assert_eq!(state(&mut desk, "south", "g1.r4101"), triple("Stopped", "Secondary", &["Stopped"]));
    assert_eq!(desk.column("south", "showrcopy targets", "Status"), ["failed"]);
    let system = desk.ask("south", "showrcopy").stdout;
    assert!(system.starts_with("\nRemote Copy System Information\nStatus: Started, Normal\n\n"));
    desk.array("north").up = true;
    desk.pass(1);
    desk.pass(10);
    assert_eq!(state(&mut desk, "south", "g1.r4101"), triple("Started", "Secondary", &["Synced"]));
}

#[test]
fn a_stop_by_hand_is_not_undone() {
    let mut desk = synced();
    desk.quiet(&["setrcopygroup pol auto_recover g1", "stoprcopygroup -f g1"]);
    desk.pass(3600);
    assert_eq!(state(&mut desk, "north", "g1").0, "Stopped");
}

#[test]
fn periodic_groups_sync_once_a_period() {
    let mut desk = Desk::new(V331);
    periodic(&mut desk);
    desk.quiet(&["setrcopygroup pol auto_recover per", "startrcopygroup per"]);
    let start = desk.now;
    desk.pass(3);
    assert_eq!(state(&mut desk, "north", "per"), triple("Started", "Primary", &["Synced"]));
    assert_eq!(desk.world.agreements.len(), 1);
    assert_eq!(
        desk.ask("north", "showrcopy groups per").stdout,
        format!(
            "
Remote Copy System Information
Status: Started, Normal

Group Information

Name         Target     Status   Role       Mode     {:<73}
per          to_south   Started  Primary    Periodic Last-Sync 2023-11-14 23:13:23 CET, Period 15m,auto_recover,over_per_alert
  LocalVV      ID   RemoteVV     ID   SyncStatus    {:<23}
  p1              1 p1copy          1 Synced        2023-11-14 23:13:23 CET

",
            "Options", "LastSyncTime"
        )
    );
    assert!(desk.ask("south", "showrcopy groups").stdout.contains(" Period 15m,auto_recover,over_per_alert"));
    assert!(!desk.ask("south", "showrcopy groups").stdout.contains("Last-Sync"));
    assert!(desk.ask("north", "showrcopy groups -csvtable").stdout.contains(
        ",\"Last-Sync 2023-11-14 23:13:23 CET , Period 15m, auto_recover,over_per_alert\"\n ,LocalVV"
    ));
    desk.now = start + 1 + 900;
    desk.pass(0);
    assert_eq!(state(&mut desk, "north", "per").2, ["Syncing (0%)"]);
    desk.pass(2);
    assert_eq!(desk.column("north", "showrcopy groups per", "LastSyncTime"), ["2023-11-14 23:28:23 CET"]);
    desk.pass(10 * 900);
    desk.pass(2);
    assert_eq!(desk.column("north", "showrcopy groups per", "LastSyncTime"), ["2023-11-15 01:58:23 CET"]);
    assert_eq!(desk.world.agreements.len(), 3);
    assert_eq!(desk.column("north", "showrcopy -d groups per", "Resync_ss"), ["rcpy.1.1.4"]);
    desk.quiet(&["stoprcopygroup -f per"]);
    assert_eq!(desk.world.agreements.len(), 3, "a stop sends nothing in periodic mode");
    assert_eq!(desk.column("north", "showrcopy groups per", "LastSyncTime"), ["2023-11-15 01:58:23 CET"]);
}

#[test]
fn syncrcopy_on_demand() {
    let mut desk = Desk::new(V331);
    periodic(&mut desk);
    assert_eq!(desk.refused("north", "syncrcopy per"), "Group isn't started\n");
    assert!(desk.refused("north", "syncrcopy none").contains("does not exist on the system"));
    desk.quiet(&["startrcopygroup per"]);
    desk.pass(1);
    assert!(desk.refused("north", "syncrcopy per").contains("synchronization"));
    desk.pass(30);
    assert_eq!(desk.ask("north", "syncrcopy per").stdout, "Synchronization request issued for group per\n");
    assert_eq!(state(&mut desk, "north", "per").2, ["Syncing (0%)"]);
    desk.pass(30);
    assert!(desk.refused("south", "syncrcopy -w per.r4101").contains("not supported"));
    assert_eq!(desk.ask("north", "syncrcopy -w per").stdout, "Completed synchronization for group per\n");
    assert_eq!(state(&mut desk, "north", "per").2, ["Synced"]);
    let mut desk = synced();
    assert!(desk.ask("north", "syncrcopy g1").question.is_some());
    assert_eq!(desk.ask("north", "syncrcopy -ovrd g1").status, 0);
    desk.pass(3);
    assert_eq!(state(&mut desk, "north", "g1").2, ["Syncing (75%)"]);
}

#[test]
fn dismissing_and_removing() {
    let mut desk = synced();
    desk.quiet(&["createvv -tpvv -snp_cpg fast fast v2 1g"]);
    assert!(desk.ask("north", "removevv -f v1").stderr.contains("remote copy group g1"));
    assert!(desk.refused("north", "dismissrcopyvv -f v1 g1").contains("is started"));
    assert!(desk.refused("north", "removercopygroup -f g1").contains("is started"));
    desk.quiet(&["stoprcopygroup -f g1", "admitrcopyvv -createvv v2 g1 to_south:v2"]);
    for (array, line, words) in [
        ("north", "dismissrcopyvv -f none g1", "is not in group g1"),
        ("north", "dismissrcopyvv -f v1 none", "does not exist on the system"),
        ("north", "dismissrcopyvv -f -keepsnap -removevv v1 g1", "SYNTAX"),
        ("south", "dismissrcopyvv -f v1 g1.r4101", "only on the primary side"),
        ("south", "removercopygroup -f g1.r4101", "only on the primary side"),
        ("north", "removercopygroup -f none", "does not exist on the system"),
    ] {
        assert!(desk.refused(array, line).contains(words), "{line}");
    }
    desk.ask("south", "createhost h ; createvlun v1 1 h");
    assert!(desk.refused("north", "dismissrcopyvv -f -removevv v1 g1").contains("is exported"));
    desk.ask("south", "removevlun -f v1 1 h");
    assert!(desk.ask("north", "dismissrcopyvv -removevv v1 g1").question.is_some());
    assert_eq!(
        desk.ask("north", "dismissrcopyvv -f -removevv v1 g1").stdout,
        "Volume v1 has been dismissed from group g1.\n"
    );
    assert_eq!(desk.column("south", "showvv", "Name"), ["v2"]);
    assert_eq!(desk.column("north", "showvv", "Name"), ["v1", "v2"], "the resync snapshot is gone");
    assert!(desk.ask("north", "removercopygroup -f -removevv g1").question.is_some(), "asks even with -f");
    assert!(desk.ask("north", "removercopygroup g1").question.is_some());
    assert_eq!(desk.ask("north", "removercopygroup -f g1").stdout, "Removing g1\nGroup g1 has been deleted.\n\n");
    assert!(desk.array("south").groups.is_empty() && desk.array("north").groups.is_empty());
    assert_eq!(desk.column("south", "showvv", "Name"), ["v2"], "both copies stay");
    assert_eq!(desk.ask("north", "removevv -f v1 v2").status, 0);
}

#[test]
fn keepsnap_keeps_the_snapshot() {
    let mut desk = synced();
    desk.quiet(&["stoprcopygroup -f g1"]);
    desk.ask("north", "dismissrcopyvv -f -keepsnap v1 g1");
    assert_eq!(desk.column("north", "showvv -p -type vcopy", "Name"), ["sv.rcpy.v1"]);
    let snapshot = &desk.array("north").vvs["sv.rcpy.v1"];
    assert_eq!((snapshot.name.as_str(), snapshot.copy_of.as_deref()), ("sv.rcpy.v1", Some("v1")));
}

#[test]
fn policies() {
    let mut desk = admitted();
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
    assert!(desk.ask("north", "showrcopy groups").stdout.contains(" auto_failover,path_management\n"));
    periodic_refused(&mut desk);
    for (array, line, words) in [
        ("north", "setrcopygroup pol what g1", "Invalid policy"),
        ("north", "setrcopygroup pol active_active g1", "Invalid policy"),
        ("north", "setrcopygroup pol over_per_alert g1", "not periodic"),
        ("north", "setrcopygroup pol auto_recover none", "does not exist on the system"),
        ("north", "setrcopygroup pol auto_recover", "SYNTAX"),
        ("north", "setrcopygroup what", "SYNTAX"),
        ("south", "setrcopygroup pol auto_recover g1.r4101", "only on the primary side"),
    ] {
        assert!(desk.refused(array, line).contains(words), "{line}");
    }
}

fn periodic_refused(desk: &mut Desk) {
    let said = desk.refused("north", "creatercopygroup per to_south:periodic");
    assert!(said.contains("Peer Persistence"), "{said}");
    let mut other = Desk::new(V331);
    periodic(&mut other);
    for policy in ["auto_failover", "path_management"] {
        assert!(other.refused("north", &format!("setrcopygroup pol {policy} per")).contains("not synchronous"));
    }
}

#[test]
fn periods_modes_and_cpgs() {
    let mut desk = desk();
    periodic(&mut desk);
    for (line, words) in [
        ("setrcopygroup period 299s to_south per", "The minimum allowable period is 300 seconds."),
        ("setrcopygroup period 367d to_south per", "maximum"),
        ("setrcopygroup period 5x to_south per", "Invalid period"),
        ("setrcopygroup period 5m other per", "not a target of group"),
        ("setrcopygroup period 5m to_south g1", "is not periodic"),
        ("setrcopygroup mode what to_south per", "Invalid mode"),
        ("setrcopygroup cpg -usr_cpg none to_south:slow g1", "Invalid CPG name"),
    ] {
        assert!(desk.refused("north", line).contains(words), "{line}");
    }
    desk.quiet(&["setrcopygroup period 0 to_south per", "setrcopygroup period 31622400s to_south per"]);
    assert_eq!(desk.array("south").groups["per.r4101"].period, 31_622_400);
    desk.quiet(&["setrcopygroup mode sync to_south per"]);
    let south = desk.array("south").groups["per.r4101"].clone();
    assert_eq!((south.mode.as_str(), south.period, south.policies.len()), ("Sync", 0, 0));
    desk.quiet(&["startrcopygroup per"]);
    assert!(desk.refused("north", "setrcopygroup mode periodic to_south per").contains("is started"));
    desk.quiet(&["setrcopygroup cpg -usr_cpg slow to_south:fast g1", "setrcopygroup cpg -snp_cpg_unset g1"]);
    let north = desk.array("north").groups["g1"].clone();
    assert_eq!((north.usr_cpg, north.snp_cpg), (Some(("slow".into(), "fast".into())), None));
    assert_eq!(desk.array("south").groups["g1.r4101"].usr_cpg, Some(("fast".into(), "slow".into())));
    let mut later = Desk::new(V1050);
    later.quiet(&["creatercopygroup p to_south:periodic", "setrcopygroup period 15s to_south p"]);
}

#[test]
fn secondaries_may_be_guarded_by_switches() {
    let mut desk = admitted();
    desk.ask("south", "createhost h");
    assert_eq!(desk.ask("south", "setvv -comment x v1").status, 0);
    assert_eq!(desk.ask("south", "createvlun v1 1 h").status, 0);
    desk.ask("south", "removevlun -f v1 1 h");
    for switch in ["secondary_comment_refused", "secondary_export_refused"] {
        desk.array("south").switches.insert(switch.into(), true);
        desk.array("north").switches.insert(switch.into(), true);
    }
    assert!(desk.refused("south", "setvv -comment y v1").contains("secondary"));
    assert!(desk.refused("south", "createvlun v1 1 h").contains("secondary"));
    desk.quiet(&["setvv -comment y v1"]);
}

#[test]
fn peer_persistence_paths_stand_by_on_the_secondary() {
    let mut desk = admitted();
    desk.quiet(&["setrcopygroup pol path_management g1"]);
    for array in ["north", "south"] {
        desk.ask(array, &format!("createhost h {WWPN}"));
        desk.array(array).logins.insert(WWPN.into(), vec!["0:1:1".into()]);
    }
    for (array, status) in [("north", "active"), ("south", "standby")] {
        assert_eq!(desk.ask(array, "createvlun v1 1 h").status, 0);
        assert_eq!(desk.column(array, "showvlun -a", "Status"), [status]);
    }
}

#[test]
fn the_secondary_is_exported_with_the_primary_where_that_is_switched_on() {
    let exported = |release: Release, switch: bool| {
        let mut desk = Desk::new(release);
        desk.array("north").switches.insert("admit_exports_secondary".into(), switch);
        let snp = if release == V1050 { "" } else { "-snp_cpg fast to_south:fast" };
        let vv = if release == V1050 { "" } else { "-snp_cpg fast" };
        desk.quiet(&[
            &format!("createvv -tpvv {vv} fast v1 1g"),
            &format!("creatercopygroup -usr_cpg fast to_south:fast {snp} g1 to_south:sync"),
            "setrcopygroup pol path_management g1",
        ]);
        desk.ask("north", "createhost h ; createvlun v1 7 h");
        desk.ask("south", "createhost h");
        desk.quiet(&["admitrcopyvv -createvv v1 g1 to_south:v1"]);
        desk.array("south").vluns.len()
    };
    assert_eq!((exported(V331, false), exported(V331, true), exported(V1050, false)), (0, 1, 1));
}

#[test]
fn active_active_groups_guard_themselves() {
    let mut desk = Desk::new(V1050);
    desk.quiet(&[
        "createvv -tpvv fast v1 1g",
        "creatercopygroup -usr_cpg fast to_south:fast g1 to_south:sync",
        "admitrcopyvv -createvv v1 g1 to_south:v1",
    ]);
    desk.ask("south", "createhost h ; createvlun v1 7 h");
    desk.quiet(&["setrcopygroup pol active_active g1"]);
    assert_eq!(
        desk.array("north").groups["g1"].policies.join(","),
        "auto_recover,auto_synchronize,active_active"
    );
    assert_eq!(
        desk.refused("south", "createvlun -f v1 8 h"),
        "Error: Volume v1 is from active-active group g1.r4101. Cannot export to host which is not admitted to the group.\n"
    );
    let id = desk.array("south").vvs["v1"].id;
    assert_eq!(
        desk.refused("north", "setrcopygroup pol no_active_active g1"),
        format!("Error: Cannot remove active_active policy: Operation failed. Remote group g1.r4101 contains an exported Peer Persistence volume (Id={id}).  Please unexport geoclustered volumes, or remove from relevant groups and retry.\n")
    );
    assert!(desk.refused("north", "removercopygroup -f g1").starts_with(
        "Volume v1 of group g1.r4101 is an Active-Active Peer Persistence volume. Please unexport the secondary volume"
    ));
    desk.quiet(&["startrcopygroup g1"]);
    assert_eq!(desk.ask("south", "stoprcopygroup -f -remote g1.r4101").status, 0);
    assert_eq!(desk.array("north").groups["g1"].status, "Stopped");
}

#[test]
fn automatic_vv_sets_follow_the_group() {
    let mut desk = Desk::new(V331);
    for array in ["north", "south"] {
        desk.array(array).switches.insert("rcp_sets".into(), true);
    }
    desk.quiet(&["createvv -tpvv -snp_cpg fast fast v1 1g", CREATE, "admitrcopyvv -createvv v1 g1 to_south:far"]);
    assert_eq!(desk.column("north", "showvvset RCP_g1", "Members"), ["v1"]);
    assert_eq!(desk.column("south", "showvvset RCP_g1.r4101", "Members"), ["far"]);
    desk.quiet(&["createvv -tpvv fast v2 1g"]);
    for line in ["createvvset -add RCP_g1 v2", "removevvset -f RCP_g1"] {
        assert!(desk.refused("north", line).contains("created automatically"), "{line}");
    }
    desk.ask("north", "dismissrcopyvv -f v1 g1");
    assert_eq!(desk.column("north", "showvvset", "Members"), ["--"]);
    desk.ask("north", "removercopygroup -f g1");
    assert_eq!(desk.ask("south", "showvvset").stdout, "No vv set listed\n");
}

#[test]
fn showrcopy_as_the_arrays_print_it() {
    let mut desk = admitted();
    desk.quiet(&["createvv -tpvv -snp_cpg fast fast a_long_volume_name 1g", "creatercopygroup a_long_group_name to_south:sync"]);
    desk.quiet(&["admitrcopyvv -createvv a_long_volume_name g1 to_south:x", "setrcopygroup pol auto_recover g1"]);
    let blank = " ";
    assert_eq!(
        desk.ask("north", "showrcopy").stdout,
        format!(
            "
Remote Copy System Information
Status: Started, Normal

Target Information

Name     ID Type Status Options Policy      {blank}
to_south  4 IP   ready  -       mirror_config

Link Information

Target   Node  Address    Status Options
to_south 0:3:1 198.51.2.1 Up     -     {blank}
to_south 1:3:1 198.51.2.2 Up     -     {blank}
receive  0:3:1 198.51.1.1 Up     -     {blank}
receive  1:3:1 198.51.1.2 Up     -     {blank}

Group Information

Name              Target     Status   Role       Mode     Options
a_long_group_name to_south   Stopped  Primary    Sync           {blank}
  LocalVV      ID   RemoteVV     ID   SyncStatus    LastSyncTime

Name         Target     Status   Role       Mode     Options    {blank}
g1           to_south   Stopped  Primary    Sync     auto_recover
  LocalVV            ID   RemoteVV     ID   SyncStatus    LastSyncTime
  v1                    1 v1              1 New           NA         {blank}
  a_long_volume_name    2 x               2 New           NA         {blank}

"
        )
    );
}

#[test]
fn showrcopy_sections_and_absent_groups() {
    let mut desk = admitted();
    let answer = desk.ask("north", "showrcopy groups none");
    assert_eq!(answer.stdout, "\nRemote Copy System Information\nStatus: Started, Normal\n\nGroup Information\n\n");
    assert_eq!(answer.stderr, "Error: group matching none does not exist on the system\n");
    assert_eq!(answer.status, 1);
    let some = desk.ask("north", "showrcopy groups none g*");
    assert_eq!((some.status, some.stderr.as_str()), (0, ""));
    assert_eq!(desk.ask("north", "showrcopy groups -domain law").stderr, "");
    assert!(!desk.ask("north", "showrcopy links").stdout.contains("Target Information"));
    assert_eq!(desk.column("north", "showrcopy -d targets", "SysID"), ["4102"]);
    assert_eq!(desk.column("north", "showrcopy -d targets", "RemoteName"), ["to_north"]);
    assert_eq!(desk.column("north", "showrcopy -qw targets", "QW-Server"), ["NA"]);
    desk.array("north").targets[0].witness = Some("198.51.100.9".into());
    assert_eq!(desk.column("north", "showrcopy -qw targets", "QW-Server"), ["198.51.100.9"]);
    let cpgs = desk.column("north", "showrcopy -d groups g1", "LocalUserCpg");
    assert_eq!(cpgs[0], "fast");
    assert!(desk.refused("north", "showrcopy what").contains("SYNTAX"));
    desk.array("north").remote_copy = false;
    assert_eq!(desk.ask("north", "showrcopy").stdout, "Remote Copy is not configured for this system\n");
    let mut old = Desk::new(V322);
    old.array("north").remote_copy = false;
    assert_eq!(old.ask("north", "showrcopy").stdout, "Remote Copy is not configured on this system.\n");
}

#[test]
fn tasks() {
    let mut desk = admitted();
    assert_eq!(desk.ask("north", "showtask").stdout, "No tasks.\n");
    desk.quiet(&["startrcopygroup g1"]);
    assert_eq!(
        desk.ask("north", "showtask").stdout,
        "Id Type             Name Status Phase Step -------StartTime------- ------FinishTime------- -Priority- -User-
 1 remote_copy_sync g1   active 0/1   0/1  2023-11-14 23:13:20 CET -                       n/a        admin1
"
    );
    desk.pass(10);
    let detail = desk.ask("north", "showtask -d 1").stdout;
    assert!(detail.contains("\nDetailed status:\n2023-11-14 23:13:20 CET Created     task.\n"), "{detail}");
    assert_eq!(desk.ask("north", "showtask -active").stdout, "No tasks.\n");
    assert!(desk.refused("north", "showtask -d 99").contains("does not exist"));
    desk.pass(86_400);
    assert_eq!(desk.ask("north", "showtask").stdout, "No tasks.\n");
    assert_eq!(desk.column("north", "showtask -all", "Id"), ["1"]);
}
