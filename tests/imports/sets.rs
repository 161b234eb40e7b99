//! VV sets that a VV was in before it was Docker's: the one that HPE's python plugin made for it alone goes with it, every other one stays as
//! it is.

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    adopting::{ORDERS, desk, item, make_orders},
    process,
    rig::{
        arrays::HOME,
        plugin::{Plugin, Reply},
    },
    scene::{FLAVOURS, Scene, importing, in_every_flavour},
    stage::{Case, all, assert_told, case, machine},
};

/// What the python plugin calls the set of [`ORDERS`].
pub const SET: &str = "vvs-rNQ35-G7TkS-7v.GUQuQDg";

/// Arrays with the licences for what a set can say.
pub fn licensed(toml: String) -> String {
    toml.replace(
        "latency_ms = 0",
        r#"licenses = ["Adaptive Flash Cache", "Priority Optimization", "Remote Copy", "Thin Provisioning", "Virtual Copy"]
latency_ms = 0"#,
    )
}

async fn in_every_licensed_flavour<F>(name: &str, run: impl Fn(Scene) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut cases: Vec<Case> = Vec::new();
    for release in FLAVOURS {
        let scene = Scene::set_with(release, licensed, |conf| conf).await;
        cases.push(case(format!("{name} on {release}"), run(scene)));
    }
    all(3, cases).await;
}

/// What the python plugin made of `orders`: alone in its set, which has a rule, and where there is one speaks to the flash cache.
async fn has_orders_in_its_set(scene: &Scene) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    scene
        .types(HOME, &format!("createvvset {SET} {ORDERS}"))
        .await;
    let rule = format!("setqos -io 3000 vvset:{SET}");
    scene.types(HOME, &rule).await;
    if scene.has_flash_cache() {
        let line = format!("setflashcache enable vvset:{SET}");
        scene.types(HOME, &line).await;
    }
}

async fn adopts(scene: &Scene) {
    process::adopt(&desk(scene), "orders", None, &[]).await.ok();
    scene.status("orders").await;
}

impl Scene {
    fn has_flash_cache(&self) -> bool {
        self.release != "10.5.0"
    }

    fn members(&self, set: &str) -> Value {
        self.stage.arrays.dump()[HOME]["vv_sets"][set]["members"].clone()
    }

    fn rules(&self) -> Value {
        self.stage.arrays.dump()[HOME]["qos"].clone()
    }
}

