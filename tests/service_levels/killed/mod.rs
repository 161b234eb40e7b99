//! The plugin killed at every point of making a volume with a QoS rule and flash cache, and of removing it.

#[allow(dead_code)] // Of the tests of kill points; each test program uses its part.
#[path = "../../kill_points/every.rs"]
mod every;
#[allow(dead_code)]
#[path = "../../kill_points/points.rs"]
mod points;
#[allow(dead_code)]
#[path = "../../kill_points/stage.rs"]
mod stage;

use serde_json::{Value, json};

use super::{
    rig::{
        self,
        arrays::{Arrays, HOME},
        plugin::{Plugin, Reply},
    },
    sets::licensed,
};
use every::{Operation, every_point};
use stage::Stage;

async fn stage() -> Stage {
    let at_once = |toml: String| toml.replace("factor = 20.0", "factor = 100000.0");
    let arrays = Arrays::start_with(|toml| licensed("3.3.1")(at_once(toml))).await;
    let machine = arrays.machine("host1");
    Stage {
        arrays,
        machine,
        exported_by: 1,
    }
}

async fn gold(stage: &Stage) {
    for line in ["createvvset gold", "setqos -io 3000 vvset:gold"] {
        let said = stage.arrays.type_in(HOME, line).await;
        assert!(!said.contains("rror"), "{line}: {said}");
    }
}

async fn create(plugin: &Plugin) -> Reply {
    let options = json!({ "size": "1", "qos-name": "gold", "flash-cache": "true" });
    plugin.create("db1", options).await
}

fn is_whole(stage: &Stage) -> bool {
    let sets = stage.arrays.dump()[HOME]["vv_sets"].clone();
    let holds = |set: &str| sets[set]["members"] == json!(["dkv-db1"]);
    holds("gold") && holds("dkf-db1")
}

struct Make;

impl Operation for Make {
    const NAME: &'static str = "create with QoS and flash cache";

    async fn stage(&self) -> Stage {
        stage().await
    }

    async fn prepare(&self, stage: &Stage, _: &Plugin) {
        gold(stage).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        create(plugin).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        if plugin.list().await.contains(&"db1".to_owned()) {
            assert!(is_whole(stage));
        } else {
            assert_eq!(stage.arrays.dump(), *before, "not listed, and not clean");
        }
        create(plugin).await.ok();
        assert!(is_whole(stage));
        plugin.remove("db1").await.ok();
        assert_eq!(stage.arrays.dump(), *before);
        assert_eq!(stage.open_entries(), 0);
    }
}

struct Remove;

impl Operation for Remove {
    const NAME: &'static str = "remove with QoS and flash cache";

    async fn stage(&self) -> Stage {
        stage().await
    }

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        gold(stage).await;
        create(plugin).await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.remove("db1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, _: &Value) {
        if plugin.list().await.contains(&"db1".to_owned()) {
            assert!(
                is_whole(stage),
                "{:#}",
                stage.arrays.dump()[HOME]["vv_sets"]
            );
        }
        plugin.remove("db1").await.ok();
        let dump = stage.arrays.dump();
        assert_eq!(dump[HOME]["vv_sets"]["gold"]["members"], json!([]));
        assert!(dump[HOME]["vv_sets"]["dkf-db1"].is_null());
        assert!(dump[HOME]["vvs"]["dkv-db1"].is_null());
        assert_eq!(stage.open_entries(), 0);
    }
}

#[test]
fn every_kill_point_of_a_create_with_service_levels() {
    every_point(&Make);
}

#[test]
fn every_kill_point_of_a_remove_with_service_levels() {
    every_point(&Remove);
}
