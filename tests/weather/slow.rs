//! Slow, small and odd, but no failure: everything succeeds.

use hpe3par_sim::{Fault, Kind};

use super::stage::{BOTH, Stage, plain, replicated};

#[tokio::test(flavor = "multi_thread")]
async fn one_session_serves_ten_creates_at_once() {
    let stage = Stage::set().await;
    for array in BOTH {
        stage.arrays.control.session_limit(array, Some(1)).unwrap();
    }
    let names: Vec<String> = (0..10).map(|n| format!("db{n}")).collect();
    let creates = names.iter().map(|name| stage.create(name, plain()));
    for reply in futures_util::future::join_all(creates).await {
        reply.ok();
    }
    assert_eq!(stage.plugin.list().await, names);
    assert!(
        stage.plugin.log().contains("pool shrunk"),
        "the limit was never met"
    );
    let removes = names.iter().map(|name| stage.remove(name));
    for reply in futures_util::future::join_all(removes).await {
        reply.ok();
    }
    stage.end().await;
}

async fn works(stage: Stage) {
    stage.create("db1", plain()).await.ok();
    stage.create("db2", replicated()).await.ok();
    stage.plugin.get("db2").await.ok();
    stage.remove("db2").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_trickle_are_read() {
    let stage = Stage::set().await;
    for array in BOTH {
        let fault = Fault::new(Kind::Trickle).on(array).repeat();
        stage.arrays.control.fault(fault).unwrap();
    }
    works(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_an_exit_status_are_read() {
    let stage = Stage::set().await;
    let fault = Fault::new(Kind::NoStatus).repeat();
    stage.arrays.control.fault(fault).unwrap();
    works(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_takes_its_time_is_waited_for() {
    let stage = Stage::set().await;
    for array in BOTH {
        // Virtual: the arrays' clock is twenty times as fast.
        stage.arrays.control.latency(array, 20 * 100).unwrap();
    }
    let begun = std::time::Instant::now();
    stage.create("db1", plain()).await.ok();
    assert!(begun.elapsed().as_millis() > 200, "there was no latency");
    stage.create("db2", replicated()).await.ok();
    stage.remove("db1").await.ok();
    for array in BOTH {
        stage.arrays.control.latency(array, 0).unwrap();
    }
    stage.remove("db2").await.ok();
    stage.end().await;
}
