//! What a create refuses before anything is made (decisions 15 and 16).

use serde_json::json;

use super::{
    rig::{
        arrays::{HOME, PEER},
        plugin::Plugin,
    },
    scene::{GROUP, GROUP_THERE, Release::*, Scene, Way::*},
    stage::{self, case},
};

/// A second target of the home array, to the same peer.
fn with_spare_target(toml: String) -> String {
    let target = "[[array.target]]\nname = \"to-birch\"";
    let spare = "[[array.target]]\nname = \"spare\"\narray = \"birch\"\n[[array.target.links]]\nport = \"0:3:1\"\naddress = \"10.41.2.11\"\n";
    assert!(toml.contains(target));
    toml.replace(target, &format!("{spare}{target}"))
}

async fn another_target() {
    let scene = Scene::set_with(Synchronous, R331, with_spare_target, |conf| conf).await;
    scene.admin_makes_group(GROUP, "spare", "sync").await;
    let parts = ["`spare`", "`to-birch`", "backend_id"];
    scene.refuses(json!({}), &parts).await;
    // With volumes in it, and started, no less.
    scene.admin_fills_group(GROUP, "spare").await;
    scene.types(HOME, "startrcopygroup prod").await;
    scene.refuses(json!({}), &parts).await;
}

async fn another_mode() {
    for (way, mode, parts) in [
        (Synchronous, "periodic", ["Periodic", "`synchronous`"]),
        (Asynchronous, "sync", ["Sync", "`asynchronous`"]),
        (Streaming, "sync", ["Sync", "`streaming`"]),
    ] {
        let scene = Scene::set(way, R331).await;
        scene.admin_makes_group(GROUP, "to-birch", mode).await;
        scene.refuses(json!({}), &parts).await;
    }
}

async fn another_domain() {
    let in_a_domain = |toml: String| {
        let cpg = "name = \"ssd_r5\"\n";
        toml.replace(cpg, &format!("{cpg}domain = \"bank\"\n"))
    };
    let scene = Scene::set_with(Synchronous, R331, in_a_domain, |conf| conf).await;
    scene
        .types(HOME, "creatercopygroup prod to-birch:sync")
        .await;
    scene
        .refuses(json!({}), &["domain `bank`", "`ssd_r5`", "`prod`"])
        .await;
    // A new group is made in the domain of the volume, and the next volume finds it fitting.
    scene.types(HOME, "removercopygroup -f prod").await;
    scene.create("db1").await.ok();
    assert_eq!(scene.halves()[0]["domain"], "bank");
    scene.create("db2").await.ok();
    scene.end(&["db2", "db1"]).await;
}

async fn policies() {
    for release in [R331, R1050] {
        let scene = Scene::set(PeerPersistence, release).await;
        scene.admin_makes_group(GROUP, "to-birch", "sync").await;
        for (policy, missing) in [
            ("auto_recover", "`auto_failover`"),
            ("auto_failover", "`path_management`"),
        ] {
            let line = format!("setrcopygroup pol {policy} prod");
            scene.types(HOME, &line).await;
            let hint = format!("setrcopygroup pol {} {GROUP}", missing.trim_matches('`'));
            scene
                .refuses(json!({}), &[missing, "Peer Persistence", &hint])
                .await;
        }
        // What was asked for makes it possible.
        scene
            .types(HOME, "setrcopygroup pol path_management prod")
            .await;
        scene.create("db1").await.ok();
        assert_eq!(scene.halves()[0]["volumes"][0]["local"], "dkv-db1");

        let scene = Scene::set(Synchronous, release).await;
        scene.admin_makes_group(GROUP, "to-birch", "sync").await;
        scene
            .types(HOME, "setrcopygroup pol path_management prod")
            .await;
        scene
            .refuses(json!({}), &["`path_management`", "quorum_witness_ip"])
            .await;
    }
}

async fn active_active() {
    for way in [Synchronous, PeerPersistence] {
        let scene = Scene::set(way, R1050).await;
        scene.admin_makes_group(GROUP, "to-birch", "sync").await;
        for policy in ["auto_failover", "path_management", "active_active"] {
            let line = format!("setrcopygroup pol {policy} prod");
            scene.types(HOME, &line).await;
        }
        scene
            .refuses(json!({}), &["`active_active`", "`prod`"])
            .await;
    }
}

