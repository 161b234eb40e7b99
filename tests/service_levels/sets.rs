//! VV sets: the one with a QoS rule, which is an administrator's, and the one for flash cache, which is the volume's own.

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    rig::arrays::{HOME, PEER},
    scene::{GROUP_THERE, Release::*, Scene, Way::*},
    stage::{Stage, all, assert_told, case, plain},
};

/// InForm OS of the arrays.
const RELEASES: [&str; 3] = ["3.2.2", "3.3.1", "10.5.0"];

/// Arrays with all licences.
pub fn licensed(release: &str) -> impl Fn(String) -> String + use<> {
    let licences = [
        "Adaptive Flash Cache",
        "Compression",
        "Deduplication",
        "Peer Persistence",
        "Priority Optimization",
        "Remote Copy",
        "Thin Provisioning",
        "Virtual Copy",
    ]
    .map(|licence| format!("\"{licence}\""))
    .join(", ");
    let with = format!("release = \"{release}\"\nlicenses = [{licences}]\nlatency_ms = 0");
    move |toml: String| toml.replace("latency_ms = 0", &with)
}

pub async fn set(release: &'static str) -> Stage {
    Stage::set_with(licensed(release), |conf| conf).await
}

/// An administrator's set with a rule.
pub async fn gold(stage: &Stage) {
    for line in ["createvvset gold", "setqos -io 3000 vvset:gold"] {
        let said = stage.arrays.type_in(HOME, line).await;
        assert!(!said.contains("rror"), "{line}: {said}");
    }
}

fn with(more: Value) -> Value {
    let mut options = plain();
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    options
}

fn members(stage: &Stage, set: &str) -> Value {
    stage.arrays.dump()[HOME]["vv_sets"][set]["members"].clone()
}

