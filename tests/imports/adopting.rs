//! Volumes of HPE's python plugin: which there are, which are refused and why, and that they come back as they were.

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    process,
    rig::arrays::{HOME, Machine, PEER},
    scene::{Scene, in_every_flavour, quoted, types},
    stage::{Stage, assert_told},
};

/// What the python plugin calls the volume `orders` on an array.
pub const ORDERS: &str = "dcv-rNQ35-G7TkS-7v.GUQuQDg";
pub const ORDERS_ID: &str = "acd437e7-f1bb-4e44-bfee-ff86510b900e";
pub const OTHER: &str = "dcv-0DM4qZEVSKON-DXN-NwVpw";
pub const OTHER_ID: &str = "d03338a9-9115-48a3-8dfc-35cdfcdc15a7";
const CLONE: &str = "dcv-7P-DD5jLTPWF7tcwnMF80g";
const SNAPSHOT: &str = "dcs-L4I73ONuTci9Fd4ceij-MQ";

/// What the python plugin writes on a volume.
pub fn comment(id: &str, display: &str) -> String {
    format!(
        r#"{{"volume_id": "{id}", "name": "{id}", "type": "Docker", "display_name": "{display}"}}"#
    )
}

/// The line that makes a volume as the python plugin does.
pub fn making(vv: &str, id: &str, display: &str) -> String {
    let comment = quoted(&comment(id, display));
    format!("createvv -tpvv -comment {comment} ssd_r5 {vv} 2g")
}

/// The one called `orders` in Docker.
pub fn making_orders() -> String {
    making(ORDERS, ORDERS_ID, "orders")
}

/// A volume called `orders` in Docker, which has been mounted once: it has a snapshot CPG.
pub async fn make_orders(stage: &Stage, has_snapshot_cpgs: bool) {
    types(stage, HOME, &making_orders()).await;
    if has_snapshot_cpgs {
        types(stage, HOME, &format!("setvv -snp_cpg ssd_r5 {ORDERS}")).await;
    }
}

/// What it writes on a snapshot, which says nothing of a type.
fn of_orders(display: &str) -> String {
    format!(
        r#"{{"volume_name": "orders", "volume_id": "{ORDERS_ID}", "display_name": "{display}", "description": "snapshot of volume orders"}}"#
    )
}

/// Another machine, whose plugin does not run: the commands of a person are given there.
pub fn desk(scene: &Scene) -> Machine {
    scene.stage.arrays.machine("desk")
}

/// Such a machine, where the second array has volumes of its own, of backend `far`.
fn with_far(stage: &Stage) -> Machine {
    let desk = stage.arrays.machine("desk");
    let conf = std::fs::read_to_string(desk.conf()).unwrap();
    let at = |array: &str| {
        let port = stage.arrays.simulator.address(array).port();
        format!("san_ssh_port = {port}")
    };
    let default = &conf[conf.find("san_ip").unwrap()..conf.find("[mirrored]").unwrap()];
    let far = default.replace(&at(HOME), &at(PEER));
    std::fs::write(desk.conf(), format!("{conf}\n[far]\n{far}")).unwrap();
    desk
}

/// What the list says of a VV.
pub fn item(list: &Value, vv: &str) -> Value {
    let all = list["all"].as_array().unwrap();
    let found = all.iter().find(|item| item["vv"] == vv);
    found
        .unwrap_or_else(|| panic!("{vv} is missing: {list:#}"))
        .clone()
}

#[track_caller]
pub fn objects(list: &Value, vv: &str, parts: &[&str]) {
    let item = item(list, vv);
    let said = item["objection"].as_str();
    assert_told(said.unwrap_or_else(|| panic!("{item:#}")), parts);
}

