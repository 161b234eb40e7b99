//! The plugin killed at every point of a promotion: the volume has all of one data or all of the other, on every array, and the group runs.
//! After one that failed it runs only if the next one ended well.

use std::io::Write;

use serde_json::{Value, json};

use super::{
    command,
    every::{self, Operation, every_point, in_lanes, run},
    points::{self, Point},
    rig::{
        arrays::{HOME, PEER},
        plugin::{Plugin, Reply},
    },
    stage::Stage,
};
use crate::data::Data;

/// In the snapshot, and written since.
const OLD: u8 = 1;
const NEW: u8 = 2;

fn data<'a>(stage: &'a Stage, array: &'a str) -> Data<'a> {
    Data {
        arrays: &stage.arrays,
        array,
        volume: "db1",
    }
}

/// A volume, by itself or in a group with another one, and its snapshot.
async fn prepare(stage: &Stage, plugin: &Plugin, replicated: bool) {
    let options = if replicated {
        json!({ "backend": "mirrored", "replicationGroup": "prod", "size": "1" })
    } else {
        json!({ "size": "1" })
    };
    plugin.create("db1", options.clone()).await.ok();
    in_step(stage).await;
    if replicated {
        plugin.create("db2", options).await.ok();
        in_step(stage).await;
    }
    data(stage, HOME).write(OLD);
    plugin
        .create("s1", json!({ "virtualCopyOf": "db1" }))
        .await
        .ok();
    data(stage, HOME).write(NEW);
    if replicated {
        // What is written beside the hosts is on the other array after the next stop.
        for line in ["stoprcopygroup -f prod", "startrcopygroup prod"] {
            stage.arrays.type_in(HOME, line).await;
            in_step(stage).await;
        }
        assert_eq!(data(stage, PEER).read(), NEW);
    }
}

async fn in_step(stage: &Stage) {
    let syncs = || stage.arrays.dump().to_string().contains("Syncing");
    stage.until("the first copy", || !syncs()).await;
}

fn has_lock(stage: &Stage) -> bool {
    stage.arrays.dump().to_string().contains("dkl-prod")
}

/// The same on both arrays; gives it.
async fn whole(stage: &Stage) -> u8 {
    in_step(stage).await;
    assert!(!has_lock(stage));
    stage.assert_group("prod", &["db1", "db2"]);
    let [here, there] = [HOME, PEER].map(|array| data(stage, array).read());
    assert_eq!(here, there);
    here
}

async fn taken_away(stage: &Stage, plugin: &Plugin, volumes: &[&str]) {
    for name in volumes {
        in_step(stage).await;
        plugin.remove(name).await.ok();
    }
    assert_eq!(stage.open_entries(), 0);
}

struct Promote {
    replicated: bool,
}

impl Operation for Promote {
    const NAME: &'static str = "putting a snapshot back";

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        prepare(stage, plugin, self.replicated).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        command(plugin, &["promote", "s1", "--yes", "--stop-group"]).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, _: &Value) {
        let found = if self.replicated {
            whole(stage).await
        } else {
            data(stage, HOME).read()
        };
        assert!([OLD, NEW].contains(&found), "{found}");
        self.perform(plugin).await.ok();
        assert_eq!(data(stage, HOME).read(), OLD);
        assert_eq!(stage.open_entries(), 0);
        if self.replicated {
            assert_eq!(whole(stage).await, OLD);
            taken_away(stage, plugin, &["s1", "db2", "db1"]).await;
        } else {
            taken_away(stage, plugin, &["s1", "db1"]).await;
        }
    }
}

#[test]
fn every_kill_point_of_putting_a_snapshot_back() {
    every_point(&Promote { replicated: false });
}

#[test]
fn every_kill_point_of_putting_a_replicated_snapshot_back() {
    every_point(&Promote { replicated: true });
}

/// A promotion failed, and this is the next one.
struct Again;

impl Operation for Again {
    const NAME: &'static str = "putting a snapshot back after that has failed";

    async fn stage(&self) -> Stage {
        let stage = Stage::new().await;
        let control = &stage.arrays.control;
        control.switch(HOME, "copies_fail", false).unwrap();
        stage
    }

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        prepare(stage, plugin, true).await;
        let words = &["promote", "s1", "--yes", "--stop-group"];
        // One that ended well before, and is not to be taken for the next one.
        command(plugin, words).await.ok();
        in_step(stage).await;
        data(stage, HOME).write(NEW);
        let control = &stage.arrays.control;
        control.switch(HOME, "copies_fail", true).unwrap();
        let reply = command(plugin, words).await;
        assert!(
            reply.clone().err().contains("stays stopped and locked"),
            "{reply:?}"
        );
        control.switch(HOME, "copies_fail", false).unwrap();
        assert_eq!(stage.open_entries(), 1);
        assert!(has_lock(stage));
        // The entry is tried again after a second, and then not for two: the points that count are none of that.
        let tried = || plugin.log().contains("not cleaned up yet");
        stage.until("an attempt to end it", tried).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        command(plugin, &["promote", "s1", "--yes"]).await
    }

    /// Ended well, or as before: never a group that runs on half of the data.
    async fn check(&self, stage: &Stage, plugin: &Plugin, _: &Value) {
        if has_lock(stage) {
            assert_eq!(stage.group("prod")[0].0, "Stopped");
            assert_eq!(data(stage, PEER).read(), NEW);
            assert_eq!(stage.open_entries(), 1);
            self.perform(plugin).await.ok();
        }
        assert_eq!(whole(stage).await, OLD);
        taken_away(stage, plugin, &["s1", "db2", "db1"]).await;
    }
}

async fn die_again(point: &Point, at: usize) {
    let (stage, dead, _) = every::dead_at(&Again, point, at).await;
    let before = dead.log().len();
    drop(dead);
    let plugin = stage.plugin();
    let told = || plugin.log()[before..].contains("stays stopped and locked");
    let settled = || stage.open_entries() == 0 || told();
    stage.until("the end, or the failure", settled).await;
    Again.check(&stage, &plugin, &Value::Null).await;
}

#[test]
fn every_kill_point_of_putting_a_snapshot_back_after_a_failure() {
    let (points, derived) = every::settled(&Again);
    let moments = points::moments(&points);
    assert_eq!(moments.len(), derived / 2 + 1);
    let told = |at: usize| format!("killed at point {} of {derived}, {}", at + 1, points[at]);
    in_lanes(Again::NAME, &moments, told, |at| {
        run(die_again(&points[at], at));
    });
    let _ = writeln!(
        std::io::stderr(),
        "{derived} kill points of {}, {} moments",
        Again::NAME,
        moments.len()
    );
}
