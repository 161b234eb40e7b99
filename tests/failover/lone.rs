//! One array cannot be asked.

use std::time::{Duration, Instant};

use crate::{
    rig::arrays::{HOME, PEER},
    scene::{Flavour, THERE},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_serves_alone_unless_hpe_conf_wants_to_see_its_peer() {
    let test = "lone::a_primary_serves_alone_unless_hpe_conf_wants_to_see_its_peer";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.arrays.control.down(PEER).await.unwrap();
    stage.plugin.mount("db1", "c1").await.ok();
    assert!(stage.plugin.log().contains("as far as it can be known"));
    stage.plugin.unmount("db1", "c1").await.ok();
    // A look at the arrays may take longer than an inspect waits.
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let status = stage.plugin.get("db1").await.ok()["Volume"]["Status"].clone();
        let serving = status["serving"].as_str().unwrap_or_default();
        if serving.contains("as far as it can be known") {
            break;
        }
        assert!(Instant::now() < patience, "{status:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    stage.kill();
    let conf = std::fs::read_to_string(stage.machine.conf()).unwrap();
    let conf = conf.replace("[mirrored]\n", "[mirrored]\nlone_primary = \"refuse\"\n");
    std::fs::write(stage.machine.conf(), conf).unwrap();
    stage.start();
    let said = stage.plugin.mount("db1", "c1").await.err();
    assert!(said.contains("lone_primary"), "{said}");
    assert!(stage.is_clear() && stage.journal() == 0);
    // With its peer it is no longer alone.
    stage.arrays.control.up(PEER).await.unwrap();
    stage.plugin.mount("db1", "c1").await.ok();
    stage.plugin.unmount("db1", "c1").await.ok();
}

/// The former primary says Primary and Stopped, and the array that took over cannot be asked any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_whose_peer_was_primary_does_not_serve() {
    let test = "lone::a_primary_whose_peer_was_primary_does_not_serve";
    let Some(mut stage) = Flavour::ThreePar.stage(test).await else {
        return;
    };
    stage.create_replicated("db1").await;
    stage.mount_from(HOME, "db1", "c1").await;
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.fail_over().await;
    stage.mount_from(PEER, "db1", "c2").await;
    stage.plugin.unmount("db1", "c2").await.ok();
    stage.arrays.control.down(PEER).await.unwrap();
    for restart in [false, true] {
        if restart {
            stage.kill();
            stage.start();
        }
        let said = stage.plugin.mount("db1", "c3").await.err();
        assert!(said.contains("was primary when it was last seen"), "{said}");
        assert!(stage.is_clear() && !stage.mounted("db1"));
    }
}

/// The group is failed over in the middle of the first copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_copy_is_not_mounted() {
    let Some(stage) = Flavour::ThreePar
        .stage("lone::a_part_of_a_copy_is_not_mounted")
        .await
    else {
        return;
    };
    let options =
        serde_json::json!({ "size": "4000", "backend": "mirrored", "replicationGroup": "prod" });
    stage.plugin.create("db1", options).await.ok();
    stage.mount_from(HOME, "db1", "c1").await;
    stage.plugin.unmount("db1", "c1").await.ok();
    stage.arrays.control.down(HOME).await.unwrap();
    stage.take_over().await;
    assert_eq!(
        stage.arrays.dump()[PEER]["groups"][THERE]["volumes"][0]["sync"],
        "NotSynced"
    );
    let said = stage.plugin.mount("db1", "c2").await.err();
    assert!(
        said.contains("before its first copy was complete"),
        "{said}"
    );
    assert_eq!(stage.exports(PEER, "db1"), [""; 0]);
}
