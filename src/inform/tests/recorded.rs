//! What goes to the transcript.

use std::time::Duration;

use super::bench::{Bench, Recorded, Script, fixture, group, lost, says, vv};
use crate::model::RequestId;

#[tokio::test]
async fn every_command_is_in_the_transcript_whatever_became_of_it() {
    let bench = Bench::new(vec![
        fixture("removevv/done"),
        fixture("removevv/in-set"),
        lost(false, None),
        lost(true, None),
        fixture("showcpg/none"),
        says("Id Name\n 1 a\n"),
        says("what?\n"),
        says(
            "\nRemote Copy System Information\nStatus: Started, Normal\n\nTarget Information\n\nName ID Type Status Options Policy\nq     1 IP   odd    -       x\n",
        ),
    ]);
    let a = &bench.array;
    a.removevv(&vv("dkv-a")).await.unwrap();
    a.removevv(&vv("dkv-b")).await.unwrap_err();
    a.removevv(&vv("dkv-c")).await.unwrap_err();
    a.showcpg().await.unwrap();
    a.showcpg().await.unwrap_err();
    a.showuser().await.unwrap_err();
    a.showrcopy_targets().await.unwrap_err();
    let recorded = bench.recorded();
    let outcomes: Vec<_> = recorded
        .iter()
        .map(|r| (r.command.as_str(), r.outcome.as_str()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("removevv -f dkv-a", "ok"),
            ("removevv -f dkv-b", "refused"),
            ("removevv -f dkv-c", "not-sent"),
            ("showcpg", "lost"),
            ("showcpg", "ok"),
            ("showcpg", "truncated"),
            ("showuser", "unrecognised"),
            // The words were cut right, but one means nothing: the transcript says so too.
            ("showrcopy targets", "unrecognised"),
        ]
    );
    assert_eq!(recorded[3].output, "Removing", "what had come until then");
    assert_eq!(recorded[0].session.as_deref(), Some("31847"));
    assert_eq!(
        (recorded[0].exit_status, recorded[6].exit_status),
        (None, Some(0))
    );
    assert_eq!(recorded[0].elapsed, Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn a_command_nobody_waits_for_any_more_is_in_the_transcript() {
    let bench = Bench::with(Script {
        hangs: true,
        ..Script::default()
    });
    let name = vv("dkv-a");
    let cut = tokio::time::timeout(Duration::from_secs(1), bench.array.removevv(&name)).await;
    assert!(cut.is_err());
    let [only] = <[Recorded; 1]>::try_from(bench.recorded()).unwrap();
    assert_eq!(
        (only.command.as_str(), only.outcome.as_str()),
        ("removevv -f dkv-a", "lost")
    );
    assert_eq!((only.session, only.output.as_str()), (None, ""));
    assert_eq!(only.elapsed, Duration::from_secs(1));
}

#[tokio::test]
async fn a_command_is_recorded_under_the_request_that_caused_it() {
    let bench = Bench::new((0..3).map(|_| fixture("showcpg/none")).collect());
    let (one, other) = (RequestId::random(), RequestId::random());
    for request in [&one, &other, &one] {
        let array = bench.array.for_request(request);
        assert!(array.is_same_login(&bench.array));
        array.showcpg().await.unwrap();
    }
    let requests: Vec<_> = bench.recorded().into_iter().map(|r| r.request).collect();
    assert_eq!(requests, [one.clone(), other, one]);
    let elsewhere = Bench::new(Vec::new()).array;
    assert!(
        !elsewhere.is_same_login(&bench.array),
        "a label is no identity"
    );
}

#[tokio::test]
async fn only_what_is_urgent_is_sent_as_such() {
    let bench = Bench::new(vec![says(""), says("")]);
    let prod = group("prod");
    bench.array.stoprcopygroup(&prod).await.unwrap();
    let urgent = bench.array.urgent();
    urgent.startrcopygroup(&prod).await.unwrap();
    let sent = bench.sent();
    assert_eq!(sent.len(), 2);
    assert_eq!(bench.urgent(), sent[1..]);
}