async fn goes_with_its_volume(scene: Scene) {
    has_orders_in_its_set(&scene).await;
    let with = scene.stage.arrays.dump();
    // A dry run says it.
    let listed = item(&process::list(&desk(&scene)).await, ORDERS);
    assert_eq!(listed["own set"], SET, "{listed:#}");
    assert_eq!(listed["other sets"], json!([]), "{listed:#}");
    adopts(&scene).await;
    assert_eq!(scene.members(SET), json!(["dkv-orders"]));
    let shown = scene.status("orders").await;
    assert_eq!(shown["qos"]["set"], SET, "{shown:#}");
    assert!(
        shown["qos"]["rule"].to_string().contains("3000"),
        "{shown:#}"
    );
    let flash = scene.has_flash_cache().then_some(true);
    assert_eq!(shown["flash cache"], json!(flash), "{shown:#}");

    // Given back to the python plugin it is as it was.
    process::release(&desk(&scene), "orders").await.ok();
    assert_eq!(scene.stage.arrays.dump(), with);

    adopts(&scene).await;
    scene.stage.remove("orders").await.ok();
    assert_eq!(scene.rules(), json!({}));
    let before = scene.stage.before.clone();
    scene.end_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_plugin_made_for_one_volume_goes_with_it() {
    in_every_licensed_flavour("own set", goes_with_its_volume).await;
}

/// What is not for this volume alone is left, and keeps it from being removed.
async fn is_kept_by_others(scene: Scene) {
    has_orders_in_its_set(&scene).await;
    for line in [
        "createvvset gold",
        "createvv -tpvv ssd_r5 payroll 1g",
        "createvvset vvs-7P-DD5jLTPWF7tcwnMF80g",
        "createhost -iscsi other iqn.2026-01.test:other",
    ] {
        scene.types(HOME, line).await;
    }
    adopts(&scene).await;
    for (set, line, back) in [
        // An administrator's; another volume's; another one in its own; its own, exported.
        (
            "gold",
            "createvvset -add gold dkv-orders",
            "removevvset -f gold dkv-orders",
        ),
        (
            "vvs-7P-DD5jLTPWF7tcwnMF80g",
            "createvvset -add vvs-7P-DD5jLTPWF7tcwnMF80g dkv-orders",
            "removevvset -f vvs-7P-DD5jLTPWF7tcwnMF80g dkv-orders",
        ),
        (
            SET,
            "createvvset -add vvs-rNQ35-G7TkS-7v.GUQuQDg payroll",
            "removevvset -f vvs-rNQ35-G7TkS-7v.GUQuQDg payroll",
        ),
        (
            SET,
            "createvlun set:vvs-rNQ35-G7TkS-7v.GUQuQDg 7 other",
            "removevlun -f set:vvs-rNQ35-G7TkS-7v.GUQuQDg 7 other",
        ),
    ] {
        scene.types(HOME, line).await;
        scene.keeps("orders", &[&format!("VV set `{set}`")]).await;
        scene.types(HOME, back).await;
    }
    scene.stage.remove("orders").await.ok();
    assert_eq!(scene.members(SET), Value::Null);
    assert_eq!(scene.members("gold"), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_of_one_volume_alone_is_left() {
    in_every_licensed_flavour("others", is_kept_by_others).await;
}

/// What fails before the VV is gone is as it was; what fails afterwards keeps nobody.
async fn fails_half_way(scene: Scene) {
    has_orders_in_its_set(&scene).await;
    adopts(&scene).await;
    let sets = scene.stage.arrays.dump()[HOME]["vv_sets"].clone();
    let rules = scene.rules();
    let refuse = |command: &str| {
        let fault = Fault::new(Kind::Refuse).on(HOME).matching(command);
        let fault = fault.words("Error: the moon is wrong");
        scene.stage.arrays.control.fault(fault).unwrap();
    };
    for command in ["^removevvset .*dkv-orders", "^removevv "] {
        refuse(command);
        let said = scene.stage.remove("orders").await.err();
        assert_told(&said, &["the moon is wrong", "usable again"]);
        scene.stage.calm_down().await;
        assert_eq!(
            scene.stage.arrays.dump()[HOME]["vv_sets"],
            sets,
            "{command}"
        );
        assert_eq!(scene.rules(), rules);
    }
    refuse("^setqos -clear");
    scene.stage.remove("orders").await.ok();
    scene.stage.calm_down().await;
    assert_eq!(scene.members(SET), json!([]));
    assert_eq!(scene.vv(HOME, "dkv-orders"), Value::Null);
    assert_eq!(scene.stage.plugin.list().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_fails_leaves_the_set_as_it_was() {
    in_every_licensed_flavour("half way", fails_half_way).await;
}

/// The array is lost between the VV and its set: the next command ends it.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_could_not_be_removed_at_once_is_removed_later() {
    let scene = Scene::set_with("3.3.1", licensed, |conf| conf).await;
    has_orders_in_its_set(&scene).await;
    adopts(&scene).await;
    let fault = Fault::new(Kind::DropBefore)
        .on(HOME)
        .matching("^removevvset -f vvs-[^ ]*$");
    scene.stage.arrays.control.fault(fault).unwrap();
    let _: Reply = scene.stage.remove("orders").await;
    scene.stage.calm_down().await;
    scene.stage.remove("orders").await.ok();
    let before = scene.stage.before.clone();
    scene.end_as(&before).await;
}

async fn in_gold_already(scene: Scene) {
    scene.has_vv("oracle_01").await;
    for line in ["createvvset gold oracle_01", "setqos -io 3000 vvset:gold"] {
        scene.types(HOME, line).await;
    }
    let before = scene.stage.arrays.dump();
    let asked = || importing("oracle_01", json!({ "qos-name": "gold" }));
    scene.stage.create("db1", asked()).await.ok();
    let comment = scene.vv(HOME, "dkv-db1")["comment"].to_string();
    assert!(
        comment.contains("/in=gold") && !comment.contains("/qos="),
        "{comment}"
    );
    assert_eq!(scene.status("db1").await["qos"]["set"], "gold");
    // Here, and on a host that knows nothing but what the array says.
    scene.stage.create("db1", asked()).await.ok();
    let host2 = machine(&scene.stage.arrays, "host2");
    let other = tokio::task::block_in_place(|| Plugin::start(&host2));
    other.create("db1", asked()).await.ok();
    let elsewhere = importing("oracle_01", json!({ "qos-name": "silver" }));
    let said = other.create("db1", elsewhere).await.err();
    assert_told(&said, &["qos-name: gold, not silver"]);
    other.remove("db1").await.ok();
    drop(other);
    let now = scene.stage.arrays.dump();
    assert_eq!(now[HOME]["vv_sets"], before[HOME]["vv_sets"]);

    // What is Docker's own goes, out of the set that it was to be in.
    let own = importing(
        "oracle_01",
        json!({ "qos-name": "gold", "importPolicy": "own" }),
    );
    scene.stage.create("db2", own).await.ok();
    assert_eq!(scene.members("gold"), json!(["dkv-db2"]));
    // Unless it is released all the same.
    process::release(&desk(&scene), "db2").await.ok();
    assert_eq!(scene.members("gold"), json!(["oracle_01"]));
    let own = importing(
        "oracle_01",
        json!({ "qos-name": "gold", "importPolicy": "own" }),
    );
    scene.stage.create("db2", own).await.ok();
    scene.stage.remove("db2").await.ok();
    assert_eq!(scene.members("gold"), json!([]));
    assert_eq!(scene.rules(), before[HOME]["qos"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_stays_in_the_set_in_which_it_was() {
    in_every_flavour("in gold", in_gold_already).await;
}
