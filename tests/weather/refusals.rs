//! The array says no.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use super::{
    rig::arrays::{HOME, LOGIN, PEER},
    stage::{Stage, assert_told, plain, replicated},
};

/// The description of one array changed.
fn alter(toml: &str, array: &str, from: &str, to: &str) -> String {
    let at = toml.find(&format!("name = \"{array}\"")).unwrap();
    let (before, after) = toml.split_at(at);
    assert!(after.contains(from), "{from} in {after}");
    format!("{before}{}", after.replacen(from, to, 1))
}

fn without_cpg(array: &'static str) -> impl FnOnce(String) -> String {
    move |toml| {
        let cpg = "[[array.cpg]]\nname = \"ssd_r6\"\nfree_gib = 4000\n";
        alter(&toml, array, cpg, "")
    }
}

fn without_licence(array: &'static str, licences: &'static str) -> impl FnOnce(String) -> String {
    move |toml| {
        let serial = format!("name = \"{array}\"");
        alter(
            &toml,
            array,
            &serial,
            &format!("{serial}\nlicenses = {licences}"),
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_cpg_is_told() {
    let stage = Stage::set_with(without_cpg(HOME), |conf| conf).await;
    let said = stage
        .create("db1", json!({ "size": "1", "cpg": "ssd_r6" }))
        .await
        .err();
    assert_told(
        &said,
        &["db1", &stage.label(HOME), "createvv", "ssd_r6", "showcpg"],
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cpg_missing_on_the_peer_is_told_and_all_is_undone() {
    let stage = Stage::set_with(without_cpg(PEER), |conf| conf).await;
    let mut options = replicated();
    options["cpg"] = json!("ssd_r6");
    let said = stage.create("db1", options).await.err();
    assert_told(
        &said,
        &["db1", &stage.label(HOME), "rcopy", "ssd_r6", "undone"],
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_cpg_is_told() {
    let stage = Stage::set().await;
    stage.arrays.control.cpg_full(HOME, "ssd_r5").unwrap();
    let said = stage.create("db1", plain()).await.err();
    assert_told(
        &said,
        &[
            "db1",
            &stage.label(HOME),
            "createvv",
            "free space in the CPG",
        ],
    );
    stage.arrays.control.cpg_restore(HOME, "ssd_r5").unwrap();
    stage.create("db1", plain()).await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_cpg_on_the_peer_is_told_and_all_is_undone() {
    let stage = Stage::set().await;
    stage.arrays.control.cpg_full(PEER, "ssd_r5").unwrap();
    let said = stage.create("db1", replicated()).await.err();
    assert_told(
        &said,
        &[
            "db1",
            &stage.label(HOME),
            "admitrcopyvv",
            "free space in the CPG",
            "undone",
        ],
    );
    stage.arrays.control.cpg_restore(PEER, "ssd_r5").unwrap();
    stage.create("db1", replicated()).await.ok();
    stage.remove("db1").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_licence_is_told() {
    let stage = Stage::set_with(without_licence(HOME, r#"["Remote Copy"]"#), |conf| conf).await;
    let said = stage.create("db1", plain()).await.err();
    assert_told(
        &said,
        &[
            "db1",
            &stage.label(HOME),
            "createvv",
            "Thin Provisioning",
            "showlicense",
        ],
    );
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_licence_for_remote_copy_is_told() {
    let change = without_licence(HOME, r#"["Thin Provisioning"]"#);
    let stage = Stage::set_with(change, |conf| conf).await;
    let said = stage.create("db1", replicated()).await.err();
    assert_told(&said, &["db1", &stage.label(HOME), "rcopy", "showlicense"]);
    // A backend without replication on the same array is not concerned.
    stage.create("db2", plain()).await.ok();
    stage.remove("db2").await.ok();
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_only_look_is_told_so() {
    let watcher = |conf: String| conf.replace(LOGIN, "watcher");
    let stage = Stage::set_with(|toml| toml, watcher).await;
    for options in [plain(), replicated()] {
        let said = stage.create("db1", options).await.err();
        assert_told(
            &said,
            &["db1", &stage.label(HOME), "createvv", "role `edit`"],
        );
    }
    assert_eq!(stage.plugin.list().await, Vec::<String>::new());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_takes_no_comment_is_lived_with_and_said() {
    let mut stage = Stage::set().await;
    let control = &stage.arrays.control;
    control
        .switch(PEER, "secondary_comment_refused", true)
        .unwrap();
    // The switch itself is part of what is compared.
    stage.before = stage.arrays.dump();
    stage.create("db1", replicated()).await.ok();
    let log = stage.plugin.log();
    assert!(log.contains("the array takes no comment on a secondary volume"));
    stage.remove("db1").await.ok();
    stage.end().await;
}

/// The volume says that it is ready, and the look that is to see that fails: by then another host may have it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_ready_and_was_not_seen_to_be_is_not_taken_back() {
    let stage = Stage::set().await;
    let control = &stage.arrays.control;
    let ready = Fault::new(Kind::HangAfter).on(HOME);
    let ready = ready.matching("^setvv .*state=ready");
    control.fault(ready).unwrap();
    let create = stage.plugin.create("db1", replicated());
    let fails_to_look = async {
        let patience = Instant::now() + Duration::from_secs(60);
        let says_so = || {
            let comment = stage.arrays.dump()[HOME]["vvs"]["dkv-db1"]["comment"].to_string();
            comment.contains("/state=ready/")
        };
        while !says_so() {
            assert!(Instant::now() < patience, "never ready");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let look = Fault::new(Kind::Refuse).on(HOME).matching("^showvv ");
        control
            .fault(look.words("Error: the moon is wrong"))
            .unwrap();
        control.clear_log();
        control.release();
    };
    let (reply, ()) = tokio::join!(create, fails_to_look);
    reply.ok();
    let log = stage.plugin.log();
    assert!(
        log.contains("created, although that was not seen at first"),
        "{log}"
    );
    let changed = control.log(None).into_iter().filter(|entry| entry.changed);
    assert_eq!(changed.count(), 0);
    assert_eq!(stage.plugin.list().await, ["db1"]);
    stage.remove("db1").await.ok();
    stage.end().await;
}
