//! What is taken, what is refused before anything was, and what a remove does. On every InForm OS that there are words for.

use serde_json::{Value, json};

use super::{
    rig::arrays::HOME,
    stage::{Stage, all, assert_told, case, plain},
};

/// InForm OS of the arrays.
pub const RELEASES: [&str; 3] = ["3.2.2", "3.3.1", "10.5.0"];

pub async fn set(release: &'static str) -> Stage {
    set_with(release, |conf| conf).await
}

pub async fn set_with(release: &'static str, conf: impl FnOnce(String) -> String) -> Stage {
    let describe = move |toml: String| {
        let with = format!("release = \"{release}\"\nlatency_ms = 0");
        toml.replace("latency_ms = 0", &with)
    };
    let stage = Stage::set_with(describe, conf).await;
    away_from_the_hour(&stage);
    stage
}

/// A case that is in the middle of something is not to meet the arrays' hour, at which schedules run.
pub fn away_from_the_hour(stage: &Stage) {
    let past = u32::try_from(stage.arrays.control.now() % 3600).unwrap();
    if past > 1200 {
        stage.arrays.control.advance(3600 - past + 60);
    }
}

pub fn of(volume: &str) -> Value {
    json!({ "virtualCopyOf": volume })
}

pub async fn status(stage: &Stage, volume: &str) -> Value {
    let reply = stage.plugin.get(volume).await.ok();
    reply["Volume"]["Status"].clone()
}

/// A snapshot is a volume to Docker, says of what it is, and keeps its volume from being removed.
async fn good(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    stage.create("s1", of("db1")).await.ok();
    let vv = stage.arrays.dump()[HOME]["vvs"]["dkv-s1"].clone();
    assert_eq!(vv["copy_of"], "dkv-db1", "{vv:#}");
    let comment = vv["comment"].as_str().unwrap();
    for part in ["/state=ready/", "/origin=data/", "/of=db1"] {
        assert!(comment.contains(part), "{comment}");
    }
    assert_eq!(stage.plugin.list().await, ["db1", "s1"]);
    assert_eq!(status(&stage, "s1").await["snapshot of"], "db1");
    assert_eq!(
        status(&stage, "db1").await["snapshots"],
        json!(["volume `s1`"])
    );
    // The same again is nothing new; another one under its name is.
    stage.create("s1", of("db1")).await.ok();
    let said = stage.create("s1", plain()).await.err();
    assert_told(
        &said,
        &[
            "`s1`",
            "made from: a snapshot of `db1`, not an empty volume",
        ],
    );
    let said = stage.remove("db1").await.err();
    assert_told(&said, &["`db1`", "volume `s1`", "docker volume rm"]);
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_a_volume_that_keeps_its_own_from_being_removed() {
    let cases = RELEASES.map(|release| case(release, good(release)));
    all(3, cases.into()).await;
}

/// What is refused, and the words that say why.
async fn refused(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    stage.create("s1", of("db1")).await.ok();
    let before = stage.arrays.dump();
    let with = |more: Value| {
        let mut options = of("db1");
        for (key, value) in more.as_object().unwrap() {
            options[key] = value.clone();
        }
        options
    };
    let cases = [
        (of("db9"), "there is no volume `db9`"),
        (of("s1"), "`s1` is a snapshot of `db1`"),
        (with(json!({ "size": "1" })), "`size` cannot be given"),
        (
            with(json!({ "expirationHours": "1", "retentionHours": "2" })),
            "`retentionHours`",
        ),
        (
            with(json!({ "snapshotBoth": "true" })),
            "in no remote copy group",
        ),
        (
            with(json!({ "backend": "mirrored" })),
            "a snapshot is where its volume is",
        ),
    ];
    for (options, words) in cases {
        let said = stage.create("s2", options).await.err();
        assert_told(&said, &["`s2`", words]);
        assert_eq!(stage.arrays.dump(), before, "{words}");
    }
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_snapshot_is_refused_before_anything_is_made() {
    let cases = RELEASES.map(|release| case(release, refused(release)));
    all(3, cases.into()).await;
}

/// An administrator made snapshots and a clone of it.
async fn foreign_copies(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    let said = stage
        .arrays
        .type_in(HOME, "createsv -ro nightly.261128 dkv-db1")
        .await;
    assert_eq!(said.trim(), "");
    let before = stage.arrays.dump();
    let said = stage.remove("db1").await.err();
    assert_told(&said, &["VV `nightly.261128`", "removevv"]);
    assert_eq!(stage.arrays.dump(), before);
    let shown = status(&stage, "db1").await;
    assert_eq!(shown["snapshots"], json!(["VV `nightly.261128`"]));
    stage
        .arrays
        .type_in(HOME, "removevv -f nightly.261128")
        .await;
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_that_docker_does_not_know_are_named_and_left() {
    let cases = RELEASES.map(|release| case(release, foreign_copies(release)));
    all(3, cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_sees_it_and_can_remove_it() {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    let mut options = of("db1");
    options["expirationHours"] = json!("48");
    stage.create("s1", options.clone()).await.ok();
    let other = super::stage::machine(&stage.arrays, "host2");
    let mut plugin = tokio::task::block_in_place(|| super::rig::plugin::Plugin::start(&other));
    let shown = plugin.get("s1").await.ok();
    assert_eq!(shown["Volume"]["Status"]["snapshot of"], "db1");
    // It is what was asked for, as the array tells it.
    plugin.create("s1", options.clone()).await.ok();
    options["expirationHours"] = json!("47");
    let said = plugin.create("s1", options).await.err();
    assert_told(&said, &["expirationHours: 48h, not 47h"]);
    plugin.remove("s1").await.ok();
    tokio::task::block_in_place(|| plugin.stop());
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}