/// From a failover that the other array does not know of, to the end of the failback.
async fn failed_over() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let (home, peer) = (scene.stage.label(HOME), scene.stage.label(PEER));

    scene.types(HOME, "stoprcopygroup -f prod").await;
    let failover = format!("setrcopygroup failover -f -waittask {GROUP_THERE}");
    scene.types(PEER, &failover).await;
    assert_eq!(scene.roles(), ["Primary Stopped", "Primary-Rev Stopped"]);
    let parts = ["Primary", &home, &peer, "setrcopygroup recover"];
    scene.refuses(json!({}), &parts).await;

    let recover = format!("setrcopygroup recover -f -nostart {GROUP_THERE} -waittask");
    scene.types(PEER, &recover).await;
    assert_eq!(
        scene.roles(),
        ["Secondary-Rev Stopped", "Primary-Rev Stopped"]
    );
    let in_transition = [
        "failed over or back",
        "Secondary-Rev and Stopped",
        "Primary-Rev and Stopped",
        &home,
        &peer,
        "setrcopygroup restore",
    ];
    scene.refuses(json!({}), &in_transition).await;

    scene
        .types(PEER, &format!("startrcopygroup {GROUP_THERE}"))
        .await;
    scene.at_rest().await;
    scene.create("db2").await.ok();
    scene
        .types(PEER, &format!("stoprcopygroup -f {GROUP_THERE}"))
        .await;
    scene.refuses(json!({}), &in_transition).await;

    let restore = format!("setrcopygroup restore -f -waittask {GROUP_THERE}");
    scene.types(PEER, &restore).await;
    scene.at_rest().await;
    assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
    scene.create("db3").await.ok();
    scene.end(&["db1", "db2", "db3"]).await;
}

/// A group that copies everything back is waited for, and not stopped in the middle.
async fn copying_back() {
    let scene = Scene::set(Synchronous, R331).await;
    scene
        .create_with("db1", json!({ "size": "1000" }))
        .await
        .ok();
    scene.stage.arrays.control.advance(1100);
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    let failover = format!("setrcopygroup failover -f -nosnap -waittask {GROUP_THERE}");
    scene.types(PEER, &failover).await;
    scene
        .types(PEER, &format!("setrcopygroup recover -f {GROUP_THERE}"))
        .await;
    scene.stage.arrays.control.advance(10);
    assert!(scene.halves()[1].to_string().contains("\"Syncing\""));
    scene.stage.arrays.control.clear_log();
    let later = async {
        // Both halves once, and the one that copies back again and again.
        scene.was_given(PEER, "showrcopy", 5).await;
        assert_eq!(scene.given(PEER, "stoprcopygroup"), Vec::<String>::new());
        // Nobody is kept waiting for it: the lock is taken when there is something to be done.
        assert_eq!(scene.given(PEER, "createvvset"), Vec::<String>::new());
        scene.stage.arrays.control.advance(1100);
    };
    let (made, ()) = tokio::join!(scene.create("db2"), later);
    made.ok();
    scene.end(&["db1", "db2"]).await;
}

async fn failsafe() {
    let scene = Scene::set(PeerPersistence, R331).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let control = &scene.stage.arrays.control;
    control.cut_witness(HOME).unwrap();
    control.cut_links(HOME, PEER).unwrap();
    control.advance(15);
    assert_eq!(scene.roles(), ["Primary Failsafe", "Primary-Rev Stopped"]);
    let home = scene.stage.label(HOME);
    let parts = ["Failsafe", &home, "group plan recover"];
    scene.refuses(json!({}), &parts).await;
    scene.keeps("db1", &parts).await;
}

async fn stopped_by_a_person() {
    for (way, release) in [(Synchronous, R331), (PeerPersistence, R1050)] {
        let scene = Scene::set(way, release).await;
        scene.create("db1").await.ok();
        scene.at_rest().await;
        scene.types(HOME, "stoprcopygroup -f prod").await;
        scene
            .refuses(json!({}), &["Stopped", "1 volume", "startrcopygroup prod"])
            .await;
        scene.types(HOME, "startrcopygroup prod").await;
        scene.at_rest().await;
        scene.create("db2").await.ok();
        scene.end(&["db1", "db2"]).await;
    }
}

