//! The plugin killed at every point of a growth: one size on every array, and the group runs. What is left of a promotion is in `promoting`.

#[allow(dead_code)] // Of the tests of kill points; each test program uses its part.
#[path = "../../kill_points/every.rs"]
mod every;
mod hanging;
#[allow(dead_code)]
#[path = "../../kill_points/points.rs"]
mod points;
mod promoting;
#[allow(dead_code)]
#[path = "../../kill_points/stage.rs"]
mod stage;

use serde_json::{Value, json};

use super::{
    command::with_conf,
    rig::{
        self,
        arrays::{HOME, PEER},
        plugin::{Plugin, Reply},
    },
};
use every::{Operation, every_point};
use stage::Stage;

/// `hpe3par-docker volume …`, of a plugin that may die meanwhile.
async fn command(plugin: &Plugin, words: &'static [&'static str]) -> Reply {
    let dir = plugin.socket.parent().unwrap().parent().unwrap();
    let conf = dir.join("hpe.conf");
    let command = move || with_conf(&conf, words);
    let said = tokio::task::spawn_blocking(command).await.unwrap();
    match said.code {
        0 => Reply::Ok(Value::String(said.out)),
        _ if said.err.contains("the plugin ended before it had answered") => Reply::Closed,
        _ => Reply::Err(said.err),
    }
}

/// Of a volume on one array, or of a replicated one.
struct Grow {
    replicated: bool,
    one_side: bool,
}

impl Grow {
    /// GiB, on each array that has it.
    fn sizes(stage: &Stage) -> Vec<u64> {
        let dump = stage.arrays.dump();
        let size = |array| dump[array]["vvs"]["dkv-db1"]["size_mib"].as_u64();
        let sizes = [HOME, PEER].into_iter().filter_map(size);
        sizes.map(|mib| mib / 1024).collect()
    }
}

impl Operation for Grow {
    const NAME: &'static str = "growing a volume";

    async fn stage(&self) -> Stage {
        let stage = Stage::new().await;
        for array in [HOME, PEER] {
            let control = &stage.arrays.control;
            control
                .switch(array, "grow_one_side", self.one_side)
                .unwrap();
        }
        stage
    }

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        let options = if self.replicated {
            json!({ "backend": "mirrored", "replicationGroup": "prod", "size": "1" })
        } else {
            json!({ "size": "1" })
        };
        plugin.create("db1", options).await.ok();
        let syncs = || stage.arrays.dump().to_string().contains("Syncing");
        stage.until("the first copy", || !syncs()).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        command(plugin, &["grow", "db1", "2"]).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, _: &Value) {
        let whole = |gib| vec![gib; if self.replicated { 2 } else { 1 }];
        let sizes = Self::sizes(stage);
        assert!([whole(1), whole(2)].contains(&sizes), "{sizes:?}");
        if self.replicated {
            stage.assert_group("prod", &["db1"]);
        }
        assert!(!stage.arrays.dump().to_string().contains("dkl-"), "a lock");
        let shown = plugin.get("db1").await.ok();
        assert_eq!(
            shown["Volume"]["Status"]["size"],
            format!("{} GiB", sizes[0])
        );
        self.perform(plugin).await.ok();
        assert_eq!(Self::sizes(stage), whole(2));
        assert_eq!(stage.open_entries(), 0);
        plugin.remove("db1").await.ok();
    }
}

#[test]
fn every_kill_point_of_growing_a_volume() {
    every_point(&Grow {
        replicated: false,
        one_side: false,
    });
}

#[test]
fn every_kill_point_of_growing_a_replicated_volume() {
    every_point(&Grow {
        replicated: true,
        one_side: false,
    });
}

#[test]
fn every_kill_point_of_growing_one_array_after_the_other() {
    every_point(&Grow {
        replicated: true,
        one_side: true,
    });
}
