//! While the array copies, and when that does not end well.

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use super::{
    bench::{
        self, Flavour::*, at_once, clone, completed, end, given, slowly, state, status, until, vv,
    },
    rig::{arrays::HOME, plugin::Plugin},
    stage::{Stage, assert_told},
};

/// 500 GiB take 1000 s.
const LARGE: &str = "500";

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_takes_its_time_is_shown_and_waited_for() {
    let stage = bench::set(V331, slowly).await;
    stage.create("db1", json!({ "size": LARGE })).await.ok();
    clone(&stage.plugin, "db1", "db2", json!({ "size": "600" }))
        .await
        .ok();
    assert_eq!(stage.plugin.list().await, ["db1", "db2"]);
    stage.arrays.control.advance(400);
    let shown = status(&stage.plugin, "db2").await;
    assert_eq!(shown["state"], "copying", "{shown:#}");
    let copying = &shown["copying"];
    assert!(
        (40..=95).contains(&copying["per cent"].as_u64().unwrap()),
        "{shown:#}"
    );
    assert_eq!(copying["of"], "db1");
    assert_eq!(copying["by"], "host1");
    assert_eq!(copying["then size"], "600 GiB");
    assert!(copying["task"].is_u64(), "{shown:#}");
    let refused = stage.plugin.mount("db2", "c1").await.err();
    assert_told(
        &refused,
        &[
            "`db2`",
            "clone of `db1`",
            "still being copied (",
            " %)",
            "docker volume inspect",
        ],
    );
    // Nothing was exported for that.
    assert_eq!(given(&stage.arrays, "createvlun"), Vec::<String>::new());
    // Neither of them is free: the one because it is written, the other because it is read.
    let refused = stage.remove("db1").await.err();
    assert_told(&refused, &["`db1`", "clone `db2` is being copied from it"]);
    assert_eq!(state(&stage.arrays, "db1"), "ready");
    assert_eq!(vv(&stage.arrays, "db2")["size_mib"], 500 * 1024);
    stage.arrays.control.advance(1000);
    completed(&stage, "db2").await;
    assert_eq!(vv(&stage.arrays, "db2")["size_mib"], 600 * 1024);
    assert_eq!(given(&stage.arrays, "growvv").len(), 1);
    let shown = status(&stage.plugin, "db2").await;
    assert!(shown["copying"].is_null(), "{shown:#}");
    assert_eq!(shown["size"], "600 GiB");
    end(stage, &["db1", "db2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_removed_while_it_is_copied() {
    let stage = bench::set(V331, slowly).await;
    stage.create("db1", json!({ "size": LARGE })).await.ok();
    let before = stage.arrays.dump();
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    stage.remove("db2").await.ok();
    assert_eq!(given(&stage.arrays, "canceltask").len(), 1);
    assert_eq!(stage.arrays.dump(), before);
    assert_eq!(stage.plugin.list().await, ["db1"]);
    end(stage, &["db1"]).await;
}

/// The array refuses the removal of the clone: it goes on being copied.
#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_fails_leaves_a_clone_that_is_copied() {
    let stage = bench::set(V331, slowly).await;
    stage.create("db1", json!({ "size": LARGE })).await.ok();
    clone(&stage.plugin, "db1", "db2", json!({ "size": "600" }))
        .await
        .ok();
    let refuse = Fault::new(Kind::Refuse)
        .words("Error: permission denied")
        .matching("^canceltask");
    stage.arrays.control.fault(refuse).unwrap();
    let refused = stage.remove("db2").await.err();
    assert_told(&refused, &["db2", "canceltask"]);
    stage.calm_down().await;
    assert_eq!(state(&stage.arrays, "db2"), "copying");
    let refused = stage.plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["still being copied"]);
    stage.arrays.control.advance(2000);
    completed(&stage, "db2").await;
    assert_eq!(vv(&stage.arrays, "db2")["size_mib"], 600 * 1024);
    end(stage, &["db1", "db2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_is_never_a_volume() {
    let stage = bench::set(V331, at_once).await;
    stage.create("db1", json!({ "size": "1" })).await.ok();
    let before = stage.arrays.dump();
    bench::copies_fail(&stage, true);
    clone(&stage.plugin, "db1", "db2", json!({ "size": "2" }))
        .await
        .ok();
    let failed = "not all of its data were copied";
    until("told", || stage.plugin.log().contains(failed)).await;
    bench::copies_fail(&stage, false);
    let refused = stage.plugin.mount("db2", "c1").await.err();
    assert_told(
        &refused,
        &[
            "`db2`",
            "clone of `db1`",
            failed,
            "copy_failed",
            "docker volume rm",
        ],
    );
    let shown = status(&stage.plugin, "db2").await;
    assert_eq!(shown["state"], "copying", "{shown:#}");
    assert!(shown["copying"]["failed"].is_string(), "{shown:#}");
    assert_eq!(given(&stage.arrays, "growvv"), Vec::<String>::new());
    // Its source is free again.
    stage.remove("db2").await.ok();
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.as_before(&before).await;
    end(stage, &["db1"]).await;
}

/// A person ends the task.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_cancelled_is_never_a_volume() {
    let stage = bench::set(V331, slowly).await;
    stage.create("db1", json!({ "size": LARGE })).await.ok();
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    let task = status(&stage.plugin, "db2").await["copying"]["task"]
        .as_u64()
        .unwrap();
    let typed = format!("canceltask -f {task}");
    assert_eq!(stage.arrays.type_in(HOME, &typed).await, "");
    let refused = stage.plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["`db2`", "not all of its data were copied"]);
    let refused = stage.remove("db1").await.err();
    assert_told(
        &refused,
        &["`db1`", "clone `db2`, whose copy failed, is tied to it"],
    );
    end(stage, &["db2", "db1"]).await;
}

