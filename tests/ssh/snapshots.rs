//! A snapshot's life and a schedule's: among others the one command with quotes in it.

use hpe3par_docker::{
    inform::{Array, CreateSched, CreateSv, Refusal, SchedStatus, VvQuery},
    model::{Hours, ScheduleFrequency, ScheduleName, SnapshotPrefix, VvName},
};

/// Of this volume; nothing is left.
pub async fn life_of_a_snapshot(array: &Array, source: &VvName) {
    let snapshot = CreateSv {
        name: VvName::new("dkv-one.1").unwrap(),
        source: source.clone(),
        read_only: false,
        expires: Some(Hours::new(48).unwrap()),
        retained: None,
        both_arrays: false,
        comment: Some("dk1/ns=/name=one-before".to_owned()),
    };
    array.createsv(&snapshot).await.unwrap();
    let copies = array.showvv(VvQuery::CopiesOf(source)).await.unwrap();
    let [copy] = &copies[..] else {
        panic!("{copies:?}")
    };
    assert_eq!(
        (&copy.name, &copy.comment),
        (&snapshot.name, &snapshot.comment)
    );
    assert!(copy.expires.is_some() && copy.retained_until.is_none());
    let refused = array.removevv(source).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::HasChildren), "{refused}");
    array.removevv(&snapshot.name).await.unwrap();

    let schedule = CreateSched {
        name: ScheduleName::new("one-nightly").unwrap(),
        frequency: ScheduleFrequency::new("*/30 8-18 * * 1-5").unwrap(),
        source: source.clone(),
        prefix: SnapshotPrefix::new("nightly").unwrap(),
        read_only: true,
        expires: snapshot.expires,
        retained: None,
    };
    array.createsched(&schedule).await.unwrap();
    let refused = array.createsched(&schedule).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::Exists), "{refused}");
    let shown = array.showsched(Some(&schedule.name)).await.unwrap();
    let [one] = &shown[..] else {
        panic!("{shown:?}")
    };
    assert_eq!(
        one.command,
        format!("createsv -f -ro -exp 48h nightly.@y@@m@@d@@H@@M@@S@ {source}")
    );
    assert_eq!(one.frequency.as_ref(), Some(&schedule.frequency));
    assert_eq!(one.status, SchedStatus::Active);
    array.removesched(&schedule.name).await.unwrap();
    assert_eq!(array.showsched(None).await.unwrap(), []);
    let refused = array.removesched(&schedule.name).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::NotFound), "{refused}");
}
