//! A group that is Primary on the peer now: volumes are made there, known here, and removed from there.

use serde_json::Value;

use super::{
    rig::arrays::{HOME, PEER},
    scene::{self, GROUP_THERE, HOME_ID, PEER_ID, Release, Release::*, Scene, Way, Way::*},
    stage::{self, assert_told, case},
};

/// How the group came to be Primary on the peer.
#[derive(Debug, Clone, Copy)]
pub enum Turned {
    /// `switchover`, of Peer Persistence.
    Switchover,
    /// As above, on arrays that keep the natural direction.
    SwitchoverKeepsNatural,
    /// Stopped, `reverse`, started.
    Reverse,
    /// Failed over, recovered, synced.
    Recovered,
    /// As above, and made the natural direction.
    RecoveredNatural,
    /// `auto_synchronize`: failed over while both are up.
    AutoSynchronize,
}

pub async fn turn(scene: &Scene, how: Turned) -> [&'static str; 2] {
    let there = |words: &str| format!("{words} {GROUP_THERE}");
    let plain = ["Secondary Started", "Primary Started"];
    let reversed = ["Secondary-Rev Started", "Primary-Rev Started"];
    match how {
        Turned::Switchover | Turned::SwitchoverKeepsNatural => {
            scene
                .types(HOME, "setrcopygroup switchover -f -waittask prod")
                .await;
        }
        Turned::Reverse => {
            scene.types(HOME, "stoprcopygroup -f prod").await;
            scene
                .types(HOME, "setrcopygroup reverse -f -waittask prod")
                .await;
            scene.types(PEER, &there("startrcopygroup")).await;
        }
        Turned::Recovered | Turned::RecoveredNatural => {
            scene.types(HOME, "stoprcopygroup -f prod").await;
            for what in ["failover", "recover"] {
                let line = there(&format!("setrcopygroup {what} -f -waittask"));
                scene.types(PEER, &line).await;
            }
            scene.at_rest().await;
            if matches!(how, Turned::RecoveredNatural) {
                scene
                    .types(PEER, &there("setrcopygroup reverse -f -natural -waittask"))
                    .await;
            }
        }
        Turned::AutoSynchronize => {
            scene
                .types(HOME, "setrcopygroup pol auto_synchronize prod")
                .await;
            scene
                .types(PEER, &there("setrcopygroup failover -f -waittask"))
                .await;
        }
    }
    scene.at_rest().await;
    match how {
        Turned::SwitchoverKeepsNatural | Turned::Recovered => reversed,
        _ => plain,
    }
}

fn says(vv: &Value, what: &str) -> bool {
    let comment = vv["comment"].as_str().unwrap_or_default();
    comment.split('/').any(|part| part == what)
}