/// It cannot grow: that is told, tried again, and done when there is space.
#[tokio::test(flavor = "multi_thread")]
async fn a_clone_that_cannot_grow_waits() {
    let stage = bench::set(V331, slowly).await;
    let full = json!({ "size": LARGE, "provisioning": "full" });
    stage.create("db1", full).await.ok();
    clone(&stage.plugin, "db1", "db2", json!({ "size": "600" }))
        .await
        .ok();
    stage.arrays.control.cpg_full(HOME, "ssd_r5").unwrap();
    stage.arrays.control.advance(2000);
    until("told", || {
        stage.plugin.log().contains("clone not completed yet")
    })
    .await;
    let shown = status(&stage.plugin, "db2").await;
    assert!(
        shown["not completed"].as_str().unwrap().contains("growvv"),
        "{shown:#}"
    );
    let refused = stage.plugin.mount("db2", "c1").await.err();
    assert_told(
        &refused,
        &["could not be completed yet", "growvv", "it is tried again"],
    );
    assert_eq!(state(&stage.arrays, "db2"), "copying");
    stage.arrays.control.cpg_restore(HOME, "ssd_r5").unwrap();
    completed(&stage, "db2").await;
    assert_eq!(vv(&stage.arrays, "db2")["size_mib"], 600 * 1024);
    let shown = status(&stage.plugin, "db2").await;
    assert!(shown["not completed"].is_null(), "{shown:#}");
    end(stage, &["db1", "db2"]).await;
}

/// What is to be done is in the comment: the index may be lost, and the plugin die, while the array copies.
#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_completed_after_everything_here_was_lost() {
    let mut stage = bench::set(V331, slowly).await;
    stage.create("db1", json!({ "size": LARGE })).await.ok();
    clone(&stage.plugin, "db1", "db2", json!({ "size": "600" }))
        .await
        .ok();
    tokio::task::block_in_place(|| stage.plugin.kill());
    std::fs::remove_dir_all(stage.machine.dir.join("state")).unwrap();
    stage.arrays.control.advance(2000);
    stage.plugin = tokio::task::block_in_place(|| Plugin::start(&stage.machine));
    until("ready", || state(&stage.arrays, "db2") == "ready").await;
    assert_eq!(vv(&stage.arrays, "db2")["size_mib"], 600 * 1024);
    clone(&stage.plugin, "db1", "db2", json!({ "size": "600" }))
        .await
        .ok();
    end(stage, &["db1", "db2"]).await;
}

