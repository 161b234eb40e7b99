//! Volumes of the python plugin that are in a remote copy group: they leave it for their new name, join it again, and are copied anew.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    adopting::{ORDERS, OTHER, OTHER_ID, desk, item, make_orders, making, objects},
    process,
    rig::{
        arrays::{Arrays, HOME, Machine, PEER, persistent, witnessed},
        plugin::Plugin,
    },
    scene::{Scene, in_every_flavour},
    stage::assert_told,
};

/// What becomes of the copy of [`ORDERS`].
const FORMER: &str = "dcv-rNQ35-G7TkS-7v.GUQuQDg.old";

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
fn desk_with(scene: &Scene, conf: impl FnOnce(String) -> String) -> Machine {
    let desk = desk(scene);
    let text = std::fs::read_to_string(desk.conf()).unwrap();
    std::fs::write(desk.conf(), conf(text)).unwrap();
    desk
}

async fn with_orders(scene: &Scene, persistent: bool) {
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    let has_snapshot_cpgs = scene.has_snapshot_cpgs();
    replicate(&scene.stage.arrays, ORDERS, persistent, has_snapshot_cpgs).await;
}

fn members(dump: &Value, array: &str, group: &str) -> Vec<String> {
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
        assert_eq!(dump[array]["groups"][group]["status"], "Started");
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
    in_every_flavour("in a group", there_and_back).await;
}

