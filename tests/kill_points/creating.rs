//! `docker volume create`.

use serde_json::{Value, json};

use super::{
    every::{Operation, every_point},
    rig::{
        arrays::{HOME, PEER},
        plugin::{Plugin, Reply},
    },
    stage::Stage,
};

/// A volume without a copy.
pub struct Plain;

impl Operation for Plain {
    const NAME: &'static str = "create";

    async fn prepare(&self, _: &Stage, _: &Plugin) {}

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.create("db1", json!({ "size": "1" })).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_complete_or_clean(self, stage, plugin, before, |_| {}).await;
    }
}

/// A replicated volume whose group is not there yet.
pub struct NewGroup;

impl Operation for NewGroup {
    const NAME: &'static str = "create with a new group";

    async fn prepare(&self, _: &Stage, _: &Plugin) {}

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.create("db1", replicated()).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        let complete = |stage: &Stage| stage.assert_group("prod", &["db1"]);
        ends_complete_or_clean(self, stage, plugin, before, complete).await;
    }
}

/// A replicated volume for a group that protects another one.
pub struct ExistingGroup;

impl Operation for ExistingGroup {
    const NAME: &'static str = "create in an existing group";

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        plugin.create("other", replicated()).await.ok();
        stage.assert_group("prod", &["other"]);
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.create("db1", replicated()).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        let complete = |stage: &Stage| stage.assert_group("prod", &["db1", "other"]);
        ends_complete_or_clean(self, stage, plugin, before, complete).await;
        stage.assert_group("prod", &["other"]);
    }
}

/// A replicated volume in group `prod`.
pub fn replicated() -> Value {
    json!({ "backend": "mirrored", "replicationGroup": "prod", "size": "1" })
}

/// The volume is whole, or there is nothing of it; the same create succeeds, and what it made can be removed.
async fn ends_complete_or_clean(
    operation: &impl Operation,
    stage: &Stage,
    plugin: &Plugin,
    before: &Value,
    complete: impl Fn(&Stage),
) {
    let whole = || {
        let dump = stage.arrays.dump();
        assert_ready(&dump[HOME]["vvs"]["dkv-db1"]);
        if dump[PEER] != before[PEER] {
            assert_ready(&dump[PEER]["vvs"]["dkv-db1"]);
        }
        complete(stage);
    };
    if plugin.list().await.contains(&"db1".to_owned()) {
        whole();
    } else {
        assert_eq!(stage.arrays.dump(), *before, "not listed, and not clean");
    }
    operation.perform(plugin).await.ok();
    assert!(plugin.list().await.contains(&"db1".to_owned()));
    whole();
    plugin.remove("db1").await.ok();
    assert!(!plugin.list().await.contains(&"db1".to_owned()));
    assert_eq!(stage.arrays.dump(), *before, "not as before after a remove");
    assert_eq!(stage.open_entries(), 0);
}

#[track_caller]
fn assert_ready(vv: &Value) {
    let comment = vv["comment"].as_str().unwrap_or("none");
    assert!(comment.contains("/state=ready/"), "{vv:#}");
}

#[test]
fn every_kill_point_of_a_create() {
    every_point(&Plain);
}

#[test]
fn every_kill_point_of_a_create_with_a_new_group() {
    every_point(&NewGroup);
}

#[test]
fn every_kill_point_of_a_create_in_an_existing_group() {
    every_point(&ExistingGroup);
}
