//! The plugin dies at every point of a clone, from the request until it is ready.

use super::{failed_over, rig};

#[allow(dead_code)]
#[path = "../../kill_points/every.rs"]
mod every;
#[path = "../../kill_points/points.rs"]
mod points;
#[allow(dead_code)]
#[path = "../../kill_points/stage.rs"]
mod stage;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use every::{Operation, every_point};
use rig::{
    arrays::{HOME, PEER},
    plugin::{Plugin, Reply},
};
use stage::Stage;

/// A larger clone of a plain volume.
struct Plain;

/// A larger clone with a QoS rule and flash cache that comes into a group, beside another volume.
struct InAGroup;

/// A larger clone of a replicated volume that the peer serves, on a backend without replication there.
struct OnThePeer;

/// A larger clone, on the peer, that comes into a group which is primary there.
struct InAGroupOnThePeer;

/// A copy is done by the time it is looked at, and 75 s are less than the day for which an array tells of tasks that ended.
const FACTOR: &str = "factor = 1100.0";

impl Operation for Plain {
    const NAME: &'static str = "a clone";

    async fn stage(&self) -> Stage {
        Stage::at(FACTOR).await
    }

    async fn prepare(&self, _: &Stage, plugin: &Plugin) {
        plugin.create("db1", json!({ "size": "1" })).await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        let options = json!({ "cloneOf": "db1", "size": "2" });
        until_completed(plugin, options).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_complete_or_clean(self, stage, plugin, before).await;
    }
}

impl Operation for InAGroup {
    const NAME: &'static str = "a clone for a group";

    async fn stage(&self) -> Stage {
        Stage::at(FACTOR).await
    }

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
        plugin.create("other", options).await.ok();
        for line in ["createvvset gold", "setqos -io 3000 vvset:gold"] {
            let said = stage.arrays.type_in(HOME, line).await;
            assert!(!said.contains("rror"), "{line}: {said}");
        }
        plugin.create("db1", json!({ "size": "1" })).await.ok();
        stage.assert_group("prod", &["other"]);
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        let options = json!({
            "cloneOf": "db1", "size": "2", "backend": "mirrored", "replicationGroup": "prod",
            "qos-name": "gold", "flash-cache": "true",
        });
        until_completed(plugin, options).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_complete_or_clean(self, stage, plugin, before).await;
        stage.assert_group("prod", &["other"]);
    }
}

/// A stage with the backend `there`, where the group `prod` of `other` and its like is served by the peer.
async fn with_there() -> Stage {
    let stage = Stage::at(FACTOR).await;
    let conf = stage.machine.conf();
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(conf, failed_over::with_there(text)).unwrap();
    stage
}

/// Makes a replicated volume, and lets the peer serve it.
async fn served_by_the_peer(stage: &Stage, plugin: &Plugin, name: &str) {
    let options = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    plugin.create(name, options).await.ok();
    let at_rest = || {
        let dump = stage.arrays.dump().to_string();
        !dump.contains("\"Syncing\"") && !dump.contains("\"Starting\"")
    };
    stage.until("rest", at_rest).await;
    let turns = ["failover", "recover"];
    let turns = turns.map(|turn| format!("setrcopygroup {turn} -f -waittask prod.r130512"));
    let stop = "stoprcopygroup -f prod".to_owned();
    for (array, line) in [(HOME, stop)]
        .into_iter()
        .chain(turns.map(|line| (PEER, line)))
    {
        stage.arrays.type_in(array, &line).await;
    }
    stage.until("rest", at_rest).await;
    let dump = stage.arrays.dump();
    let role = &dump[PEER]["groups"]["prod.r130512"]["role"];
    assert_eq!(role, "Primary-Rev", "{dump:#}");
    stage.assert_group("prod", &[name]);
}

impl Operation for OnThePeer {
    const NAME: &'static str = "a clone on the peer";
    // Which array serves is asked of both.
    const AT_ONCE: &'static [&'static str] = &["showrcopy"];

    async fn stage(&self) -> Stage {
        with_there().await
    }

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        served_by_the_peer(stage, plugin, "db1").await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        let options = json!({ "cloneOf": "db1", "size": "2", "backend": "there" });
        until_completed(plugin, options).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_complete_or_clean_on(&[PEER], self, stage, plugin, before).await;
        stage.assert_group("prod", &["db1"]);
    }
}

impl Operation for InAGroupOnThePeer {
    const NAME: &'static str = "a clone for a group on the peer";

