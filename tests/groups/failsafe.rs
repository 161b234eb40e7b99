//! Peer Persistence where nobody serves, where both do, and where roles do not tell who does.

use serde_json::json;

use crate::{
    administrator::{at_rest, carry_out, ends_as_promised, group, plan, types},
    persistent::{Device, HOME_SERVES, objects, passes, scene, taken_over, told},
    rig::arrays::{HOME, PEER},
    scene::{GROUP, Release, Release::*},
    stage::{self, case},
};

async fn two_primaries(release: Release) {
    let scene = scene(release, false).await;
    let device = Device::open(&scene);
    taken_over(&scene, HOME).await;
    let line = "setrcopygroup override -f -waittask prod";
    scene.types(HOME, line).await;
    assert_eq!(scene.roles(), ["Primary Stopped", "Primary-Rev Stopped"]);
    let is = objects(&scene, "recover", "is overwritten, and hosts have volumes").await;
    assert_eq!(is["in_use"][0]["uses"][0]["host"], "node4");
    scene.types(HOME, "removevlun -f dkv-db1 7 node4").await;
    carry_out(&scene, "recover").await;
    scene.types(HOME, "createvlun dkv-db1 7 node4").await;
    device.writes(&scene, 1, &[HOME, PEER]);
    carry_out(&scene, "restore").await;
    assert_eq!(scene.roles(), HOME_SERVES);
    device.writes(&scene, 2, &[HOME, PEER]);
}

async fn nobody_serves(release: Release) {
    let scene = scene(release, false).await;
    let device = Device::open(&scene);
    let control = &scene.stage.arrays.control;
    for array in [HOME, PEER] {
        control.cut_witness(array).unwrap();
    }
    control.cut_links(HOME, PEER).unwrap();
    passes(&scene, 30).await;
    assert_eq!(scene.roles(), ["Primary Failsafe", "Secondary Stopped"]);
    let show = group(&scene, &["show", GROUP]).await;
    for part in [
        "no array serves",
        "NOT seen (Failed, failed)",
        "override    yes: ",
    ] {
        assert!(show.out.contains(part), "`{part}`: {}", show.out);
    }
    let is = plan(&scene, "failover").await;
    assert_eq!(is["now"], true, "{is:#}");
    assert!(told(&is, "cautions").contains("group plan override"));
    let is = objects(&scene, "recover", "gave up serving").await;
    assert!(
        told(&is, "objections").contains("group plan override"),
        "{is:#}"
    );
    // While the other one cannot be asked, it may be the one that serves.
    control.down(PEER).await.unwrap();
    let is = objects(&scene, "override", "it may have taken over").await;
    assert_eq!(is["commands"].as_array().unwrap().len(), 1, "{is:#}");
    control.up(PEER).await.unwrap();

    let is = carry_out(&scene, "override").await;
    let cautions = told(&is, "cautions");
    assert!(cautions.contains("right before"), "{cautions}");
    assert_eq!(scene.roles(), ["Primary Stopped", "Secondary Stopped"]);
    device.writes(&scene, 1, &[HOME]);
    for array in [HOME, PEER] {
        control.restore_witness(array).unwrap();
    }
    control.restore_links(HOME, PEER).unwrap();
    passes(&scene, 30).await;
    // The plugin makes its groups with `auto_recover`.
    assert!(plan(&scene, "restore").await["done"].is_string());
    device.writes(&scene, 2, &[HOME, PEER]);
    // Somebody stops it: hosts with paths to a copy are in nobody's way.
    scene.types(HOME, "stoprcopygroup -f prod").await;
    device.writes(&scene, 3, &[HOME]);
    objects(&scene, "switchover", "only stopped").await;
    let is = carry_out(&scene, "restore").await;
    assert_eq!(is["commands"][0]["line"], "startrcopygroup prod");
    assert!(device.is_on(&scene, PEER));
}

