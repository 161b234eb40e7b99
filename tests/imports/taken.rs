//! An import that goes well.

use serde_json::json;

use super::{
    rig::arrays::HOME,
    scene::{COMMENT, Scene, in_every_flavour},
};

async fn lives_and_is_released(scene: Scene) {
    scene.has_vv("oracle_01").await;
    let before = scene.stage.arrays.dump();
    let was = scene.vv(HOME, "oracle_01");
    assert_eq!(was["comment"], COMMENT);

    scene.import("db1", "oracle_01", json!({})).await.ok();
    assert!(scene.vv(HOME, "oracle_01").is_null());
    let is = scene.vv(HOME, "dkv-db1");
    assert_eq!((&is["wwn"], &is["id"]), (&was["wwn"], &was["id"]));
    let comment = is["comment"].as_str().unwrap();
    for part in [
        "/name=db1/",
        "/state=ready/",
        "/origin=data/fmt=done",
        "/was=oracle_01",
        "/imp=release",
    ] {
        assert!(comment.contains(part), "{part}: {comment}");
    }
    // A VV without a snapshot CPG can have no snapshots; from Primera on there is none.
    let has = if scene.has_snapshot_cpgs() {
        json!("ssd_r5")
    } else {
        was["snp_cpg"].clone()
    };
    assert_eq!(is["snp_cpg"], has);
    let status = scene.status("db1").await;
    assert_eq!(status["size"], "1536 MiB", "{status:#}");
    assert_eq!(status["provisioning"], "thin", "{status:#}");

    // The same again is there already; anything else is told.
    scene.import("db1", "oracle_01", json!({})).await.ok();
    let other = scene.import("db1", "oracle_01", json!({ "importPolicy": "own" }));
    let said = other.await.err();
    assert!(said.contains("importPolicy: release, not own"), "{said}");
    let other = scene.import("db1", "oracle_02", json!({})).await.err();
    assert!(other.contains("made from"), "{other}");

    scene.stage.remove("db1").await.ok();
    let mut after = before.clone();
    after[HOME]["vvs"]["oracle_01"]["snp_cpg"] = has;
    scene.end_as(&after).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_volume_is_as_the_array_has_it_and_is_given_back_byte_for_byte() {
    in_every_flavour("import", lives_and_is_released).await;
}

async fn without_a_comment(scene: Scene) {
    scene.types(HOME, "createvv -tpvv ssd_r5 plain 1g").await;
    if scene.has_snapshot_cpgs() {
        scene.types(HOME, "setvv -snp_cpg ssd_r6 plain").await;
    }
    let before = scene.stage.arrays.dump();
    scene.import("db1", "plain", json!({})).await.ok();
    assert!(!scene.vv(HOME, "dkv-db1").to_string().contains("/old="));
    scene.stage.remove("db1").await.ok();
    scene.end_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vv_that_had_no_comment_has_none_again() {
    in_every_flavour("no comment", without_a_comment).await;
}

async fn owned(scene: Scene) {
    let before = scene.stage.arrays.dump();
    scene.has_vv("oracle_01").await;
    let own = json!({ "importPolicy": "own" });
    scene.import("db1", "oracle_01", own.clone()).await.ok();
    scene.import("db1", "oracle_01", own).await.ok();
    scene.stage.remove("db1").await.ok();
    // Like any volume: it is gone.
    scene.end_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_to_be_owned_is_removed_like_any_volume() {
    in_every_flavour("own", owned).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_knows_it_by_the_array_alone() {
    let mut scene = Scene::set("3.3.1").await;
    scene.has_vv("oracle_01").await;
    scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    let before = scene.stage.arrays.dump();
    scene.import("db1", "oracle_01", json!({})).await.ok();
    scene.restart(false).await;
    assert_eq!(scene.stage.plugin.list().await, ["db1"]);
    // The same options name the same volume, whoever made it.
    scene.import("db1", "oracle_01", json!({})).await.ok();
    scene.stage.remove("db1").await.ok();
    scene.end_as(&before).await;
}
