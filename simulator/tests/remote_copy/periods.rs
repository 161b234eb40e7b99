//! Periodic groups: when they copy.

use crate::pair::Desk;
use crate::{copies, in_each, periodic, state, triple};
use hpe3par_sim::state::Release;

#[test]
fn periodic_groups_sync_once_a_period() {
    in_each(|release| {
        let mut desk = Desk::new(release);
        periodic(&mut desk);
        desk.quiet(&["setrcopygroup pol auto_recover per", "startrcopygroup per"]);
        let start = desk.now;
        desk.pass(3);
        assert_eq!(
            state(&mut desk, "north", "per"),
            triple("Started", "Primary", &["Synced"])
        );
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
        assert!(
            desk.ask("south", "showrcopy groups")
                .stdout
                .contains(" Period 15m,auto_recover,over_per_alert")
        );
        assert!(
            !desk
                .ask("south", "showrcopy groups")
                .stdout
                .contains("Last-Sync")
        );
        assert!(desk.ask("north", "showrcopy groups -csvtable").stdout.contains(
        ",\"Last-Sync 2023-11-14 23:13:23 CET , Period 15m, auto_recover,over_per_alert\"\n ,LocalVV"
    ));
        desk.now = start + 1 + 900;
        desk.pass(0);
        assert_eq!(state(&mut desk, "north", "per").2, ["Syncing (0%)"]);
        desk.pass(2);
        assert_eq!(
            desk.column("north", "showrcopy groups per", "LastSyncTime"),
            ["2023-11-14 23:28:23 CET"]
        );
        desk.pass(10 * 900);
        desk.pass(2);
        assert_eq!(
            desk.column("north", "showrcopy groups per", "LastSyncTime"),
            ["2023-11-15 01:58:23 CET"]
        );
        assert_eq!(desk.world.agreements.len(), 3);
        assert_eq!(
            desk.column("north", "showrcopy -d groups per", "Resync_ss"),
            ["rcpy.1.1.4"]
        );
        desk.quiet(&["stoprcopygroup -f per"]);
        assert_eq!(
            desk.world.agreements.len(),
            3,
            "a stop sends nothing in periodic mode"
        );
        assert_eq!(
            desk.column("north", "showrcopy groups per", "LastSyncTime"),
            ["2023-11-15 01:58:23 CET"]
        );
    });
}

/// A periodic group that copied once and was stopped, with nothing due.
fn periodic_and_stopped(release: Release) -> Desk {
    let mut desk = Desk::new(release);
    periodic(&mut desk);
    desk.quiet(&["startrcopygroup per"]);
    desk.pass(60);
    desk.quiet(&["stoprcopygroup -f per"]);
    desk.world.agreements.clear();
    desk
}

#[test]
fn a_periodic_group_that_is_started_again_waits_for_its_period() {
    in_each(|release| {
        let mut desk = periodic_and_stopped(release);
        let last = desk.column("north", "showrcopy groups per", "LastSyncTime");
        desk.pass(600);
        desk.quiet(&["startrcopygroup per"]);
        desk.pass(30);
        let started = triple("Started", "Primary", &["Synced"]);
        assert_eq!(state(&mut desk, "north", "per"), started);
        assert_eq!(
            desk.column("north", "showrcopy groups per", "LastSyncTime"),
            last,
            "as of then"
        );
        assert!(copies(&desk).is_empty());
        desk.pass(900);
        assert_eq!(copies(&desk), [("north", "south")]);
    });
}

#[test]
fn a_periodic_group_copies_at_once_what_it_has_not_copied_so() {
    type Change = fn(&mut Desk);
    let changes: [(&str, &str, Change); 4] = [
        ("a new volume", "New", |desk| {
            desk.prepare(&[
                "createvv -tpvv -snp_cpg fast fast p2 1g",
                "admitrcopyvv -createvv p2 per to_south:p2",
            ]);
        }),
        ("no snapshot", "Stopped", |desk| {
            desk.quiet(&["startrcopygroup per"]);
            desk.pass(5);
            desk.quiet(&["stoprcopygroup -f -nosnap per"]);
        }),
        ("another mode", "Stopped", |desk| {
            desk.quiet(&[
                "setrcopygroup mode sync to_south per",
                "setrcopygroup mode periodic to_south per",
            ]);
        }),
        ("another direction, and back", "Stopped", |desk| {
            for _ in 0..2 {
                desk.ask("north", "setrcopygroup reverse -f -waittask per");
            }
        }),
    ];
    in_each(|release| {
        for (what, sync, change) in changes {
            let mut desk = periodic_and_stopped(release);
            change(&mut desk);
            let stopped = state(&mut desk, "north", "per").2;
            assert_eq!(stopped.last().unwrap(), sync, "{what}");
            desk.quiet(&["startrcopygroup per"]);
            desk.pass(10);
            assert_eq!(copies(&desk), [("north", "south")], "{what}");
            desk.quiet(&["stoprcopygroup -f per", "startrcopygroup per"]);
            desk.pass(10);
            assert_eq!(copies(&desk).len(), 1, "{what}: not the next time");
        }
    });
}