/// It joins the set with the rule and leaves it again; the set and its rule stay as they are.
async fn rule(release: &'static str) {
    let stage = set(release).await;
    gold(&stage).await;
    let before = stage.arrays.dump();
    let asked = with(json!({ "qos-name": "gold" }));
    stage.create("db1", asked.clone()).await.ok();
    assert_eq!(members(&stage, "gold"), json!(["dkv-db1"]));
    let reply = stage.plugin.get("db1").await.ok();
    let shown = &reply["Volume"]["Status"]["qos"];
    assert_eq!(shown["set"], "gold", "{shown:#}");
    assert!(shown["rule"].to_string().contains("3000"), "{shown:#}");
    stage.create("db1", asked).await.ok();
    stage.remove("db1").await.ok();
    assert_eq!(stage.arrays.dump(), before);
    for line in ["setqos -clear vvset:gold", "removevvset -f gold"] {
        stage.arrays.type_in(HOME, line).await;
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_joins_the_set_with_the_rule_and_leaves_it() {
    let cases = RELEASES.map(|release| case(release, rule(release)));
    all(3, cases.into()).await;
}

async fn cannot_be_joined(release: &'static str) {
    let stage = set(release).await;
    gold(&stage).await;
    for line in [
        "createvvset bare",
        "createvvset shown",
        "setqos -io 300 vvset:shown",
        "createhost -iscsi other iqn.1994-05.com.example:other",
        "createvv -tpvv ssd_r5 payroll 1g",
        "createvvset -add shown payroll",
        "createvlun set:shown 7 other",
    ] {
        let said = stage.arrays.type_in(HOME, line).await;
        assert!(!said.contains("rror"), "{line}: {said}");
    }
    let before = stage.arrays.dump();
    for (set, words) in [
        ("absent", "has no VV set `absent`"),
        ("bare", "VV set `bare` on array"),
        ("shown", "is exported to `other`"),
    ] {
        let said = stage
            .create("db1", with(json!({ "qos-name": set })))
            .await
            .err();
        assert_told(&said, &["`db1`", words]);
        assert_eq!(stage.arrays.dump(), before, "{set}");
    }
    assert_eq!(stage.plugin.list().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_cannot_be_joined_is_refused_before_anything_is_made() {
    let cases = RELEASES.map(|release| case(release, cannot_be_joined(release)));
    all(3, cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flash_cache_goes_by_a_set_of_the_volumes_own() {
    for release in ["3.2.2", "3.3.1"] {
        let stage = set(release).await;
        for on in [true, false] {
            let before = stage.arrays.dump();
            let asked = with(json!({ "flash-cache": on.to_string() }));
            stage.create("db1", asked).await.ok();
            let made = stage.arrays.dump()[HOME]["vv_sets"]["dkf-db1"].clone();
            assert_eq!(made["members"], json!(["dkv-db1"]), "{made:#}");
            assert_eq!(made["flash_cache"], on, "{made:#}");
            stage.remove("db1").await.ok();
            assert_eq!(stage.arrays.dump(), before);
        }
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_array_without_flash_cache_says_so_before_anything_is_made() {
    let stage = set("10.5.0").await;
    let before = stage.arrays.dump();
    let asked = with(json!({ "flash-cache": "true" }));
    let said = stage.create("db1", asked).await.err();
    assert_told(
        &said,
        &["`db1`", "has no flash cache", "leave `flash-cache` out"],
    );
    assert_eq!(stage.arrays.dump(), before);
    stage.end().await;
    // One that has it, without the licence.
    let less = |toml: String| licensed("3.3.1")(toml).replace("\"Adaptive Flash Cache\", ", "");
    let stage = Stage::set_with(less, |conf| conf).await;
    let before = stage.arrays.dump();
    let asked = with(json!({ "flash-cache": "true" }));
    stage.arrays.control.clear_log();
    let said = stage.create("db1", asked).await.err();
    let why = "is not licensed for `Adaptive Flash Cache`";
    assert_told(&said, &["`db1`", why, "leave `flash-cache` out"]);
    let log = stage.arrays.control.log(None);
    assert!(log.iter().all(|entry| !entry.changed), "{log:#?}");
    assert_eq!(stage.arrays.dump(), before);
    stage.end().await;
}

/// What nobody understands proves nothing: the command itself would be refused.
#[tokio::test(flavor = "multi_thread")]
async fn licences_that_cannot_be_read_keep_nobody_from_flash_cache() {
    let stage = set("3.3.1").await;
    let fault = Fault::new(Kind::Refuse).on(HOME).matching("^showlicense");
    let fault = fault.words("Error: the moon is wrong");
    stage.arrays.control.fault(fault).unwrap();
    let asked = with(json!({ "flash-cache": "true" }));
    stage.create("db1", asked).await.ok();
    let made = stage.arrays.dump()[HOME]["vv_sets"]["dkf-db1"].clone();
    assert_eq!(made["flash_cache"], true, "{made:#}");
    assert!(
        stage
            .plugin
            .log()
            .contains("is not understood: that for flash cache")
    );
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// Where there is no flash cache it is off.
#[tokio::test(flavor = "multi_thread")]
async fn an_array_without_flash_cache_need_not_turn_it_off() {
    let less = |toml: String| licensed("3.3.1")(toml).replace("\"Adaptive Flash Cache\", ", "");
    let unlicensed = Stage::set_with(less, |conf| conf).await;
    for stage in [unlicensed, set("10.5.0").await] {
        let asked = with(json!({ "flash-cache": "false" }));
        stage.create("db1", asked.clone()).await.ok();
        stage.create("db1", asked).await.ok();
        assert_eq!(stage.arrays.dump()[HOME]["vv_sets"], json!({}));
        stage.remove("db1").await.ok();
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_somebody_put_it_into_is_named() {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    stage.arrays.type_in(HOME, "createvvset mine dkv-db1").await;
    let before = stage.arrays.dump();
    let said = stage.remove("db1").await.err();
    assert_told(&said, &["`db1`", "VV set `mine`", "removevvset"]);
    assert_eq!(stage.arrays.dump(), before);
    stage.arrays.type_in(HOME, "removevvset -f mine").await;
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replicated_volume_has_its_level_where_it_was_made() {
    let scene = Scene::set_with(Synchronous, R331, licensed("3.3.1"), |conf| conf).await;
    gold(&scene.stage).await;
    let level = json!({ "qos-name": "gold", "flash-cache": "true" });
    scene.create_with("db1", level).await.ok();
    scene.at_rest().await;
    assert_eq!(members(&scene.stage, "gold"), json!(["dkv-db1"]));
    scene.stage.remove("db1").await.ok();
    assert_eq!(members(&scene.stage, "gold"), json!([]));
    for array in [HOME, PEER] {
        let sets = scene.dump(array)["vv_sets"].to_string();
        assert!(!sets.contains("dkf-"), "{array}: {sets}");
    }
    for line in ["setqos -clear vvset:gold", "removevvset -f gold"] {
        scene.types(HOME, line).await;
    }
    scene.end(&[]).await;
}

/// The group serves from the peer, which runs another InForm OS: whether there is a flash cache is a matter of the array that makes the
/// volume.
#[tokio::test(flavor = "multi_thread")]
async fn the_array_that_makes_a_volume_is_the_one_that_is_asked() {
    let releases = |toml: String| {
        let at = toml.rfind("[[array]]").unwrap();
        licensed("3.3.1")(toml[..at].to_owned()) + &licensed("10.5.0")(toml[at..].to_owned())
    };
    let scene = Scene::set_with(Synchronous, R331, releases, |conf| conf).await;
    let flash_cache = || json!({ "flash-cache": "true" });
    scene.create_with("db1", flash_cache()).await.ok();
    scene.at_rest().await;
    scene.types(HOME, "stoprcopygroup -f prod").await;
    for step in ["failover", "recover"] {
        let line = format!("setrcopygroup {step} -f -waittask {GROUP_THERE}");
        scene.types(PEER, &line).await;
    }
    scene.at_rest().await;
    scene.stage.arrays.control.clear_log();
    let said = scene.create_with("db2", flash_cache()).await.err();
    let peer = scene.stage.label(PEER);
    assert_told(&said, &["`db2`", &peer, "has no flash cache"]);
    let log = scene.stage.arrays.control.log(None);
    assert!(log.iter().all(|entry| !entry.changed), "{log:#?}");
    // What was made before goes from both.
    scene.stage.remove("db1").await.ok();
    assert!(scene.dump(HOME)["vv_sets"]["dkf-db1"].is_null());
}

/// Somebody put another volume into the set for flash cache: it stays there, and this one goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_others_are_in_is_left_to_them() {
    let stage = set("3.3.1").await;
    stage
        .create("db1", with(json!({ "flash-cache": "true" })))
        .await
        .ok();
    for line in [
        "createvv -tpvv ssd_r5 payroll 1g",
        "createvvset -add dkf-db1 payroll",
    ] {
        stage.arrays.type_in(HOME, line).await;
    }
    stage.remove("db1").await.ok();
    assert_eq!(members(&stage, "dkf-db1"), json!(["payroll"]));
    for line in ["removevvset -f dkf-db1", "removevv -f payroll"] {
        stage.arrays.type_in(HOME, line).await;
    }
    stage.end().await;
}
