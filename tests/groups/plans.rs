//! Every plan, typed as it is printed.

use serde_json::Value;

use crate::{
    administrator::{at_rest, carry_out, group, plan, types},
    rig::arrays::{HOME, PEER},
    scene::{GROUP, Release, Release::*, Scene, Way, Way::*},
    stage::{self, case},
};

const HOME_SERVES: [&str; 2] = ["Primary Started", "Secondary Started"];

async fn scene(way: Way, release: Release) -> Scene {
    let scene = Scene::set(way, release).await;
    for name in ["db1", "db2"] {
        scene.create(name).await.ok();
    }
    scene.at_rest().await;
    scene
}

fn lines(plan: &Value) -> Vec<String> {
    let commands = plan["commands"].as_array().unwrap().iter();
    commands
        .map(|command| command["line"].as_str().unwrap().to_owned())
        .collect()
}

/// Which array serves, as `group show` says.
async fn serves(scene: &Scene) -> String {
    let shown = group(scene, &["show", GROUP, "--json"]).await.json();
    shown["serving"]["array"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

/// Both arrays answer: over, back, home.
async fn there_and_back(way: Way, release: Release) {
    let scene = scene(way, release).await;
    assert_eq!(serves(&scene).await, scene.stage.label(HOME));
    carry_out(&scene, "failover").await;
    assert_eq!(scene.roles(), ["Primary Stopped", "Primary-Rev Stopped"]);
    assert_eq!(serves(&scene).await, scene.stage.label(PEER));
    assert!(plan(&scene, "failover").await["done"].is_string());

    carry_out(&scene, "recover").await;
    assert_eq!(
        scene.roles(),
        ["Secondary-Rev Started", "Primary-Rev Started"]
    );
    assert!(plan(&scene, "recover").await["done"].is_string());

    carry_out(&scene, "restore").await;
    assert_eq!(scene.roles(), HOME_SERVES);
    assert!(plan(&scene, "restore").await["done"].is_string());
    scene.end(&["db1", "db2"]).await;
}

/// After each command the plan, asked for again, is the rest of what it was.
async fn step_by_step(way: Way, release: Release) {
    let scene = scene(way, release).await;
    let first = plan(&scene, "failover").await;
    let commands = first["commands"].as_array().unwrap().clone();
    let stop = commands.len() - 2;
    for command in &commands[..=stop] {
        types(&scene, command).await;
    }
    let rest = plan(&scene, "failover").await;
    assert_eq!(lines(&rest), lines(&first)[stop + 1..]);
    let second = rest["commands"][0].clone();
    types(&scene, &second).await;
    carry_out(&scene, "recover").await;
    // Somebody stops it on the way home.
    let there = scene
        .stage
        .arrays
        .type_in(PEER, "stoprcopygroup -f prod.r130512")
        .await;
    assert_eq!(there, "");
    assert_eq!(plan(&scene, "restore").await["now"], false);
    carry_out(&scene, "recover").await;
    carry_out(&scene, "restore").await;
    assert_eq!(scene.roles(), HOME_SERVES);
    scene.end(&["db1", "db2"]).await;
}

/// The primary is lost, and comes back.
async fn primary_lost(way: Way, release: Release) {
    let scene = scene(way, release).await;
    scene.stage.arrays.control.down(HOME).await.unwrap();
    let said = carry_out(&scene, "failover").await;
    assert_eq!(lines(&said).len(), 1, "{said:#}");
    let cautions = said["cautions"].to_string();
    assert!(
        cautions.contains("make sure that it is off")
            && cautions.contains(&scene.stage.label(HOME)),
        "{cautions}"
    );
    assert_eq!(serves(&scene).await, scene.stage.label(PEER));
    // What is on an array that cannot be asked is overwritten by nobody.
    let recover = plan(&scene, "recover").await;
    assert_eq!(recover["commands"], serde_json::json!([]), "{recover:#}");

    scene.stage.arrays.control.up(HOME).await.unwrap();
    at_rest(&scene).await;
    carry_out(&scene, "recover").await;
    carry_out(&scene, "restore").await;
    assert_eq!(scene.roles(), HOME_SERVES);
    scene.end(&["db1", "db2"]).await;
}

/// `auto_synchronize`: the arrays copy back by themselves; on 10.x the roles do not show the way home.
async fn by_themselves(release: Release) {
    let scene = scene(Synchronous, release).await;
    let policy = "setrcopygroup pol auto_synchronize prod";
    scene.types(HOME, policy).await;
    let over = carry_out(&scene, "failover").await;
    let cautions = over["cautions"].to_string();
    assert!(cautions.contains("auto_synchronize"), "{cautions}");
    assert_eq!(serves(&scene).await, scene.stage.label(PEER));
    let recover = plan(&scene, "recover").await;
    assert!(recover["done"].is_string(), "{recover:#}");
    let home = carry_out(&scene, "restore").await;
    match release {
        R1050 => {
            assert!(
                lines(&home)[1].starts_with("setrcopygroup failover"),
                "{home:#}"
            );
        }
        R331 => assert!(
            lines(&home)[0].starts_with("setrcopygroup restore"),
            "{home:#}"
        ),
    }
    assert_eq!(serves(&scene).await, scene.stage.label(HOME));
    let roles = scene.roles();
    assert_eq!(roles, HOME_SERVES, "{release:?}");
    scene
        .types(HOME, "setrcopygroup pol no_auto_synchronize prod")
        .await;
    scene.end(&["db1", "db2"]).await;
}

/// The roles do not show the way home, and nothing copies by itself.
async fn home_by_reverse(way: Way, release: Release) {
    let scene = scene(way, release).await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    scene
        .types(HOME, "setrcopygroup reverse -f -waittask prod")
        .await;
    scene.types(PEER, "startrcopygroup prod.r130512").await;
    at_rest(&scene).await;
    assert_eq!(scene.roles(), ["Secondary Started", "Primary Started"]);
    let home = carry_out(&scene, "restore").await;
    assert!(
        lines(&home).iter().any(|line| line.contains(" reverse ")),
        "{home:#}"
    );
    assert_eq!(scene.roles(), HOME_SERVES);
    // And over, from where it is after such a turn.
    scene.end(&["db1", "db2"]).await;
}

async fn switched_over(release: Release, keeps_natural: bool) {
    let scene = Scene::set_with(
        PeerPersistence,
        release,
        |toml| {
            if keeps_natural {
                toml.replace(
                    "latency_ms = 0",
                    "switches = { switchover_keeps_natural = true }\nlatency_ms = 0",
                )
            } else {
                toml
            }
        },
        |conf| conf,
    )
    .await;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    assert_eq!(
        plan(&scene, "failover").await["commands"],
        serde_json::json!([])
    );
    let over = carry_out(&scene, "switchover").await;
    assert_eq!(
        over["commands"][0]["array"],
        scene.stage.label(HOME).as_str()
    );
    let back = carry_out(&scene, "switchover").await;
    assert_eq!(
        back["commands"][0]["array"],
        scene.stage.label(PEER).as_str()
    );
    assert_eq!(scene.roles(), HOME_SERVES);
    scene.end(&["db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_plan_does_what_it_says() {
    let ways = [
        (Synchronous, R331),
        (Synchronous, R1050),
        (Asynchronous, R331),
        (Asynchronous, R1050),
        (Streaming, R331),
    ];
    let mut cases = Vec::new();
    for (way, release) in ways {
        let name = |what: &str| format!("{what}: {way:?} {release:?}");
        cases.push(case(name("there and back"), there_and_back(way, release)));
        cases.push(case(name("step by step"), step_by_step(way, release)));
        cases.push(case(name("primary lost"), primary_lost(way, release)));
        cases.push(case(name("home by reverse"), home_by_reverse(way, release)));
    }
    for release in [R331, R1050] {
        cases.push(case(
            format!("by themselves: {release:?}"),
            by_themselves(release),
        ));
        for keeps in [false, true] {
            let name = format!("switched over: {release:?}, keeps natural: {keeps}");
            cases.push(case(name, switched_over(release, keeps)));
        }
    }
    stage::all(8, cases).await;
}