/// The group goes to an array that the backend knows nothing of.
async fn a_third_array() {
    let third = |toml: String| {
        let at = toml.rfind("\n[[array]]").unwrap();
        let birch = &toml[at..];
        let cedar = birch
            .replace("name = \"birch\"", "name = \"cedar\"")
            .replace("130777", "130888")
            .replace("CZ3940BIR1", "CZ3940CED1")
            .replace("10.40.2.", "10.40.3.")
            .replace("10.41.2.", "10.41.3.");
        let target = "[[array.target]]\nname = \"to-birch\"";
        let to_cedar = target.replace("birch", "cedar")
            + "\narray = \"cedar\"\n[[array.target.links]]\nport = \"0:3:1\"\naddress = \"10.41.3.11\"\n";
        format!(
            "{}{cedar}",
            toml.replace(target, &format!("{to_cedar}{target}"))
        )
    };
    let scene = Scene::set_with(Synchronous, R331, third, |conf| conf).await;
    scene
        .types(HOME, "creatercopygroup prod to-cedar:sync")
        .await;
    let parts = ["`prod`", "`to-cedar`", "`to-birch`", "backend_id"];
    scene.refuses(json!({}), &parts).await;
}

/// Under the name that the peer's half would have, the peer has a group of its own.
async fn half_a_group() {
    let scene = Scene::set(Synchronous, R331).await;
    let line = format!("creatercopygroup {GROUP_THERE} to-amber:sync");
    scene.types(PEER, &line).await;
    let (home, peer) = (scene.stage.label(HOME), scene.stage.label(PEER));
    scene
        .refuses(json!({}), &["`prod`", &home, &peer, "no other half"])
        .await;
    let line = format!("removercopygroup -f {GROUP_THERE}");
    scene.types(PEER, &line).await;
    scene.create("db1").await.ok();
    scene.end(&["db1"]).await;
}

async fn another_mode_on_the_target() {
    let scene = Scene::set(Synchronous, R331).await;
    scene
        .admin_makes_group("nightly", "to-birch", "periodic")
        .await;
    scene.admin_fills_group("nightly", "to-birch").await;
    scene.types(HOME, "startrcopygroup nightly").await;
    let parts = ["`prod`", "`nightly`", "Periodic", "Sync", "`to-birch`"];
    scene.refuses(json!({}), &parts).await;
    scene.types(HOME, "stoprcopygroup -f nightly").await;
    scene.create("db1").await.ok();
}

async fn exported_set() {
    let with_sets = |toml: String| {
        let latency = "latency_ms = 0";
        toml.replace(
            latency,
            &format!("switches = {{ rcp_sets = true }}\n{latency}"),
        )
    };
    let scene = Scene::set_with(Synchronous, R331, with_sets, |conf| conf).await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene
        .types(HOME, "createhost -iscsi ledger iqn.2026-01.test:ledger")
        .await;
    let warned = scene
        .stage
        .arrays
        .type_in(HOME, "createvlun -f set:RCP_prod 30 ledger")
        .await;
    let exported = scene.stage.arrays.type_in(HOME, "showvlun -t").await;
    assert!(
        exported.contains("RCP_prod") || exported.contains("dkv-db1"),
        "{warned}{exported}"
    );
    scene
        .refuses(json!({}), &["RCP_prod", "ledger", "`prod`"])
        .await;
    scene
        .types(HOME, "removevlun -f set:RCP_prod 30 ledger")
        .await;
    scene.create("db2").await.ok();
}

/// Names that an array gives are not made; what the peer made is used from there.
async fn names_of_the_other_array() {
    let scene = Scene::set(Synchronous, R331).await;
    for name in ["prod.r123", "prod.r130512", "prod.r130777"] {
        scene
            .refuses(json!({ "replicationGroup": name }), &[name, "`.r`"])
            .await;
    }
    // Primary there: it belongs to a backend of that array.
    scene
        .types(PEER, "creatercopygroup prod to-amber:sync")
        .await;
    let peer = scene.stage.label(PEER);
    scene
        .refuses(
            json!({ "replicationGroup": "prod.r130777" }),
            &["prod.r130777", &peer, "san_ip"],
        )
        .await;
}

