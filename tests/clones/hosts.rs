//! Two hosts and one clone.

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use super::{
    bench::{
        self, Flavour::*, at_once, clone, completed, end, given, slowly, state, status, until, vv,
    },
    rig::{
        arrays::{HOME, PEER},
        plugin::Plugin,
    },
    scene::{GROUP, Release::*, Scene, Way::*},
    stage::{Stage, assert_told, machine, patient, patient_machine},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_that_make_one_clone_have_one() {
    for round in 0..5 {
        let stage = bench::set(V331, at_once).await;
        stage.create("db1", json!({ "size": "1" })).await.ok();
        let machine = machine(&stage.arrays, "host2");
        let mut other = tokio::task::block_in_place(|| Plugin::start(&machine));
        machine.listed_once(&stage.arrays).await;
        let options = json!({ "size": "2" });
        let (one, two) = tokio::join!(
            clone(&stage.plugin, "db1", "db2", options.clone()),
            clone(&other, "db1", "db2", options.clone())
        );
        one.ok();
        two.ok();
        until("ready", || state(&stage.arrays, "db2") == "ready").await;
        let began: Vec<String> = given(&stage.arrays, "createvvcopy");
        assert!((1..=2).contains(&began.len()), "{round}: {began:?}");
        assert_eq!(given(&stage.arrays, "growvv").len(), 1, "{round}");
        tokio::task::block_in_place(|| other.stop());
        end(stage, &["db1", "db2"]).await;
    }
}

/// A copy has no comment for a moment: whoever else asks for the same clone then waits for that, and has it too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_clone_that_another_host_has_not_marked_yet_is_no_foreign_volume() {
    let stage = Stage::set_with(at_once, patient).await;
    stage.machine.listed_once(&stage.arrays).await;
    stage.create("db1", json!({ "size": "1" })).await.ok();
    let machine = patient_machine(&stage.arrays, "host2");
    let mut other = tokio::task::block_in_place(|| Plugin::start(&machine));
    machine.listed_once(&stage.arrays).await;
    let control = &stage.arrays.control;
    control.clear_log();
    let mark = Fault::new(Kind::HangBefore)
        .on(HOME)
        .matching("^setvv .*state=copying");
    control.fault(mark).unwrap();
    let looked = async {
        until("asked about the copy", || {
            let asked = given(&stage.arrays, "showtask");
            asked.len() >= 2
        })
        .await;
        assert_eq!(state(&stage.arrays, "db2"), "none");
        control.release();
    };
    let second = async {
        until("begun", || vv(&stage.arrays, "db2").is_object()).await;
        clone(&other, "db1", "db2", json!({})).await
    };
    let first = clone(&stage.plugin, "db1", "db2", json!({}));
    let (one, two, ()) = tokio::join!(first, second, looked);
    one.ok();
    two.ok();
    assert_eq!(given(&stage.arrays, "createvvcopy").len(), 1);
    completed(&stage, "db2").await;
    tokio::task::block_in_place(|| other.stop());
    end(stage, &["db1", "db2"]).await;
}

/// The host that began it completes it; another one knows it, may not mount it, and may remove it.
#[tokio::test(flavor = "multi_thread")]
async fn another_host_waits_for_the_one_that_began() {
    let stage = bench::set(V331, slowly).await;
    // Which takes a quarter of an hour.
    stage.create("db1", json!({ "size": "500" })).await.ok();
    clone(&stage.plugin, "db1", "db2", json!({})).await.ok();
    let machine = machine(&stage.arrays, "host2");
    let mut other = tokio::task::block_in_place(|| Plugin::start(&machine));
    machine.listed_once(&stage.arrays).await;
    assert_eq!(other.list().await, ["db1", "db2"]);
    let shown = status(&other, "db2").await;
    assert_eq!(shown["copying"]["by"], "host1", "{shown:#}");
    let refused = other.mount("db2", "c1").await.err();
    assert_told(&refused, &["clone of `db1`", "still being copied"]);
    stage.arrays.control.advance(2000);
    completed(&stage, "db2").await;
    // It looks for itself, whatever its last listing said.
    let ready = status(&other, "db2").await;
    assert_eq!(ready["copying"], serde_json::Value::Null, "{ready:#}");

    clone(&stage.plugin, "db1", "db3", json!({})).await.ok();
    other.remove("db3").await.ok();
    assert_eq!(given(&stage.arrays, "canceltask").len(), 1);
    until("gone", || state(&stage.arrays, "db3") == "none").await;
    stage.remove("db3").await.ok();
    tokio::task::block_in_place(|| other.stop());
    end(stage, &["db1", "db2"]).await;
}

