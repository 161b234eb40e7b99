//! Two hosts at the removal of one volume, and one that meets somebody's export: whose mark it is decides.

use std::time::{Duration, Instant};

use hpe3par_sim::{Fault, Kind};
use serde_json::Value;

use super::{
    dying::comes_back,
    job::{Job, Place, Way},
    point::Point,
    rig::{
        arrays::{Arrays, HOME, PEER},
        plugin::{Plugin, Reply},
    },
    stage::{Case, all, assert_told, case, in_time, machine, patient_machine, plain, replicated},
    two_hosts::{assert_consistent, calm},
};

const EXPORT: &str = "createvlun -f dkv-db1 30 ledger";
const WITHDRAW: &str = "removevlun -f dkv-db1 30 ledger";

async fn until(what: &str, ready: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// How often an array was sent such a command.
fn sent(arrays: &Arrays, array: &str, command: &str) -> usize {
    let log = arrays.control.log(Some(array));
    let same = log.iter().filter(|entry| entry.line.starts_with(command));
    same.count()
}

fn hang(arrays: &Arrays, command: &str) {
    let fault = Fault::new(Kind::HangBefore)
        .on(HOME)
        .matching(&format!("^{command}"));
    arrays.control.fault(fault).unwrap();
}

/// The slow one looked before the fast one marked, and writes its own mark over it. Then it meets an export, and backs out. Meanwhile the
/// fast one is held at one command, and while the slow one decides at another.
async fn one_backs_out(held: [&'static str; 2]) {
    let arrays = Arrays::start().await;
    let before = arrays.dump();
    let machines = ["host1", "host2"].map(|name| patient_machine(&arrays, name));
    let [slow, fast] = machines
        .each_ref()
        .map(|machine| tokio::task::block_in_place(|| Plugin::start(machine)));
    in_time(slow.create("db2", replicated())).await.ok();
    in_time(slow.create("db1", replicated())).await.ok();
    in_time(fast.get("db1")).await.ok();
    let syncs = || arrays.dump().to_string().contains("Syncing");
    until("never in step", || !syncs()).await;
    let type_in = |line: &'static str| arrays.type_in(HOME, line);
    type_in("createhost -iscsi ledger iqn.2026-01.test:ledger").await;

    arrays.control.clear_log();
    hang(&arrays, "setvv ");
    let staging = async {
        until("no first mark", || sent(&arrays, HOME, "setvv ") == 1).await;
        hang(&arrays, held[0]);
        let other = async {
            until("not held", || sent(&arrays, HOME, held[0]) == 1).await;
            type_in(EXPORT).await;
            hang(&arrays, held[1]);
            let looks = sent(&arrays, HOME, "showvlun ");
            arrays.control.release();
            // The slow one has met the export, and looks what has become of the volume.
            until("not met", || sent(&arrays, HOME, "showvlun ") > looks).await;
            until("not held", || sent(&arrays, HOME, held[1]) == 1).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            arrays.control.release();
        };
        let (reply, ()) = tokio::join!(in_time(fast.remove("db1")), other);
        reply
    };
    let (slow_one, fast_one) = tokio::join!(in_time(slow.remove("db1")), staging);
    println!("{slow_one:?}\n{fast_one:?}");
    let said = fast_one.err();
    assert_told(&said, &["db1", "host1"]);
    assert_told(&slow_one.err(), &["db1", "ledger"]);
    let vv = |array: &str| arrays.dump()[array]["vvs"]["dkv-db1"].clone();
    let ready = |vv: &Value| vv.to_string().contains("/state=ready/");
    assert!(
        !ready(&vv(HOME)) || ready(&vv(PEER)),
        "half of it is ready: {held:?}"
    );
    type_in(WITHDRAW).await;
    calm(&machines).await;
    if vv(HOME).is_null() {
        assert_consistent(&arrays, &["db2".to_owned()]);
    } else {
        until("never in step", || !syncs()).await;
        assert_consistent(&arrays, &["db1".to_owned(), "db2".to_owned()]);
        in_time(fast.remove("db1")).await.ok();
    }
    in_time(fast.remove("db2")).await.ok();
    type_in("removehost ledger").await;
    until("something is left", || arrays.dump() == before).await;
}

/// Both mark it, and nothing else goes wrong: one removes it, and the other one is told whose it is, or that it is gone.
async fn one_wins(held: &'static str) {
    let arrays = Arrays::start().await;
    let before = arrays.dump();
    let machines = ["host1", "host2"].map(|name| machine(&arrays, name));
    let [slow, fast] = machines
        .each_ref()
        .map(|machine| tokio::task::block_in_place(|| Plugin::start(machine)));
    in_time(slow.create("db1", replicated())).await.ok();
    in_time(fast.get("db1")).await.ok();
    let syncs = || arrays.dump().to_string().contains("Syncing");
    until("never in step", || !syncs()).await;
    arrays.control.clear_log();
    hang(&arrays, "setvv ");
    let staging = async {
        until("no first mark", || sent(&arrays, HOME, "setvv ") == 1).await;
        hang(&arrays, held);
        let other = async {
            until("not held", || sent(&arrays, HOME, held) >= 1).await;
            arrays.control.release();
        };
        tokio::join!(in_time(fast.remove("db1")), other).0
    };
    let (slow_one, fast_one) = tokio::join!(in_time(slow.remove("db1")), staging);
    println!("{slow_one:?}\n{fast_one:?}");
    let replies = [slow_one, fast_one];
    assert!(replies.iter().any(|reply| matches!(reply, Reply::Ok(_))));
    for reply in &replies {
        if let Reply::Err(said) = reply {
            assert_told(said, &["db1", "host"]);
        }
    }
    calm(&machines).await;
    until("something is left", || arrays.dump() == before).await;
}

/// It meets an export, takes its mark back, and dies before the copy's. By the time it is back, somebody else has written the comment of
/// the volume.
async fn the_copys_mark_is_taken_back() {
    let job = Job::new(Way::Out, Place::Beside);
    let mut ready = job.stage().await;
    let type_in = async |array: &str, line: &str| ready.stage.arrays.type_in(array, line).await;
    type_in(HOME, "createhost -iscsi ledger iqn.2026-01.test:ledger").await;
    ready.begin().await;
    ready.stage.settled().await;
    // The copy is marked, and then somebody exports the volume.
    let point = |nth: usize, array: &str| Point {
        array: array.to_owned(),
        name: "setvv".to_owned(),
        nth,
        changes: true,
    };
    let arrays = &ready.stage.arrays;
    point(1, PEER).arm(&ready.stage, Fault::new(Kind::HangAfter));
    let dying = async {
        let came = |at: &Point| at.sent(arrays).is_some_and(|sent| sent.ran);
        until("no mark", || came(&point(1, PEER))).await;
        type_in(HOME, EXPORT).await;
        let after = Fault::new(Kind::HangAfter).on(HOME).matching("^setvv ");
        arrays.control.fault(after).unwrap();
        arrays.control.release();
        until("not taken back", || came(&point(2, HOME))).await;
        ready.stage.plugin.strike();
    };
    let (reply, ()) = tokio::join!(ready.perform(), dying);
    assert_eq!(reply, Reply::Closed);
    tokio::task::block_in_place(|| ready.stage.plugin.kill());
    ready.stage.arrays.control.release();
    let arrays = &ready.stage.arrays;
    let comment = |array: &str| {
        let vv = arrays.dump()[array]["vvs"]["dkv-db1"].clone();
        vv["comment"].as_str().unwrap().to_owned()
    };
    assert!(comment(PEER).contains("/state=removing/"));
    let home = comment(HOME);
    assert!(home.contains("/state=ready/"), "{home}");
    let parts = home.split('/').map(|part| {
        if part.starts_with("op=") {
            "op=other.0a1b2c3d"
        } else {
            part
        }
    });
    let theirs = parts.collect::<Vec<_>>().join("/");
    let line = format!("setvv -f -comment {theirs} dkv-db1");
    arrays.type_in(HOME, &line).await;
    assert_eq!(comment(HOME), theirs);
    arrays.type_in(HOME, WITHDRAW).await;
    comes_back(&mut ready).await;
    ready.assert_whole();
    let dump = ready.stage.arrays.dump();
    assert_eq!(dump[HOME]["vvs"]["dkv-db1"]["comment"], theirs);
    ready.stage.remove("db1").await.ok();
    ready.stage.arrays.type_in(HOME, "removehost ledger").await;
    ready.stage.remove("other").await.ok();
    ready.stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_two_removes_of_one_volume_none_leaves_half_of_it() {
    let mut cases: Vec<Case> = Vec::new();
    // While the slow one decides the fast one has no lock yet; or has it, and is about to dismiss.
    for held in [
        ["showdate", "createvvset "],
        ["stoprcopygroup ", "dismissrcopyvv "],
    ] {
        let name = format!("backs out while the other is at {held:?}");
        cases.push(case(name, one_backs_out(held)));
    }
    for held in ["setvv ", "createvvset ", "dismissrcopyvv "] {
        cases.push(case(format!("wins: {held}"), one_wins(held)));
    }
    cases.push(case("the copy's mark", the_copys_mark_is_taken_back()));
    all(6, cases).await;
}

/// A volume that this host knows, and that another one is removing, is no volume that is there: a create makes it anew afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_create_does_not_find_what_another_host_removes() {
    let arrays = Arrays::start().await;
    let before = arrays.dump();
    let machines = ["host1", "host2"].map(|name| machine(&arrays, name));
    let [one, other] = machines
        .each_ref()
        .map(|machine| tokio::task::block_in_place(|| Plugin::start(machine)));
    in_time(one.create("db1", plain())).await.ok();
    in_time(other.get("db1")).await.ok();
    let wwn = |dump: &Value| dump[HOME]["vvs"]["dkv-db1"]["wwn"].clone();
    let first = wwn(&arrays.dump());
    arrays.control.clear_log();
    hang(&arrays, "removevv ");
    let meeting = async {
        until("not held", || sent(&arrays, HOME, "removevv ") == 1).await;
        let looks = sent(&arrays, HOME, "showvv ");
        let letting_go = async {
            until("not looked at", || sent(&arrays, HOME, "showvv ") > looks).await;
            arrays.control.release();
        };
        tokio::join!(in_time(other.create("db1", plain())), letting_go).0
    };
    let (removed, made) = tokio::join!(in_time(one.remove("db1")), meeting);
    println!("{removed:?}\n{made:?}");
    removed.ok();
    made.ok();
    calm(&machines).await;
    let now = arrays.dump();
    let vv = &now[HOME]["vvs"]["dkv-db1"];
    assert!(vv.to_string().contains("/state=ready/"), "{vv:#}");
    assert_ne!(wwn(&now), first);
    in_time(other.remove("db1")).await.ok();
    assert_eq!(arrays.dump(), before);
}

/// The array that the volume is at home on is away, and the copy says that somebody removes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_create_does_not_find_a_volume_by_a_copy_that_is_being_removed() {
    let arrays = Arrays::start().await;
    let machine = machine(&arrays, "host1");
    let one = tokio::task::block_in_place(|| Plugin::start(&machine));
    in_time(one.create("db1", replicated())).await.ok();
    let dump = arrays.dump();
    let comment = dump[PEER]["vvs"]["dkv-db1"]["comment"].as_str().unwrap();
    let parts = comment.split('/').map(|part| match part.split('=').next() {
        Some("op") => "op=host9.0a1b2c3d",
        Some("state") => "state=removing",
        _ => part,
    });
    let theirs = parts.collect::<Vec<_>>().join("/");
    let line = format!("setvv -f -comment {theirs} dkv-db1");
    assert_eq!(arrays.type_in(PEER, &line).await, "");
    arrays.control.down(HOME).await.unwrap();
    let said = in_time(one.create("db1", replicated())).await.err();
    assert_told(&said, &["db1", "host9"]);
}
