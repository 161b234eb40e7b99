//! The plugin killed at every point of taking a snapshot and of removing it.

#[allow(dead_code)] // Of the tests of kill points; each test program uses its part.
#[path = "../../kill_points/every.rs"]
mod every;
#[allow(dead_code)]
#[path = "../../kill_points/points.rs"]
mod points;
#[allow(dead_code)]
#[path = "../../kill_points/stage.rs"]
mod stage;

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::rig::{
    self,
    arrays::{HOME, PEER},
    plugin::{Plugin, Reply},
};
use every::{Operation, every_point};
use stage::Stage;

/// Once a year, and not before most of one has passed: an hour passes in a moment here. The same whenever it is asked for again.
static YEARLY: LazyLock<String> = LazyLock::new(|| {
    let a_month_ago = Timestamp::now() - SignedDuration::from_hours(30 * 24);
    a_month_ago.strftime("0 3 %-d %-m *").to_string()
});

/// Of a volume on one array, or of a replicated one on both.
struct Take {
    both: bool,
    schedule: bool,
}

impl Take {
    fn options(&self) -> Value {
        let both = self.both.to_string();
        if self.schedule {
            return json!({
                "virtualCopyOf": "db1",
                "scheduleName": "auto",
                "scheduleFrequency": *YEARLY,
                "snapshotPrefix": "year",
            });
        }
        json!({ "virtualCopyOf": "db1", "snapshotBoth": both })
    }

    async fn volume(&self, stage: &Stage, plugin: &Plugin) {
        let options = if self.both {
            json!({ "backend": "mirrored", "replicationGroup": "prod", "size": "1" })
        } else {
            json!({ "size": "1" })
        };
        plugin.create("db1", options).await.ok();
        let syncs = || stage.arrays.dump().to_string().contains("Syncing");
        stage.until("the first copy", || !syncs()).await;
    }

    /// The arrays that have it.
    fn on(stage: &Stage) -> Vec<&'static str> {
        let dump = stage.arrays.dump();
        let has = |array: &&str| dump[*array]["vvs"]["dkv-s1"].is_object();
        [HOME, PEER].into_iter().filter(has).collect()
    }

    fn whole(&self) -> Vec<&'static str> {
        if self.both {
            vec![HOME, PEER]
        } else {
            vec![HOME]
        }
    }
}

impl Operation for Take {
    const NAME: &'static str = "taking a snapshot";
    const AT_ONCE: &'static [&'static str] = &["showrcopy"];

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        self.volume(stage, plugin).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.create("s1", self.options()).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        if plugin.list().await.contains(&"s1".to_owned()) {
            assert_eq!(Self::on(stage), self.whole());
        } else {
            assert_eq!(stage.arrays.dump(), *before, "not listed, and not clean");
        }
        self.perform(plugin).await.ok();
        assert_eq!(Self::on(stage), self.whole());
        plugin.remove("s1").await.ok();
        assert_eq!(stage.arrays.dump(), *before, "not as before after a remove");
        assert_eq!(stage.open_entries(), 0);
    }
}

/// The same, taken away again.
struct Remove(Take);

impl Operation for Remove {
    const NAME: &'static str = "removing a snapshot";
    const AT_ONCE: &'static [&'static str] = &["showrcopy"];

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        self.0.volume(stage, plugin).await;
        plugin.create("s1", self.0.options()).await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.remove("s1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, _: &Value) {
        self.perform(plugin).await.ok();
        assert_eq!(Take::on(stage), Vec::<&str>::new());
        assert!(!plugin.list().await.contains(&"s1".to_owned()));
        assert_eq!(stage.open_entries(), 0);
        plugin.remove("db1").await.ok();
    }
}

/// On both arrays, and for two weeks nobody can remove it.
struct Retain;

impl Retain {
    const OF: Take = Take {
        both: true,
        schedule: false,
    };
}

impl Operation for Retain {
    const NAME: &'static str = "taking a snapshot that is retained";
    const AT_ONCE: &'static [&'static str] = &["showrcopy"];

    /// Slowly enough that its time does not pass.
    async fn stage(&self) -> Stage {
        Stage::at("factor = 20.0").await
    }

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        Self::OF.volume(stage, plugin).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        let mut options = Self::OF.options();
        options["retentionHours"] = json!("48");
        plugin.create("s1", options).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        if plugin.list().await.contains(&"s1".to_owned()) {
            assert_eq!(Take::on(stage), [HOME, PEER]);
        } else {
            assert_eq!(stage.arrays.dump(), *before, "not listed, and not clean");
        }
        self.perform(plugin).await.ok();
        assert_eq!(Take::on(stage), [HOME, PEER]);
        assert_eq!(stage.open_entries(), 0);
    }
}

#[test]
fn every_kill_point_of_taking_one_that_is_retained() {
    every_point(&Retain);
}

#[test]
fn every_kill_point_of_taking_a_snapshot() {
    every_point(&Take {
        both: false,
        schedule: false,
    });
}

#[test]
fn every_kill_point_of_taking_one_on_both_arrays() {
    every_point(&Take {
        both: true,
        schedule: false,
    });
}

#[test]
fn every_kill_point_of_removing_a_snapshot() {
    every_point(&Remove(Take {
        both: false,
        schedule: false,
    }));
}

#[test]
fn every_kill_point_of_removing_one_from_both_arrays() {
    every_point(&Remove(Take {
        both: true,
        schedule: false,
    }));
}

#[test]
fn every_kill_point_of_taking_a_snapshot_with_a_schedule() {
    every_point(&Take {
        both: false,
        schedule: true,
    });
}

#[test]
fn every_kill_point_of_removing_a_snapshot_with_a_schedule() {
    every_point(&Remove(Take {
        both: false,
        schedule: true,
    }));
}
