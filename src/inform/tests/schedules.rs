//! Schedules: what is sent, and what comes of it.

use super::bench::{Bench, fixture, says, vv};
use crate::{
    inform::{CreateSched, Refusal, SchedStatus},
    model::{Hours, ScheduleFrequency, ScheduleName, SnapshotPrefix},
};

fn name() -> ScheduleName {
    ScheduleName::new("ledger-nightly").unwrap()
}

fn schedule(frequency: &str) -> CreateSched {
    CreateSched {
        name: name(),
        frequency: ScheduleFrequency::new(frequency).unwrap(),
        source: vv("dkv-ledger"),
        prefix: SnapshotPrefix::new("nightly").unwrap(),
        read_only: true,
        expires: Some(Hours::new(72).unwrap()),
        retained: Some(Hours::new(24).unwrap()),
    }
}

#[tokio::test]
async fn the_command_in_quotes_is_made_of_checked_pieces() {
    let mut answers = vec![says(""), says(""), says("")];
    answers.extend([fixture("showsched/none"), fixture("showsched/none")]);
    let bench = Bench::new(answers);
    let a = &bench.array;
    a.createsched(&schedule("30 2 * * 1-5")).await.unwrap();
    let plain = CreateSched {
        read_only: false,
        expires: None,
        retained: None,
        ..schedule("@hourly")
    };
    a.createsched(&plain).await.unwrap();
    a.removesched(&name()).await.unwrap();
    assert!(a.showsched(Some(&name())).await.unwrap().is_empty());
    assert!(a.showsched(None).await.unwrap().is_empty());
    assert_eq!(
        bench.sent(),
        [
            "createsched \"createsv -f -ro -exp 72h -retain 24h nightly.@y@@m@@d@@H@@M@@S@ dkv-ledger\" \"30 2 * * 1,2,3,4,5\" ledger-nightly",
            "createsched \"createsv -f nightly.@y@@m@@d@@H@@M@@S@ dkv-ledger\" \"0 * * * *\" ledger-nightly",
            "removesched -f ledger-nightly",
            "showsched ledger-nightly",
            "showsched",
        ]
    );
}

#[tokio::test]
async fn both_layouts_are_read_alike() {
    let bench = Bench::new(vec![
        fixture("showsched/release-3"),
        fixture("showsched/release-10"),
    ]);
    let three = bench.array.showsched(None).await.unwrap();
    let ten = bench.array.showsched(None).await.unwrap();
    assert_eq!(three, ten);
    let [ours, _, other] = &three[..] else {
        panic!("{three:?}");
    };
    assert_eq!(ours.name, "ledger-nightly");
    assert_eq!(
        ours.command,
        "createsv -f -ro -exp 72h -retain 24h nightly.@y@@m@@d@@H@@M@@S@ dkv-ledger"
    );
    assert_eq!(ours.frequency, Some(schedule("30 2 * * 1-5").frequency));
    assert_eq!(ours.created_by, "dockervol");
    assert_eq!(ours.status, SchedStatus::Active);
    let next = ours.next.as_ref().unwrap().to_string();
    assert_eq!(next, "2026-11-30 02:30:00 CET");
    assert_eq!(other.status, SchedStatus::Suspended);
    assert_eq!(other.next, None);
}

#[tokio::test]
async fn each_no_has_its_kind() {
    for (case, kind) in [
        ("exists", Refusal::Exists),
        ("bad-value", Refusal::BadSchedule),
        ("bad-form", Refusal::BadSchedule),
        ("browse-user", Refusal::NotPermitted),
    ] {
        let bench = Bench::new(vec![fixture(&format!("createsched/{case}"))]);
        let refused = bench.array.createsched(&schedule("@daily")).await;
        assert_eq!(refused.unwrap_err().refusal(), Some(kind), "{case}");
    }
    let bench = Bench::new(vec![fixture("removesched/absent")]);
    let refused = bench.array.removesched(&name()).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::NotFound));
}
