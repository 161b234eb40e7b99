//! Every command of an import and of a release goes wrong, in every way there is.

#[path = "../rollback/point.rs"]
mod point;

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hpe3par_sim::{Fault, Kind};
use serde_json::{Value, json};

use super::{
    rig,
    rig::{
        arrays::{HOME, PEER},
        plugin::Reply,
    },
    scene::{COMMENT, Scene, importing, into_group},
    stage,
    stage::{Case, Stage, all, assert_told, case, in_time},
};
use point::Point;

const REFUSAL: &str = "Error: the array has a reason of its own";
const OLD: &str = "oracle_01";
/// So many one after the other on a stage, and so many stages.
const LANE: usize = 16;
const LANES: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

/// An import or a release.
#[derive(Debug, Clone, Copy)]
struct Job {
    way: Way,
    in_group: bool,
}

impl Job {
    fn options(self) -> Value {
        let more = if self.in_group {
            into_group()
        } else {
            json!({})
        };
        importing(OLD, more)
    }

    async fn stage(self) -> Scene {
        let scene = Scene::set("3.3.1").await;
        scene.has_vv(OLD).await;
        scene
            .types(HOME, &format!("setvv -snp_cpg ssd_r5 {OLD}"))
            .await;
        scene
    }

    async fn begin(self, stage: &Stage) {
        if self.way == Way::Out {
            stage.create("db1", self.options()).await.ok();
            stage.settled().await;
        }
    }

    async fn perform(self, stage: &Stage) -> Reply {
        match self.way {
            Way::In => stage.create("db1", self.options()).await,
            Way::Out => stage.remove("db1").await,
        }
    }

    /// Every command it takes, in order, the second time: the first asks more.
    async fn points(self) -> Vec<Point> {
        let scene = self.stage().await;
        let stage = &scene.stage;
        let mut points = Vec::new();
        for _ in 0..2 {
            self.begin(stage).await;
            stage.arrays.control.clear_log();
            self.perform(stage).await.ok();
            points = Point::all(&stage.arrays);
            if self.way == Way::In {
                stage.settled().await;
                stage.remove("db1").await.ok();
            }
        }
        points
    }
}

fn faults(point: &Point) -> Vec<Fault> {
    let mut all = vec![
        Fault::new(Kind::DropAfter),
        Fault::new(Kind::Truncate).bytes(9),
    ];
    if point.changes {
        all.push(Fault::new(Kind::DropBefore));
        all.push(Fault::new(Kind::HangBefore));
        // A copy that takes no comment is lived with: tests/weather/refusals.rs.
        if point.name != "setvv" || point.array != PEER {
            all.push(Fault::new(Kind::Refuse).words(REFUSAL));
        }
    }
    all
}

async fn disturb(job: Job, stage: &Stage, point: &Point, fault: Fault) {
    let without = stage.arrays.dump();
    job.begin(stage).await;
    let kind = fault.kind;
    point.arm(stage, fault);
    let reply = job.perform(stage).await;
    println!("{job:?}: {kind:?} of {point}: {reply:?}");
    assert!(point.sent(&stage.arrays).is_some(), "never sent");
    if let Reply::Err(said) = &reply {
        assert_told(said, &["db1"]);
    }
    stage.calm_down().await;
    stage.settled().await;

    let there = stage.plugin.list().await.contains(&"db1".to_owned());
    // What was said holds, unless something was left to be ended later.
    let later = matches!(&reply, Reply::Err(said) if said.contains("still there") || said.contains("still running"));
    let done = matches!(&reply, Reply::Ok(_));
    assert!(
        later || there == (done == (job.way == Way::In)),
        "{reply:?}"
    );
    let dump = stage.arrays.dump();
    let name = if there { "dkv-db1" } else { OLD };
    let other = if there { OLD } else { "dkv-db1" };
    assert!(dump[HOME]["vvs"][other].is_null(), "{dump:#}");
    let vv = &dump[HOME]["vvs"][name];
    assert_eq!(vv["wwn"], without[HOME]["vvs"][OLD]["wwn"]);
    if there {
        let comment = vv["comment"].as_str().unwrap();
        assert!(comment.contains("/state=ready/"), "{comment}");
        // The first may have been joined that was just ending, and was given its error.
        if let Reply::Err(_) = in_time(stage.remove("db1")).await {
            in_time(stage.remove("db1")).await.ok();
        }
    } else {
        assert_eq!(vv["comment"], COMMENT);
    }
    stage.as_before(&without).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_command_of_an_import_or_a_release_may_go_wrong() {
    let done = Arc::new(AtomicUsize::new(0));
    let (mut cases, mut derived): (Vec<Case>, usize) = (Vec::new(), 0);
    for in_group in [false, true] {
        for way in [Way::In, Way::Out] {
            let job = Job { way, in_group };
            let points = job.points().await;
            let all: Vec<_> = points
                .iter()
                .flat_map(|point| {
                    faults(point)
                        .into_iter()
                        .map(|fault| (point.clone(), fault))
                })
                .collect();
            derived += all.len();
            for lane in all.chunks(LANE) {
                let (lane, done) = (lane.to_vec(), Arc::clone(&done));
                let name = format!("{job:?} from {}", lane[0].0);
                cases.push(case(name, async move {
                    let scene = job.stage().await;
                    for (point, fault) in lane {
                        disturb(job, &scene.stage, &point, fault).await;
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                }));
            }
        }
    }
    all(LANES, cases).await;
    assert_eq!(done.load(Ordering::SeqCst), derived);
    // Not println!: the harness keeps that from the screen when a test passes.
    let _ = writeln!(
        std::io::stderr(),
        "{derived} faults in imports and releases"
    );
}
