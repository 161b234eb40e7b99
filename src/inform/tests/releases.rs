//! What an array runs.

use super::bench::{Bench, fixture, release3, release10, says};
use crate::{
    inform::{ArrayError, Refusal, VvQuery},
    model::RequestId,
};

#[tokio::test]
async fn refused_columns_make_the_array_say_again_what_it_runs() {
    let bench = Bench::new(vec![
        release3(),
        fixture("showvv/bad-columns"),
        release10(),
        fixture("showvv.4/three"),
    ]);
    assert_eq!(
        bench
            .array
            .showvv(VvQuery::Prefix("dkv-"))
            .await
            .unwrap()
            .len(),
        3
    );
    let bench = Bench::new(vec![
        release3(),
        fixture("showvv/bad-columns"),
        release3(),
        fixture("showvv/bad-columns"),
        fixture("showvv/bad-columns"),
    ]);
    let error = bench
        .array
        .showvv(VvQuery::Prefix("dkv-"))
        .await
        .unwrap_err();
    assert_eq!(error.refusal(), Some(Refusal::BadColumns));
}

#[tokio::test]
async fn an_array_without_times_of_snapshots_is_asked_without_them_from_then_on() {
    let bench = Bench::new(vec![
        release3(),
        fixture("showvv/bad-columns"),
        release3(),
        fixture("showvv/bad-columns"),
        fixture("showvv-untimed/one"),
        fixture("showvv-untimed/one"),
    ]);
    for _ in 0..2 {
        let found = bench.array.showvv(VvQuery::Prefix("dkv-")).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].expires, None);
    }
    let sent = bench.sent();
    let timed = sent.iter().filter(|line| line.contains("ExpirationTime"));
    assert_eq!(timed.count(), 2, "{sent:#?}");
}

#[tokio::test]
async fn a_release_is_read() {
    let bench = Bench::new(vec![release3()]);
    let release = bench.array.release().await.unwrap();
    assert_eq!(
        (
            release.major,
            release.minor,
            release.patch,
            release.mu.as_deref()
        ),
        (3, 3, 1, Some("MU5"))
    );
    assert_eq!(
        bench
            .array
            .for_request(&RequestId::random())
            .release()
            .await
            .unwrap(),
        release
    );
    assert_eq!(bench.sent(), ["showversion"]);
}

#[tokio::test]
async fn only_3_x_has_a_snapshot_cpg() {
    for (text, has) in [("3.2.2 (MU6)", true), ("4.0.0", false), ("10.5.55", false)] {
        let bench = Bench::new(vec![says(&format!("Release version {text}\n"))]);
        let release = bench.array.release().await.unwrap();
        assert_eq!(release.has_snapshot_cpg(), has, "{text}");
    }
}

#[tokio::test]
async fn two_answers_in_one_are_none() {
    let bench = Bench::new(vec![says(
        "Release version 3.3.1 (MU5)\nRelease version 10.5.0\n",
    )]);
    let error = bench.array.release().await.unwrap_err();
    assert!(matches!(error, ArrayError::Unrecognised { .. }), "{error}");
}
