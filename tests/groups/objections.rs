//! What stands against a plan, each once, with nothing changed by asking.

use serde_json::{Value, json};

use hpe3par_sim::{Fault, Kind};

use crate::{
    administrator::{array_called, at_rest, carry_out, group, plan},
    reading::host_uses,
    rig::arrays::{HOME, PEER},
    scene::{GROUP, Release::*, Scene, Way::*},
    stage::{self, case},
};

/// The plan is not to be typed, for these reasons; the commands are there only if the reasons pass.
#[track_caller]
fn objects<'a>(
    scene: &'a Scene,
    operation: &'a str,
    reasons: &'a [&'a str],
    commands: usize,
) -> impl Future<Output = Value> + use<'a> {
    let caller = std::panic::Location::caller();
    async move {
        let before = scene.stage.arrays.dump();
        let is = plan(scene, operation).await;
        assert_eq!(scene.stage.arrays.dump(), before, "{caller}");
        let told: Vec<&str> = is["objections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|objection| objection["message"].as_str().unwrap())
            .collect();
        assert_eq!(told.len(), reasons.len(), "{caller}: {told:#?}");
        for (told, reason) in told.iter().zip(reasons) {
            assert!(told.contains(reason), "{caller}: {told}");
        }
        assert_eq!(is["now"], false);
        assert_eq!(
            is["commands"].as_array().unwrap().len(),
            commands,
            "{caller}: {is:#}"
        );
        // A person sees the same, the reasons before the commands.
        let said = group(scene, &["plan", operation, GROUP]).await;
        assert_eq!(said.status, 1);
        let at = |part: &str| said.out.find(part);
        assert!(at("NOT NOW:").is_some(), "{caller}: {}", said.out);
        if commands > 0 {
            assert!(
                at("NOT NOW:") < at("not before all of the above is gone"),
                "{}",
                said.out
            );
        }
        for command in is["commands"].as_array().unwrap() {
            array_called(scene, command["array"].as_str().unwrap());
        }
        is
    }
}

async fn made(scene: Scene) -> Scene {
    scene.create("db1").await.ok();
    scene.at_rest().await;
    scene
}

async fn hosts_and_paths() {
    let scene = made(Scene::set(Synchronous, R331).await).await;
    host_uses(&scene, HOME, "node4", "dkv-db1").await;
    let is = objects(&scene, "failover", &["`dkv-db1` by host `node4`"], 2).await;
    assert_eq!(is["in_use"][0]["uses"][0]["host"], "node4");
    let blind = Fault {
        array: Some(HOME.to_owned()),
        matching: Some("^showvlun -a".to_owned()),
        words: "Error: the system is busy".to_owned(),
        repeat: true,
        ..Fault::new(Kind::Refuse)
    };
    scene.stage.arrays.control.fault(blind).unwrap();
    objects(&scene, "failover", &["is not known"], 2).await;
    scene.stage.arrays.control.clear_faults();
    // A host that is only allowed to have it, and is not logged in, loses nothing.
    scene
        .stage
        .arrays
        .control
        .logout(HOME, "iqn.2026-01.test.hosts:node4")
        .unwrap();
    carry_out(&scene, "failover").await;
    scene
        .stage
        .arrays
        .control
        .login(HOME, "iqn.2026-01.test.hosts:node4", &["0:2:1"])
        .unwrap();
    // What it would write there now is lost.
    objects(&scene, "recover", &["is overwritten, and hosts have"], 1).await;
    objects(
        &scene,
        "restore",
        &["failed over, and not recovered yet"],
        0,
    )
    .await;
    objects(&scene, "switchover", &["no `path_management`"], 0).await;
}

async fn links_and_roles() {
    let scene = made(Scene::set(Synchronous, R1050).await).await;
    carry_out(&scene, "failover").await;
    let control = &scene.stage.arrays.control;
    control.cut_links(HOME, PEER).unwrap();
    objects(&scene, "recover", &["0 of 1 links are Up"], 1).await;
    control.restore_links(HOME, PEER).unwrap();
    control.down(HOME).await.unwrap();
    objects(&scene, "recover", &["cannot be asked"], 0).await;
    control.up(HOME).await.unwrap();
    carry_out(&scene, "recover").await;
    // The array with the newest data is lost before they are home.
    control.down(PEER).await.unwrap();
    let is = objects(&scene, "failover", &["Secondary-Rev"], 0).await;
    let hint = is["objections"][0]["hint"].as_str().unwrap();
    assert!(
        hint.contains("could not be told from a failover in the other direction"),
        "{hint}"
    );
    control.up(PEER).await.unwrap();
    at_rest(&scene).await;
}