async fn there_and_back(scene: Scene) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    let snapshot = quoted(&of_orders("monday"));
    scene
        .types(
            HOME,
            &format!("createsv -comment {snapshot} {SNAPSHOT} {ORDERS}"),
        )
        .await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);

    // A look changes nothing.
    scene.stage.arrays.control.clear_log();
    let list = process::list(&desk).await;
    assert_eq!(list["all"].as_array().unwrap().len(), 2, "{list:#}");
    for (vv, name, of) in [
        (ORDERS, "orders", Value::Null),
        (SNAPSHOT, "monday", json!(ORDERS)),
    ] {
        let item = item(&list, vv);
        assert_eq!(
            (&item["name"], &item["of"]),
            (&json!(name), &of),
            "{item:#}"
        );
        assert_eq!(
            (&item["objection"], &item["mib"]),
            (&Value::Null, &json!(2048)),
            "{item:#}"
        );
        assert_eq!(item["backend"], "DEFAULT");
    }
    let log = scene.stage.arrays.control.log(None);
    assert!(log.iter().all(|entry| !entry.changed));
    assert_eq!(scene.stage.arrays.dump(), before);
    // Docker does not see them, and nobody imports them by the way.
    assert_eq!(scene.stage.plugin.list().await, Vec::<String>::new());

    // A snapshot needs its volume.
    let said = process::adopt(&desk, "monday", None, &[]).await.err();
    assert_told(&said, &[SNAPSHOT, ORDERS, "adopt its parent first"]);
    let adopted = process::adopt(&desk, "orders", None, &[]).await.ok();
    let told = json!({ "was": ORDERS, "name": "orders", "former": null, "schedules": [] });
    assert_eq!(adopted, told);
    process::adopt(&desk, SNAPSHOT, None, &[]).await.ok();
    let text = scene.vv(HOME, "dkv-orders")["comment"].to_string();
    for part in ["/py=orders", "/imp=own", "/origin=data/fmt=done"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        scene.vv(HOME, "dkv-monday")["comment"]
            .to_string()
            .contains("/of=orders")
    );
    // Every other host finds it on the array.
    assert_eq!(scene.status("orders").await["size"], "2 GiB");
    assert_eq!(process::list(&desk).await["all"], json!([]));
    // The volume is not given back under its snapshot.
    let said = process::release(&desk, "orders").await.err();
    assert_told(&said, &["Docker's: `monday`"]);
    process::release(&desk, "monday").await.ok();
    process::release(&desk, "orders").await.ok();
    assert_eq!(scene.stage.arrays.dump(), before);
    // Twice is once too often.
    let said = process::release(&desk, "orders").await.err();
    assert_told(&said, &["`orders`", "no such volume"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_and_its_snapshot_are_adopted_and_given_back_byte_for_byte() {
    in_every_flavour("adoption", there_and_back).await;
}

async fn removed(scene: Scene) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    process::adopt(&desk(&scene), "orders", None, &[])
        .await
        .ok();
    // It is Docker's: `docker volume rm` is meant.
    scene.status("orders").await;
    scene.stage.remove("orders").await.ok();
    let before = scene.stage.before.clone();
    scene.end_as(&before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_volume_is_removed_like_any_volume() {
    in_every_flavour("removal", removed).await;
}

async fn refused(scene: Scene) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    scene.types(HOME, &making(OTHER, OTHER_ID, "orders")).await;
    scene
        .types(HOME, &format!("createvv -tpvv ssd_r5 {CLONE} 1g"))
        .await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    let list = process::list(&desk).await;
    // Two of one name: neither, and both are named.
    for vv in [ORDERS, OTHER] {
        objects(&list, vv, &["`orders`", ORDERS, OTHER, "--name"]);
    }
    objects(&list, CLONE, &["no comment", "clones", "--name"]);
    for which in [ORDERS, OTHER, CLONE] {
        process::adopt(&desk, which, None, &[]).await.err();
    }
    for name in [None, Some("new")] {
        let said = process::adopt(&desk, "orders", name, &[]).await.err();
        assert_told(&said, &["`orders`", ORDERS, OTHER, "--name"]);
    }
    assert_eq!(scene.stage.arrays.dump(), before);

    // With a name they are.
    process::adopt(&desk, CLONE, Some("copied"), &[]).await.ok();
    process::adopt(&desk, OTHER, Some("orders2"), &[])
        .await
        .ok();
    let text = scene.vv(HOME, "dkv-orders2")["comment"].to_string();
    assert!(
        text.contains("/py=orders\"") || text.contains("/py=orders/"),
        "{text}"
    );
    // Then there is one left of that name.
    process::adopt(&desk, "orders", None, &[]).await.ok();
    for name in ["copied", "orders2", "orders"] {
        process::release(&desk, name).await.ok();
    }
    let mut now = scene.stage.arrays.dump();
    if scene.has_snapshot_cpgs() {
        for vv in [CLONE, OTHER] {
            now[HOME]["vvs"][vv]["snp_cpg"] = Value::Null;
        }
    }
    assert_eq!(now, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_names_and_clones_without_one_need_a_name() {
    in_every_flavour("names", refused).await;
}

/// Of two with one name only one can be taken now: it is not the one that is meant for that.
async fn one_in_use(scene: Scene) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    scene.types(HOME, &making(OTHER, OTHER_ID, "orders")).await;
    scene
        .types(HOME, "createhost -iscsi oldhost iqn.2026-01.test:oldhost")
        .await;
    scene
        .types(HOME, &format!("createvlun {ORDERS} 3 oldhost"))
        .await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    let list = process::list(&desk).await;
    objects(&list, ORDERS, &["exported to `oldhost`"]);
    objects(&list, OTHER, &["`orders`", ORDERS, OTHER, "--name"]);
    assert_eq!(item(&list, OTHER)["name"], Value::Null);
    for (which, name) in [
        ("orders", None),
        ("orders", Some("new")),
        (OTHER, None),
        (ORDERS, Some("new")),
    ] {
        process::adopt(&desk, which, name, &[]).await.err();
    }
    let said = process::adopt(&desk, "orders", None, &[]).await.err();
    assert_told(&said, &["`orders`", ORDERS, OTHER, "--name"]);
    assert_eq!(scene.stage.arrays.dump(), before);
    // Who says which, and by what name, is believed.
    process::adopt(&desk, OTHER, Some("orders"), &[]).await.ok();
    assert!(scene.vv(HOME, OTHER).is_null());
    assert!(!scene.vv(HOME, ORDERS).is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_has_its_name_all_the_same() {
    in_every_flavour("one in use", one_in_use).await;
}

/// A VV of one name on two arrays, whose copies they were.
async fn on_both_arrays(stage: &Stage) -> Machine {
    for array in [HOME, PEER] {
        types(stage, array, &making_orders()).await;
        let host = "createhost -iscsi oldhost iqn.2026-01.test:oldhost";
        types(stage, array, host).await;
    }
    with_far(stage)
}

#[tokio::test(flavor = "multi_thread")]
async fn former_copies_are_told_apart_by_a_person() {
    let scene = Scene::set("3.3.1").await;
    let desk = on_both_arrays(&scene.stage).await;
    let before = scene.stage.arrays.dump();
    let list = process::list(&desk).await;
    let all = list["all"].as_array().unwrap();
    assert_eq!(all.len(), 2, "{list:#}");
    for item in all {
        assert!(item["objection"].as_str().is_some(), "{item:#}");
    }
    for (which, name) in [("orders", None), (ORDERS, None), (ORDERS, Some("new"))] {
        let said = process::adopt(&desk, which, name, &[]).await.err();
        assert_told(&said, &["more than one", ORDERS, "setvv -name"]);
    }
    assert_eq!(scene.stage.arrays.dump(), before);

    // One of them is in use: the other one is not taken for it, unless somebody says so.
    let export = format!("createvlun {ORDERS} 3 oldhost");
    scene.types(HOME, &export).await;
    let before = scene.stage.arrays.dump();
    for which in ["orders", ORDERS] {
        let said = process::adopt(&desk, which, None, &[]).await.err();
        assert_told(&said, &["`orders`", ORDERS, "--name"]);
    }
    assert_eq!(scene.stage.arrays.dump(), before);
    // While none can be taken they are one volume.
    scene.types(PEER, &export).await;
    let said = process::adopt(&desk, "orders", None, &[]).await.err();
    assert_told(&said, &["exported to `oldhost`", "stop the containers"]);
    let list = process::list(&desk).await;
    for item in list["all"].as_array().unwrap() {
        assert_eq!(item["name"], "orders", "{item:#}");
    }
    let unexport = format!("removevlun -f {ORDERS} 3 oldhost");
    scene.types(PEER, &unexport).await;
    process::adopt(&desk, ORDERS, Some("new"), &[]).await.ok();
    assert!(!scene.vv(PEER, "dkv-new").is_null());
    assert!(!scene.vv(HOME, ORDERS).is_null());

    // A dry run asks all arrays for the new name, as a machine that knows nothing yet does.
    std::fs::remove_dir_all(desk.dir.join("state")).unwrap();
    scene.types(HOME, &unexport).await;
    let list = process::look(&desk, "orders", "new").await.ok();
    let far = format!("array `{}` has it", scene.stage.label(PEER));
    objects(&list, ORDERS, &["cannot be called `new`", &far]);
    let list = process::look(&desk, "orders", "newer").await.ok();
    let found = item(&list, ORDERS);
    assert_eq!(
        (&found["name"], &found["objection"]),
        (&json!("newer"), &Value::Null),
        "{found:#}"
    );
}

async fn with_schedules(scene: Scene) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    scene.types(HOME, &making(OTHER, OTHER_ID, "other")).await;
    for (name, of) in [("hourly", ORDERS), ("nightly", ORDERS), ("else", CLONE)] {
        scene.has_schedule(name, of).await;
    }
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    let both = json!(["hourly", "nightly"]);
    scene.stage.arrays.control.clear_log();
    let list = process::list(&desk).await;
    assert_eq!(item(&list, ORDERS)["schedules"], both);
    assert_eq!(item(&list, OTHER)["schedules"], json!([]));
    let log = scene.stage.arrays.control.log(None);
    let asked = log
        .iter()
        .filter(|entry| entry.line.starts_with("showsched"));
    assert_eq!(asked.count(), 1, "once an array");
    let adopted = process::adopt(&desk, "orders", None, &[]).await.ok();
    assert_eq!(adopted["schedules"], both);
    // The schedules are nobody's to change, and find what is given back.
    let schedules = |dump: &Value| dump[HOME]["schedules"].clone();
    assert_eq!(schedules(&scene.stage.arrays.dump()), schedules(&before));
    process::release(&desk, "orders").await.ok();
    assert_eq!(scene.stage.arrays.dump(), before);

    // An array that does not tell keeps nobody from it.
    let fault = Fault::new(Kind::Refuse).on(HOME).matching("^showsched");
    let fault = fault.words("Error: the moon is wrong");
    scene.stage.arrays.control.fault(fault).unwrap();
    let adopted = process::adopt(&desk, "orders", None, &[]).await.ok();
    assert_eq!(adopted["schedules"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schedules_that_lose_their_volume_are_told() {
    in_every_flavour("schedules", with_schedules).await;
}

async fn in_use(scene: Scene) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    let desk = desk(&scene);
    // A name that is none here, and one that is Docker's already.
    scene.types(HOME, &making(OTHER, OTHER_ID, "x")).await;
    objects(&process::list(&desk).await, OTHER, &["`x`", "--name"]);
    scene
        .types(
            HOME,
            &format!("setvv -comment {} {OTHER}", quoted("someone's")),
        )
        .await;
    objects(
        &process::list(&desk).await,
        OTHER,
        &["not the python plugin's"],
    );
    scene
        .stage
        .create("orders", json!({ "size": "1" }))
        .await
        .ok();
    let said = process::adopt(&desk, ORDERS, None, &[]).await.err();
    assert_told(&said, &["`orders`", "exists with other options"]);
    scene.stage.remove("orders").await.ok();

    // Used by a host with the python plugin.
    scene
        .types(HOME, "createhost -iscsi oldhost iqn.2026-01.test:oldhost")
        .await;
    scene
        .types(HOME, &format!("createvlun {ORDERS} 3 oldhost"))
        .await;
    let before = scene.stage.arrays.dump();
    let parts = ["exported to `oldhost`", "python plugin"];
    objects(&process::list(&desk).await, ORDERS, &parts);
    let said = process::adopt(&desk, "orders", Some("mine"), &[])
        .await
        .err();
    assert_told(&said, &parts);
    assert_eq!(scene.stage.arrays.dump(), before);
    scene
        .types(HOME, &format!("removevlun -f {ORDERS} 3 oldhost"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_used_or_named_otherwise_is_refused() {
    in_every_flavour("in use", in_use).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_taken_is_given_back() {
    let scene = Scene::set("3.3.1").await;
    let desk = desk(&scene);
    scene.stage.create("db1", json!({ "size": "1" })).await.ok();
    let before = scene.stage.arrays.dump();
    let said = process::release(&desk, "db1").await.err();
    assert_told(&said, &["`dkv-db1`", "neither imported nor adopted"]);
    assert_eq!(scene.stage.arrays.dump(), before);
    // One that was imported to be owned is given back all the same.
    scene.has_vv("oracle_01").await;
    scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    let with = scene.stage.arrays.dump();
    let own = json!({ "importPolicy": "own" });
    scene.import("db2", "oracle_01", own).await.ok();
    // A release that fails leaves it as it was: Docker's own.
    let fault = Fault::new(Kind::Refuse)
        .on(HOME)
        .matching("^setvv -name oracle_01 ");
    let fault = fault.words("Error: the moon is wrong");
    scene.stage.arrays.control.fault(fault).unwrap();
    let said = process::release(&desk, "db2").await.err();
    assert_told(&said, &["the moon is wrong", "usable again"]);
    let text = scene.vv(HOME, "dkv-db2")["comment"].to_string();
    assert!(
        text.contains("/state=ready/") && text.contains("/imp=own"),
        "{text}"
    );
    process::release(&desk, "db2").await.ok();
    assert_eq!(scene.stage.arrays.dump(), with);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_an_array_is_away_only_a_given_name_is_certain() {
    let scene = Scene::set("3.3.1").await;
    make_orders(&scene.stage, true).await;
    let desk = with_far(&scene.stage);
    scene.stage.arrays.control.down(PEER).await.unwrap();
    let list = process::list(&desk).await;
    assert_eq!(list["not asked"].as_array().unwrap().len(), 1, "{list:#}");
    let said = process::adopt(&desk, "orders", None, &[]).await.err();
    assert_told(&said, &["another of that name may be", "127.0.0.1:"]);
    scene.stage.arrays.control.up(PEER).await.unwrap();
    process::adopt(&desk, "orders", None, &[]).await.ok();
    assert_eq!(scene.status("orders").await["backend"], "DEFAULT");
}
