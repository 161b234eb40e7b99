//! Clones with a service level: given, or that of their volume; refused before anything is copied; and late, when the copy is complete.

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    bench::{
        self, Flavour, Flavour::*, at_once, clone, completed, end, given, said, slowly, state,
        status, until, vv,
    },
    failed_over::{fail_over, with_there},
    rig::{
        arrays::{HOME, PEER},
        plugin::Plugin,
    },
    scene::{GROUP, Release::*, Scene, Way::*},
    stage::{Case, Stage, all, assert_told, case, machine},
};

/// As an array lists it.
const LICENCE: &str = "Adaptive Flash Cache";

/// Arrays that are licensed for anything else.
fn without_licence(toml: String) -> String {
    let others = r#"licenses = ["Compression", "Priority Optimization", "Remote Copy", "Thin Provisioning", "Virtual Copy"]"#;
    at_once(toml).replace("latency_ms = 0", &format!("{others}\nlatency_ms = 0"))
}

/// Administrator's sets with a rule.
async fn have_rules(stage: &Stage, array: &str) {
    for line in [
        "createvvset gold",
        "setqos -io 3000 vvset:gold",
        "createvvset silver",
        "setqos -io 300 vvset:silver",
    ] {
        let said = stage.arrays.type_in(array, line).await;
        assert!(!said.contains("rror"), "{line}: {said}");
    }
}

async fn set(flavour: Flavour, change: impl FnOnce(String) -> String) -> Stage {
    let mut stage = bench::set(flavour, change).await;
    have_rules(&stage, HOME).await;
    stage.before = stage.arrays.dump();
    stage
}

fn members(stage: &Stage, array: &str, set: &str) -> Value {
    stage.arrays.dump()[array]["vv_sets"][set]["members"].clone()
}

/// What the flash cache is told of a volume; null if nothing.
fn flash(stage: &Stage, array: &str, volume: &str) -> Value {
    stage.arrays.dump()[array]["vv_sets"][format!("dkf-{volume}")]["flash_cache"].clone()
}

/// All that an array of this flavour can give.
fn everything(flavour: Flavour) -> Value {
    let mut all = json!({ "size": "16", "qos-name": "gold" });
    if flavour != V1050 {
        all["flash-cache"] = json!("true");
    }
    if flavour != V322 {
        all["compression"] = json!("true");
    }
    all
}

fn has_everything(stage: &Stage, flavour: Flavour, name: &str) {
    let gold = members(stage, HOME, "gold").to_string();
    assert!(gold.contains(&format!("\"dkv-{name}\"")), "{name}: {gold}");
    let cached = flash(stage, HOME, name);
    assert_eq!(cached == json!(true), flavour != V1050, "{name}: {cached}");
    let made = vv(&stage.arrays, name);
    assert_eq!(made["compressed"], flavour != V322, "{name}: {made:#}");
}

/// What is given with `cloneOf` is had, and goes with the clone.
async fn is_had(flavour: Flavour) {
    let stage = set(flavour, at_once).await;
    stage.create("db1", json!({ "size": "16" })).await.ok();
    let before = stage.arrays.dump();
    clone(&stage.plugin, "db1", "db2", everything(flavour))
        .await
        .ok();
    completed(&stage, "db2").await;
    has_everything(&stage, flavour, "db2");
    assert_eq!(members(&stage, HOME, "gold"), json!(["dkv-db2"]));
    let shown = status(&stage.plugin, "db2").await;
    assert_eq!(shown["qos"]["set"], "gold", "{shown:#}");
    stage.remove("db2").await.ok();
    stage.as_before(&before).await;

    let off = json!({ "flash-cache": "false" });
    clone(&stage.plugin, "db1", "db2", off).await.ok();
    completed(&stage, "db2").await;
    let told = flash(&stage, HOME, "db2");
    assert_eq!(told == json!(false), flavour != V1050, "{told}");
    end(stage, &["db2", "db1"]).await;
}

