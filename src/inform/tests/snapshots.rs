//! Snapshots: what is sent, and what comes of it.

use super::bench::{Bench, fixture, release3, release10, says, vv};
use crate::{
    inform::{ArrayError, CreateSv, LocalTime, Refusal, VvQuery},
    model::Hours,
};

fn hours(hours: u32) -> Hours {
    Hours::new(hours).unwrap()
}

fn snapshot() -> CreateSv {
    CreateSv {
        name: vv("dkv-ledger.1"),
        source: vv("dkv-ledger"),
        read_only: true,
        expires: Some(hours(48)),
        retained: Some(hours(24)),
        both_arrays: true,
        comment: Some("dk1/ns=/name=before".to_owned()),
    }
}

#[tokio::test]
async fn the_name_comes_before_the_source() {
    let mut answers: Vec<_> = (0..5).map(|_| says("")).collect();
    answers.extend([release10(), fixture("showvv.4/three")]);
    let bench = Bench::new(answers);
    let a = &bench.array;
    a.createsv(&snapshot()).await.unwrap();
    let plain = CreateSv {
        read_only: false,
        expires: None,
        retained: None,
        both_arrays: false,
        comment: None,
        ..snapshot()
    };
    a.createsv(&plain).await.unwrap();
    let name = vv("dkv-ledger.1");
    a.setvv_exp(&name, Some(hours(1))).await.unwrap();
    a.setvv_exp(&name, None).await.unwrap();
    a.setvv_retain(&name, hours(3)).await.unwrap();
    a.showvv(VvQuery::CopiesOf(&vv("dkv-ledger")))
        .await
        .unwrap();
    assert_eq!(
        bench.sent(),
        [
            "createsv -f -ro -exp 48h -retain 24h -rcopy -comment dk1/ns=/name=before dkv-ledger.1 dkv-ledger",
            "createsv -f dkv-ledger.1 dkv-ledger",
            "setvv -exp 1h dkv-ledger.1",
            "setvv -exp 0 dkv-ledger.1",
            "setvv -f -retain 3h dkv-ledger.1",
            "showversion",
            "showvv -showcols Id,Name,Prov,Type,CopyOf,Rd,Detailed_State,VSize_MB,CPG,VV_WWN,CreationTime,RetentionEndTime,ExpirationTime,Comment -p -copyof dkv-ledger",
        ]
    );
}

#[tokio::test]
async fn a_comment_is_one_word() {
    let bench = Bench::new(Vec::new());
    let error = bench
        .array
        .createsv(&CreateSv {
            comment: Some("a b".to_owned()),
            ..snapshot()
        })
        .await
        .unwrap_err();
    assert!(matches!(error, ArrayError::Unsafe { .. }), "{error}");
    assert!(bench.sent().is_empty());
}

#[tokio::test]
async fn each_no_has_its_kind() {
    for (case, kind) in [
        ("exists", Refusal::Exists),
        ("source-absent", Refusal::NotFound),
        ("no-snapshot-space", Refusal::NoSnapshotSpace),
        ("beyond-expiry", Refusal::BadTime),
        ("not-licensed", Refusal::NotLicensed),
        ("group-not-started", Refusal::GroupNotStarted),
    ] {
        let bench = Bench::new(vec![fixture(&format!("createsv/{case}"))]);
        let error = bench.array.createsv(&snapshot()).await.unwrap_err();
        assert_eq!(error.refusal(), Some(kind), "{case}");
    }
    for (case, kind) in [
        ("has-snapshots", Refusal::HasChildren),
        ("retained", Refusal::Retained),
    ] {
        let bench = Bench::new(vec![fixture(&format!("removevv/{case}"))]);
        let error = bench.array.removevv(&vv("dkv-ledger")).await.unwrap_err();
        assert_eq!(error.refusal(), Some(kind), "{case}");
    }
}

#[tokio::test]
async fn times_are_read_with_their_zone() {
    let bench = Bench::new(vec![release3(), fixture("showvv/three")]);
    let all = bench.array.showvv(VvQuery::Prefix("dkv-")).await.unwrap();
    let expires: Vec<Option<&LocalTime>> = all.iter().map(|vv| vv.expires.as_ref()).collect();
    let [None, Some(time), None] = expires[..] else {
        panic!("{expires:?}");
    };
    assert_eq!(time.zone, "CET");
    assert_eq!(time.local, jiff::civil::date(2026, 12, 3).at(0, 0, 0, 0));
    assert_eq!(time.to_string(), "2026-12-03 00:00:00 CET");
}
