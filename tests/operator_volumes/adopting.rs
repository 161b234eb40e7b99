//! `volume adopt` and `volume release`: what HPE's python plugin has made is taken over by a plugin that runs, and given back.

use hpe3par_sim::{Fault, Kind};

use super::{
    command::volume,
    rig::arrays::{HOME, PEER},
    stage::{Stage, assert_told},
};

/// What the python plugin calls the volume with this id on an array.
const ORDERS: &str = "dcv-rNQ35-G7TkS-7v.GUQuQDg";
const ORDERS_ID: &str = "acd437e7-f1bb-4e44-bfee-ff86510b900e";
/// One without a comment, as its clones are.
const CLONE: &str = "dcv-7P-DD5jLTPWF7tcwnMF80g";
const OTHER: &str = "dcv-0DM4qZEVSKON-DXN-NwVpw";
const LONG: &str = "dcv-AAAAAAAAQACAAAAAAAAAAA";

async fn set() -> Stage {
    let stage = Stage::set().await;
    let comment = format!(
        r#"{{\"volume_id\": \"{ORDERS_ID}\", \"name\": \"{ORDERS_ID}\", \"type\": \"Docker\", \"display_name\": \"orders\"}}"#
    );
    for line in [
        format!("createvv -tpvv -snp_cpg ssd_r5 -comment \"{comment}\" ssd_r5 {ORDERS} 2g"),
        format!("createvv -tpvv -snp_cpg ssd_r5 ssd_r5 {CLONE} 2g"),
    ] {
        assert_eq!(stage.arrays.type_in(HOME, &line).await, "", "{line}");
    }
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn one_by_one_or_all_at_once_and_back() {
    let stage = set().await;
    let before = stage.arrays.dump();
    let run = |words: &[&str]| volume(&stage.machine, words);

    // Nothing is changed by looking, and what is refused says why.
    for words in [&["list"][..], &["adopt", "--all", "--dry-run"]] {
        let said = run(words);
        for part in [ORDERS, "orders", CLONE, "no comment", "--name"] {
            assert!(said.out.contains(part), "`{part}`: {said:?}");
        }
    }
    let said = run(&["adopt", "--dry-run", "orders"]).ok();
    assert!(said.contains(ORDERS) && !said.contains(CLONE), "{said}");
    let said = run(&["adopt", "--dry-run", "nobody"]).refused();
    assert_told(&said, &["`nobody`", "--all"]);
    let said = run(&["adopt", CLONE]).refused();
    assert_told(&said, &[CLONE, "--name"]);
    assert_eq!(stage.arrays.dump(), before);

    // All: the one that can be is taken, the other one is told.
    let said = run(&["adopt", "--all"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.out, format!("{ORDERS} -> orders\n"));
    assert!(said.err.contains(CLONE), "{said:?}");
    let said = run(&["adopt", CLONE, "--as", "copy"]).ok();
    assert_eq!(said, format!("{CLONE} -> copy\n"));
    assert_eq!(stage.plugin.list().await, ["copy", "orders"]);
    let table = run(&["list"]).ok();
    assert!(
        table.contains("imported") && !table.contains("python"),
        "{table}"
    );
    // They are volumes like all others.
    run(&["grow", "orders", "3"]).ok();

    let said = run(&["release", "db9"]);
    assert_eq!(said.code, 1, "{said:?}");
    // One that somebody made since, by the name that goes.
    let nightly =
        "createsched \"createsv -f -exp 24h night.@y@@m@@d@ dkv-orders\" \"0 3 29 2 *\" nightly";
    stage.arrays.type_in(HOME, nightly).await;
    assert!(run(&["release", "copy"]).ok().contains("copy"));
    let said = run(&["release", "orders"]);
    let warned = said.err.contains("schedule `nightly`") && said.err.contains("removesched");
    assert!(warned, "{said:?}");
    assert!(said.ok().contains("orders"));
    let log = stage.plugin.log();
    assert!(
        log.contains("a schedule is for a volume that is released"),
        "{log}"
    );
    stage.arrays.type_in(HOME, "removesched -f nightly").await;
    assert!(stage.plugin.list().await.is_empty());
    let vvs = |dump: serde_json::Value| dump[HOME]["vvs"].clone();
    let now = vvs(stage.arrays.dump());
    for vv in [ORDERS, CLONE] {
        assert_eq!(now[vv]["comment"], vvs(before.clone())[vv]["comment"]);
    }
    assert_eq!(now[ORDERS]["size_mib"], 3072);
    assert_eq!(stage.machine.open_entries(), 0);
    for vv in [ORDERS, CLONE] {
        stage
            .arrays
            .type_in(HOME, &format!("removevv -f {vv}"))
            .await;
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_by_another_name_is_about_that_name() {
    let stage = set().await;
    let makes = |vv: &'static str, comment: String| {
        let comment = comment.replace('"', "\\\"");
        let line = format!("createvv -tpvv -comment \"{comment}\" ssd_r5 {vv} 2g");
        let stage = &stage;
        async move { assert_eq!(stage.arrays.type_in(HOME, &line).await, "", "{line}") }
    };
    // Another one called `orders`, and one whose name and comment do not fit beside each other.
    let named =
        |name: &str, more: &str| format!(r#"{{"volume_id": "x", "display_name": "{name}"{more}}}"#);
    makes(OTHER, named("orders", "")).await;
    let long = "y".repeat(100);
    makes(LONG, named(&long, r#", "by": "hand""#)).await;
    stage
        .create("mine", serde_json::json!({ "size": "1" }))
        .await
        .ok();
    let dkv = "createvv -tpvv ssd_r5 dkv-hand 1g";
    assert_eq!(stage.arrays.type_in(HOME, dkv).await, "");
    let before = stage.arrays.dump();
    let run = |words: &[&str]| volume(&stage.machine, words);
    let dry = |which: &str, name: &str| run(&["adopt", "--dry-run", which, "--name", name]);

    // Each of them by itself cannot be as it was.
    for which in [CLONE, "orders", LONG] {
        let said = run(&["adopt", "--dry-run", which]);
        assert_eq!(said.code, 1, "{which}: {said:?}");
        assert!(said.out.contains("not as it is"), "{which}: {said:?}");
    }
    let said = run(&["adopt", "--dry-run", "orders"]);
    assert!(
        said.out.contains(ORDERS) && said.out.contains(OTHER),
        "{said:?}"
    );
    for vv in [CLONE, OTHER, LONG] {
        let said = dry(vv, "new").ok();
        let row = said.lines().nth(1).unwrap_or_default();
        assert!(row.starts_with(vv) && row.ends_with(" new"), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
    }
    // What an adoption would refuse.
    for (which, name, parts) in [
        (CLONE, "mine", ["`mine`", "Docker has a volume"]),
        (CLONE, "hand", ["`hand`", "`dkv-hand`"]),
        (LONG, long.as_str(), ["no room", "shorten"]),
    ] {
        let said = dry(which, name);
        assert_eq!(said.code, 1, "{said:?}");
        let why = said.out.lines().last().unwrap_or_default();
        assert!(why.starts_with("not as it is: "), "{said:?}");
        assert_told(why, &parts);
    }
    let said = dry("orders", "new").refused();
    assert_told(&said, &[ORDERS, OTHER, "<VV> --name"]);
    let said = dry("nobody", "new").refused();
    assert_told(&said, &["no volume `nobody`"]);
    assert_eq!(stage.arrays.dump(), before);
    let said = run(&["adopt", LONG, "--name", "new"]).ok();
    assert_eq!(said, format!("{LONG} -> new\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_that_lose_their_volume_are_told_before_and_after() {
    let stage = set().await;
    let line =
        format!("createsched \"createsv -f night.@y@@m@@d@ {ORDERS}\" \"0 3 29 2 *\" nightly");
    stage.arrays.type_in(HOME, &line).await;
    let run = |words: &[&str]| volume(&stage.machine, words);
    let label = stage.label(HOME);
    let told = format!("`{ORDERS}` is what schedule `nightly` of array `{label}` is for");
    for words in [
        &["adopt", "--all", "--dry-run"][..],
        &["adopt", "orders", "--dry-run"],
        &["adopt", "orders", "--dry-run", "--name", "new"],
    ] {
        let said = run(words);
        assert_eq!(said.out.matches("schedule").count(), 1, "{said:?}");
        assert!(said.out.contains(&told), "{said:?}");
    }
    let said = run(&["adopt", "orders"]);
    assert_eq!((said.code, said.out.lines().count()), (0, 1), "{said:?}");
    let parts = [
        "warning: schedule `nightly`",
        ORDERS,
        "removesched nightly",
        "virtualCopyOf=orders -o scheduleName=nightly",
    ];
    assert_told(said.err.trim_end(), &parts);
    // An array that does not tell.
    let fault = Fault::new(Kind::Refuse).on(HOME).matching("^showsched");
    let fault = fault.words("Error: the moon is wrong");
    stage.arrays.control.fault(fault).unwrap();
    let said = run(&["adopt", CLONE, "--name", "copy"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_told(
        said.err.trim_end(),
        &["warning", "did not tell", CLONE, "showsched"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_group_is_copied_anew_if_that_is_wanted() {
    let stage = set().await;
    let cpgs = "-usr_cpg ssd_r5 to-birch:ssd_r5 -snp_cpg ssd_r5 to-birch:ssd_r5";
    for line in [
        format!("creatercopygroup {cpgs} books to-birch:sync"),
        format!("admitrcopyvv -createvv -nowwn {ORDERS} books to-birch:{ORDERS}"),
        "startrcopygroup books".to_owned(),
    ] {
        assert_eq!(stage.arrays.type_in(HOME, &line).await, "", "{line}");
    }
    stage.settled().await;
    let before = stage.arrays.dump();
    let run = |words: &[&str]| volume(&stage.machine, words);
    for words in [
        &["adopt", "orders"][..],
        &["adopt", "orders", "--dry-run"],
        &["adopt", "--all"],
    ] {
        let said = run(words);
        assert_eq!(said.code, 1, "{said:?}");
        for part in ["remote copy group `books`", "--copy-anew"] {
            let told = said.out.contains(part) || said.err.contains(part);
            assert!(told, "`{part}`: {said:?}");
        }
    }
    let former = format!("{ORDERS}.old");
    let said = run(&["adopt", "orders", "--dry-run", "--copy-anew"]).ok();
    let peer = stage.label(PEER);
    for part in [
        "leaves remote copy group `books`",
        &former,
        "only what it has now",
        &peer,
    ] {
        assert!(said.contains(part), "`{part}`: {said}");
    }
    assert_eq!(stage.arrays.dump(), before);

    let said = run(&["adopt", "orders", "--copy-anew"]).ok();
    let line = format!("removevv -f {former}");
    for part in [
        &format!("{ORDERS} -> orders\n"),
        "is being copied to array",
        &line,
    ] {
        assert!(said.contains(part), "`{part}`: {said}");
    }
    stage.settled().await;
    let shown = run(&["show", "orders"]).ok();
    assert!(
        shown.contains("books") && shown.contains("Synced"),
        "{shown}"
    );
    // What was said can be typed.
    let printed = stage.arrays.type_in(PEER, &line).await;
    assert_eq!(printed, format!("Removing vv {former}\n"));
    stage.remove("orders").await.ok();
}
