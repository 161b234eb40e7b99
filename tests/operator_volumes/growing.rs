//! `volume grow` of what is on one array.

use std::time::{Duration, Instant};

use hpe3par_sim::faults::{Fault, Kind};
use serde_json::json;

use super::{
    command::{volume, with_conf},
    rig::{arrays::HOME, plugin::Plugin},
    stage::{Stage, all, assert_told, case, machine, patient, plain},
};

/// InForm OS of the arrays.
const RELEASES: [&str; 3] = ["3.2.2", "3.3.1", "10.5.0"];

async fn set(release: &'static str) -> Stage {
    let describe = move |toml: String| {
        let with = format!("release = \"{release}\"\nlatency_ms = 0");
        toml.replace("latency_ms = 0", &with)
    };
    Stage::set_with(describe, |conf| conf).await
}

/// GiB.
fn size(stage: &Stage, name: &str) -> u64 {
    let vv = &stage.arrays.dump()[HOME]["vvs"][format!("dkv-{name}")];
    vv["size_mib"].as_u64().unwrap() / 1024
}

async fn good(release: &'static str) {
    let stage = set(release).await;
    stage.create("db1", plain()).await.ok();
    let grow = |size: &str| volume(&stage.machine, &["grow", "db1", size]).ok();
    assert!(grow("+2").contains("has 3 GiB now, it had 1 GiB"));
    assert_eq!(size(&stage, "db1"), 3);
    assert!(grow("4").contains("has 4 GiB now, it had 3 GiB"));
    // The same again is nothing new.
    assert!(grow("4").contains("has 4 GiB already"));
    assert_eq!(size(&stage, "db1"), 4);
    let shown = stage.plugin.get("db1").await.ok();
    assert_eq!(shown["Volume"]["Status"]["size"], "4 GiB");
    assert!(volume(&stage.machine, &["list"]).ok().contains("4 GiB"));
    assert_eq!(stage.machine.open_entries(), 0);
    stage.remove("db1").await.ok();
    stage.end().await;
}

async fn refused(release: &'static str) {
    let stage = set(release).await;
    // A thin one takes no room when it grows.
    let full = release != "10.5.0";
    let provisioning = if full { "full" } else { "thin" };
    let options = json!({ "size": "2", "provisioning": provisioning });
    stage.create("db1", options).await.ok();
    let options = json!({ "virtualCopyOf": "db1" });
    stage.create("s1", options).await.ok();
    stage.arrays.control.cpg_full(HOME, "ssd_r5").unwrap();
    let before = stage.arrays.dump();
    for (words, parts) in [
        (["grow", "db1", "1"], vec!["2 GiB", "smaller", "1 GiB"]),
        (["grow", "db1", "+16384"], vec!["16384 GiB"]),
        (["grow", "s1", "+1"], vec!["snapshot of `db1`"]),
        (["grow", "db9", "+1"], vec!["no such volume"]),
        (["grow", "db1", "+1"], vec!["growvv", "space"]),
    ]
    .into_iter()
    .take(if full { 5 } else { 4 })
    {
        let said = volume(&stage.machine, &words).refused();
        assert_told(&said, &[&format!("`{}`", words[1])]);
        assert_told(&said, &parts);
        assert_eq!(stage.arrays.dump(), before, "{words:?}");
        assert_eq!(stage.machine.open_entries(), 0, "{words:?}");
    }
    stage.arrays.control.cpg_restore(HOME, "ssd_r5").unwrap();
    volume(&stage.machine, &["grow", "db1", "+1"]).ok();
    for name in ["s1", "db1"] {
        stage.remove(name).await.ok();
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_made_larger() {
    let cases = RELEASES.map(|release| case(release, good(release)));
    all(3, cases.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_changes_nothing() {
    let cases = RELEASES.map(|release| case(release, refused(release)));
    all(3, cases.into()).await;
}

/// Given twice it would grow twice.
async fn once(kind: Kind) {
    let stage = set("3.3.1").await;
    stage.create("db1", plain()).await.ok();
    let fault = Fault::new(kind).matching("^growvv ");
    stage.arrays.control.fault(fault).unwrap();
    let said = volume(&stage.machine, &["grow", "db1", "+1"]);
    let sent = |line: &str| line.starts_with("growvv ");
    let log = stage.arrays.control.log(Some(HOME));
    assert_eq!(log.iter().filter(|entry| sent(&entry.line)).count(), 1);
    if kind == Kind::DropAfter {
        said.ok();
        assert_eq!(size(&stage, "db1"), 2);
    } else {
        assert_told(&said.refused(), &["`db1`", "growvv"]);
        assert_eq!(size(&stage, "db1"), 1);
    }
    stage.calm_down().await;
    let grown = size(&stage, "db1");
    volume(&stage.machine, &["grow", "db1", "+1"]).ok();
    assert_eq!(size(&stage, "db1"), grown + 1);
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_answer_is_lost_is_not_sent_again() {
    let cases = [Kind::DropBefore, Kind::DropAfter, Kind::Refuse];
    let cases = cases.map(|kind| case(format!("{kind:?}"), once(kind)));
    all(3, cases.into()).await;
}

/// Two hosts add to one volume at once: both get what they asked for, and neither is told a size that it has not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_grows_a_volume_beside_another_host_is_told_what_it_has() {
    let stage = Stage::set_with(|toml| toml, patient).await;
    stage.create("db1", plain()).await.ok();
    let second = machine(&stage.arrays, "host2");
    let mut plugin = tokio::task::block_in_place(|| Plugin::start(&second));
    second.listed_once(&stage.arrays).await;
    let control = &stage.arrays.control;
    let hang = Fault::new(Kind::HangBefore).matching("^growvv ");
    control.fault(hang).unwrap();
    let first = stage.machine.conf();
    let first = tokio::spawn(async move { with_conf(&first, &["grow", "db1", "+2"]) });
    let sent = || {
        let log = control.log(Some(HOME));
        log.iter().any(|entry| entry.line.starts_with("growvv "))
    };
    let patience = Instant::now() + Duration::from_secs(60);
    while !sent() {
        assert!(Instant::now() < patience, "never sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let said = volume(&second, &["grow", "db1", "+3"]).ok();
    assert!(said.contains("has 4 GiB now, it had 1 GiB"), "{said}");
    control.release();
    let said = first.await.unwrap().ok();
    assert_eq!(size(&stage, "db1"), 6);
    assert!(said.contains("has 6 GiB now"), "{said}");
    let shown = stage.plugin.get("db1").await.ok();
    assert_eq!(shown["Volume"]["Status"]["size"], "6 GiB");
    tokio::task::block_in_place(|| plugin.stop());
    stage.remove("db1").await.ok();
    stage.end().await;
}
