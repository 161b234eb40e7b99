//! How long snapshots are kept: expiry and retention, by the array's clock.

use std::future::Future;

use serde_json::json;

use super::{
    rig::{arrays::HOME, engine::until},
    scheduled::scheduled,
    stage::{Stage, all, assert_told, case, plain},
    taking::{RELEASES, away_from_the_hour, of, set, status},
};

async fn on_every_release<F>(run: impl Fn(&'static str) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let cases = RELEASES.map(|release| case(release, run(release)));
    all(3, cases.into()).await;
}

/// A snapshot of `db1` that is kept so long.
async fn kept(stage: &Stage, expiration: &str, retention: &str) {
    let mut options = of("db1");
    options["expirationHours"] = json!(expiration);
    options["retentionHours"] = json!(retention);
    stage.create("s1", options).await.ok();
}

async fn retained(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    kept(&stage, "48", "24").await;
    let shown = status(&stage, "s1").await;
    assert!(
        shown["expires"].is_string() && shown["retained until"].is_string(),
        "{shown:#}"
    );
    let before = stage.arrays.dump();
    let said = stage.remove("s1").await.err();
    let until = shown["retained until"].as_str().unwrap();
    assert_told(&said, &["`s1`", "retention", until]);
    assert_eq!(stage.arrays.dump(), before);
    stage.arrays.control.advance(25 * 3600);
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retained_cannot_be_removed_before_its_time() {
    on_every_release(retained).await;
}

async fn expired(release: &'static str) {
    let mut stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    kept(&stage, "2", "0").await;
    stage.arrays.control.advance(3 * 3600);
    let vvs = || stage.arrays.dump()[HOME]["vvs"].to_string();
    until("the array to remove it", || !vvs().contains("dkv-s1"));
    // Its volume is free at once, whatever Docker still lists.
    let said = stage.plugin.mount("s1", "c1").await.err();
    assert_told(&said, &["`s1`", "expired after 2h", "removed it"]);
    stage.remove("db1").await.ok();
    stage.remove("s1").await.ok();
    assert_eq!(stage.plugin.list().await, Vec::<String>::new());
    tokio::task::block_in_place(|| stage.plugin.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_gone_from_docker_too() {
    on_every_release(expired).await;
}

/// What no array would take, and what it would let nobody take back.
async fn times_refused(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    let before = stage.arrays.dump();
    for (times, words) in [
        (json!({ "expirationHours": "-1" }), "`expirationHours`"),
        (json!({ "expirationHours": "soon" }), "`expirationHours`"),
        (json!({ "expirationHours": "43801" }), "`expirationHours`"),
        (json!({ "retentionHours": "-1" }), "`retentionHours`"),
        (json!({ "retentionHours": "1.5" }), "`retentionHours`"),
        (
            json!({ "expirationHours": "2", "retentionHours": "3" }),
            "`retentionHours`",
        ),
    ] {
        let mut options = of("db1");
        for (key, value) in times.as_object().unwrap() {
            options[key] = value.clone();
        }
        let said = stage.create("s1", options).await.err();
        assert_told(&said, &["`s1`", words]);
        assert_eq!(stage.arrays.dump(), before, "{times}");
    }
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_cannot_be_are_refused_before_anything_is_made() {
    on_every_release(times_refused).await;
}

async fn unlicensed(release: &'static str) {
    let unlicensed = |toml: String| {
        let licences = "licenses = [\"Virtual Copy\", \"Remote Copy\", \"Thin Provisioning\"]";
        let with = format!("release = \"{release}\"\n{licences}\nlatency_ms = 0");
        toml.replace("latency_ms = 0", &with)
    };
    let stage = Stage::set_with(unlicensed, |conf| conf).await;
    away_from_the_hour(&stage);
    stage.create("db1", plain()).await.ok();
    let before = stage.arrays.dump();
    let mut options = of("db1");
    options["retentionHours"] = json!("1");
    let said = stage.create("s1", options).await.err();
    assert_told(&said, &["`s1`", "licen", "showlicense"]);
    assert_eq!(stage.arrays.dump(), before);
    // What a schedule takes fails where nobody sees it.
    let mut options = scheduled("hourly");
    let said = stage.create("s1", options.clone()).await.err();
    assert_told(&said, &["`s1`", "no licence `Virtual Lock`", "`retHrs`"]);
    assert_eq!(stage.arrays.dump(), before);
    options.as_object_mut().unwrap().remove("retHrs");
    stage.create("s1", options).await.ok();
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_without_its_licence_is_refused_and_says_so() {
    // Later ones have no single licences.
    let cases = ["3.2.2", "3.3.1"].map(|release| case(release, unlicensed(release)));
    all(2, cases.into()).await;
}

/// A licence for everything is one for this, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_not_refused_for_a_licence_that_goes_by_another_name() {
    let golden = |toml: String| {
        toml.replace(
            "latency_ms = 0",
            "licenses = [\"Golden License\", \"Virtual Copy\", \"Thin Provisioning\"]\nlatency_ms = 0",
        )
    };
    let stage = Stage::set_with(golden, |conf| conf).await;
    away_from_the_hour(&stage);
    stage.create("db1", plain()).await.ok();
    stage.create("s1", scheduled("hourly")).await.ok();
    let schedules = stage.arrays.dump()[HOME]["schedules"].to_string();
    assert!(schedules.contains("-retain 6h"), "{schedules}");
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// Whether 3.x has columns for these times is a guess.
#[tokio::test(flavor = "multi_thread")]
async fn an_array_that_does_not_tell_when_snapshots_expire_is_used_all_the_same() {
    let stage = set("3.3.1").await;
    for array in super::stage::BOTH {
        let control = &stage.arrays.control;
        control.switch(array, "no_time_columns", true).unwrap();
    }
    stage.create("db1", plain()).await.ok();
    kept(&stage, "48", "0").await;
    let shown = status(&stage, "s1").await;
    assert_eq!(shown["snapshot of"], "db1", "{shown:#}");
    assert!(shown["expires"].is_null(), "{shown:#}");
    stage.remove("s1").await.ok();
    stage.remove("db1").await.ok();
    assert_eq!(stage.plugin.list().await, Vec::<String>::new());
}
