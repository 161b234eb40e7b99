//! When a replicated volume is gone: both arrays say so.

use serde_json::Value;

use super::{
    rig::{
        arrays::{HOME, PEER},
        plugin::Plugin,
    },
    stage::{GROUP, Release, Stage, machine},
};

/// Another host removed it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_both_arrays_have_lost_is_gone() {
    let mut stage = Stage::set(Release::R331).await;
    let other = machine(&stage.arrays, "host2");
    stage.create("db1").await;
    stage.create("db2").await;
    let maker = tokio::task::block_in_place(|| Plugin::start(&other));
    maker.remove("db1").await.ok();
    assert_eq!(stage.plugin.list().await, ["db1", "db2"]);
    stage.restart();
    stage
        .until("the first listings without it", || {
            let known = stage.known("db1");
            known["missed"] == 1 && known["copy_missed"] == 1
        })
        .await;
    stage.restart();
    stage.lists(&["db2"]).await;
    stage.plugin.get("db1").await.err();
}

/// As long as one array has its half, or may have it, the name is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_one_array_may_have_is_kept() {
    let mut stage = Stage::set(Release::R331).await;
    stage.create("db1").await;
    stage.kill();
    // Somebody removed it on its own array; the copy is still there, and then the array with that is not.
    stage
        .types(HOME, &format!("stoprcopygroup -f {GROUP}"))
        .await;
    stage
        .types(HOME, &format!("dismissrcopyvv -f dkv-db1 {GROUP}"))
        .await;
    stage.types(HOME, "removevv -f dkv-db1").await;
    stage.down(PEER).await;
    for missed in 1..=3 {
        stage.start();
        stage
            .until("a listing", || {
                stage.known("db1")["missed"] == missed.min(2)
            })
            .await;
        assert_eq!(stage.plugin.list().await, ["db1"]);
        stage.kill();
    }
    // The other array is back, and has its half.
    stage.up(PEER).await;
    assert_ne!(stage.vv(PEER, "db1"), Value::Null);
    for _ in 0..3 {
        stage.arrays.control.clear_log();
        stage.start();
        let asked = || {
            stage
                .arrays
                .control
                .log(Some(PEER))
                .iter()
                .any(|c| c.line == "showhost -d")
        };
        stage
            .until("the sweep of the peer, which follows its listing", asked)
            .await;
        assert_eq!(stage.plugin.list().await, ["db1"]);
        stage.kill();
    }
    // Nobody makes another one over it.
    stage.start();
    let options =
        serde_json::json!({ "size": "1", "backend": "mirrored", "replicationGroup": GROUP });
    let said = stage.plugin.create("db1", options).await.err();
    assert!(said.contains("has its other half"), "{said}");
    stage.kill();

    stage.types(PEER, "removevv -f dkv-db1").await;
    stage.start();
    stage
        .until("the first listing without its copy", || {
            stage.known("db1")["copy_missed"] == 1
        })
        .await;
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.restart();
    stage.lists(&[]).await;
}

/// Removed by another host, and then its own array is lost: that it is there is not said on the word of the index alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_gone_from_the_peer_is_not_called_made() {
    let stage = Stage::set(Release::R331).await;
    let other = machine(&stage.arrays, "host2");
    stage.create("db1").await;
    let maker = tokio::task::block_in_place(|| Plugin::start(&other));
    maker.remove("db1").await.ok();
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.down(HOME).await;
    let options =
        serde_json::json!({ "size": "1", "backend": "mirrored", "replicationGroup": GROUP });
    let said = stage.plugin.create("db1", options).await.err();
    assert!(said.contains("has no copy of it any more"), "{said}");
    assert_eq!(stage.plugin.list().await, ["db1"], "nor forgotten");
}
