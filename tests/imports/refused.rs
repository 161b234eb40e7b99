//! What is not imported: told before anything is changed.

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use super::{
    adopting::{ORDERS, make_orders},
    rig::arrays::HOME,
    scene::{FLAVOURS, Scene, importing, in_every_flavour, into_group},
    stage::{all, case},
};

const DOCKERS: &str = "dcv-rNQ35-G7TkS-7v.GUQuQDg";

async fn by_what_it_is(scene: Scene) {
    let refuses = |vv: &'static str, parts: &'static [&'static str]| {
        scene.refuses("db1", importing(vv, json!({})), parts)
    };
    refuses("nothing", &["`nothing`", "does not exist", "`-o backend=`"]).await;
    refuses("admin", &["`admin`", "the array's own"]).await;
    refuses(".srdata", &["`.srdata`", "the array's own"]).await;
    refuses(DOCKERS, &["python plugin", "volume adopt"]).await;

    let plain = json!({ "size": "1" });
    scene.stage.create("db2", plain).await.ok();
    refuses("dkv-db2", &["is Docker's volume `db2` already"]).await;
    scene.stage.remove("db2").await.ok();

    for (name, parts) in [
        ("dkv-hand", "a name that this plugin gives"),
        ("dkn-blue-hand", "a name that this plugin gives"),
    ] {
        let make = format!("createvv -tpvv ssd_r5 {name} 1g");
        scene.types(HOME, &make).await;
        let parts = [parts, "setvv -name"];
        let options = importing(name, json!({}));
        scene.refuses("db1", options, &parts).await;
        scene.types(HOME, &format!("removevv -f {name}")).await;
    }
    let other = "dk1/ns=blue/name=hand/home=130512/op=h.1/state=ready/origin=blank/fmt=no";
    let make = format!("createvv -tpvv -comment {other} ssd_r5 dkn-blue-hand 1g");
    scene.types(HOME, &make).await;
    refuses(
        "dkn-blue-hand",
        &["namespace `blue`", "`hand`", "release it there"],
    )
    .await;
    scene.types(HOME, "removevv -f dkn-blue-hand").await;

    // Another host is at it: its comment is there, and the name is still the old one.
    let busy = "dk1/ns=/name=x1/home=130512/op=host8@abcdef.1/state=making/origin=data/fmt=done/was=shared/imp=release";
    let make = format!("createvv -tpvv -comment {busy} ssd_r5 shared 1g");
    scene.types(HOME, &make).await;
    refuses("shared", &["host `host8`", "start the plugin on `host8"]).await;
    scene.types(HOME, "removevv -f shared").await;
    scene.stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_somebody_elses_is_refused() {
    in_every_flavour("whose", by_what_it_is).await;
}

async fn by_its_exports(scene: Scene) {
    let home = scene.stage.before.clone();
    scene.has_vv("oracle_01").await;
    scene
        .types(HOME, "createhost -iscsi oracle iqn.2026-01.test:oracle")
        .await;
    let refuses = |parts: &'static [&'static str]| {
        scene.refuses("db1", importing("oracle_01", json!({})), parts)
    };

    scene.types(HOME, "createvlun oracle_01 5 oracle").await;
    refuses(&["exported to `oracle`", "removevlun", "showvlun"]).await;
    scene.types(HOME, "removevlun -f oracle_01 5 oracle").await;

    scene.types(HOME, "createhostset cluster oracle").await;
    scene
        .types(HOME, "createvlun oracle_01 5 set:cluster")
        .await;
    refuses(&["exported to `set:cluster`"]).await;
    scene
        .types(HOME, "removevlun -f oracle_01 5 set:cluster")
        .await;

    scene.types(HOME, "createvlun oracle_01 5 0:2:1").await;
    refuses(&["exported to `0:2:1`"]).await;
    scene.types(HOME, "removevlun -f oracle_01 5 0:2:1").await;

    // Through a set that it is in.
    scene.types(HOME, "createvvset reports oracle_01").await;
    scene.types(HOME, "createvlun set:reports 5 oracle").await;
    refuses(&["exported to `oracle` as part of `set:reports`"]).await;
    scene
        .types(HOME, "removevlun -f set:reports 5 oracle")
        .await;
    // In a set it may be, and it stays there by its new name.
    scene.import("db1", "oracle_01", json!({})).await.ok();
    let set = scene.stage.arrays.dump()[HOME]["vv_sets"]["reports"]["members"].clone();
    assert_eq!(set, json!(["dkv-db1"]));
    scene.stage.remove("db1").await.ok();

    scene.types(HOME, "removevvset -f reports").await;
    scene.types(HOME, "removehostset -f cluster").await;
    scene.types(HOME, "removehost oracle").await;
    scene.types(HOME, "removevv -f oracle_01").await;
    scene.end_as(&home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_host_may_have_is_refused() {
    in_every_flavour("exported", by_its_exports).await;
}

async fn by_its_group(scene: Scene) {
    scene.has_vv("payroll").await;
    let cpgs = if scene.has_snapshot_cpgs() {
        scene.types(HOME, "setvv -snp_cpg ssd_r5 payroll").await;
        "-usr_cpg ssd_r5 to-birch:ssd_r5 -snp_cpg ssd_r5 to-birch:ssd_r5"
    } else {
        "-usr_cpg ssd_r5 to-birch:ssd_r5"
    };
    let make = format!("creatercopygroup {cpgs} books to-birch:sync");
    scene.types(HOME, &make).await;
    scene
        .types(
            HOME,
            "admitrcopyvv -createvv -nowwn payroll books to-birch:payroll",
        )
        .await;
    scene.stage.settled().await;
    let parts = ["remote copy group `books`", "dismissrcopyvv payroll books"];
    for more in [json!({}), into_group()] {
        scene
            .refuses("db1", importing("payroll", more), &parts)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replicated_is_refused() {
    in_every_flavour("in a group", by_its_group).await;
}

async fn by_its_domain(release: &'static str) {
    let in_domains = |toml: String| {
        let cpg = |name: &str| format!("name = \"{name}\"\n");
        let bank = format!("{}domain = \"bank\"\n", cpg("ssd_r6"));
        toml.replace(&cpg("ssd_r6"), &bank)
    };
    let scene = Scene::set_with(release, in_domains, |conf| conf).await;
    scene.types(HOME, "createvv -tpvv ssd_r6 vault 1g").await;
    let parts = ["domain `bank`", "domain `none`"];
    scene
        .refuses("db1", importing("vault", json!({})), &parts)
        .await;
    let swapped = |conf: String| {
        conf.replace(
            "hpe3par_cpg = [\"ssd_r5\", \"ssd_r6\"]",
            "hpe3par_cpg = [\"ssd_r6\", \"ssd_r5\"]",
        )
    };
    let scene = Scene::set_with(release, in_domains, swapped).await;
    scene.types(HOME, "createvv -tpvv ssd_r5 open 1g").await;
    let parts = ["domain `none`", "domain `bank`"];
    scene
        .refuses("db1", importing("open", json!({})), &parts)
        .await;
    scene.types(HOME, "createvv -tpvv ssd_r6 vault 1g").await;
    scene.import("db1", "vault", json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_foreign_domain_is_refused() {
    let cases = FLAVOURS.map(|release| case(release, by_its_domain(release)));
    all(3, cases.into()).await;
}

async fn by_its_schedules(scene: Scene) {
    scene.has_vv("oracle_01").await;
    make_orders(&scene.stage, scene.has_snapshot_cpgs()).await;
    for (name, of) in [
        ("nightly", "oracle_01"),
        ("weekly", "oracle_01"),
        ("dockers", ORDERS),
        // Neither is for it.
        ("other", "oracle_011"),
        ("together", "set:oracle_01"),
    ] {
        scene.has_schedule(name, of).await;
    }
    let parts = [
        "VV `oracle_01`",
        "schedules `nightly`, `weekly` are for",
        "`removesched nightly`, `removesched weekly`",
        "scheduleName",
    ];
    for more in [json!({}), into_group()] {
        let options = importing("oracle_01", more);
        scene.refuses("db1", options, &parts).await;
    }
    // One of the python plugin's as well, where it is not adopted.
    let parts = ["schedules `dockers` are for", "removesched dockers"];
    scene
        .refuses("db1", importing(ORDERS, into_group()), &parts)
        .await;
    for name in ["nightly", "weekly"] {
        scene.types(HOME, &format!("removesched -f {name}")).await;
    }
    scene.import("db1", "oracle_01", json!({})).await.ok();
    scene.stage.remove("db1").await.ok();

    // An array that does not tell keeps nobody from it.
    scene.has_schedule("nightly", "oracle_01").await;
    let fault = Fault::new(Kind::Refuse).on(HOME).matching("^showsched");
    let fault = fault.words("Error: the moon is wrong");
    scene.stage.arrays.control.fault(fault).unwrap();
    scene.import("db1", "oracle_01", json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_schedule_is_for_is_refused() {
    in_every_flavour("schedules", by_its_schedules).await;
}

async fn by_its_comment(scene: Scene) {
    let long = "x".repeat(300);
    let make = format!("createvv -tpvv -comment {long} ssd_r5 chatty 1g");
    scene.types(HOME, &make).await;
    let parts = ["no room to keep", "setvv -comment"];
    scene
        .refuses("db1", importing("chatty", json!({})), &parts)
        .await;
    scene.types(HOME, "setvv -comment \"Größe\" chatty").await;
    let parts = ["printable ASCII", "setvv -comment \"\" chatty"];
    scene
        .refuses("db1", importing("chatty", json!({})), &parts)
        .await;
    // What can be kept fits also beside the names of the longest hosts.
    let fits = "y".repeat(120);
    scene
        .types(HOME, &format!("setvv -comment {fits} chatty"))
        .await;
    scene.import("db1", "chatty", json!({})).await.ok();
    scene.stage.remove("db1").await.ok();
    assert_eq!(scene.vv(HOME, "chatty")["comment"], fits);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_given_back_as_it_was_is_refused() {
    in_every_flavour("comment", by_its_comment).await;
}

async fn by_dockers_name(scene: Scene) {
    scene.has_vv("oracle_01").await;
    let plain = json!({ "size": "1" });
    scene.stage.create("db1", plain).await.ok();
    let options = importing("oracle_01", json!({}));
    scene
        .refuses(
            "db1",
            options.clone(),
            &["exists with other options", "made from"],
        )
        .await;
    // On another backend no less.
    let mirrored = importing("oracle_01", into_group());
    scene
        .refuses("db1", mirrored, &["exists with other options"])
        .await;
    // And a VV of somebody's that has the name by hand.
    scene.types(HOME, "createvv -tpvv ssd_r5 dkv-db2 1g").await;
    scene
        .refuses("db2", options, &["`dkv-db2`", "did not make"])
        .await;
    scene.stage.remove("db1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_docker_has_is_refused() {
    in_every_flavour("name", by_dockers_name).await;
}