/// Nobody asks for two days, after which no list of the array has the task.
async fn after_two_days(stage: &mut Stage, meanwhile: impl FnOnce(&Stage)) {
    tokio::task::block_in_place(|| stage.plugin.kill());
    stage.arrays.control.advance(2 * 24 * 3600);
    meanwhile(stage);
    stage.plugin = tokio::task::block_in_place(|| Plugin::start(&stage.machine));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_ended_days_ago_is_asked_for_by_its_number() {
    let mut stage = bench::set(V331, slowly).await;
    stage.create("db1", json!({ "size": LARGE })).await.ok();
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    let task = status(&stage.plugin, "db2").await["copying"]["task"].clone();
    let said = bench::said(&vv(&stage.arrays, "db2"), "task");
    assert_eq!(said, Some(task.to_string()));
    after_two_days(&mut stage, |_| {}).await;
    completed(&stage, "db2").await;
    assert_eq!(bench::said(&vv(&stage.arrays, "db2"), "task"), None);
    end(stage, &["db1", "db2"]).await;
}

/// What is left may be what a copy that failed has made: there are arrays of which nobody knows what they make of that.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_which_the_array_tells_nothing_any_more_is_no_volume() {
    let mut stage = bench::set(V331, slowly).await;
    stage.create("db1", json!({ "size": LARGE })).await.ok();
    let before = stage.arrays.dump();
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    after_two_days(&mut stage, |stage| {
        let forgotten = Fault::new(Kind::Refuse)
            .words("Error: task does not exist")
            .matching("^showtask -d")
            .repeat();
        stage.arrays.control.fault(forgotten).unwrap();
    })
    .await;
    let unknown = "does not tell any more how the copy ended";
    until("told", || stage.plugin.log().contains(unknown)).await;
    assert_eq!(vv(&stage.arrays, "db2")["kind"], "base");
    assert_eq!(state(&stage.arrays, "db2"), "copying");
    let refused = stage.plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["`db2`", unknown, "docker volume rm"]);
    let shown = status(&stage.plugin, "db2").await;
    let failed = shown["copying"]["failed"].as_str().unwrap();
    assert!(failed.contains(unknown), "{shown:#}");
    stage.remove("db2").await.ok();
    stage.as_before(&before).await;
    end(stage, &["db1"]).await;
}

/// No host mounts what the array is writing other data into, or did not write all of.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_put_back_is_mounted_by_nobody() {
    let stage = bench::set(V331, slowly).await;
    stage.create("db1", json!({ "size": LARGE })).await.ok();
    let before = stage.arrays.dump();
    stage.arrays.type_in(HOME, "createsv monday dkv-db1").await;
    stage.arrays.type_in(HOME, "promotesv monday").await;
    let refused = stage.plugin.mount("db1", "c1").await.err();
    assert_told(&refused, &["`dkv-db1`", "state `promoting`", "-cpprog"]);
    bench::copies_fail(&stage, true);
    stage.arrays.control.advance(2000);
    let refused = stage.plugin.mount("db1", "c1").await.err();
    assert_told(&refused, &["state `copy_failed`", "volume promote"]);
    assert_eq!(given(&stage.arrays, "createvlun"), Vec::<String>::new());
    bench::copies_fail(&stage, false);
    stage.arrays.type_in(HOME, "promotesv monday").await;
    stage.arrays.control.advance(2000);
    stage.arrays.type_in(HOME, "removevv -f monday").await;
    stage.as_before(&before).await;
    end(stage, &["db1"]).await;
}