/// What is not given is as it is of the volume: for another backend on its array, and on a host that knows of it what the array says.
async fn is_taken_over(flavour: Flavour) {
    let stage = set(flavour, at_once).await;
    stage.create("db1", everything(flavour)).await.ok();
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    completed(&stage, "db2").await;
    has_everything(&stage, flavour, "db2");
    // The same again is the same volume.
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    let second = json!({ "backend": "second" });
    clone(&stage.plugin, "db1", "db3", second).await.ok();
    completed(&stage, "db3").await;
    has_everything(&stage, flavour, "db3");

    let host2 = machine(&stage.arrays, "host2");
    let mut other = tokio::task::block_in_place(|| Plugin::start(&host2));
    host2.listed_once(&stage.arrays).await;
    clone(&other, "db1", "db4", json!({})).await.ok();
    until("ready", || state(&stage.arrays, "db4") == "ready").await;
    has_everything(&stage, flavour, "db4");
    other.remove("db4").await.ok();
    tokio::task::block_in_place(|| other.stop());

    // A clone of a clone, and what is given counts.
    let mut less = json!({ "qos-name": "silver", "compression": "false" });
    if flavour != V1050 {
        less["flash-cache"] = json!("false");
    }
    clone(&stage.plugin, "db2", "db5", less).await.ok();
    completed(&stage, "db5").await;
    assert_eq!(members(&stage, HOME, "silver"), json!(["dkv-db5"]));
    assert_ne!(flash(&stage, HOME, "db5"), true);
    assert_eq!(vv(&stage.arrays, "db5")["compressed"], false);
    end(stage, &["db5", "db3", "db2", "db1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_has_what_is_given_or_what_its_volume_has() {
    let mut cases: Vec<Case> = Vec::new();
    for flavour in Flavour::ALL {
        cases.push(case(format!("{flavour:?} given"), is_had(flavour)));
        let name = format!("{flavour:?} taken over");
        cases.push(case(name, is_taken_over(flavour)));
    }
    all(3, cases).await;
}

/// It is refused, and nothing is asked of an array but to show something.
async fn refuses(stage: &Stage, options: Value, parts: &[&str]) {
    let before = stage.arrays.dump();
    stage.arrays.control.clear_log();
    let refused = clone(&stage.plugin, "db1", "db2", options).await.err();
    assert_told(&refused, &["volume `db2`"]);
    assert_told(&refused, parts);
    let log = stage.arrays.control.log(None);
    assert!(log.iter().all(|entry| !entry.changed), "{log:#?}");
    assert_eq!(stage.arrays.dump(), before);
    assert_eq!(stage.plugin.list().await, ["db1"]);
}

/// What was given cannot be had.
async fn is_refused(flavour: Flavour) {
    let stage = set(flavour, without_licence).await;
    stage.create("db1", json!({ "size": "16" })).await.ok();
    let absent = json!({ "qos-name": "absent" });
    refuses(&stage, absent, &["has no VV set `absent`"]).await;
    let why = match flavour {
        V1050 => "has no flash cache".to_owned(),
        V322 | V331 => format!("is not licensed for `{LICENCE}`"),
    };
    let cached = json!({ "flash-cache": "true" });
    refuses(&stage, cached, &[&why, "leave `flash-cache` out"]).await;
    end(stage, &["db1"]).await;
}

/// What the volume has cannot be had any more: it is said from where it comes, and how there is a clone without.
async fn is_refused_of_its_volume(flavour: Flavour) {
    let stage = set(flavour, without_licence).await;
    let mut options = everything(flavour);
    options["flash-cache"] = Value::Null;
    stage.create("db1", options).await.ok();
    // It was had before the licence expired.
    let comment = vv(&stage.arrays, "db1")["comment"].clone();
    let had = format!(
        "setvv -comment {}/flash=true dkv-db1",
        comment.as_str().unwrap()
    );
    stage.arrays.type_in(HOME, &had).await;
    let from = "was not given, so it is that of volume `db1`";
    let parts = [&format!("`flash-cache` {from}"), "give `flash-cache=false`"];
    refuses(&stage, json!({}), &parts).await;
    let off = |more: Value| {
        let mut options = json!({ "flash-cache": "false" });
        for (key, value) in more.as_object().unwrap() {
            options[key] = value.clone();
        }
        options
    };

    stage.arrays.type_in(HOME, "setqos -clear vvset:gold").await;
    let parts = [
        &format!("has no QoS rule; `qos-name` {from}"),
        "give `qos-name`",
    ];
    refuses(&stage, off(json!({})), &parts).await;
    if flavour == V331 {
        let full = json!({ "qos-name": "silver", "provisioning": "full" });
        let parts = [&format!("`compression` {from}"), "give `compression=false`"];
        refuses(&stage, off(full), &parts).await;
    }
    let without = json!({ "qos-name": "silver", "compression": "false" });
    clone(&stage.plugin, "db1", "db2", off(without)).await.ok();
    completed(&stage, "db2").await;
    for name in ["db2", "db1"] {
        stage.remove(name).await.ok();
    }
    for set in ["gold", "silver"] {
        assert_eq!(members(&stage, HOME, set), json!([]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_a_clone_cannot_have_is_refused_before_it_is_copied() {
    let mut cases: Vec<Case> = Vec::new();
    for flavour in Flavour::ALL {
        cases.push(case(format!("{flavour:?} given"), is_refused(flavour)));
        let name = format!("{flavour:?} of its volume");
        cases.push(case(name, is_refused_of_its_volume(flavour)));
    }
    all(3, cases).await;
}

/// From Primera on compression is one with dedup: a clone that is to be thin has neither.
#[tokio::test(flavor = "multi_thread")]
async fn where_compression_is_one_with_dedup_provisioning_says_both() {
    let stage = bench::set(V1050, at_once).await;
    let dedup = json!({ "size": "16", "provisioning": "dedup" });
    stage.create("db1", dedup).await.ok();
    for (name, options, compressed) in [
        ("db2", json!({ "provisioning": "thin" }), false),
        ("db3", json!({}), true),
    ] {
        clone(&stage.plugin, "db1", name, options).await.ok();
        completed(&stage, name).await;
        assert_eq!(vv(&stage.arrays, name)["compressed"], compressed, "{name}");
    }
    end(stage, &["db3", "db2", "db1"]).await;
}

fn grouped(more: Value) -> Value {
    let mut options = json!({ "backend": "mirrored", "replicationGroup": GROUP });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    options
}

/// Sets and licences are of the array on which a volume was made, whichever array serves it now.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn on_another_array_a_clone_has_nothing_of_its_volume() {
    let scene = Scene::set_with(Synchronous, R331, at_once, with_there).await;
    let stage = &scene.stage;
    for array in [HOME, PEER] {
        have_rules(stage, array).await;
    }
    scene.create_with("db1", everything(V331)).await.ok();
    scene.at_rest().await;
    fail_over(&scene).await;
    let ready_there = async |name: &str| {
        let ready = || said(&scene.vv(PEER, name), "state").as_deref() == Some("ready");
        until("ready", ready).await;
        stage.calm_down().await;
        scene.at_rest().await;
    };
    for (name, options) in [
        ("db2", json!({ "backend": "there" })),
        ("db3", grouped(json!({}))),
    ] {
        clone(&stage.plugin, "db1", name, options).await.ok();
        ready_there(name).await;
        let made = scene.vv(PEER, name);
        assert_eq!(made["compressed"], false, "{made:#}");
        assert_eq!(said(&made, "qos"), None, "{made:#}");
        assert!(flash(stage, PEER, name).is_null());
    }
    assert_eq!(members(stage, PEER, "gold"), json!([]));
    // What was made there has it there.
    scene.create_with("db4", everything(V331)).await.ok();
    scene.at_rest().await;
    clone(&stage.plugin, "db4", "db5", grouped(json!({})))
        .await
        .ok();
    ready_there("db5").await;
    assert_eq!(members(stage, PEER, "gold"), json!(["dkv-db4", "dkv-db5"]));
    assert_eq!(flash(stage, PEER, "db5"), true);
    assert_eq!(members(stage, HOME, "gold"), json!(["dkv-db1"]));
}

/// The set loses its rule while the array copies: the clone waits for it, and the group is left alone until then.
async fn loses_its_rule(at_home: bool) {
    let scene = Scene::set_with(Synchronous, R331, slowly, with_there).await;
    let stage = &scene.stage;
    let serves = if at_home { HOME } else { PEER };
    have_rules(stage, serves).await;
    scene.create_with("db1", json!({ "size": "50" })).await.ok();
    let control = &stage.arrays.control;
    control.advance(300);
    scene.at_rest().await;
    if !at_home {
        fail_over(&scene).await;
    }
    control.clear_log();
    let gold = json!({ "qos-name": "gold", "flash-cache": "true" });
    clone(&stage.plugin, "db1", "db2", grouped(gold)).await.ok();
    let setqos = |what: &str| format!("setqos {what} vvset:gold");
    stage.arrays.type_in(serves, &setqos("-clear")).await;
    control.advance(300);
    let told = || stage.plugin.log().contains("clone not completed yet");
    until("told", told).await;
    let shown = status(&stage.plugin, "db2").await;
    let why = shown["not completed"].as_str().unwrap();
    assert!(
        why.contains("`gold`") && why.contains("no QoS rule"),
        "{why}"
    );
    let refused = stage.plugin.mount("db2", "c1").await.err();
    assert_told(&refused, &["could not be completed yet", "no QoS rule"]);
    assert_eq!(scene.given(serves, "stoprcopygroup"), Vec::<String>::new());
    stage.arrays.type_in(serves, &setqos("-io 3000")).await;
    until("ready", || {
        control.advance(5);
        said(&scene.vv(serves, "db2"), "state").as_deref() == Some("ready")
    })
    .await;
    stage.calm_down().await;
    assert_eq!(scene.given(serves, "stoprcopygroup").len(), 1);
    assert_eq!(members(stage, serves, "gold"), json!(["dkv-db2"]));
    assert_eq!(flash(stage, serves, "db2"), true);
    scene.has_no_lock();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_group_is_not_stopped_for_a_clone_that_cannot_have_its_level() {
    let cases = [(true, "at home"), (false, "on the peer")];
    let cases = cases.map(|(at_home, name)| case(name, loses_its_rule(at_home)));
    all(2, cases.into()).await;
}

/// The array refuses the admission itself, for which the group has to be stopped: it is tried less and less often.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_group_is_stopped_less_and_less_often_for_a_clone_that_it_does_not_take() {
    let mut scene = Scene::set_with(Synchronous, R331, at_once, |conf| conf).await;
    have_rules(&scene.stage, HOME).await;
    scene.stage.before = scene.stage.arrays.dump();
    let stage = &scene.stage;
    scene.create("db1").await.ok();
    scene.at_rest().await;
    let control = &stage.arrays.control;
    control.clear_log();
    let refuse = Fault::new(Kind::Refuse)
        .on(HOME)
        .matching("^admitrcopyvv .*dkv-db2");
    let refuse = refuse.words("Error: the moon is wrong").repeat();
    control.fault(refuse).unwrap();
    let level = json!({ "qos-name": "gold", "flash-cache": "true" });
    clone(&stage.plugin, "db1", "db2", grouped(level))
        .await
        .ok();
    let tries = || given(&stage.arrays, "admitrcopyvv").len();
    for (tried, pause) in [(1, 1..=30), (2, 31..=60)] {
        until("tried", || tries() == tried).await;
        let why = loop {
            let shown = status(&stage.plugin, "db2").await;
            match shown["not completed"].as_str() {
                Some(why) if why.contains("tried again in") => break why.to_owned(),
                _ => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        };
        assert!(why.contains("the moon is wrong"), "{why}");
        let (_, after) = why.rsplit_once("tried again in ").unwrap();
        let seconds: u64 = after.split(' ').next().unwrap().parse().unwrap();
        assert!(pause.contains(&seconds), "after {tried}: {why}");
        assert_eq!(scene.roles(), ["Primary Started", "Secondary Started"]);
        assert_eq!(state(&stage.arrays, "db2"), "copying");
    }
    scene.has_no_lock();
    // What it was given before goes with it.
    assert_eq!(members(stage, HOME, "gold"), json!(["dkv-db2"]));
    stage.calm_down().await;
    scene.end(&["db2", "db1"]).await;
}