/// The array cannot be asked from here, and goes on serving.
async fn alive_and_out_of_sight() {
    let scene = made(Scene::set(Synchronous, R331).await).await;
    let control = &scene.stage.arrays.control;
    control.change_host_key(HOME).unwrap();
    let reasons = ["has not noticed", "but it is not lost"];
    let is = objects(&scene, "failover", &reasons, 1).await;
    assert_eq!(is["commands"][0]["array"], scene.stage.label(PEER).as_str());
    let said = group(&scene, &["show", GROUP]).await;
    assert!(said.out.contains("hint: "), "{}", said.out);
}

async fn copies_that_are_behind() {
    let scene = Scene::set(Synchronous, R331).await;
    let long = json!({ "size": "4000" });
    scene.create_with("db1", long).await.ok();
    let is = objects(&scene, "failover", &["not Synced"], 2).await;
    assert!(is["objections"].to_string().contains("Syncing"), "{is:#}");
    // Stopped in the middle of its first copy, there is only one whole copy.
    scene.types(HOME, "stoprcopygroup -f prod").await;
    objects(
        &scene,
        "failover",
        &["never had the whole of any volume"],
        0,
    )
    .await;
    scene
        .types(HOME, "setrcopygroup pol auto_synchronize prod")
        .await;
    objects(
        &scene,
        "failover",
        &[
            "would be copied over what array",
            "never had the whole of any volume",
        ],
        0,
    )
    .await;
    objects(&scene, "recover", &["only stopped"], 0).await;
}

async fn groups_that_nobody_is_to_touch() {
    let scene = Scene::set(Synchronous, R331).await;
    scene.admin_makes_group(GROUP, "to-birch", "sync").await;
    objects(&scene, "failover", &["has no volumes"], 0).await;
    scene.types(HOME, "removercopygroup -f prod").await;
    let mut scene = made(scene).await;
    // It would take away what was left.
    tokio::task::block_in_place(|| scene.stage.plugin.stop());
    for (ago, told) in [
        (0, "a volume is being admitted or dismissed"),
        (601, "its lock was left"),
    ] {
        let then = scene.stage.arrays.control.now() - ago;
        let then = jiff::Timestamp::from_second(then).unwrap();
        let at = then.strftime("%Y-%m-%d%%20%H:%M:%S").to_string();
        let comment = format!("dkl1/op=host7@3f9c21.08be44d1/at={at}/zone=UTC%20%28UTC%29");
        let line = format!("createvvset -comment {comment} dkl-prod");
        scene.types(HOME, &line).await;
        objects(&scene, "failover", &["host7@3f9c21.08be44d1"], 2).await;
        let shown = group(&scene, &["show", GROUP]).await.out;
        let line = shown.lines().find(|line| line.contains(told));
        let line = line.unwrap_or_else(|| panic!("`{told}` is missing: {shown}"));
        let since = at.replace("%20", " ");
        for part in ["`host7@3f9c21.08be44d1`", "`dkl-prod`", &since] {
            assert!(line.contains(part), "{line}");
        }
        let json = group(&scene, &["show", GROUP, "--json"]).await.json();
        let is_left = ago > 0;
        assert_eq!(json["being_changed"].is_null(), is_left);
        assert_eq!(json["left_lock"].is_string(), is_left);
        scene.types(HOME, "removevvset -f dkl-prod").await;
    }
}

async fn peer_persistence() {
    let scene = made(Scene::set(PeerPersistence, R331).await).await;
    objects(&scene, "failover", &["`path_management`"], 0).await;
    host_uses(&scene, HOME, "node4", "dkv-db1").await;
    objects(&scene, "switchover", &["no path to them"], 1).await;
    host_uses(&scene, PEER, "node4", "dkv-db1").await;
    carry_out(&scene, "switchover").await;
    carry_out(&scene, "switchover").await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    objects(&scene, "switchover", &["only stopped"], 0).await;
    scene.types(HOME, "startrcopygroup prod").await;
    at_rest(&scene).await;
    // The array took over by itself; the former primary gave up, and its hosts are still logged in.
    let control = &scene.stage.arrays.control;
    control.cut_witness(HOME).unwrap();
    control.cut_links(HOME, PEER).unwrap();
    control.advance(60);
    at_rest(&scene).await;
    assert_eq!(scene.roles(), ["Primary Failsafe", "Primary-Rev Stopped"]);
    objects(&scene, "switchover", &["failed over"], 0).await;
    objects(&scene, "recover", &["links are Up"], 1).await;
    control.restore_witness(HOME).unwrap();
    control.restore_links(HOME, PEER).unwrap();
    at_rest(&scene).await;
    if scene.roles()[0].starts_with("Primary") {
        carry_out(&scene, "recover").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_stands_against_a_plan_is_said_and_changes_nothing() {
    let cases = vec![
        case("hosts and paths", hosts_and_paths()),
        case("links and roles", links_and_roles()),
        case("alive and out of sight", alive_and_out_of_sight()),
        case("copies that are behind", copies_that_are_behind()),
        case(
            "groups that nobody is to touch",
            groups_that_nobody_is_to_touch(),
        ),
        case("Peer Persistence", peer_persistence()),
    ];
    stage::all(4, cases).await;
}
