//! Volumes of the python plugin that are in a remote copy group: they leave it for their new name, join it again, and are copied anew.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    adopting::{ORDERS, OTHER, OTHER_ID, desk, item, make_orders, making, objects},
    process,
    rig::arrays::{Arrays, HOME, Machine, PEER, persistent, witnessed},
    scene::{FLAVOURS, Scene, in_every_flavour},
    stage::{Case, all, assert_told, case},
};

/// What becomes of the copy of [`ORDERS`].
pub const FORMER: &str = "dcv-rNQ35-G7TkS-7v.GUQuQDg.old";

/// What an administrator made of the volume: it is in group `books`, and its copy is complete.
pub async fn replicate(arrays: &Arrays, vv: &str, persistent: bool, has_snapshot_cpgs: bool) {
    let type_in = async |line: String| {
        assert_eq!(arrays.type_in(HOME, &line).await, "", "{line}");
    };
    if arrays.dump()[HOME]["groups"]["books"].is_null() {
        let snap = match has_snapshot_cpgs {
            true => " -snp_cpg ssd_r5 to-birch:ssd_r5",
            false => "",
        };
        let cpgs = format!("-usr_cpg ssd_r5 to-birch:ssd_r5{snap}");
        type_in(format!("creatercopygroup {cpgs} books to-birch:sync")).await;
        let policies: &[&str] = match persistent {
            true => &["auto_failover", "path_management"],
            false => &[],
        };
        for policy in policies {
            type_in(format!("setrcopygroup pol {policy} books")).await;
        }
    } else {
        type_in("stoprcopygroup -f books".to_owned()).await;
    }
    let own = if persistent { "" } else { "-nowwn " };
    let admit = format!("admitrcopyvv -createvv {own}{vv} books to-birch:{vv}");
    type_in(admit).await;
    type_in("startrcopygroup books".to_owned()).await;
    copied(arrays).await;
}

