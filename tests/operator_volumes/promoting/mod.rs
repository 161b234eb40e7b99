//! `volume promote`: what is put back, and what stands against it.

mod failed;
mod in_groups;

use serde_json::json;

use super::{
    command::volume,
    rig::{self, arrays::HOME},
    scene,
    stage::{self, Stage, all, assert_told, case, plain},
};

const YES: &str = "--yes";

async fn good(release: &'static str) {
    let describe = move |toml: String| {
        let with = format!("release = \"{release}\"\nlatency_ms = 0");
        toml.replace("latency_ms = 0", &with)
    };
    let stage = Stage::set_with(describe, |conf| conf).await;
    stage.create("db1", plain()).await.ok();
    let of = json!({ "virtualCopyOf": "db1" });
    stage.create("s1", of).await.ok();
    let comments = || {
        let dump = stage.arrays.dump();
        ["dkv-db1", "dkv-s1"].map(|vv| dump[HOME]["vvs"][vv]["comment"].clone())
    };
    let before = comments();
    let said = volume(&stage.machine, &["promote", "s1", YES]);
    assert!(said.err.contains("task "), "{said:?}");
    assert!(
        said.ok()
            .contains("volume `db1` has the data of snapshot `s1` now")
    );
    assert_eq!(comments(), before);
    let log = stage.arrays.control.log(Some(HOME));
    let sent = log.iter().filter(|c| c.line.starts_with("promotesv "));
    assert_eq!(sent.count(), 1);
    assert_eq!(stage.machine.open_entries(), 0);
    for name in ["s1", "db1"] {
        stage.remove(name).await.ok();
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_put_back() {
    let cases = ["3.2.2", "3.3.1", "10.5.0"].map(|release| case(release, good(release)));
    all(3, cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_changes_nothing() {
    let whole = Stage::set().await;
    let stage = &whole;
    stage.create("db1", plain()).await.ok();
    let of = json!({ "virtualCopyOf": "db1" });
    stage.create("s1", of).await.ok();
    let refuses = |name: &str, parts: &[&str]| {
        let before = stage.arrays.dump();
        let said = volume(&stage.machine, &["promote", name, YES]).refused();
        assert_told(&said, &[&format!("`{name}`")]);
        assert_told(&said, parts);
        assert_eq!(stage.arrays.dump(), before, "{said}");
        assert_eq!(stage.machine.open_entries(), 0);
    };
    refuses("db1", &["no snapshot"]);
    refuses("db9", &["no such volume"]);
    // Another host has one of them.
    let typed = |line: String| async move {
        let said = stage.arrays.type_in(HOME, &line).await;
        assert!(!said.contains("rror"), "{line}: {said}");
    };
    typed("createhost -iscsi other iqn.2026-01.test.machines:other".to_owned()).await;
    for vv in ["db1", "s1"] {
        typed(format!("createvlun dkv-{vv} 7 other")).await;
        refuses("s1", &[&format!("exports `{vv}` to `other`")]);
        typed(format!("removevlun -f dkv-{vv} 7 other")).await;
    }
    typed("removehost other".to_owned()).await;
    volume(&stage.machine, &["grow", "db1", "+1"]).ok();
    refuses(
        "s1",
        &["`db1` has 2 GiB now, and had 1 GiB", "copy the files"],
    );
    for name in ["s1", "db1"] {
        stage.remove(name).await.ok();
    }
    whole.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_that_fails_is_told_as_such() {
    let off = "switches = { copies_fail = false }\nlatency_ms = 0";
    let describe = |toml: String| toml.replace("latency_ms = 0", off);
    let stage = Stage::set_with(describe, |conf| conf).await;
    stage.create("db1", plain()).await.ok();
    let of = json!({ "virtualCopyOf": "db1" });
    stage.create("s1", of).await.ok();
    let control = &stage.arrays.control;
    control.switch(HOME, "copies_fail", true).unwrap();
    let said = volume(&stage.machine, &["promote", "s1", YES]).refused();
    assert_told(&said, &["`db1`", "a part of the snapshot's data", "again"]);
    control.switch(HOME, "copies_fail", false).unwrap();
    volume(&stage.machine, &["promote", "s1", YES]).ok();
    for name in ["s1", "db1"] {
        stage.remove(name).await.ok();
    }
    stage.end().await;
}

/// The array goes on by itself: the volume is nobody's before that has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_dies_over_a_promotion_waits_for_its_end() {
    let slow = |toml: String| toml.replace("factor = 20.0", "factor = 1.0");
    let mut stage = Stage::set_with(slow, |conf| conf).await;
    stage.create("db1", json!({ "size": "64" })).await.ok();
    let of = json!({ "virtualCopyOf": "db1" });
    stage.create("s1", of).await.ok();
    let machine = stage.machine.clone();
    let promote = move || volume(&machine, &["promote", "s1", YES]);
    let asked = tokio::task::spawn_blocking(promote);
    let begun = || {
        let vv = stage.arrays.dump()[HOME]["vvs"]["dkv-db1"].clone();
        !vv["copying"].is_null()
    };
    rig::engine::until("the task", begun);
    tokio::task::block_in_place(|| stage.plugin.kill());
    let said = asked.await.unwrap().refused();
    assert_told(&said, &["ended before", "journal"]);
    tokio::task::block_in_place(|| {
        stage.plugin = rig::plugin::Plugin::start(&stage.machine);
    });
    let said = stage.plugin.mount("db1", "c1").await.err();
    assert_told(&said, &["`db1`", "promotion"]);
    stage.arrays.control.advance(600);
    stage.calm_down().await;
    for name in ["s1", "db1"] {
        stage.remove(name).await.ok();
    }
    stage.end().await;
}
