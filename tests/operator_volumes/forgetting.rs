//! `volume release --forget`: a release whose VV somebody has removed while it was under way comes to an end all the same, and only such
//! a one.

use std::time::{Duration, Instant};

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    command::volume,
    rig::arrays::{HOME, PEER},
    stage::{Stage, assert_told},
};

const FORGET: &[&str] = &["release", "--forget", "db1"];

async fn types(stage: &Stage, array: &str, line: &str) {
    let said = stage.arrays.type_in(array, line).await;
    assert!(!said.contains("rror"), "{line}: {said}");
}

/// A volume that was imported, perhaps into a group.
async fn imported(more: Value) -> Stage {
    let at_once = |toml: String| toml.replace("factor = 20.0", "factor = 100000.0");
    let stage = Stage::set_with(at_once, |conf| conf).await;
    types(
        &stage,
        HOME,
        "createvv -tpvv -snp_cpg ssd_r5 ssd_r5 oracle_01 1g",
    )
    .await;
    let mut options = json!({ "importVol": "oracle_01" });
    for (key, value) in more.as_object().unwrap() {
        options[key] = value.clone();
    }
    stage.create("db1", options).await.ok();
    stage.settled().await;
    stage
}

/// Its release is about to give the old name back when something is done on the arrays. Gives what the mark was.
async fn interrupted(stage: &Stage, done: &[(&str, &str)]) -> String {
    let renaming = "setvv -name oracle_01 ";
    let at = format!("^{renaming}");
    let (reply, mark) = tokio::join!(stage.remove("db1"), meanwhile(stage, &at, renaming, done));
    reply.err();
    mark
}

/// Waits until a command hangs at the array, of which this is a part, and goes on after something is done on the arrays. Gives the comment on
/// the VV before that.
async fn meanwhile(stage: &Stage, at: &str, part: &str, done: &[(&str, &str)]) -> String {
    let control = stage.arrays.control.clone();
    control.clear_log();
    let fault = Fault::new(Kind::HangBefore).on(HOME).matching(at);
    control.fault(fault).unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    let hangs = || {
        let log = control.log(Some(HOME));
        log.iter().any(|entry| entry.line.contains(part))
    };
    while !hangs() {
        assert!(Instant::now() < patience, "never at {at}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let mark = stage.arrays.dump()[HOME]["vvs"]["dkv-db1"]["comment"].clone();
    for (array, line) in done {
        types(stage, array, line).await;
    }
    control.clear_faults();
    control.release();
    mark.as_str().unwrap().to_owned()
}

/// What every command says of it, with the way out.
#[track_caller]
fn is_lost(said: &str) {
    let parts = [
        "`db1`",
        "is not what was imported (WWN",
        "`oracle_01`",
        "`hpe3par-docker volume release --forget db1`",
    ];
    assert_told(said, &parts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_under_a_release_is_forgotten() {
    let stage = imported(json!({})).await;
    let run = |words: &[&str]| volume(&stage.machine, words);
    // Nothing was begun.
    let before = stage.arrays.dump();
    assert_told(
        &run(FORGET).refused(),
        &["`db1`", "nothing of it is unfinished"],
    );
    assert_eq!(stage.arrays.dump(), before);
    assert_eq!(stage.plugin.list().await, ["db1"]);

    interrupted(&stage, &[(HOME, "removevv -f dkv-db1")]).await;
    for _ in 0..2 {
        is_lost(&stage.remove("db1").await.err());
    }
    is_lost(&run(&["release", "db1"]).refused());
    // Nothing is forgotten on the word of an array that does not answer.
    stage.arrays.control.down(HOME).await.unwrap();
    assert_told(&run(FORGET).refused(), &["`db1`", "not cleaned up yet"]);
    assert_eq!(stage.machine.open_entries(), 1);
    stage.arrays.control.up(HOME).await.unwrap();

    stage.arrays.control.clear_log();
    let said = run(FORGET).ok();
    assert!(said.starts_with("`db1` is forgotten: "), "{said}");
    assert!(said.contains("`oracle_01` (WWN "), "{said}");
    let log = stage.arrays.control.log(None);
    assert!(log.iter().all(|entry| !entry.changed), "{log:#?}");
    assert_eq!(stage.machine.open_entries(), 0);
    assert!(stage.plugin.list().await.is_empty());
    assert_told(&run(FORGET).refused(), &["nothing of it is unfinished"]);
    // The name is free.
    stage.create("db1", json!({ "size": "1" })).await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_released_and_not_forgotten() {
    let stage = imported(json!({})).await;
    interrupted(&stage, &[(HOME, "setvv -name elsewhere dkv-db1")]).await;
    is_lost(&stage.remove("db1").await.err());
    types(&stage, HOME, "setvv -name dkv-db1 elsewhere").await;
    let said = volume(&stage.machine, FORGET).refused();
    assert_told(&said, &["`db1`", "nothing of it is unfinished"]);
    assert_eq!(stage.machine.open_entries(), 0);
    let old = stage.arrays.dump()[HOME]["vvs"]["oracle_01"].clone();
    assert_eq!(old["comment"], "");
    types(&stage, HOME, "removevv -f oracle_01").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_array_of_the_backend_has_to_say_that_it_is_not_there() {
    let group = json!({ "backend": "mirrored", "replicationGroup": "prod" });
    let stage = imported(group).await;
    let mark = interrupted(&stage, &[(HOME, "removevv -f dkv-db1")]).await;
    let left = format!("createvv -tpvv -comment {mark} ssd_r5 dkv-db1 1g");
    types(&stage, PEER, &left).await;
    is_lost(&stage.remove("db1").await.err());
    let said = volume(&stage.machine, FORGET).refused();
    let peer = stage.label(PEER);
    assert_told(&said, &["`dkv-db1`", &peer, "is there, so that nothing"]);
    assert_eq!(stage.machine.open_entries(), 1);
    types(&stage, PEER, "removevv -f dkv-db1").await;
    stage.arrays.control.down(PEER).await.unwrap();
    assert_told(&volume(&stage.machine, FORGET).refused(), &["`db1`", &peer]);
    assert_eq!(stage.machine.open_entries(), 1);
    stage.arrays.control.up(PEER).await.unwrap();
    volume(&stage.machine, FORGET).ok();
    assert_eq!(stage.machine.open_entries(), 0);
    stage.end().await;
}

/// An import that fails is taken back; what it had taken has vanished meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_vv_is_gone_is_forgotten_too() {
    let stage = imported(json!({})).await;
    stage.remove("db1").await.ok();
    let at = "^setvv -comment dk1.*state=ready.* dkv-db1";
    let removed = [(HOME, "removevv -f dkv-db1")];
    let import = stage.create("db1", json!({ "importVol": "oracle_01" }));
    let (reply, _) = tokio::join!(import, meanwhile(&stage, at, "state=ready", &removed));
    reply.err();
    let again = json!({ "importVol": "oracle_01" });
    is_lost(&stage.create("db1", again).await.err());
    volume(&stage.machine, FORGET).ok();
    assert_eq!(stage.machine.open_entries(), 0);
    stage.end().await;
}
