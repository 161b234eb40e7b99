//! A host that dies in the middle of an import, and its state directory with it: what is on the array says all that is needed.

use serde_json::json;

use super::{
    rig::{arrays::HOME, plugin::Plugin},
    scene::{COMMENT, Scene, flavour, making, types},
    stage::Stage,
};

/// Dies at the first point after a command of this kind.
async fn dies_after(point: &str) -> Scene {
    let stage = Stage::set_with(flavour("3.3.1"), |conf| conf).await;
    let mut scene = Scene {
        stage,
        release: "3.3.1",
    };
    types(&scene.stage, HOME, &making("oracle_01")).await;
    types(&scene.stage, HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    let dir = scene.stage.machine.dir.clone();
    // Which number that point has.
    let list = dir.join("points");
    let with = |scene: &mut Scene, key: &'static str, value: String| {
        let environment = [(key, value)];
        tokio::task::block_in_place(|| {
            scene.stage.plugin.kill();
            scene.stage.plugin = Plugin::start_with(&scene.stage.machine, &[], &environment);
        });
    };
    with(
        &mut scene,
        "HPE3PAR_DOCKER_KILL_LIST",
        list.display().to_string(),
    );
    scene.stage.machine.listed_once(&scene.stage.arrays).await;
    let before = std::fs::read_to_string(&list)
        .unwrap_or_default()
        .lines()
        .count();
    scene.import("db1", "oracle_01", json!({})).await.ok();
    scene.stage.remove("db1").await.ok();
    let points = std::fs::read_to_string(&list).unwrap();
    let at = points
        .lines()
        .skip(before)
        .position(|line| line.ends_with(point));
    let at = at.unwrap() + 1;
    with(
        &mut scene,
        "HPE3PAR_DOCKER_KILL_AT",
        (before + at).to_string(),
    );
    let reply = scene.import("db1", "oracle_01", json!({})).await;
    assert_eq!(reply, super::rig::plugin::Reply::Closed, "at {point}");
    scene.restart(false).await;
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn marked_and_not_renamed_is_taken_back_by_the_next_import_of_its_host() {
    let scene = dies_after("after act take-vv").await;
    let comment = scene.vv(HOME, "oracle_01")["comment"].clone();
    assert!(comment.as_str().unwrap().contains("/state=making/"));
    // By another name no less.
    scene.import("db2", "oracle_01", json!({})).await.ok();
    scene.stage.remove("db2").await.ok();
    assert_eq!(scene.vv(HOME, "oracle_01")["comment"], COMMENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn renamed_and_not_ready_is_taken_back_and_never_removed() {
    for name in ["import", "blank"] {
        let scene = dies_after("after act rename").await;
        assert!(scene.vv(HOME, "oracle_01").is_null());
        // Whatever is asked under that name: the data stay.
        if name == "import" {
            scene.import("db1", "oracle_01", json!({})).await.ok();
            scene.stage.remove("db1").await.ok();
        } else {
            scene.stage.create("db1", json!({ "size": "1" })).await.ok();
        }
        assert_eq!(scene.vv(HOME, "oracle_01")["comment"], COMMENT, "{name}");
    }
}
