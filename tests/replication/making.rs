//! A group that is not there is made as hpe.conf says.

use serde_json::{Value, json};

use super::{
    rig::arrays::{HOME, PEER},
    scene::{self, Release, Release::*, Scene, Way, Way::*},
    stage::{self, Case, assert_told, case},
};

/// Snapshots of one CPG go to another than the volume.
fn snapshots_elsewhere(conf: String) -> String {
    let device = "[mirrored.replication_device]\n";
    let map = "snap_cpg_map = { ssd_r6 = \"ssd_r6\" }\n";
    scene::other_cpgs(conf).replace(device, &format!("{device}{map}"))
}

async fn made_as_configured(way: Way, release: Release) {
    let scene = Scene::set_with(way, release, |toml| toml, snapshots_elsewhere).await;
    let snapshots = match release {
        R331 => json!({ "cpg": "ssd_r5", "snapcpg": "ssd_r6" }),
        R1050 => json!({ "cpg": "ssd_r5" }),
    };
    scene.create_with("db1", snapshots.clone()).await.ok();
    scene.has_no_lock();
    scene.at_rest().await;
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);

    let made = scene.given(HOME, "creatercopygroup");
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(made[0].contains("-snp_cpg"), release == R331, "{made:?}");
    let snap_cpg = match release {
        R331 => json!(["ssd_r6", "ssd_r6"]),
        R1050 => Value::Null,
    };
    let mut policies = match way {
        PeerPersistence => vec!["auto_recover", "auto_failover", "path_management"],
        // The array's own for this mode.
        Asynchronous => vec!["auto_recover", "over_per_alert"],
        Synchronous | Streaming => vec!["auto_recover"],
    };
    policies.sort_unstable();
    let mode = match way {
        Synchronous | PeerPersistence => "Sync",
        Asynchronous => "Periodic",
        Streaming => "Async",
    };
    let [here, there] = scene.halves();
    assert_eq!(here["usr_cpg"], json!(["ssd_r5", "ssd_r6"]));
    assert_eq!(here["snp_cpg"], snap_cpg);
    for half in [&here, &there] {
        let mut has: Vec<&str> = half["policies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|policy| policy.as_str().unwrap())
            .collect();
        has.sort_unstable();
        assert_eq!(has, policies, "{half}");
        assert_eq!(half["mode"], mode);
        assert_eq!(half["period"], if way == Asynchronous { 600 } else { 0 });
        assert_eq!(half["volumes"].as_array().unwrap().len(), 1);
    }
    assert_eq!(scene.vv(HOME, "db1")["cpg"], "ssd_r5");
    assert_eq!(scene.vv(PEER, "db1")["cpg"], "ssd_r6");

    // A second one carries the same mark, and the group goes with the last of them.
    scene.create_with("db2", snapshots).await.ok();
    scene.at_rest().await;
    for array in [HOME, PEER] {
        for name in ["db1", "db2"] {
            let vv = scene.vv(array, name);
            let comment = vv["comment"].as_str().unwrap();
            assert!(comment.contains("/grp=ours"), "{array}: {comment}");
        }
        let same = scene.vv(HOME, "db1")["wwn"] == scene.vv(PEER, "db1")["wwn"];
        assert_eq!(same, way == PeerPersistence);
    }
    assert_eq!(scene.given(HOME, "creatercopygroup").len(), 1);
    let status = scene.status("db2").await;
    assert_eq!(status["replication"]["mode"], mode, "{status:#}");
    scene.stage.remove("db1").await.ok();
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.stage.remove("db2").await.ok();
    assert_eq!(scene.halves(), [Value::Null, Value::Null]);
    scene.end(&[]).await;
}

/// 10.x has no streaming groups, and says so of the command that would make one.
async fn no_streaming_later() {
    let scene = Scene::set(Streaming, R1050).await;
    let said = scene.create("db1").await.err();
    let home = scene.stage.label(HOME);
    assert_told(&said, &["db1", &home, "streaming", "replication_mode"]);
    assert_eq!(scene.given(HOME, "createvv"), Vec::<String>::new());
    scene.end(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_missing_group_is_made_as_configured() {
    let mut cases: Vec<Case> = [
        (Synchronous, R331),
        (Synchronous, R1050),
        (Asynchronous, R331),
        (Asynchronous, R1050),
        (Streaming, R331),
        (PeerPersistence, R331),
        (PeerPersistence, R1050),
    ]
    .into_iter()
    .map(|(way, release)| {
        let name = format!("made: {way:?} {release:?}");
        case(name, made_as_configured(way, release))
    })
    .collect();
    cases.push(case("made: no streaming later", no_streaming_later()));
    stage::all(24, cases).await;
}
