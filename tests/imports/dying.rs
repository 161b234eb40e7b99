//! The plugin dies at every point of an import, a release and an adoption: complete or undone, and the same again succeeds.

#[path = "../kill_points/every.rs"]
mod every;
#[path = "../kill_points/points.rs"]
mod points;
#[allow(dead_code)] // Mounts have more to look at.
#[path = "../kill_points/stage.rs"]
mod stage;

use serde_json::{Value, json};

use super::{
    adopting::{ORDERS, making_orders as making_python},
    in_a_group, process, rig,
    rig::{
        arrays::{Arrays, HOME, PEER},
        compare::but_for_operations,
        plugin::{Plugin, Reply},
    },
    scene::{importing, into_group, making},
    sets::{SET, licensed},
};
use every::{Operation, every_point};
use stage::Stage;

const OLD: &str = "oracle_01";

async fn has_vv(stage: &Stage) {
    for line in [making(OLD), format!("setvv -snp_cpg ssd_r5 {OLD}")] {
        assert_eq!(stage.arrays.type_in(HOME, &line).await, "");
    }
}

/// The old name, and the arrays as they were before: byte for byte. Or the new name, ready.
async fn ends_taken_or_as_before(stage: &Stage, plugin: &Plugin, before: &Value, old: &str) {
    let now = stage.arrays.dump();
    if plugin.list().await.contains(&"db1".to_owned()) {
        assert!(now[HOME]["vvs"][old].is_null());
        let comment = now[HOME]["vvs"]["dkv-db1"]["comment"].as_str().unwrap();
        assert!(comment.contains("/state=ready/"), "{comment}");
    } else {
        assert_eq!(now, *before, "neither taken nor as before");
    }
}

/// A VV without a group.
struct Import;

impl Operation for Import {
    const NAME: &'static str = "import";

    async fn prepare(&self, stage: &Stage, _: &Plugin) {
        has_vv(stage).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.create("db1", importing(OLD, json!({}))).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_taken_or_as_before(stage, plugin, before, OLD).await;
        self.perform(plugin).await.ok();
        plugin.remove("db1").await.ok();
        assert_eq!(stage.arrays.dump(), *before);
        assert_eq!(stage.open_entries(), 0);
    }
}

/// Into a group that is made for it.
struct IntoGroup;

impl Operation for IntoGroup {
    const NAME: &'static str = "import into a group";

    async fn prepare(&self, stage: &Stage, _: &Plugin) {
        has_vv(stage).await;
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.create("db1", importing(OLD, into_group())).await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        ends_taken_or_as_before(stage, plugin, before, OLD).await;
        self.perform(plugin).await.ok();
        stage.assert_group("prod", &["db1"]);
        plugin.remove("db1").await.ok();
        assert_eq!(stage.arrays.dump(), *before);
        assert_eq!(stage.open_entries(), 0);
    }
}

/// `docker volume rm` of a VV that was imported.
struct Release<const IN_GROUP: bool>;

impl<const IN_GROUP: bool> Operation for Release<IN_GROUP> {
    const NAME: &'static str = if IN_GROUP {
        "release from a group"
    } else {
        "release"
    };

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        has_vv(stage).await;
        let more = if IN_GROUP { into_group() } else { json!({}) };
        plugin.create("db1", importing(OLD, more)).await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.remove("db1").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        let now = stage.arrays.dump();
        let listed = plugin.list().await.contains(&"db1".to_owned());
        if listed {
            let [now, before] = [now, before.clone()].map(but_for_operations);
            assert_eq!(now, before, "neither released nor as before");
        } else {
            assert!(now[HOME]["vvs"]["dkv-db1"].is_null());
        }
        // Released, or released already.
        self.perform(plugin).await.ok();
        let now = stage.arrays.dump();
        assert_eq!(now[HOME]["vvs"][OLD]["comment"], super::scene::COMMENT);
        assert_eq!(
            now[HOME]["vvs"][OLD]["wwn"],
            before[HOME]["vvs"]["dkv-db1"]["wwn"]
        );
        assert!(now[PEER]["vvs"]["dkv-db1"].is_null());
        for half in stage.group("prod") {
            assert_eq!(half.0, "none");
        }
        assert_eq!(stage.open_entries(), 0);
    }
}

#[test]
fn every_kill_point_of_an_import() {
    every_point(&Import);
}

#[test]
fn every_kill_point_of_an_import_into_a_group() {
    every_point(&IntoGroup);
}

#[test]
fn every_kill_point_of_a_release() {
    every_point(&Release::<false>);
}

#[test]
fn every_kill_point_of_a_release_from_a_group() {
    every_point(&Release::<true>);
}

/// `docker volume rm` of a VV that was adopted, with the set that the python plugin made for it.
struct RemoveAdopted;

impl Operation for RemoveAdopted {
    const NAME: &'static str = "remove of an adopted volume with its set";

