//! The main job.

use std::time::{Duration, Instant};

use super::Stage;

/// The peer is not waited for as long as the volume's own array.
async fn until_synced(stage: &Stage, volume: &str) -> serde_json::Value {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let inspect = stage.inspect(volume);
        let status = &inspect["Status"];
        let volumes = status["replication"]["volumes"].to_string();
        if volumes.contains("\"Synced\"") && status["peer"]["role"].is_string() {
            return inspect;
        }
        assert!(Instant::now() < patience, "never Synced: {inspect:#}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_group_and_then_an_existing_one_and_all_of_it_gone_again() {
    let Some(stage) = Stage::set(
        "engine::replicated::a_new_group_and_then_an_existing_one_and_all_of_it_gone_again",
    )
    .await
    else {
        return;
    };
    let before = stage.arrays.dump();
    stage.create(
        "db1",
        &["backend=mirrored", "replicationGroup=prod", "size=1"],
    );
    let inspect = until_synced(&stage, "db1").await;
    let status = &inspect["Status"];
    assert_eq!(status["replication"]["group"], "prod");
    assert_eq!(status["replication"]["role"], "Primary");
    assert_eq!(status["replication"]["status"], "Started");
    assert_eq!(status["peer"]["group"], "prod.r130512");
    assert_eq!(status["peer"]["role"], "Secondary");
    let dump = stage.arrays.dump();
    let (home, peer) = (
        &dump["amber"]["vvs"]["dkv-db1"],
        &dump["birch"]["vvs"]["dkv-db1"],
    );
    assert_ne!(
        home["wwn"], peer["wwn"],
        "Active/Passive copies have WWNs of their own"
    );
    assert!(
        peer["comment"].as_str().unwrap().contains("/name=db1/"),
        "known from the peer alone: {peer}"
    );

    assert_eq!(
        stage.run("db1", "echo kept > /data/file; sync; cat /data/file"),
        "kept"
    );

    stage.create(
        "db2",
        &["backend=mirrored", "replicationGroup=prod", "size=1"],
    );
    until_synced(&stage, "db2").await;
    until_synced(&stage, "db1").await;
    assert_eq!(stage.run("db1", "cat /data/file"), "kept");

    stage.engine.ok(&["volume", "rm", "db1"]);
    let dump = stage.arrays.dump();
    assert_eq!(
        dump["amber"]["groups"]["prod"]["status"], "Started",
        "the other volume is protected again"
    );
    assert!(
        dump["birch"]["vvs"]["dkv-db1"].is_null(),
        "the copy is gone"
    );
    stage.engine.ok(&["volume", "rm", "db2"]);
    let after = stage.arrays.dump();
    assert_eq!(after["amber"]["vvs"], before["amber"]["vvs"]);
    assert_eq!(
        after["amber"]["groups"], before["amber"]["groups"],
        "the plugin's own empty group goes with its last volume"
    );
    assert_eq!(after["birch"], before["birch"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_group_is_joined_and_left_empty() {
    let Some(stage) =
        Stage::set("engine::replicated::an_administrators_group_is_joined_and_left_empty").await
    else {
        return;
    };
    let line = "creatercopygroup -usr_cpg ssd_r5 to-birch:ssd_r5 -snp_cpg ssd_r5 to-birch:ssd_r5 prod to-birch:sync";
    let said = stage.arrays.type_in("amber", line).await;
    assert_eq!(said, "");
    let before = stage.arrays.dump();
    stage.create(
        "db1",
        &["backend=mirrored", "replicationGroup=prod", "size=1"],
    );
    until_synced(&stage, "db1").await;
    stage.engine.ok(&["volume", "rm", "db1"]);
    let after = stage.arrays.dump();
    let group = &after["amber"]["groups"]["prod"];
    assert!(group.is_object(), "an administrator's group is left");
    assert_eq!(
        group["volumes"],
        before["amber"]["groups"]["prod"]["volumes"]
    );
}