async fn links_cut() {
    for way in [Synchronous, PeerPersistence] {
        let scene = Scene::set(way, R331).await;
        scene.stage.arrays.control.cut_links(HOME, PEER).unwrap();
        let parts = ["`to-birch`", "failed", "showrcopy"];
        scene.refuses(json!({}), &parts).await;
        scene
            .stage
            .arrays
            .control
            .restore_links(HOME, PEER)
            .unwrap();
        scene.create("db1").await.ok();
        scene.end(&["db1"]).await;
    }
}

/// `san_ip` of the replication device is the array itself.
async fn peer_that_is_not_the_target() {
    let swap = |conf: String| {
        let ports: Vec<String> = conf
            .lines()
            .filter(|line| line.starts_with("san_ssh_port"))
            .map(str::to_owned)
            .collect();
        let (home, peer) = (&ports[0], ports.last().unwrap());
        assert_ne!(home, peer);
        let (before, device) = conf.split_once("[mirrored.replication_device]").unwrap();
        // The one has two names here, for hpe.conf would be told of two equal addresses.
        let device = device
            .replace(peer, home)
            .replace("san_ip = \"127.0.0.1\"", "san_ip = \"localhost\"");
        format!("{before}[mirrored.replication_device]{device}")
    };
    let mut scene = Scene::set_with(Synchronous, R331, |toml| toml, swap).await;
    // Before it starts: a key that was not known is not asked for again at once.
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    let known = scene.stage.machine.dir.join("known_hosts");
    let hosts = std::fs::read_to_string(&known).unwrap();
    let both = format!("{hosts}{}", hosts.replace("127.0.0.1", "localhost"));
    std::fs::write(&known, both).unwrap();
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    scene
        .refuses(
            json!({}),
            &["`to-birch`", "130777", "130512", "san_ip", "backend_id"],
        )
        .await;
}

async fn target_that_is_not_there() {
    let rename =
        |conf: String| conf.replace("backend_id = \"to-birch\"", "backend_id = \"berlin\"");
    let scene = Scene::set_with(Synchronous, R331, |toml| toml, rename).await;
    scene
        .refuses(json!({}), &["`berlin`", "does not exist", "showrcopy"])
        .await;
}

async fn name_taken_on_the_peer() {
    let scene = Scene::set(Synchronous, R331).await;
    let line = "createvv -tpvv -comment of-the-bookkeepers ssd_r5 dkv-db9 1g";
    scene.types(PEER, line).await;
    let peer = scene.stage.label(PEER);
    let parts = [
        "`dkv-db9`",
        &peer,
        "of-the-bookkeepers",
        "another volume name",
    ];
    scene.refuses(json!({}), &parts).await;
    scene.types(PEER, "removevv -f dkv-db9").await;
    scene.create("db9").await.ok();
    scene.end(&["db9"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_does_not_fit_is_refused_before_anything_is_made() {
    let cases = vec![
        case("refused: another target", another_target()),
        case("refused: another mode", another_mode()),
        case("refused: another domain", another_domain()),
        case("refused: policies", policies()),
        case("refused: active_active", active_active()),
        case("refused: failed over", failed_over()),
        case("refused: copying back", copying_back()),
        case("refused: Failsafe", failsafe()),
        case("refused: stopped by a person", stopped_by_a_person()),
        case("refused: a third array", a_third_array()),
        case("refused: half a group", half_a_group()),
        case("refused: mixed modes", another_mode_on_the_target()),
        case("refused: exported set", exported_set()),
        case("refused: names", names_of_the_other_array()),
        case("refused: links cut", links_cut()),
        case("refused: wrong peer", peer_that_is_not_the_target()),
        case("refused: no target", target_that_is_not_there()),
        case("refused: name taken", name_taken_on_the_peer()),
    ];
    stage::all(24, cases).await;
}
