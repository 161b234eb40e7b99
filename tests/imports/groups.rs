//! An import into a remote copy group.

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    adopting::{ORDERS, make_orders},
    rig::arrays::{HOME, PEER},
    scene::{COMMENT, Scene, importing, in_every_flavour, into_group},
};

/// A VV that can be replicated without a change that cannot be taken back.
async fn with_vv(scene: &Scene) {
    scene.has_vv("oracle_01").await;
    if scene.has_snapshot_cpgs() {
        scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    }
}

async fn replicated_and_released(scene: Scene) {
    with_vv(&scene).await;
    let before = scene.stage.arrays.dump();
    scene.import("db1", "oracle_01", into_group()).await.ok();
    scene.stage.settled().await;
    let dump = scene.stage.arrays.dump();
    for (array, group) in [(HOME, "prod"), (PEER, "prod.r130512")] {
        let half = &dump[array]["groups"][group];
        assert_eq!(half["status"], "Started", "{half:#}");
        assert_eq!(half["volumes"][0]["local"], "dkv-db1");
        let comment = dump[array]["vvs"]["dkv-db1"]["comment"].as_str().unwrap();
        assert!(comment.contains("/state=ready/") && comment.contains("/was=oracle_01"));
    }
    // Another one joins what is there, and leaves it as it goes.
    scene.has_vv("oracle_02").await;
    scene.import("db2", "oracle_02", into_group()).await.ok();
    scene.stage.settled().await;
    scene.stage.remove("db2").await.ok();
    assert_eq!(scene.vv(HOME, "oracle_02")["comment"], COMMENT);
    assert!(scene.vv(PEER, "dkv-db2").is_null());
    scene.types(HOME, "removevv -f oracle_02").await;
    // The plugin made the group: it goes with the last one. The data stay.
    scene.stage.settled().await;
    scene.stage.remove("db1").await.ok();
    scene.end_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_replicated_and_leaves_its_group_when_it_is_released() {
    in_every_flavour("into a group", replicated_and_released).await;
}

/// A volume of the python plugin that is to be replicated, or that somebody took out of its group.
async fn of_the_python_plugin(scene: Scene) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    let before = scene.stage.arrays.dump();
    let comment = scene.vv(HOME, ORDERS)["comment"].clone();
    scene.import("orders", ORDERS, into_group()).await.ok();
    scene.stage.settled().await;
    let dump = scene.stage.arrays.dump();
    assert_eq!(
        dump[HOME]["groups"]["prod"]["volumes"][0]["local"],
        "dkv-orders"
    );
    scene.stage.remove("orders").await.ok();
    assert_eq!(scene.vv(HOME, ORDERS)["comment"], comment);
    scene.stage.settled().await;
    assert_eq!(scene.stage.arrays.dump(), before);

    let mut own = into_group();
    own["importPolicy"] = "own".into();
    scene.import("orders", ORDERS, own).await.ok();
    scene.stage.settled().await;
    scene.stage.remove("orders").await.ok();
    for array in [HOME, PEER] {
        assert_eq!(scene.vv(array, ORDERS), Value::Null);
        assert_eq!(scene.vv(array, "dkv-orders"), Value::Null);
    }
    scene.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_of_the_python_plugin_is_taken_into_a_group() {
    in_every_flavour("of the python plugin", of_the_python_plugin).await;
}

async fn refused_before(scene: Scene) {
    with_vv(&scene).await;
    let into = || importing("oracle_01", into_group());
    // The peer has something of the new name.
    scene.types(PEER, "createvv -tpvv ssd_r5 dkv-db1 1g").await;
    scene.refuses("db1", into(), &["`dkv-db1`"]).await;
    scene.types(PEER, "removevv -f dkv-db1").await;
    // A group that a person stopped takes nobody in.
    scene
        .stage
        .create(
            "db2",
            json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" }),
        )
        .await
        .ok();
    scene.stage.settled().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    scene
        .refuses("db1", into(), &["`prod`", "startrcopygroup prod"])
        .await;
    scene.types(HOME, "startrcopygroup prod").await;
    scene.stage.settled().await;
    // Failed over: the VV is not on the array that serves.
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let there = "prod.r130512";
    let failover = format!("setrcopygroup failover -f -waittask {there}");
    scene.types(PEER, &failover).await;
    scene.refuses("db1", into(), &["`prod`"]).await;
    let recover = format!("setrcopygroup recover -f -waittask {there}");
    scene.types(PEER, &recover).await;
    scene.stage.settled().await;
    scene
        .refuses(
            "db1",
            into(),
            &["Primary on the other array", "group show prod"],
        )
        .await;
    // Without a group on a replication-enabled backend (rule 1).
    let options = importing("oracle_01", json!({ "backend": "mirrored" }));
    let said = scene.stage.create("db1", options).await.err();
    assert!(said.contains("replicationGroup"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_into_a_group_that_cannot_take_it_is_refused_before_anything_is_changed() {
    in_every_flavour("refused", refused_before).await;
}

async fn undone(scene: Scene) {
    with_vv(&scene).await;
    let before = scene.stage.arrays.dump();
    for (array, command) in [
        (HOME, "^creatercopygroup "),
        (HOME, "^admitrcopyvv "),
        (HOME, "^startrcopygroup "),
        (HOME, "state=ready.* dkv-db1"),
    ] {
        let fault = Fault::new(Kind::Refuse).on(array).matching(command);
        let fault = fault.words("Error: the moon is wrong");
        scene.stage.arrays.control.fault(fault).unwrap();
        let said = scene.import("db1", "oracle_01", into_group()).await.err();
        assert!(said.contains("the moon is wrong"), "{command}: {said}");
        assert!(said.contains("undone: "), "{command}: {said}");
        scene.stage.calm_down().await;
        scene.stage.as_before(&before).await;
    }
    scene.import("db1", "oracle_01", into_group()).await.ok();
    scene.stage.settled().await;
    scene.stage.remove("db1").await.ok();
    scene.end_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_a_group_does_not_take_is_taken_back_byte_for_byte() {
    in_every_flavour("undone", undone).await;
}

async fn failed_over(scene: Scene) {
    with_vv(&scene).await;
    scene.import("db1", "oracle_01", into_group()).await.ok();
    scene.stage.settled().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let there = "prod.r130512";
    let failover = format!("setrcopygroup failover -f -waittask {there}");
    scene.types(PEER, &failover).await;
    let recover = format!("setrcopygroup recover -f -waittask {there}");
    scene.types(PEER, &recover).await;
    scene.stage.settled().await;
    // The dismissal would remove what was imported.
    scene
        .keeps(
            "db1",
            &["secondary of remote copy group `prod`", "group show prod"],
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imported_is_not_released_while_it_is_the_secondary() {
    in_every_flavour("failed over", failed_over).await;
}

/// Peer Persistence: both halves are one volume, with the WWN that was imported.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_may_be_persistent() {
    use super::rig::arrays::{persistent, witnessed};
    for release in ["3.3.1", "10.5.0"] {
        let arrays = |toml: String| witnessed(&toml);
        let conf = |text: String| persistent(&text);
        let scene = Scene::set_with(release, arrays, conf).await;
        with_vv(&scene).await;
        let before = scene.stage.arrays.dump();
        scene.import("db1", "oracle_01", into_group()).await.ok();
        let wwn = |array| scene.vv(array, "dkv-db1")["wwn"].clone();
        assert_eq!(wwn(HOME), before[HOME]["vvs"]["oracle_01"]["wwn"]);
        assert_eq!(wwn(HOME), wwn(PEER));
        scene.stage.settled().await;
        scene.stage.remove("db1").await.ok();
        scene.end_as(&before).await;
    }
}