/// The clone comes into its group, and is ready, between the look of a remover and its mark: it is removed all the same, and at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_that_comes_into_its_group_over_its_removal_is_removed() {
    let scene = Scene::set_with(Synchronous, R331, slowly, |conf| conf).await;
    scene.create_with("db1", json!({ "size": "50" })).await.ok();
    let control = scene.stage.arrays.control.clone();
    control.advance(300);
    scene.at_rest().await;
    let before = scene.stage.arrays.dump();
    let mut other = patient_host(&scene).await;
    let options = json!({ "backend": "mirrored", "replicationGroup": GROUP });
    clone(&scene.stage.plugin, "db1", "db2", options).await.ok();
    other.get("db2").await.ok();
    let mark = Fault::new(Kind::HangBefore)
        .on(HOME)
        .matching("^setvv .*state=removing");
    control.fault(mark).unwrap();
    let completed = async {
        until("marked", || {
            let log = control.log(Some(HOME));
            log.iter()
                .any(|entry| entry.line.contains("state=removing"))
        })
        .await;
        control.advance(200);
        until("ready", || {
            state(&scene.stage.arrays, "db2") == "ready" && scene.stage.machine.open_entries() == 0
        })
        .await;
        assert!(scene.vv(PEER, "db2").is_object());
        control.release();
    };
    let (said, ()) = tokio::join!(other.remove("db2"), completed);
    said.ok();
    control.advance(300);
    scene.at_rest().await;
    scene.stage.as_before(&before).await;
    assert_eq!(other.list().await, ["db1"]);
    tokio::task::block_in_place(|| other.stop());
    scene.stage.remove("db2").await.ok();
    scene.end(&["db1"]).await;
}

/// A second host, which waits for an array for as long as this takes.
async fn patient_host(scene: &Scene) -> Plugin {
    let patient = patient_machine(&scene.stage.arrays, "host2");
    let other = tokio::task::block_in_place(|| Plugin::start(&patient));
    patient.listed_once(&scene.stage.arrays).await;
    other
}

/// Its remover marks the clone while its maker waits for the group's lock: nobody stops a group for what is being removed.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_clone_that_is_being_removed_comes_into_no_group() {
    let scene = Scene::set_with(Synchronous, R331, slowly, |conf| conf).await;
    scene.create_with("db1", json!({ "size": "50" })).await.ok();
    let control = scene.stage.arrays.control.clone();
    control.advance(300);
    scene.at_rest().await;
    let mut other = patient_host(&scene).await;
    let options = json!({ "backend": "mirrored", "replicationGroup": GROUP });
    clone(&scene.stage.plugin, "db1", "db2", options).await.ok();
    other.get("db2").await.ok();
    let now = jiff::Timestamp::from_second(control.now()).unwrap();
    let lock = now
        .strftime("dkl1/op=host9@0a1b2c.00000001/at=%Y-%m-%d%%20%H:%M:%S/zone=UTC%%20%%28UTC%%29");
    let line = format!("createvvset -comment {lock} dkl-prod");
    scene.types(HOME, &line).await;
    control.advance(200);
    control.clear_log();
    // The maker looks at the lock, and at it again.
    let waits = || scene.given(HOME, "showdate").len() >= 3;
    until("the maker waits", waits).await;
    let mark = Fault::new(Kind::HangAfter)
        .on(HOME)
        .matching("^setvv .*state=removing");
    control.fault(mark).unwrap();
    let meanwhile = async {
        until("marked", || state(&scene.stage.arrays, "db2") == "removing").await;
        scene.types(HOME, "removevvset -f dkl-prod").await;
        let told = || scene.stage.plugin.log().contains("clone not completed yet");
        until("told", told).await;
        for command in ["stoprcopygroup", "admitrcopyvv"] {
            assert_eq!(scene.given(HOME, command), Vec::<String>::new());
        }
        control.release();
    };
    let (said, ()) = tokio::join!(other.remove("db2"), meanwhile);
    said.ok();
    for array in [HOME, PEER] {
        assert!(scene.vv(array, "db2").is_null(), "{array}");
    }
    tokio::task::block_in_place(|| other.stop());
    scene.stage.remove("db2").await.ok();
    scene.end(&["db1"]).await;
}