async fn made_where_it_is_primary(way: Way, release: Release, how: Turned) {
    let switches = |toml: String| match how {
        Turned::SwitchoverKeepsNatural => toml.replace(
            "latency_ms = 0",
            "switches = { switchover_keeps_natural = true }\nlatency_ms = 0",
        ),
        _ => toml,
    };
    // Which CPG is whose shows only where the two sides have different ones.
    let mut scene = Scene::set_with(way, release, switches, scene::other_cpgs).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let roles = turn(&scene, how).await;
    assert_eq!(scene.roles(), roles);

    // What fails is taken back there.
    let before = scene.stage.arrays.dump();
    let control = scene.stage.arrays.control.clone();
    control.cpg_full(HOME, "ssd_r5").unwrap();
    let said = scene.create("db2").await.err();
    let peer = scene.stage.label(PEER);
    assert_told(&said, &["db2", &peer, "admitrcopyvv", "undone"]);
    control.cpg_restore(HOME, "ssd_r5").unwrap();
    scene.at_rest().await;
    // A periodic group makes its snapshots anew each time it is started.
    if way != Asynchronous {
        scene.stage.as_before(&before).await;
    }
    assert_eq!(scene.roles(), roles);
    for array in [HOME, PEER] {
        assert_eq!(scene.vv(array, "db2"), Value::Null);
    }

    control.clear_log();
    scene.create("db2").await.ok();
    scene.has_no_lock();
    for command in [
        "createvv",
        "stoprcopygroup",
        "admitrcopyvv",
        "startrcopygroup",
    ] {
        assert_eq!(scene.given(HOME, command), Vec::<String>::new());
        assert_eq!(scene.given(PEER, command).len(), 1, "{command}");
    }
    scene.at_rest().await;
    assert_eq!(scene.roles(), roles);
    for array in [HOME, PEER] {
        for (name, home) in [("db1", HOME_ID), ("db2", PEER_ID)] {
            let vv = scene.vv(array, name);
            for part in [
                format!("home={home}"),
                "state=ready".into(),
                "grp=ours".into(),
            ] {
                assert!(says(&vv, &part), "{array} {name} {part}: {vv}");
            }
        }
    }
    for (array, cpg, snap_cpg) in [(HOME, "ssd_r5", "ssd_r5"), (PEER, "ssd_r6", "ssd_r6")] {
        for name in ["db1", "db2"] {
            let vv = scene.vv(array, name);
            assert_eq!(vv["cpg"], cpg, "{array} {name}");
            let snap_cpg = (release == R331).then_some(snap_cpg);
            assert_eq!(vv["snp_cpg"].as_str(), snap_cpg, "{array} {name}");
        }
    }
    let wwns = [HOME, PEER].map(|array| scene.vv(array, "db2")["wwn"].clone());
    assert_eq!(wwns[0] == wwns[1], way == Way::PeerPersistence);
    for half in scene.halves() {
        assert_eq!(half["volumes"].as_array().unwrap().len(), 2, "{half}");
    }

    // Without an index it is known from the array, and not forgotten by the listings that follow.
    for with_index in [false, true, true] {
        scene.restart(with_index).await;
        assert_eq!(scene.stage.plugin.list().await, ["db1", "db2"]);
        for name in ["db1", "db2"] {
            let status = scene.status(name).await;
            assert_eq!(status["backend"], "mirrored", "{status:#}");
            assert_eq!(status["vv"]["wwn"], scene.vv(HOME, name)["wwn"]);
            assert_eq!(status["replication"]["group"], "prod", "{status:#}");
            let role = |half: &Value| half["role"].as_str().unwrap_or("none").to_owned();
            let shown = [&status["replication"], &status["peer"]].map(role);
            let expected = roles.map(|half| half.split(' ').next().unwrap().to_owned());
            assert_eq!(shown, expected, "{status:#}");
        }
    }
    // The same again is what is there already.
    scene.create("db2").await.ok();

    scene.stage.arrays.control.clear_log();
    scene.stage.remove("db2").await.ok();
    assert_eq!(scene.given(HOME, "dismissrcopyvv"), Vec::<String>::new());
    assert_eq!(scene.given(PEER, "dismissrcopyvv").len(), 1);
    scene.has_no_lock();
    for array in [HOME, PEER] {
        assert_eq!(scene.vv(array, "db2"), Value::Null);
    }
    assert_eq!(scene.roles(), roles);
    // What was made here is removed from there as well, and with the last one the group.
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_group_is_changed_where_it_is_primary() {
    let cases = [
        (PeerPersistence, R331, Turned::Switchover),
        (PeerPersistence, R1050, Turned::Switchover),
        (PeerPersistence, R331, Turned::SwitchoverKeepsNatural),
        (Synchronous, R331, Turned::Reverse),
        (Synchronous, R331, Turned::Recovered),
        (Synchronous, R331, Turned::RecoveredNatural),
        (Synchronous, R1050, Turned::Recovered),
        (Synchronous, R1050, Turned::AutoSynchronize),
        (Asynchronous, R331, Turned::Recovered),
        (Streaming, R331, Turned::Recovered),
    ]
    .into_iter()
    .map(|(way, release, how)| {
        let name = format!("Primary there: {way:?} {release:?} {how:?}");
        case(name, made_where_it_is_primary(way, release, how))
    })
    .collect();
    stage::all(24, cases).await;
}
