//! `docker volume rm`.

use serde_json::{Value, json};

use super::{
    creating::replicated,
    every::{Operation, every_point},
    rig::{
        compare::but_for_operations,
        plugin::{Plugin, Reply},
    },
    stage::Stage,
};

/// A volume without a copy.
pub struct Plain;

impl Operation for Plain {
    const NAME: &'static str = "remove";

    async fn prepare(&self, _: &Stage, plugin: &Plugin) {
        plugin.create("db1", json!({ "size": "1" })).await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.remove("db1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_whole_or_gone(self, stage, plugin, before).await;
    }
}

/// The only volume of a group that was made for it.
pub struct LastMember;

impl Operation for LastMember {
    const NAME: &'static str = "remove of the last volume of a group";

    async fn prepare(&self, _: &Stage, plugin: &Plugin) {
        plugin.create("db1", replicated()).await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.remove("db1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_whole_or_gone(self, stage, plugin, before).await;
        for (status, _) in stage.group("prod") {
            assert_eq!(status, "none");
        }
    }
}

/// A volume of a group that protects another one.
pub struct OneOfTwo;

impl Operation for OneOfTwo {
    const NAME: &'static str = "remove from a group that goes on";

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        plugin.create("other", replicated()).await.ok();
        plugin.create("db1", replicated()).await.ok();
        stage.assert_group("prod", &["db1", "other"]);
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.remove("db1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_whole_or_gone(self, stage, plugin, before).await;
        stage.assert_group("prod", &["other"]);
        plugin.remove("other").await.ok();
        assert_nothing(&stage.arrays.dump());
    }
}

/// The volume is as it was, or there is nothing of it on either array; the same remove succeeds, and then there is nothing.
async fn ends_whole_or_gone(
    operation: &impl Operation,
    stage: &Stage,
    plugin: &Plugin,
    before: &Value,
) {
    let now = stage.arrays.dump();
    // Taken back it carries the operation.
    if but_for_operations(now.clone()) == but_for_operations(before.clone()) {
        assert!(plugin.list().await.contains(&"db1".to_owned()));
    } else {
        assert_gone(&now);
        assert!(!plugin.list().await.contains(&"db1".to_owned()));
    }
    operation.perform(plugin).await.ok();
    assert_gone(&stage.arrays.dump());
    assert!(!plugin.list().await.contains(&"db1".to_owned()));
    assert_eq!(stage.open_entries(), 0);
    // The name is free again.
    plugin.create("db1", json!({ "size": "1" })).await.ok();
    plugin.remove("db1").await.ok();
    assert_gone(&stage.arrays.dump());
}

#[track_caller]
fn assert_gone(dump: &Value) {
    for (array, state) in dump.as_object().unwrap() {
        let left = &state["vvs"]["dkv-db1"];
        assert!(left.is_null(), "on {array}: {left:#}");
        let groups = state["groups"].to_string();
        assert!(!groups.contains("dkv-db1"), "on {array}: {groups}");
    }
}

#[track_caller]
fn assert_nothing(dump: &Value) {
    for (array, state) in dump.as_object().unwrap() {
        for things in ["vvs", "groups"] {
            let left: Vec<&String> = state[things]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, _)| name)
                .filter(|name| !name.starts_with('.') && *name != "admin")
                .collect();
            assert_eq!(left, [] as [&String; 0], "{things} on {array}");
        }
    }
}

#[test]
fn every_kill_point_of_a_remove() {
    every_point(&Plain);
}

#[test]
fn every_kill_point_of_a_remove_of_the_last_volume_of_a_group() {
    every_point(&LastMember);
}

#[test]
fn every_kill_point_of_a_remove_from_a_group_that_goes_on() {
    every_point(&OneOfTwo);
}