async fn persistent_scene(release: &'static str) -> Scene {
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

/// The volume, and another one that stays in the group.
async fn with_another(scene: &Scene, persistent: bool) {
    let has_snapshot_cpgs = scene.has_snapshot_cpgs();
    with_orders(scene, persistent).await;
    scene.types(HOME, &making(OTHER, OTHER_ID, "other")).await;
    if has_snapshot_cpgs {
        let snap_cpg = format!("setvv -snp_cpg ssd_r5 {OTHER}");
        scene.types(HOME, &snap_cpg).await;
    }
    replicate(&scene.stage.arrays, OTHER, persistent, has_snapshot_cpgs).await;
}

async fn undone(scene: Scene) {
    with_another(&scene, false).await;
    let desk = desk(&scene);
    undone_at(
        &scene,
        &desk,
        &[
            (HOME, "^dismissrcopyvv "),
            (PEER, "^setvv -name "),
            (HOME, "^setvv -name dkv-orders "),
            (HOME, "^admitrcopyvv .* dkv-orders "),
            (HOME, "state=ready.* dkv-orders"),
        ],
    )
    .await;
}

/// Each command is refused once; everything is as it was, and then it succeeds.
async fn undone_at(scene: &Scene, desk: &Machine, faults: &[(&str, &str)]) {
    for (array, command) in faults {
        let before = scene.stage.arrays.dump();
        let fault = Fault::new(Kind::Refuse).on(array).matching(command);
        let fault = fault.words("Error: the moon is wrong");
        scene.stage.arrays.control.fault(fault).unwrap();
        let reply = process::adopt_anew(desk, "orders", None, &[]).await;
        let said = reply.err();
        assert!(said.contains("the moon is wrong"), "{command}: {said}");
        assert!(!said.contains("still there"), "{command}: {said}");
        scene.stage.calm_down().await;
        if is_back(&scene.stage.arrays, &before).await {
            assert_told(&said, &["is in remote copy group `books` again", FORMER]);
        }
    }
    process::adopt_anew(desk, "orders", None, &[]).await.ok();
    copied(&scene.stage.arrays).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adoption_that_fails_half_way_puts_the_volume_back_into_its_group() {
    in_every_flavour("undone", undone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_one_that_fails_half_way_is_put_back_with_its_wwn() {
    for release in ["3.3.1", "10.5.0"] {
        let scene = persistent_scene(release).await;
        with_another(&scene, true).await;
        let desk = desk_with(&scene, |conf| persistent(&conf));
        undone_at(
            &scene,
            &desk,
            &[
                (PEER, "^setvv -wwn auto "),
                (HOME, "^admitrcopyvv .* dkv-orders "),
            ],
        )
        .await;
    }
}

/// The lines of this command that an array has carried out, or refused.
fn given(scene: &Scene, array: &str, command: &str) -> usize {
    let log = scene.stage.arrays.control.log(Some(array));
    log.iter().filter(|e| e.line.starts_with(command)).count()
}

/// An array that takes the volume in under neither name is not asked again and again: each time the group would be stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_its_group_does_not_take_again_stays_out_and_that_is_told() {
    let scene = Scene::set("3.3.1").await;
    with_another(&scene, false).await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    let fault = Fault::new(Kind::Refuse).on(HOME).matching("^admitrcopyvv ");
    let fault = fault.words("Error: the moon is wrong").repeat();
    scene.stage.arrays.control.fault(fault).unwrap();
    scene.stage.arrays.control.clear_log();
    let said = process::adopt_anew(&desk, "orders", None, &[]).await.err();
    let by_hand = format!("`admitrcopyvv -createvv -nowwn {ORDERS} books to-birch:{ORDERS}`");
    let home = format!(
        "on `{}`: `stoprcopygroup -f books`",
        scene.stage.label(HOME)
    );
    assert_told(&said, &["the moon is wrong", "is NOT in", &by_hand, &home]);
    assert_eq!(desk.open_entries(), 0);
    // Out, and in twice.
    assert_eq!(given(&scene, HOME, "stoprcopygroup"), 3);
    let now = scene.stage.arrays.dump();
    assert_eq!(now[HOME]["vvs"], before[HOME]["vvs"]);
    assert_eq!(members(&now, HOME, "books"), [OTHER]);
    assert_eq!(now[HOME]["groups"]["books"]["status"], "Started");
    assert_eq!(
        now[PEER]["vvs"][FORMER]["id"],
        before[PEER]["vvs"][ORDERS]["id"]
    );
    // What it says can be typed.
    scene.stage.arrays.control.clear_faults();
    for line in [
        "stoprcopygroup -f books".to_owned(),
        format!("admitrcopyvv -createvv -nowwn {ORDERS} books to-birch:{ORDERS}"),
        "startrcopygroup books".to_owned(),
    ] {
        scene.types(HOME, &line).await;
    }
}

/// What passes is waited for; where that stops the group, for a minute at least, and until a person has done it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_passes_does_not_keep_a_volume_out_of_its_group() {
    let scene = Scene::set("3.3.1").await;
    with_another(&scene, false).await;
    let desk = desk(&scene);
    let refuse = |array: &str, at: &str| {
        let fault = Fault::new(Kind::Refuse).on(array).matching(at);
        let fault = fault.words("Error: the operation could be retried later");
        scene.stage.arrays.control.fault(fault.repeat()).unwrap();
    };
    let before = scene.stage.arrays.dump();
    refuse(PEER, "^setvv -name ");
    process::adopt_anew(&desk, "orders", None, &[]).await.err();
    assert_eq!(desk.open_entries(), 1);
    scene.stage.arrays.control.clear_faults();
    let mut plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
    ended(&desk).await;
    assert!(is_back(&scene.stage.arrays, &before).await);
    tokio::task::block_in_place(|| plugin.kill());

    refuse(HOME, "^admitrcopyvv ");
    scene.stage.arrays.control.clear_log();
    process::adopt_anew(&desk, "orders", None, &[]).await.err();
    // Out, in by its new name, and in by its old one.
    assert_eq!(given(&scene, HOME, "stoprcopygroup"), 3);
    scene.stage.arrays.control.clear_faults();
    let plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
    let patience = Instant::now() + Duration::from_secs(60);
    while !plugin.log().contains("is tried again at") {
        assert!(Instant::now() < patience, "{}", plugin.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(given(&scene, HOME, "stoprcopygroup"), 3);
    for line in [
        "stoprcopygroup -f books".to_owned(),
        format!("admitrcopyvv -createvv -nowwn {ORDERS} books to-birch:{ORDERS}"),
        "startrcopygroup books".to_owned(),
    ] {
        scene.types(HOME, &line).await;
    }
    ended(&desk).await;
    drop(plugin);
}

/// The other site has lost the array that sends, and uses the copy, or what it is called now; then that array is back, and what was begun there is
/// taken back. Nothing is written to the copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_somebody_uses_meanwhile_is_left_alone() {
    // Before and after it got its other name: the second lock is for the way in.
    for (array, at, nth, name) in [
        (PEER, "^setvv -name ", 1, ORDERS),
        (HOME, "^createvvset ", 2, FORMER),
    ] {
        let scene = Scene::set("3.3.1").await;
        with_another(&scene, false).await;
        let id = scene.vv(PEER, ORDERS)["id"].clone();
        let desk = desk(&scene);
        let fault = Fault::new(Kind::DropBefore).on(array).matching(at);
        let fault = fault.nth(nth).repeat();
        scene.stage.arrays.control.fault(fault).unwrap();
        process::adopt_anew(&desk, "orders", None, &[]).await.err();
        for line in [
            "createhost -iscsi saviour iqn.2026-01.test:saviour".to_owned(),
            format!("createvlun {name} 3 saviour"),
        ] {
            scene.types(PEER, &line).await;
        }
        scene.stage.arrays.control.clear_faults();
        let plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
        ended(&desk).await;
        let now = scene.stage.arrays.dump();
        assert_eq!(now[PEER]["vvs"][name]["id"], id, "{name}");
        let exports = now[PEER]["vluns"].to_string();
        assert!(exports.contains(name), "{exports}");
        let volumes = now[PEER]["groups"]["books.r130512"]["volumes"].to_string();
        let in_a_group = volumes.contains(&format!("\"{ORDERS}\""));
        // Its name is taken: the volume stays out. Or it has another copy.
        assert_eq!(in_a_group, name == FORMER, "{volumes}");
        assert_eq!(now[HOME]["groups"]["books"]["status"], "Started");
        drop(plugin);
    }
}

async fn ended(desk: &Machine) {
    let patience = Instant::now() + Duration::from_secs(60);
    while desk.open_entries() > 0 {
        assert!(Instant::now() < patience, "it is still open");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The group does not start with the new copy, and then not with another one: it is put in order when it does, and the former copy stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_copy_outlives_an_undo_that_fails() {
    let scene = Scene::set("3.3.1").await;
    with_orders(&scene, false).await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    let fault = Fault::new(Kind::Refuse)
        .on(HOME)
        .matching("^startrcopygroup ");
    // After the dismissal nobody is left in the group, so that nothing is started.
    let fault = fault.words("Error: the moon is wrong").repeat();
    scene.stage.arrays.control.fault(fault).unwrap();
    let said = process::adopt_anew(&desk, "orders", None, &[]).await.err();
    assert_told(&said, &["the moon is wrong", "remote copy group `books`"]);
    scene.stage.arrays.control.clear_faults();
    let plugin = tokio::task::block_in_place(|| Plugin::start(&desk));
    ended(&desk).await;
    let now = scene.stage.arrays.dump();
    assert_eq!(now[HOME]["vvs"], before[HOME]["vvs"]);
    assert_eq!(now[HOME]["vv_sets"], before[HOME]["vv_sets"]);
    let id = &before[PEER]["vvs"][ORDERS]["id"];
    assert_eq!(now[PEER]["vvs"][FORMER]["id"], *id, "{said}");
    drop(plugin);
}

/// The python plugin knows nothing of a lock: it mounts what it knows by this name.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_before_it_has_its_name_is_put_back() {
    let scene = Scene::set("3.3.1").await;
    with_another(&scene, false).await;
    let host = "createhost -iscsi oldhost iqn.2026-01.test:oldhost";
    scene.types(HOME, host).await;
    let before = scene.stage.arrays.dump();
    let desk = desk(&scene);
    for at in ["^setvv -comment dk1/.*was=", "^dismissrcopyvv "] {
        let fault = Fault::new(Kind::HangBefore).on(HOME).matching(at);
        scene.stage.arrays.control.fault(fault).unwrap();
        scene.stage.arrays.control.clear_log();
        let adopt = process::adopt_anew(&desk, "orders", None, &[]);
        let export = async {
            let patience = Instant::now() + Duration::from_secs(60);
            let line = at.trim_start_matches('^');
            let line = line.split(' ').next().unwrap();
            while given(&scene, HOME, line) == 0 {
                assert!(Instant::now() < patience, "{at}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            scene
                .types(HOME, &format!("createvlun {ORDERS} 3 oldhost"))
                .await;
            scene.stage.arrays.control.release();
        };
        let (reply, ()) = tokio::join!(adopt, export);
        assert_told(&reply.err(), &["exports it to `oldhost`"]);
        scene
            .types(HOME, &format!("removevlun -f {ORDERS} 3 oldhost"))
            .await;
        scene.stage.calm_down().await;
        is_back(&scene.stage.arrays, &before).await;
    }
}