async fn nobody_serves_and_the_other_one_is_to(release: Release) {
    let scene = scene(release, false).await;
    let device = Device::open(&scene);
    let control = &scene.stage.arrays.control;
    for array in [HOME, PEER] {
        control.cut_witness(array).unwrap();
    }
    control.cut_links(HOME, PEER).unwrap();
    passes(&scene, 30).await;
    carry_out(&scene, "failover").await;
    assert_eq!(scene.roles(), ["Primary Failsafe", "Primary-Rev Stopped"]);
    device.writes(&scene, 1, &[PEER]);
    objects(&scene, "recover", "links are Up").await;
    for array in [HOME, PEER] {
        control.restore_witness(array).unwrap();
    }
    control.restore_links(HOME, PEER).unwrap();
    at_rest(&scene).await;
    carry_out(&scene, "recover").await;
    carry_out(&scene, "restore").await;
    assert_eq!(scene.roles(), HOME_SERVES);
    device.writes(&scene, 2, &[HOME, PEER]);
}

async fn taken_over_by_the_home_array(release: Release) {
    let scene = scene(release, true).await;
    let device = Device::open(&scene);
    carry_out(&scene, "switchover").await;
    taken_over(&scene, PEER).await;
    assert_eq!(scene.roles(), ["Primary Stopped", "Primary-Rev Failsafe"]);
    device.writes(&scene, 1, &[HOME]);
    for operation in ["failover", "recover", "restore", "switchover", "override"] {
        let is = objects(&scene, operation, "the roles do not tell").await;
        assert_eq!(is["commands"], json!([]), "{is:#}");
        assert!(
            told(&is, "objections").contains("`showtask` on both arrays"),
            "{is:#}"
        );
    }
    // What the hint says, where it says.
    let tasks = scene.types(HOME, "showtask").await;
    assert!(tasks.contains("remote_copy_failover"), "{tasks}");
    let refused = scene
        .stage
        .arrays
        .type_in(PEER, "setrcopygroup recover -f -t to-amber prod.r130512")
        .await;
    assert!(refused.contains("failsafe"), "{refused}");
    scene
        .types(HOME, "setrcopygroup recover -f -t to-birch prod")
        .await;
    passes(&scene, 30).await;
    assert_eq!(scene.roles(), HOME_SERVES);
    device.writes(&scene, 2, &[HOME, PEER]);
}

async fn lost_after_a_switchover(release: Release) {
    let scene = scene(release, true).await;
    let device = Device::open(&scene);
    carry_out(&scene, "switchover").await;
    let control = &scene.stage.arrays.control;
    control.cut_witness(HOME).unwrap();
    control.down(PEER).await.unwrap();
    passes(&scene, 30).await;
    assert_eq!(scene.roles()[0], "Secondary-Rev Stopped");
    let is = objects(&scene, "failover", "the roles do not tell which it was").await;
    for command in is["commands"].as_array().unwrap() {
        types(&scene, command).await;
    }
    ends_as_promised(&scene, &is).await;
    assert_eq!(scene.roles()[0], "Primary Stopped");
    device.writes(&scene, 1, &[HOME]);
    assert!(device.is_on(&scene, HOME));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn peer_persistence_where_it_is_in_doubt_who_serves() {
    let mut cases = Vec::new();
    for release in [R331, R1050] {
        let name = |what: &str| format!("{what}: {release:?}");
        cases.push(case(name("two primaries"), two_primaries(release)));
        cases.push(case(name("nobody serves"), nobody_serves(release)));
        cases.push(case(
            name("nobody serves, and the other one is to"),
            nobody_serves_and_the_other_one_is_to(release),
        ));
        cases.push(case(
            name("taken over by the home array"),
            taken_over_by_the_home_array(release),
        ));
        cases.push(case(
            name("lost after a switchover"),
            lost_after_a_switchover(release),
        ));
    }
    stage::all(4, cases).await;
}