/// Waits until every copy is complete.
pub async fn copied(arrays: &Arrays) {
    let patience = Instant::now() + Duration::from_secs(60);
    while arrays.dump().to_string().contains("Syncing") {
        assert!(Instant::now() < patience, "never in step");
        // Where a copy takes its time.
        arrays.control.advance(60);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A machine whose plugin does not run, with such an hpe.conf.
pub fn desk_with(scene: &Scene, conf: impl FnOnce(String) -> String) -> Machine {
    let desk = desk(scene);
    let text = std::fs::read_to_string(desk.conf()).unwrap();
    std::fs::write(desk.conf(), conf(text)).unwrap();
    desk
}

pub async fn with_orders(scene: &Scene, persistent: bool) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    let has_snapshot_cpgs = scene.has_snapshot_cpgs();
    replicate(&scene.stage.arrays, ORDERS, persistent, has_snapshot_cpgs).await;
}

pub fn members(dump: &Value, array: &str, group: &str) -> Vec<String> {
    let volumes = dump[array]["groups"][group]["volumes"].as_array();
    let volumes = volumes.unwrap_or_else(|| panic!("no `{group}` on {array}"));
    let local = volumes.iter().map(|volume| volume["local"].as_str());
    let mut names: Vec<_> = local.map(|name| name.unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn there_and_back(scene: Scene) {
    with_orders(&scene, false).await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);

    // Nobody said that it may be copied anew.
    let parts = ["remote copy group `books`", "--copy-anew"];
    objects(&process::list(&desk).await, ORDERS, &parts);
    let said = process::adopt(&desk, "orders", None, &[]).await.err();
    assert_told(&said, &parts);
    // A dry run, which tells of it once: the copy goes with it.
    let list = process::list_anew(&desk).await;
    assert_eq!(list["all"].as_array().unwrap().len(), 1, "{list:#}");
    let found = item(&list, ORDERS);
    let former = json!({ "vv": FORMER, "array": scene.stage.label(PEER) });
    for (key, value) in [
        ("objection", Value::Null),
        ("name", json!("orders")),
        ("backend", json!("mirrored")),
        ("group", json!("books")),
        ("former", former.clone()),
    ] {
        assert_eq!(found[key], value, "{found:#}");
    }
    assert_eq!(scene.stage.arrays.dump(), before);

    let adopted = process::adopt_anew(&desk, "orders", None, &[]).await.ok();
    assert_eq!(adopted["former"], former);
    let there = "books.r130512";
    let dump = scene.stage.arrays.dump();
    for (array, group) in [(HOME, "books"), (PEER, there)] {
        assert_eq!(members(&dump, array, group), ["dkv-orders"]);
    }
    // What the copy was stays, until the new one is complete, and after.
    let was = &before[PEER]["vvs"][ORDERS];
    let is = &dump[PEER]["vvs"][FORMER];
    for key in ["wwn", "id", "size_mib"] {
        assert_eq!(is[key], was[key], "{key}");
    }
    let text = scene.vv(HOME, "dkv-orders")["comment"].to_string();
    for part in ["/py=orders", "/imp=own", "/state=ready/", "/origin=data"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        dump[HOME]["vvs"]["dkv-orders"]["wwn"],
        before[HOME]["vvs"][ORDERS]["wwn"]
    );
    scene.stage.settled().await;
    let dump = scene.stage.arrays.dump();
    for (array, group) in [(HOME, "books"), (PEER, there)] {
        assert_eq!(dump[array]["groups"][group]["status"], "Started");
    }
    scene.status("orders").await;
    let status = scene.status("orders").await;
    let shown = &status["replication"]["volumes"][0]["sync"];
    assert_eq!(*shown, "Synced", "{status:#}");
    // It is no volume that could be adopted.
    let list = process::list_anew(&desk).await;
    assert_eq!(list["all"], json!([]), "{list:#}");

    // Given back, it is out of the group, which is an administrator's and stays.
    process::release(&desk, "orders").await.ok();
    let dump = scene.stage.arrays.dump();
    assert_eq!(dump[HOME]["vvs"], before[HOME]["vvs"]);
    assert_eq!(members(&dump, HOME, "books"), Vec::<String>::new());
    let names: Vec<_> = dump[PEER]["vvs"].as_object().unwrap().keys().collect();
    assert!(names.contains(&&FORMER.to_owned()), "{names:?}");
    assert!(!names.contains(&&"dkv-orders".to_owned()), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_volume_leaves_its_group_for_its_name_and_is_copied_anew() {
    // Not so fast that the plugin that runs takes the desk's lock for a left one.
    let slowly = |toml: String| toml.replace("factor = 100000.0", "factor = 20.0");
    let mut cases: Vec<Case> = Vec::new();
    for release in FLAVOURS {
        let scene = Scene::set_with(release, slowly, |conf| conf).await;
        cases.push(case(release, there_and_back(scene)));
    }
    all(3, cases).await;
}

pub async fn persistent_scene(release: &'static str) -> Scene {
    let arrays = |toml: String| witnessed(&toml);
    Scene::set_with(release, arrays, |text: String| persistent(&text)).await
}

/// Peer Persistence: an array has one VV of a WWN, and the new copy has the volume's.
#[tokio::test(flavor = "multi_thread")]
async fn the_former_copy_of_a_persistent_volume_gets_a_wwn_of_its_own() {
    for release in ["3.3.1", "10.5.0"] {
        let scene = persistent_scene(release).await;
        with_orders(&scene, true).await;
        let wwn = scene.vv(HOME, ORDERS)["wwn"].clone();
        assert_eq!(scene.vv(PEER, ORDERS)["wwn"], wwn);
        let desk = desk_with(&scene, |conf| persistent(&conf));
        process::adopt_anew(&desk, "orders", None, &[]).await.ok();
        for array in [HOME, PEER] {
            assert_eq!(scene.vv(array, "dkv-orders")["wwn"], wwn, "{array}");
        }
        assert_ne!(scene.vv(PEER, FORMER)["wwn"], wwn);
    }
}

/// What it is refused with, and everything as it was.
async fn refuses(scene: &Scene, desk: &Machine, parts: &[&str]) {
    let before = scene.stage.arrays.dump();
    scene.stage.arrays.control.clear_log();
    let list = process::list_anew(desk).await;
    let said = process::adopt_anew(desk, "orders", None, &[]).await.err();
    assert_told(&said, parts);
    let log = scene.stage.arrays.control.log(None);
    let changing: Vec<_> = log.iter().filter(|entry| entry.changed).collect();
    assert!(changing.is_empty(), "{changing:#?}, {list:#}");
    assert_eq!(scene.stage.arrays.dump(), before);
}

async fn refused(scene: Scene) {
    with_orders(&scene, false).await;
    let desk = desk(&scene);
    let host = "createhost -iscsi oldhost iqn.2026-01.test:oldhost";
    scene.types(PEER, host).await;
    // A host of the python plugin has the copy.
    scene
        .types(PEER, &format!("createvlun {ORDERS} 3 oldhost"))
        .await;
    refuses(
        &scene,
        &desk,
        &[ORDERS, "exported to `oldhost`", "showvlun -t -v"],
    )
    .await;
    scene
        .types(PEER, &format!("removevlun -f {ORDERS} 3 oldhost"))
        .await;
    // The name of the former copy, or of the new one, is somebody's.
    for (name, hint) in [(FORMER, "removevv -f"), ("dkv-orders", "`dkv-orders`")] {
        scene
            .types(PEER, &format!("createvv -tpvv ssd_r5 {name} 1g"))
            .await;
        refuses(&scene, &desk, &[name, hint]).await;
        scene.types(PEER, &format!("removevv -f {name}")).await;
    }
    // A person stopped the group.
    scene.types(HOME, "stoprcopygroup -f books").await;
    refuses(&scene, &desk, &["`books`", "startrcopygroup books"]).await;
    // Failed over: what is here is the copy.
    let there = "books.r130512";
    let failover = format!("setrcopygroup failover -f -waittask {there}");
    scene.types(PEER, &failover).await;
    let recover = format!("setrcopygroup recover -f -waittask {there}");
    scene.types(PEER, &recover).await;
    scene.stage.settled().await;
    refuses(&scene, &desk, &["`books`", "Primary on the other array"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_leave_its_group_is_refused_before_anything_is_changed() {
    in_every_flavour("refused", refused).await;
}

/// A group that replicates in another way than any backend.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_no_backend_is_refused() {
    let periodic = |conf: String| {
        let sync = "replication_mode = \"synchronous\"";
        let wanted = "replication_mode = \"asynchronous\"\nsync_period = 900";
        assert!(conf.contains(sync), "{conf}");
        conf.replace(sync, wanted)
    };
    let scene = Scene::set("3.3.1").await;
    with_orders(&scene, false).await;
    let desk = desk_with(&scene, periodic);
    refuses(
        &scene,
        &desk,
        &["`books`", "no backend", "replication_device"],
    )
    .await;
}

/// One after the other: a group that is being copied is not stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_one_of_a_group_waits_until_the_first_is_copied() {
    let as_long_as_it_takes = |toml: String| {
        let fast = "factor = 100000.0";
        assert!(toml.contains(fast), "{toml}");
        toml.replace(fast, "factor = 1.0")
    };
    let scene = Scene::set_with("3.3.1", as_long_as_it_takes, |conf| conf).await;
    with_orders(&scene, false).await;
    for line in [
        making(OTHER, OTHER_ID, "other"),
        format!("setvv -snp_cpg ssd_r5 {OTHER}"),
    ] {
        scene.types(HOME, &line).await;
    }
    replicate(&scene.stage.arrays, OTHER, false, true).await;
    let desk = desk(&scene);
    process::adopt_anew(&desk, "orders", None, &[]).await.ok();
    let before = scene.stage.arrays.dump();
    let parts = [
        "cannot leave its group",
        "`books`",
        "still copying a volume",
    ];
    objects(&process::list_anew(&desk).await, OTHER, &parts);
    let said = process::adopt_anew(&desk, "other", None, &[]).await.err();
    assert_told(&said, &parts);
    assert_eq!(scene.stage.arrays.dump(), before);
    copied(&scene.stage.arrays).await;
    process::adopt_anew(&desk, "other", None, &[]).await.ok();
    let dump = scene.stage.arrays.dump();
    assert_eq!(members(&dump, HOME, "books"), ["dkv-orders", "dkv-other"]);
}

/// After an adoption that was taken back: the volume is what it was, in its group, which runs. True if it has another copy now, beside the
/// former one, which is removed here: then all may be tried again.
pub async fn is_back(arrays: &Arrays, before: &Value) -> bool {
    copied(arrays).await;
    let now = arrays.dump();
    for kind in ["vvs", "vluns", "vv_sets", "hosts"] {
        assert_eq!(now[HOME][kind], before[HOME][kind]);
    }
    for (array, group) in [(HOME, "books"), (PEER, "books.r130512")] {
        assert_eq!(members(&now, array, group), members(before, array, group));
        let is = &now[array]["groups"][group];
        assert_eq!(is["status"], "Started", "{is:#}");
    }
    let id = &before[PEER]["vvs"][ORDERS]["id"];
    if now[PEER]["vvs"][ORDERS]["id"] == *id {
        assert_eq!(now[PEER]["vvs"], before[PEER]["vvs"]);
        return false;
    }
    assert_eq!(
        now[PEER]["vvs"][FORMER]["id"], *id,
        "its former copy is gone"
    );
    assert!(now[PEER]["vvs"]["dkv-orders"].is_null());
    let printed = arrays.type_in(PEER, &format!("removevv -f {FORMER}")).await;
    assert_eq!(printed, format!("Removing vv {FORMER}\n"));
    true
}

/// After one that was not: it is in its group by its new name, and its former copy is there.
pub fn is_adopted(arrays: &Arrays, before: &Value) {
    let now = arrays.dump();
    for (array, group) in [(HOME, "books"), (PEER, "books.r130512")] {
        assert_eq!(members(&now, array, group), ["dkv-orders"]);
    }
    let (copy, was) = (&now[PEER]["vvs"][FORMER], &before[PEER]["vvs"][ORDERS]);
    assert_eq!(copy["id"], was["id"], "its former copy is gone");
    assert_ne!(copy["wwn"], now[PEER]["vvs"]["dkv-orders"]["wwn"]);
}
