//! An import of a snapshot.

use serde_json::json;

use super::{
    rig::arrays::{HOME, PEER},
    scene::{COMMENT, FLAVOURS, Scene, importing, in_every_flavour, into_group, quoted},
};

async fn of_a_volume(scene: Scene) {
    scene.stage.create("db1", json!({ "size": "2" })).await.ok();
    let comment = quoted(COMMENT);
    let make = format!("createsv -comment {comment} monday dkv-db1");
    scene.types(HOME, &make).await;
    scene.types(HOME, "createsv -ro tuesday dkv-db1").await;
    let before = scene.stage.arrays.dump();

    let read_only = ["read-only snapshot", "createsv <name> tuesday"];
    scene
        .refuses("s2", importing("tuesday", json!({})), &read_only)
        .await;
    // No group takes a snapshot.
    let parts = ["is a snapshot", "without `replication_device`"];
    scene
        .refuses("s2", importing("monday", into_group()), &parts)
        .await;

    scene.import("s1", "monday", json!({})).await.ok();
    let is = scene.vv(HOME, "dkv-s1");
    assert_eq!(
        (&is["copy_of"], &is["kind"]),
        (&json!("dkv-db1"), &json!("vcopy"))
    );
    assert!(
        is["comment"].as_str().unwrap().contains("/of=db1"),
        "{is:#}"
    );
    assert_eq!(scene.status("s1").await["size"], "2 GiB");
    scene.stage.remove("s1").await.ok();
    assert_eq!(scene.stage.arrays.dump(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_volume_is_imported_and_released() {
    in_every_flavour("snapshot", of_a_volume).await;
}

async fn of_something_else(scene: Scene) {
    scene.has_vv("oracle_01").await;
    if scene.has_snapshot_cpgs() {
        scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    }
    scene.types(HOME, "createsv monday oracle_01").await;
    let parts = [
        "snapshot of VV `oracle_01`",
        "import or adopt its parent first",
    ];
    scene
        .refuses("s1", importing("monday", json!({})), &parts)
        .await;
    // With its parent it can be imported, and the parent is not released before it.
    scene.import("db1", "oracle_01", json!({})).await.ok();
    scene.import("s1", "monday", json!({})).await.ok();
    scene.keeps("db1", &["Docker's: `s1`"]).await;
    scene.stage.remove("s1").await.ok();
    scene.stage.remove("db1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_what_docker_does_not_know_is_refused() {
    in_every_flavour("foreign parent", of_something_else).await;
}

/// With another backend, `there`, on the array that is the peer of `mirrored`.
fn with_there(conf: String) -> String {
    let port = |text: &str| {
        let at = text.find("san_ssh_port").unwrap();
        text[at..].lines().next().unwrap().to_owned()
    };
    let (home, mirrored) = conf.split_at(conf.find("[mirrored]").unwrap());
    let target = &mirrored[mirrored.find("replication_device]").unwrap()..];
    let there = home[home.find("san_ip").unwrap()..].replace(&port(home), &port(target));
    format!("{conf}\n[there]\n{there}")
}

/// Whose it is would go by the group: it is found from one array, or from none.
async fn of_a_replicated_volume(scene: Scene) {
    let options = json!({ "size": "2", "backend": "mirrored", "replicationGroup": "prod" });
    scene.stage.create("db1", options).await.ok();
    scene.stage.settled().await;
    scene.types(HOME, "createsv monday dkv-db1").await;
    scene.types(PEER, "createsv tuesday dkv-db1").await;
    let hint = "virtualCopyOf";
    let parts = ["snapshot of VV `dkv-db1`", "group `prod`", hint];
    scene
        .refuses("s1", importing("monday", json!({})), &parts)
        .await;
    let parts = ["snapshot of VV `dkv-db1`", "group `prod.r130512`", hint];
    let there = json!({ "backend": "there" });
    scene
        .refuses("s1", importing("tuesday", there), &parts)
        .await;
    scene.types(HOME, "removevv -f monday").await;
    scene.types(PEER, "removevv -f tuesday").await;
    scene.stage.remove("db1").await.ok();
    let before = scene.stage.before.clone();
    scene.end_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_a_replicated_volume_is_refused() {
    for release in FLAVOURS {
        of_a_replicated_volume(Scene::set_with(release, |toml| toml, with_there).await).await;
    }
}