    async fn stage(&self) -> Stage {
        let at_once = |toml: String| toml.replace("factor = 20.0", "factor = 100000.0");
        let arrays = Arrays::start_with(|toml| licensed(at_once(toml))).await;
        let machine = arrays.machine("host1");
        Stage {
            arrays,
            machine,
            exported_by: 1,
        }
    }

    async fn prepare(&self, stage: &Stage, plugin: &Plugin) {
        for line in [
            making_python(),
            format!("createvvset {SET} {ORDERS}"),
            format!("setqos -io 3000 vvset:{SET}"),
            format!("setflashcache enable vvset:{SET}"),
        ] {
            assert_eq!(stage.arrays.type_in(HOME, &line).await, "", "{line}");
        }
        let desk = stage.arrays.machine("desk");
        process::adopt(&desk, "orders", None, &[]).await.ok();
        plugin.get("orders").await.ok();
    }

    async fn perform(&self, plugin: &Plugin) -> Reply {
        plugin.remove("orders").await
    }

    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value) {
        let now = stage.arrays.dump()[HOME].clone();
        let has_vv = !now["vvs"]["dkv-orders"].is_null();
        assert_eq!(has_vv, plugin.list().await.contains(&"orders".to_owned()));
        if has_vv {
            for of in ["vv_sets", "qos"] {
                assert_eq!(now[of], before[HOME][of], "a usable volume without its set");
            }
        }
        self.perform(plugin).await.ok();
        let now = stage.arrays.dump()[HOME].clone();
        assert!(now["vvs"]["dkv-orders"].is_null());
        assert_eq!((&now["vv_sets"], &now["qos"]), (&json!({}), &json!({})));
        assert_eq!(stage.open_entries(), 0);
    }
}

#[test]
fn every_kill_point_of_a_remove_of_an_adopted_volume() {
    every_point(&RemoveAdopted);
}

/// An adoption dies in a process of its own; the plugin that starts after it cleans up.
fn every_point_of_an_adoption(name: &str, at_least: usize, is_replicated: bool) {
    let adopt = async |stage: &Stage, environment: &[(&str, String)]| {
        let machine = &stage.machine;
        match is_replicated {
            true => process::adopt_anew(machine, "orders", None, environment).await,
            false => process::adopt(machine, "orders", None, environment).await,
        }
    };
    let prepared = || async {
        // Peer Persistence has steps that Active/Passive has not.
        let stage = match is_replicated {
            true => Stage::persistent().await,
            false => Stage::new().await,
        };
        for line in [making_python(), format!("setvv -snp_cpg ssd_r5 {ORDERS}")] {
            assert_eq!(stage.arrays.type_in(HOME, &line).await, "");
        }
        if is_replicated {
            in_a_group::replicate(&stage.arrays, ORDERS, true, true).await;
        }
        let before = stage.arrays.dump();
        (stage, before)
    };
    let points = every::run(async {
        let (stage, _) = prepared().await;
        let list = stage.machine.dir.join("points");
        let write_down = [("HPE3PAR_DOCKER_KILL_LIST", list.display().to_string())];
        adopt(&stage, &write_down).await.ok();
        points::read(&list)
    });
    let moments = points::moments(&points);
    assert!(moments.len() > at_least, "{points:#?}");
    let told = |at: usize| format!("killed at point {}, {}", at + 1, points[at]);
    every::in_lanes(name, &moments, told, |at| {
        every::run(async {
            let (stage, before) = prepared().await;
            let kill = [("HPE3PAR_DOCKER_KILL_AT", (at + 1).to_string())];
            assert_eq!(adopt(&stage, &kill).await, Reply::Closed);
            // And while that is taken back, at another point each time.
            stage.count_points();
            stage.clean_up_and_die_at(at % 61 + 1).await;
            let mut plugin = Plugin::start(&stage.machine);
            stage.cleaned_up().await;
            stage.listed_once().await;
            let taken = plugin.list().await.contains(&"orders".to_owned());
            plugin.kill();
            if !taken && is_replicated {
                in_a_group::is_back(&stage.arrays, &before).await;
            } else if !taken {
                assert_eq!(stage.arrays.dump(), before);
            }
            let mut now = before.clone();
            if !taken {
                // What was put back may have another copy than before.
                now = stage.arrays.dump();
                adopt(&stage, &[]).await.ok();
            }
            if is_replicated {
                in_a_group::is_adopted(&stage.arrays, &now);
                in_a_group::copied(&stage.arrays).await;
            }
            process::release(&stage.machine, "orders").await.ok();
            let now = stage.arrays.dump();
            assert_eq!(now[HOME]["vvs"], before[HOME]["vvs"]);
            if !is_replicated {
                assert_eq!(now, before);
            }
            assert_eq!(stage.open_entries(), 0);
        });
    });
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "{} kill points of an {name}, {} moments",
        points.len(),
        moments.len()
    );
}

#[test]
fn every_kill_point_of_an_adoption() {
    every_point_of_an_adoption("adoption", 20, false);
}

#[test]
fn every_kill_point_of_an_adoption_out_of_a_group_and_in_again() {
    every_point_of_an_adoption("adoption in a group", 60, true);
}
