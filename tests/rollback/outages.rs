//! An array dies at every step of a create or a remove, and comes back later.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use hpe3par_sim::{Fault, Kind};
use serde_json::json;

use super::{
    job::{Job, LEFT, Ready, Way, still_at_it},
    point::Point,
    rig::{
        arrays::{HOME, PEER},
        plugin::Reply,
    },
    stage::{Case, all, assert_told, case},
};

/// So many deaths one after the other on a stage, and so many stages: most of their time they wait.
const LANE: usize = 3;
const LANES: usize = 48;

/// The array goes down right before a command takes effect, or right after, and stays so until after the answer. True if something
/// was open then.
async fn dies(ready: &Ready, point: &Point, kind: Kind, array: &str) -> bool {
    let before = ready.begin().await;
    let control = ready.stage.arrays.control.clone();
    point.arm(&ready.stage, Fault::new(kind));
    let outage = async {
        let patience = Instant::now() + Duration::from_secs(45);
        let arrived = || {
            let sent = point.sent(&ready.stage.arrays);
            sent.is_some_and(|entry| entry.ran || kind == Kind::HangBefore)
        };
        while !arrived() {
            assert!(Instant::now() < patience, "{point} never came");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        control.down(array).await.unwrap();
        // What hung on the other array goes on, and meets the outage.
        control.release();
    };
    let (reply, ()) = tokio::join!(ready.perform(), outage);
    println!(
        "{:?}: {array} dies, {kind:?} of {point}: {reply:?}",
        ready.job
    );
    let open = match &reply {
        Reply::Err(said) => {
            assert_told(said, &["db1", "127.0.0.1:"]);
            assert_named(ready, said);
            assert_shown(ready, said).await
        }
        _ => false,
    };
    control.up(array).await.unwrap();
    ready.stage.calm_down().await;
    ready.stage.settled().await;
    ready.ends(&reply, &before).await;
    open
}

/// A create that could not be taken back names what is left on either array.
fn assert_named(ready: &Ready, said: &str) {
    if still_at_it(said) || ready.job.way == Way::Out {
        return;
    }
    let left = said.split_once(LEFT).map_or("", |(_, left)| left);
    let now = ready.stage.arrays.dump();
    let is_new = |array: &str, things: &str, name: &str| {
        ready.without[array][things][name].is_null() && !now[array][things][name].is_null()
    };
    for (new, words) in [
        (is_new(HOME, "vvs", "dkv-db1"), "VV `dkv-db1`"),
        (is_new(PEER, "vvs", "dkv-db1"), "copy"),
        (
            is_new(HOME, "groups", "prod"),
            "group `prod`, which it made",
        ),
        (is_new(HOME, "vv_sets", "dkl-prod"), "`dkl-prod`"),
    ] {
        assert!(!new || left.contains(words), "{words}: {said}");
    }
}

/// What an error says is left is in the journal and in `-o help=backends`, and what it does not say is in neither.
async fn assert_shown(ready: &Ready, said: &str) -> bool {
    let kind = match ready.job.way {
        Way::In => "create",
        Way::Out => "remove",
    };
    let shown = format!("; not finished: the {kind} of `db1` (VV `dkv-db1`) begun at ");
    let is_open = || ready.stage.machine.open_entries() > 0;
    let open = is_open();
    let help = json!({ "help": "backends" });
    let help = ready.stage.create("any", help).await.err();
    if still_at_it(said) || said.contains(LEFT) {
        // The other array may do, or what was lost has been seen to have come to nothing.
        assert!(!(open && is_open()) || help.contains(&shown), "{help}");
    } else {
        assert!(!open, "not said: {said}");
        assert!(!help.contains("not finished"), "{help}");
    }
    open
}

/// A lane's share.
type Share = Vec<(Point, Kind, &'static str)>;

fn shares(points: &[Point]) -> Vec<Share> {
    let changing = points.iter().filter(|point| point.changes);
    let all = changing.flat_map(|point| {
        [
            (point.clone(), Kind::HangBefore, PEER),
            (point.clone(), Kind::HangAfter, PEER),
            (point.clone(), Kind::HangAfter, HOME),
        ]
    });
    let all: Share = all.collect();
    all.chunks(LANE).map(<[_]>::to_vec).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn an_array_may_die_at_every_step_and_come_back() {
    let (done, left) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (mut lanes, mut derived): (Vec<Case>, usize) = (Vec::new(), 0);
    for job in Job::REPLICATED {
        for share in shares(&job.points().await) {
            derived += share.len();
            let (done, left) = (Arc::clone(&done), Arc::clone(&left));
            let name = format!("{job:?}: an array dies, from {}", share[0].0);
            lanes.push(case(name, async move {
                let ready = job.stage().await;
                for (point, kind, array) in share {
                    let open = dies(&ready, &point, kind, array).await;
                    left.fetch_add(usize::from(open), Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                }
                ready.end().await;
            }));
        }
    }
    all(LANES, lanes).await;
    assert_eq!(done.load(Ordering::SeqCst), derived);
    let left = left.load(Ordering::SeqCst);
    assert!(left > 0, "nothing was ever left");
    // Not println!: the harness keeps that from the screen when a test passes.
    let told = format!("{derived} deaths of an array; after {left} of them something was open");
    let _ = writeln!(std::io::stderr(), "{told}");
}
