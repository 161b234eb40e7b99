//! A connection that is lost: what is sent again, what never is, and what is said.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::bench::{Bench, Script, fixture, group, lost, vv};
use crate::{inform::ArrayError, model::RequestId};

#[tokio::test]
async fn a_read_is_sent_again_once_after_a_lost_connection() {
    let bench = Bench::new(vec![
        lost(true, Some("1")),
        fixture("showcpg/release-3.3.1"),
    ]);
    assert_eq!(bench.array.showcpg().await.unwrap().len(), 2);
    let bench = Bench::new(vec![lost(true, None), lost(true, None)]);
    let error = bench.array.showcpg().await.unwrap_err();
    assert!(error.is_unreachable() && !error.is_in_doubt(), "{error}");
    assert_eq!(bench.sent().len(), 2);
}

#[tokio::test]
async fn what_was_not_sent_is_unreachable_and_not_tried_again() {
    let bench = Bench::new(vec![lost(false, None)]);
    assert!(bench.array.showcpg().await.unwrap_err().is_unreachable());
    let bench = Bench::new(vec![lost(false, None)]);
    let error = bench.array.removevv(&vv("dkv-x")).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert_eq!(bench.sent(), ["removevv -f dkv-x"]);
}

#[tokio::test(start_paused = true)]
async fn a_changing_command_is_never_sent_again_and_its_session_is_waited_for() {
    let bench = Bench::new(vec![
        lost(true, Some("1209")),
        fixture("showuserconn/two-with-total"),
        lost(true, None),
        lost(true, None),
        fixture("showuserconn/two-with-total"),
        fixture("showuserconn/without-total"),
    ]);
    let begun = Instant::now();
    let error = bench.array.removevv(&vv("dkv-x")).await.unwrap_err();
    assert!(
        matches!(error, ArrayError::InDoubt { ended: true, .. }),
        "{error}"
    );
    assert!(error.is_in_doubt() && !error.is_unreachable());
    assert!(
        matches!(&error, ArrayError::InDoubt { session, .. } if session.as_deref() == Some("1209"))
    );
    assert!(error.hint().unwrap().starts_with("try again"));
    assert_eq!(begun.elapsed(), Duration::from_secs(6));
    assert_eq!(bench.left(), 0);
    let sent = bench.sent();
    assert_eq!(
        sent.iter()
            .filter(|line| line.starts_with("removevv"))
            .count(),
        1,
        "{sent:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_session_has_an_end() {
    let mut answers = vec![lost(true, Some("31847"))];
    answers.extend((0..40).map(|_| fixture("showuserconn/two-with-total")));
    let bench = Bench::new(answers);
    let begun = Instant::now();
    let error = bench
        .array
        .startrcopygroup(&group("billing"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ArrayError::InDoubt { ended: false, .. }),
        "{error}"
    );
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    assert!(error.hint().unwrap().contains("still be running"));
}

#[tokio::test]
async fn a_session_without_id_leaves_the_end_unknown() {
    let bench = Bench::new(vec![lost(true, None)]);
    let error = bench.array.removevv(&vv("dkv-x")).await.unwrap_err();
    assert!(
        matches!(error, ArrayError::InDoubt { ended: false, .. }),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_request_waits_for_is_told() {
    let bench = Bench::with(Script {
        hangs: true,
        ..Script::default()
    });
    let (mine, other) = (RequestId::random(), RequestId::random());
    let array = bench.array.for_request(&mine);
    let name = vv("dkv-x");
    let look = async {
        sleep(Duration::from_secs(1)).await;
        let at = bench.array.waits_for(&mine).unwrap();
        assert_eq!(
            (at.array.as_str(), at.command.as_str()),
            ("harbour", "removevv -f dkv-x")
        );
        assert_eq!(bench.array.waits_for(&other), None);
    };
    let removal = timeout(Duration::from_secs(2), array.removevv(&name));
    let (cut, ()) = tokio::join!(removal, look);
    assert!(cut.is_err());
    assert_eq!(bench.array.waits_for(&mine), None);
}

#[tokio::test(start_paused = true)]
async fn a_command_in_doubt_is_waited_for_until_its_session_has_ended() {
    let mut answers = vec![lost(true, Some("31847"))];
    answers.extend((0..3).map(|_| fixture("showuserconn/two-with-total")));
    answers.push(fixture("showuserconn/without-total"));
    let bench = Bench::new(answers);
    let request = RequestId::random();
    let array = bench.array.for_request(&request);
    let name = vv("dkv-x");
    let look = async {
        sleep(Duration::from_secs(5)).await;
        array.waits_for(&request).map(|at| at.command)
    };
    let (removed, waited) = tokio::join!(array.removevv(&name), look);
    assert!(removed.unwrap_err().is_in_doubt());
    assert_eq!(waited.as_deref(), Some("removevv -f dkv-x"));
    assert_eq!(array.waits_for(&request), None);
}