    async fn stage(&self) -> Stage {
        with_there().await
    }

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        served_by_the_peer(stage, plugin, "other").await;
        let options = json!({ "size": "1", "backend": "there" });
        plugin.create("db1", options).await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        let options = json!({
            "cloneOf": "db1", "size": "2", "backend": "mirrored", "replicationGroup": "prod",
        });
        until_completed(plugin, options).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_complete_or_clean_on(&[HOME, PEER], self, stage, plugin, before).await;
        stage.assert_group("prod", &["other"]);
    }
}

/// Asks for the clone, and waits until all that follows by itself is over, or the plugin has died over it.
async fn until_completed(plugin: &Plugin, options: Value) -> Reply {
    let reply = plugin.create("db2", options).await;
    if !matches!(reply, Reply::Ok(_)) {
        return reply;
    }
    let machine: PathBuf = plugin.socket.parent().unwrap().parent().unwrap().to_owned();
    let points = || std::fs::read_to_string(machine.join("points")).unwrap_or_default();
    let ready = || {
        let text = std::fs::read_to_string(machine.join("state/index.json")).unwrap_or_default();
        let index: Value = serde_json::from_str(&text).unwrap_or_default();
        let journal = std::fs::read_dir(machine.join("state/journal")).unwrap();
        let open = journal
            .flatten()
            .any(|e| e.file_name().to_string_lossy().ends_with(".json"));
        let told = points()
            .lines()
            .last()
            .is_none_or(|line| line.ends_with("after writing finish"));
        index["volumes"]["db2"]["state"] == "ready" && !open && told
    };
    let patience = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < patience, "the clone was never completed");
        // The kernel's table is all that is looked at for that.
        let path = plugin
            .call("VolumeDriver.Path", &json!({ "Name": "db2" }))
            .await;
        if path == Reply::Closed {
            return path;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A point is told right before the plugin dies at it, and this may be the one.
    let dies_at = std::fs::read_to_string(machine.join("points-die-at")).unwrap_or_default();
    if points().lines().count().to_string() != dies_at {
        return reply;
    }
    let about = json!({ "Name": "db2" });
    while plugin.call("VolumeDriver.Path", &about).await != Reply::Closed {
        assert!(Instant::now() < patience, "it did not die at its point");
    }
    Reply::Closed
}

async fn ends_complete_or_clean(
    operation: &impl Operation,
    stage: &Stage,
    plugin: &Plugin,
    before: &Value,
) {
    let arrays: &[&str] = match before[PEER]["vvs"]["dkv-other"].is_null() {
        true => &[HOME],
        false => &[HOME, PEER],
    };
    ends_complete_or_clean_on(arrays, operation, stage, plugin, before).await;
}

/// It is there as a whole, on these arrays and no other, or not at all.
async fn ends_complete_or_clean_on(
    arrays: &[&str],
    operation: &impl Operation,
    stage: &Stage,
    plugin: &Plugin,
    before: &Value,
) {
    if !plugin.list().await.contains(&"db2".to_owned()) {
        assert_eq!(stage.arrays.dump(), *before, "not listed, and not clean");
    }
    // If it is there it is completed now, by itself.
    operation.perform(plugin).await.ok();
    let dump = stage.arrays.dump();
    for array in [HOME, PEER] {
        let vv = &dump[array]["vvs"]["dkv-db2"];
        if !arrays.contains(&array) {
            assert!(vv.is_null(), "{vv:#}");
            continue;
        }
        let comment = vv["comment"].as_str().unwrap_or("none");
        assert!(comment.contains("/state=ready/"), "{array}: {vv:#}");
        assert!(
            !comment.contains("/want=") && !comment.contains("/into="),
            "{comment}"
        );
        // Grown once, whatever was lost.
        assert_eq!(vv["size_mib"], 2048, "{array}");
    }
    let sets = &dump[HOME]["vv_sets"];
    if sets["gold"].is_object() {
        assert_eq!(sets["gold"]["members"], json!(["dkv-db2"]), "{sets:#}");
        assert_eq!(sets["dkf-db2"]["flash_cache"], true, "{sets:#}");
    }
    if arrays.len() == 2 {
        stage.assert_group("prod", &["db2", "other"]);
    }
    plugin.remove("db2").await.ok();
    assert!(!plugin.list().await.contains(&"db2".to_owned()));
    assert_eq!(stage.arrays.dump(), *before, "not as before after a remove");
    assert_eq!(stage.open_entries(), 0);
}

#[test]
fn every_kill_point_of_a_clone() {
    every_point(&Plain);
}

#[test]
fn every_kill_point_of_a_clone_for_a_group() {
    every_point(&InAGroup);
}

#[test]
fn every_kill_point_of_a_clone_on_the_peer() {
    every_point(&OnThePeer);
}

#[test]
fn every_kill_point_of_a_clone_for_a_group_on_the_peer() {
    every_point(&InAGroupOnThePeer);
}
