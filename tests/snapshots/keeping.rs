//! How long snapshots are kept: expiry and retention, by the array's clock.

use serde_json::json;

use super::{
    rig::{arrays::HOME, engine::until},
    scheduled::scheduled,
    stage::{Stage, assert_told, plain},
    taking::{of, set, status},
};

/// A snapshot of `db1` that is kept so long.
async fn kept(stage: &Stage, expiration: &str, retention: &str) {
    let mut options = of("db1");
    options["expirationHours"] = json!(expiration);
    options["retentionHours"] = json!(retention);
    stage.create("s1", options).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retained_cannot_be_removed_before_its_time() {
    let stage = set("3.3.1").await;
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
async fn what_has_expired_is_gone_from_docker_too() {
    let mut stage = set("3.3.1").await;
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
async fn retention_without_its_licence_is_refused_and_says_so() {
    let unlicensed = |toml: String| {
        toml.replace(
            "latency_ms = 0",
            "licenses = [\"Virtual Copy\", \"Remote Copy\", \"Thin Provisioning\"]\nlatency_ms = 0",
        )
    };
    let stage = Stage::set_with(unlicensed, |conf| conf).await;
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
