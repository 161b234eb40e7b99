//! `showrcopy`.

use crate::{admitted, failed_over, in_each};
use hpe3par_sim::state::Release::{V322, V331, V1050};

#[test]
fn showrcopy_as_the_arrays_print_it() {
    let mut desk = admitted(V331);
    desk.quiet(&[
        "createvv -tpvv -snp_cpg fast fast a_long_volume_name 1g",
        "creatercopygroup a_long_group_name to_south:sync",
    ]);
    desk.quiet(&[
        "admitrcopyvv -createvv a_long_volume_name g1 to_south:x",
        "setrcopygroup pol auto_recover g1",
    ]);
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
fn the_detailed_form_has_the_cpgs_of_the_release_and_empty_cells() {
    in_each(|release| {
        let mut desk = admitted(release);
        desk.quiet(&["creatercopygroup a_long_group_name to_south:sync"]);
        let listing = desk.ask("north", "showrcopy -d groups").stdout;
        let lines: Vec<&str> = listing.lines().collect();
        let heads: Vec<&&str> = lines
            .iter()
            .filter(|line| line.starts_with("Name "))
            .collect();
        let (local, remote) = if release == V1050 {
            ("LocalUserCpg", "RmUserCpg ")
        } else {
            ("LocalUserCpg LocalSnpCpg", "RmUserCpg  RmSnpCpg  ")
        };
        assert_eq!(
            heads[0].trim_end(),
            format!(
                "Name              ID   Target     Status   Role       Mode     {local} {remote} Options"
            ),
            "wide for the long name"
        );
        assert_eq!(
            heads[1].trim_end(),
            format!(
                "Name         ID   Target     Status   Role       Mode     {local} {remote} Options"
            )
        );
        let empty = lines
            .iter()
            .find(|line| line.starts_with("a_long_group_name"))
            .unwrap();
        assert_eq!(
            empty.split_whitespace().collect::<Vec<_>>(),
            [
                "a_long_group_name",
                "2",
                "to_south",
                "Stopped",
                "Primary",
                "Sync"
            ],
            "the CPGs and Options are blank"
        );
        assert_eq!(empty.len(), heads[0].len());
        assert_eq!(
            lines[lines.len() - 3]
                .split_whitespace()
                .collect::<Vec<_>>(),
            [
                "LocalVV",
                "ID",
                "RemoteVV",
                "ID",
                "SyncStatus",
                "Resync_ss",
                "Sync_ss",
                "VV_iter",
                "R_iter",
                "S_iter",
                "LastSyncTime",
                "LocalSet",
                "RemoteSet"
            ]
        );
    });
}

#[test]
fn showrcopy_sections_and_absent_groups() {
    in_each(|release| {
        let mut desk = admitted(release);
        let answer = desk.ask("north", "showrcopy groups none");
        assert_eq!(
            answer.stdout,
            "\nRemote Copy System Information\nStatus: Started, Normal\n\nGroup Information\n\n"
        );
        assert_eq!(
            answer.stderr,
            "Error: group matching none does not exist on the system\n"
        );
        assert_eq!(answer.status, 1);
        let some = desk.ask("north", "showrcopy groups none g*");
        assert_eq!((some.status, some.stderr.as_str()), (0, ""));
        assert_eq!(desk.ask("north", "showrcopy groups -domain law").stderr, "");
        assert!(
            !desk
                .ask("north", "showrcopy links")
                .stdout
                .contains("Target Information")
        );
        assert_eq!(
            desk.column("north", "showrcopy -d targets", "SysID"),
            ["4102"]
        );
        assert_eq!(
            desk.column("north", "showrcopy -d targets", "RemoteName"),
            ["to_north"]
        );
        assert_eq!(
            desk.column("north", "showrcopy -qw targets", "QW-Server"),
            ["NA"]
        );
        desk.array("north").targets[0].witness = Some("198.51.100.9".into());
        assert_eq!(
            desk.column("north", "showrcopy -qw targets", "QW-Server"),
            ["198.51.100.9"]
        );
        let cpgs = desk.column("north", "showrcopy -d groups g1", "LocalUserCpg");
        assert_eq!(cpgs[0], "fast");
        assert!(desk.refused("north", "showrcopy what").contains("SYNTAX"));
        desk.array("north").remote_copy = false;
        let sentence = if release == V322 {
            "Remote Copy is not configured on this system.\n"
        } else {
            "Remote Copy is not configured for this system\n"
        };
        assert_eq!(desk.ask("north", "showrcopy").stdout, sentence);
    });
}

#[test]
fn a_role_with_rev_widens_its_column() {
    let mut desk = failed_over(V331);
    let listing = desk.ask("south", "showrcopy groups").stdout;
    let lines: Vec<&str> = listing.lines().skip(6).take(2).map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "Name         Target     Status   Role        Mode     Options",
            "g1.r4101     to_north   Stopped  Primary-Rev Sync",
        ]
    );
}

#[test]
fn a_role_with_rev_may_run_over_its_column() {
    let mut desk = failed_over(V331);
    desk.array("south")
        .switches
        .insert("rev_runs_over".into(), true);
    let listing = desk.ask("south", "showrcopy groups").stdout;
    let lines: Vec<&str> = listing.lines().skip(6).take(2).map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "Name         Target     Status   Role       Mode     Options",
            "g1.r4101     to_north   Stopped  Primary-Rev Sync",
        ]
    );
    assert_eq!(desk.column("south", "showrcopy groups", "Mode")[0], "Sync");
}

#[test]
fn the_other_forms_hold_roles_with_rev_too() {
    in_each(|release| {
        let mut desk = failed_over(release);
        desk.ask("south", "setrcopygroup recover -f g1.r4101");
        desk.pass(60);
        let (heads, cells, north, south) = if release == V1050 {
            (
                "LocalUserCpg RmUserCpg  Options",
                "slow         fast",
                "fast,slow",
                "slow,fast",
            )
        } else {
            (
                "LocalUserCpg LocalSnpCpg RmUserCpg  RmSnpCpg   Options",
                "slow         slow        fast       fast",
                "fast,fast,slow,slow",
                "slow,slow,fast,fast",
            )
        };
        let listing = desk.ask("south", "showrcopy -d groups").stdout;
        let lines: Vec<&str> = listing.lines().skip(6).take(2).map(str::trim_end).collect();
        assert_eq!(
            lines,
            [
                format!("Name         ID   Target     Status   Role        Mode     {heads}"),
                format!("g1.r4101        1 to_north   Started  Primary-Rev Sync     {cells}"),
            ]
        );
        for (array, detailed, short) in [
            (
                "north",
                format!("g1,1,to_south,Started,Secondary-Rev,Sync,{north},"),
                "g1,to_south,Started,Secondary-Rev,Sync,",
            ),
            (
                "south",
                format!("g1.r4101,1,to_north,Started,Primary-Rev,Sync,{south},"),
                "g1.r4101,to_north,Started,Primary-Rev,Sync,",
            ),
        ] {
            for (option, row) in [("-d", &*detailed), ("", short)] {
                let line = format!("showrcopy {option} groups -csvtable");
                let listing = desk.ask(array, &line).stdout;
                assert!(listing.lines().any(|line| line == row), "{row}: {listing}");
            }
        }
    });
}
