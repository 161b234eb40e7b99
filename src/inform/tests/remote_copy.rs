//! What listings of remote copy become.

use super::bench::{Bench, fixture, group, says, vv};
use crate::{
    inform::{ArrayError, GroupOptions, RcVolume, wire::Answer},
    model::*,
};

#[tokio::test]
async fn groups_are_read() {
    let bench = Bench::new(vec![
        fixture("showrcopy-groups/three"),
        fixture("showrcopy-groups/role-runs-over-its-width"),
        fixture("showrcopy-groups/no-group-at-all"),
        fixture("showrcopy-targets/detail"),
        fixture("showrcopy-targets/two"),
        fixture("showrcopy-links/four"),
    ]);
    let a = &bench.array;
    let all = a.showrcopy_groups().await.unwrap();
    assert_eq!(
        all.iter().map(|g| g.volumes.len()).collect::<Vec<_>>(),
        [2, 1, 1]
    );
    assert_eq!(all[0].volumes[0].sync, SyncStatus::Syncing(Some(37)));
    assert_eq!(all[0].volumes[0].last_sync, None);
    assert_eq!(
        all[0].options.policies,
        ["auto_recover", "auto_failover", "path_management"]
    );
    assert_eq!(all[1].options, GroupOptions::default());
    assert_eq!(all[2].options.period_s, Some(900));
    assert_eq!(
        all[2].options.last_sync.as_deref(),
        Some("2026-11-20 08:00:00 CET")
    );
    let one = a
        .showrcopy_group(&group("billing.r127139"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (one.role, one.status, one.mode),
        (Role::PrimaryRev, GroupStatus::Stopped, Mode::Sync)
    );
    assert!(a.showrcopy_groups().await.unwrap().is_empty());
    let detail = a.showrcopy_targets_detail().await.unwrap();
    assert_eq!(detail[0].system_id, Some(SystemId(172_316)));
    assert_eq!(
        a.showrcopy_targets().await.unwrap()[1].status,
        TargetStatus::Failed
    );
    let links = a.showrcopy_links().await.unwrap();
    assert_eq!(
        links
            .iter()
            .filter(|l| l.target.is_some() && l.status == LinkStatus::Up)
            .count(),
        1
    );
    assert_eq!(bench.sent()[3], "showrcopy -d targets");
}

#[tokio::test]
async fn a_group_is_absent_only_by_the_arrays_own_words_for_it() {
    let words = |name: &str| {
        let head =
            "\nRemote Copy System Information\nStatus: Started, Normal\n\nGroup Information\n\n";
        says(&format!(
            "{head}Error: group matching {name} does not exist on the system\n"
        ))
    };
    let nowhere = group("nowhere");
    let bench = Bench::new(vec![
        words("nowhere"),
        words("nowhere.else"),
        words("not-nowhere"),
        fixture("showrcopy-groups/no-group-at-all"),
        fixture("showrcopy-groups/empty-group"),
        says(""),
        says("no such thing as nowhere found: not found\n"),
        fixture("showrcopy-groups/not-configured"),
    ]);
    assert_eq!(bench.array.showrcopy_group(&nowhere).await.unwrap(), None);
    while bench.left() > 0 {
        let error = bench.array.showrcopy_group(&nowhere).await;
        assert!(error.is_err(), "{error:?} with {} left", bench.left());
    }
}

#[tokio::test]
async fn rows_that_come_twice_are_no_listing() {
    let double = |path: &str, line: &str| {
        let answer = fixture(path).unwrap();
        let row = answer
            .text
            .lines()
            .find(|l| l.contains(line))
            .unwrap()
            .to_owned()
            + "\n";
        assert_eq!(answer.text.matches(&row).count(), 1);
        Ok(Answer {
            text: answer.text.replace(&row, &row.repeat(2)),
            ..answer
        })
    };
    let bench = Bench::new(vec![
        double("showrcopy-groups/three", "dkv-x "),
        double("showrcopy-groups/three", "labs.r127139"),
        double("showrcopy-links/four", "10.20.9.2"),
        double("showrcopy-targets/two", "far-quay"),
    ]);
    let a = &bench.array;
    assert!(a.showrcopy_groups().await.is_err());
    assert!(a.showrcopy_groups().await.is_err());
    assert!(a.showrcopy_links().await.is_err());
    assert!(a.showrcopy_targets().await.is_err());
}

#[tokio::test]
async fn a_volume_of_a_group_has_two_names_and_two_ids() {
    let bench = Bench::new(vec![says(concat!(
        "\nRemote Copy System Information\nStatus: Started, Normal\n\nGroup Information\n\n",
        "Name         Target           Status   Role       Mode     Options\n",
        "billing      quay             Started  Primary    Sync            \n",
        "  LocalVV      ID   RemoteVV     ID   SyncStatus    LastSyncTime           \n",
        "  dkv-here      412 dkv-there       9 Syncing       2026-11-20 08:00:00 CET\n\n",
    ))]);
    let one = bench.array.showrcopy_group(&group("billing")).await;
    let one = one.unwrap().unwrap();
    assert_eq!(
        one.volumes,
        [RcVolume {
            local: vv("dkv-here"),
            local_id: VvId(412),
            remote: vv("dkv-there"),
            remote_id: VvId(9),
            sync: SyncStatus::Syncing(None),
            last_sync: Some("2026-11-20 08:00:00 CET".to_owned()),
        }]
    );
    assert!(one.is_syncing(), "also without a percentage");
    assert!(one.holds(&vv("dkv-here")) && !one.holds(&vv("dkv-there")));
}

#[tokio::test]
async fn every_sync_status_is_known() {
    let bench = Bench::new(vec![fixture("showrcopy-groups/every-sync-status")]);
    let all = bench.array.showrcopy_groups().await.unwrap();
    let sync: Vec<_> = all[0].volumes.iter().map(|v| v.sync).collect();
    assert_eq!(
        sync,
        [
            SyncStatus::New,
            SyncStatus::NewPreSynced,
            SyncStatus::NewSyncFromSnap,
            SyncStatus::Syncing(None),
            SyncStatus::Syncing(Some(37)),
            SyncStatus::NotSynced,
            SyncStatus::Synced,
            SyncStatus::Stale,
            SyncStatus::Stopped,
        ]
    );
}

#[tokio::test]
async fn a_period_is_in_seconds_whatever_its_unit() {
    let bench = Bench::new(vec![
        fixture("showrcopy-groups/never-synchronised"),
        fixture("showrcopy-groups/release-3.2-blanks-around-commas"),
        fixture("showrcopy-groups/release-10-stopped-secondary"),
        fixture("showrcopy-groups/periodic-secondary"),
    ]);
    let mut options = Vec::new();
    while bench.left() > 0 {
        let all = bench.array.showrcopy_groups().await.unwrap();
        options.push(all[0].options.clone());
    }
    let periods: Vec<_> = options.iter().map(|o| o.period_s).collect();
    assert_eq!(periods, [Some(900), Some(300), Some(3_600), Some(86_400)]);
    assert_eq!(options[0].last_sync, None, "`NA` is no time");
    assert_eq!(
        options[1].last_sync.as_deref(),
        Some("2026-11-20 08:00:00 CET")
    );
    assert_eq!(options[1].policies, ["auto_recover", "over_per_alert"]);
}

#[tokio::test]
async fn a_group_with_two_targets_is_listed_and_never_taken_for_one() {
    let bench = Bench::new(vec![
        fixture("showrcopy-groups/two-targets"),
        fixture("showrcopy-groups/two-targets"),
    ]);
    let all = bench.array.showrcopy_groups().await.unwrap();
    let targets: Vec<_> = all.iter().map(|g| g.target.as_str()).collect();
    assert_eq!(targets, ["quay", "far-quay"]);
    let one = bench.array.showrcopy_group(&group("billing")).await;
    assert!(
        matches!(one, Err(ArrayError::Unrecognised { .. })),
        "{one:?}"
    );
}

/// A witness counts as seen only by the words that say so, and unknown words are no answer.
#[tokio::test]
async fn a_witness_is_seen_or_not_or_nobody_knows() {
    let of_no_witness = fixture("showrcopy-witness/not-seen").unwrap();
    let of_no_witness = says(&of_no_witness.text.replace("198.51.100.70", "NA           "));
    let bench = Bench::new(vec![
        fixture("showrcopy-witness/seen-of-two"),
        fixture("showrcopy-witness/not-seen"),
        fixture("showrcopy-witness/none"),
        fixture("showrcopy-witness/unknown-word"),
        of_no_witness,
    ]);
    let a = &bench.array;
    let two = a.showrcopy_witness().await.unwrap();
    let told: Vec<_> = two
        .iter()
        .map(|one| (one.target.as_str(), one.server.as_deref(), one.is_seen))
        .collect();
    assert_eq!(
        told,
        [
            ("quay", Some("198.51.100.70"), true),
            ("far-quay", None, false)
        ]
    );
    let lost = a.showrcopy_witness().await.unwrap();
    assert_eq!(
        (lost[0].is_seen, lost[0].state.as_str()),
        (false, "Failed, failed")
    );
    assert_eq!(a.showrcopy_witness().await.unwrap()[0].server, None);
    for what in ["an unknown word", "a state of no witness"] {
        let error = a.showrcopy_witness().await.unwrap_err();
        assert!(
            matches!(error, ArrayError::Unrecognised { .. }),
            "{what}: {error}"
        );
    }
}

#[tokio::test]
async fn a_target_is_known_by_its_system_id() {
    let unnamed = says(
        &fixture("showrcopy-targets/detail")
            .unwrap()
            .text
            .replace("quay-alletra", "NA          "),
    );
    let bench = Bench::new(vec![
        fixture("showrcopy-targets/detail-release-10-of-two"),
        fixture("showrcopy-targets/detail-of-one-never-reached"),
        fixture("showrcopy-targets/two"),
        unnamed,
        fixture("showrcopy-targets/release-3.2-fibre-channel"),
    ]);
    let a = &bench.array;
    let two = a.showrcopy_targets_detail().await.unwrap();
    assert_eq!(two[0].system_id, Some(SystemId(172_316)));
    assert_eq!(two[1].system_name.as_deref(), Some("array-depot-of-clinic"));
    for without in ["NA", "no column"] {
        let error = a.showrcopy_targets_detail().await.unwrap_err();
        assert!(
            matches!(error, ArrayError::Unrecognised { .. }),
            "{without}: {error}"
        );
    }
    let unnamed = a.showrcopy_targets_detail().await.unwrap();
    assert_eq!(
        (unnamed[0].system_id, unnamed[0].system_name.as_deref()),
        (Some(SystemId(172_316)), None)
    );
    let all = a.showrcopy_targets().await.unwrap();
    let status: Vec<_> = all.iter().map(|t| t.status).collect();
    assert_eq!(
        status,
        [
            TargetStatus::Ready,
            TargetStatus::New,
            TargetStatus::Failing
        ]
    );
    assert_eq!(all[2].kind, "FC");
}
