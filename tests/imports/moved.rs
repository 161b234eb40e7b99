//! A group that changes its direction over an unfinished import or release: what was imported is never what the dismissal removes.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    rig::{
        arrays::{HOME, PEER},
        plugin::{Plugin, Reply},
    },
    scene::{COMMENT, FLAVOURS, Scene, in_every_flavour, in_every_flavour_with, into_group},
    stage::{Case, all, assert_told, case, patient},
};

const THERE: &str = "prod.r130512";

/// What is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Import,
    Mount,
    Release,
}

impl What {
    async fn perform(self, scene: &Scene) -> Reply {
        match self {
            Self::Import => scene.import("db1", "oracle_01", into_group()).await,
            Self::Mount => scene.stage.plugin.mount("db1", "c1").await,
            Self::Release => scene.stage.remove("db1").await,
        }
    }
}

/// The plugin dies when a command has taken effect and was not answered.
pub async fn dies_after(scene: &mut Scene, what: What, array: &str, at: &str) {
    let control = scene.stage.arrays.control.clone();
    control.clear_log();
    let fault = Fault::new(Kind::HangAfter).on(array).matching(at);
    control.fault(fault).unwrap();
    let dying = async {
        let patience = Instant::now() + Duration::from_secs(60);
        let command = regex::Regex::new(at).unwrap();
        let hangs = || {
            let log = control.log(Some(array));
            log.iter()
                .any(|entry| command.is_match(&entry.line) && entry.ran)
        };
        while !hangs() {
            assert!(Instant::now() < patience, "{at} never came");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        scene.stage.plugin.strike();
    };
    let (reply, ()) = tokio::join!(what.perform(scene), dying);
    assert_eq!(reply, Reply::Closed);
    tokio::task::block_in_place(|| scene.stage.plugin.kill());
    control.clear_faults();
    control.release();
}

fn group(scene: &Scene) -> Value {
    scene.stage.arrays.dump()[HOME]["groups"]["prod"].clone()
}

async fn interrupted(what: What, array: &'static str, at: &'static str) {
    let mut scene = Scene::set("3.3.1").await;
    scene.has_vv("oracle_01").await;
    scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    let wwn = scene.vv(HOME, "oracle_01")["wwn"].clone();
    // The group stays after its end.
    let beside = json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" });
    scene.stage.create("db2", beside).await.ok();
    scene.stage.settled().await;
    if what == What::Release {
        scene.import("db1", "oracle_01", into_group()).await.ok();
        scene.stage.settled().await;
    }
    dies_after(&mut scene, what, array, at).await;
    scene.stage.settled().await;
    if group(&scene)["status"] == "Started" {
        scene.types(HOME, "stoprcopygroup -f prod").await;
    }
    for turn in ["failover", "recover"] {
        let line = format!("setrcopygroup {turn} -f -waittask {THERE}");
        scene.types(PEER, &line).await;
    }
    scene.stage.settled().await;

    scene.stage.arrays.control.clear_log();
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    let said = what.perform(&scene).await.err();
    let parts = ["secondary of remote copy group `prod`", "not cleaned up"];
    assert_told(&said, &parts);
    let log = scene.stage.arrays.control.log(None);
    let dismissed = log.iter().any(|e| e.line.starts_with("dismissrcopyvv"));
    assert!(!dismissed, "{what:?} {at}");
    assert_eq!(scene.vv(HOME, "dkv-db1")["wwn"], wwn);
    assert!(!scene.vv(PEER, "dkv-db1").is_null());

    // Home again, it is ended.
    let restore = format!("setrcopygroup restore -f -waittask {THERE}");
    scene.types(PEER, &restore).await;
    scene.stage.settled().await;
    what.perform(&scene).await.ok();
    scene.stage.settled().await;
    if what == What::Import {
        scene.stage.remove("db1").await.ok();
    }
    let back = scene.vv(HOME, "oracle_01");
    assert_eq!((&back["wwn"], &back["comment"]), (&wwn, &json!(COMMENT)));
    assert!(scene.vv(PEER, "dkv-db1").is_null());
    scene.stage.calm_down().await;
    assert_eq!(group(&scene)["status"], "Started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_was_imported_stays_when_its_group_moves_over_an_unfinished_operation() {
    let mut cases: Vec<Case> = Vec::new();
    for (what, array, at) in [
        // Admitted, and copied; marked on both arrays; the lock taken, and the group stopped.
        (What::Import, HOME, "^startrcopygroup "),
        (What::Release, PEER, "^setvv -comment dk1.*state=removing"),
        (What::Release, HOME, "^stoprcopygroup "),
    ] {
        let name = format!("{what:?} {at} on {array}");
        cases.push(case(name, interrupted(what, array, at)));
    }
    all(3, cases).await;
}

/// Nothing of it can be found: that is no success.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn what_is_not_found_is_not_given_back() {
    let mut scene = Scene::set("3.3.1").await;
    scene.has_vv("oracle_01").await;
    scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    scene.import("db1", "oracle_01", json!({})).await.ok();
    let marked = "^setvv -comment dk1.*state=removing";
    dies_after(&mut scene, What::Release, HOME, marked).await;
    scene.types(HOME, "setvv -name elsewhere dkv-db1").await;
    scene.stage.plugin = tokio::task::block_in_place(|| Plugin::start(&scene.stage.machine));
    for _ in 0..2 {
        let said = scene.stage.remove("db1").await.err();
        assert_told(&said, &["not what was imported (WWN", "`oracle_01`"]);
    }
    scene.types(HOME, "setvv -name dkv-db1 elsewhere").await;
    scene.stage.remove("db1").await.ok();
    assert_eq!(scene.vv(HOME, "oracle_01")["comment"], COMMENT);
}

async fn other_meanwhile(scene: Scene) {
    let imported = "dk1/ns=/name=db1/home=130512/op=host8@abcdef.1/state=ready/origin=data/fmt=done/was=shared/imp=release";
    let anew = format!("createvv -tpvv -comment {imported} ssd_r5 dkv-db1 1g");
    for (swap, parts) in [
        (
            vec!["removevv -f dkv-db1".to_owned(), anew],
            ["dkv-db1", "removed and made it anew"],
        ),
        (
            vec![format!("setvv -comment {imported} dkv-db1")],
            ["dkv-db1", "it was imported since"],
        ),
    ] {
        scene.stage.create("db1", json!({ "size": "1" })).await.ok();
        let control = scene.stage.arrays.control.clone();
        control.clear_log();
        // After the first look at the volume.
        let fault = Fault::new(Kind::HangBefore)
            .on(HOME)
            .matching("^showvvset ");
        control.fault(fault).unwrap();
        let meanwhile = async {
            let patience = Instant::now() + Duration::from_secs(60);
            while !control
                .log(Some(HOME))
                .iter()
                .any(|entry| entry.line.starts_with("showvvset "))
            {
                assert!(Instant::now() < patience, "never looked at");
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            for line in &swap {
                scene.types(HOME, line).await;
            }
            control.clear_faults();
            control.release();
        };
        let (reply, ()) = tokio::join!(scene.stage.plugin.remove("db1"), meanwhile);
        assert_told(&reply.err(), &parts);
        scene.stage.calm_down().await;
        assert_eq!(scene.vv(HOME, "dkv-db1")["comment"], imported);
        scene.types(HOME, "removevv -f dkv-db1").await;
        // It is gone by now.
        scene.stage.remove("db1").await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_has_imported_under_the_name_is_not_removed() {
    in_every_flavour_with("another's", patient, other_meanwhile).await;
}

async fn needed_on_the_peer(scene: Scene) {
    scene.has_vv("oracle_01").await;
    if scene.has_snapshot_cpgs() {
        scene.types(HOME, "setvv -snp_cpg ssd_r5 oracle_01").await;
    }
    scene.import("db1", "oracle_01", into_group()).await.ok();
    scene.stage.settled().await;
    scene.types(PEER, "createsv nightly dkv-db1").await;
    scene.keeps("db1", &["nightly"]).await;
    scene.types(PEER, "removevv -f nightly").await;
    scene.types(PEER, "createvvset reports dkv-db1").await;
    scene.keeps("db1", &["reports"]).await;
    scene.types(PEER, "removevvset -f reports").await;
    // On its own array they stay with it.
    scene.types(HOME, "createvvset reports dkv-db1").await;
    scene.stage.remove("db1").await.ok();
    let set = scene.stage.arrays.dump()[HOME]["vv_sets"]["reports"]["members"].clone();
    assert_eq!(set, json!(["oracle_01"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_of_the_copy_keeps_an_import_from_being_released() {
    in_every_flavour("on the peer", needed_on_the_peer).await;
}

async fn retained(release: &'static str) {
    // A day takes an hour.
    let slowly = |toml: String| toml.replace("factor = 100000.0", "factor = 20.0");
    let scene = Scene::set_with(release, slowly, |conf| conf).await;
    scene.stage.create("db1", json!({ "size": "1" })).await.ok();
    scene
        .types(HOME, "createsv -f -retain 2d monday dkv-db1")
        .await;
    scene.import("s1", "monday", json!({})).await.ok();
    scene.stage.remove("s1").await.ok();
    assert_eq!(scene.vv(HOME, "monday")["copy_of"], "dkv-db1");
    // What is to be removed is still refused.
    let own = json!({ "importPolicy": "own" });
    scene.import("s1", "monday", own).await.ok();
    scene.keeps("s1", &["its retention"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_snapshot_is_released_and_not_removed() {
    let cases = FLAVOURS.map(|release| case(release, retained(release)));
    all(3, cases.into()).await;
}
