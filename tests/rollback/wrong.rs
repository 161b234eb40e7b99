//! Every command of a create and a remove goes wrong, in every way there is.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hpe3par_sim::{Fault, Kind};

use super::{
    job::{Job, Place, Ready, Way},
    point::Point,
    rig::{arrays::PEER, plugin::Reply},
    stage::{Case, all, case},
};

/// How a command goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// The connection is lost, nothing was done.
    Before,
    /// The connection is lost, it was done.
    After,
    /// The connection is lost in the middle of the answer.
    Middle,
    /// The answer ends at its beginning, or in its middle, and looks whole.
    Cut(usize),
    /// The array says no.
    Refused,
    /// Nothing happens, and then it is done after all.
    HangBefore,
    /// It is done, and then there is no answer.
    HangAfter,
}

impl Wrong {
    /// What a command that changes something meets.
    const CHANGING: [Self; 8] = [
        Self::Before,
        Self::After,
        Self::Middle,
        Self::Cut(0),
        Self::Cut(9),
        Self::Refused,
        Self::HangBefore,
        Self::HangAfter,
    ];
    /// What a command that only reads meets: it is all the same to it whether it was carried out.
    const READING: [Self; 2] = [Self::After, Self::Cut(9)];

    fn fault(self) -> Fault {
        match self {
            Self::Before => Fault::new(Kind::DropBefore),
            Self::After => Fault::new(Kind::DropAfter),
            Self::Middle => Fault::new(Kind::DropMid).bytes(9),
            Self::Cut(bytes) => Fault::new(Kind::Truncate).bytes(bytes),
            Self::Refused => Fault::new(Kind::Refuse).words(REFUSAL),
            Self::HangBefore => Fault::new(Kind::HangBefore),
            Self::HangAfter => Fault::new(Kind::HangAfter),
        }
    }

    fn hangs(self) -> bool {
        matches!(self, Self::HangBefore | Self::HangAfter)
    }

    fn all_at(point: &Point) -> impl Iterator<Item = Self> {
        let all: &[Self] = if point.changes {
            &Self::CHANGING
        } else {
            &Self::READING
        };
        // A copy that takes no comment is lived with: tests/weather/refusals.rs.
        let comment_there = point.name == "setvv" && point.array == PEER;
        let skipped = comment_there.then_some(Self::Refused);
        all.iter()
            .copied()
            .filter(move |wrong| Some(*wrong) != skipped)
    }
}

/// Words that are no particular refusal.
const REFUSAL: &str = "Error: the array has a reason of its own";
/// What hangs is waited for, each on a stage of its own: so many at a time.
const WAITING: usize = 64;
/// What ends at once goes on on the same stage: so many one after the other, on so many stages.
const LANE: usize = 24;
const LANES: usize = 12;

async fn disturb(ready: &Ready, point: &Point, wrong: Wrong) {
    let before = ready.begin().await;
    point.arm(&ready.stage, wrong.fault());
    let reply = ready.perform().await;
    println!("{:?}: {wrong:?} of {point}: {reply:?}", ready.job);
    assert!(point.sent(&ready.stage.arrays).is_some(), "never sent");
    if wrong == Wrong::Refused || wrong.hangs() {
        assert!(matches!(reply, Reply::Err(_)), "{reply:?}");
    }
    ready.check(&reply, &before, point).await;
}

/// The points, each with what goes wrong there.
fn at_every(points: &[Point]) -> impl Iterator<Item = (Point, Wrong)> {
    points
        .iter()
        .flat_map(|point| Wrong::all_at(point).map(|wrong| (point.clone(), wrong)))
}

async fn cases(job: Job, done: &Arc<AtomicUsize>) -> (Vec<Case>, Vec<Case>, usize) {
    let points = job.points().await;
    let all: Vec<_> = at_every(&points).collect();
    let derived = all.len();
    let (hanging, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, w)| w.hangs());
    let hanging = hanging.into_iter().map(|(point, wrong)| {
        let done = Arc::clone(done);
        let name = format!("{job:?}: {wrong:?} of {point}");
        case(name, async move {
            let ready = job.stage().await;
            disturb(&ready, &point, wrong).await;
            done.fetch_add(1, Ordering::SeqCst);
            ready.end().await;
        })
    });
    let lanes = others.chunks(LANE);
    let lanes = lanes.map(|lane| {
        let (lane, done) = (lane.to_vec(), Arc::clone(done));
        let name = format!("{job:?}: {} points from {}", lane.len(), lane[0].0);
        case(name, async move {
            let ready = job.stage().await;
            for (point, wrong) in lane {
                disturb(&ready, &point, wrong).await;
                done.fetch_add(1, Ordering::SeqCst);
            }
            ready.end().await;
        })
    });
    (hanging.collect(), lanes.collect(), derived)
}

async fn every_point_of(jobs: &[Job]) {
    let done = Arc::new(AtomicUsize::new(0));
    let (mut waiting, mut busy, mut derived) = (Vec::new(), Vec::new(), 0);
    for job in jobs {
        let (hanging, lanes, points) = cases(*job, &done).await;
        waiting.extend(hanging);
        busy.extend(lanes);
        derived += points;
    }
    tokio::join!(all(WAITING, waiting), all(LANES, busy));
    assert_eq!(done.load(Ordering::SeqCst), derived);
    // Not println!: the harness keeps that from the screen when a test passes.
    let _ = writeln!(std::io::stderr(), "{derived} faults in {jobs:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_command_of_a_create_or_a_remove_may_go_wrong() {
    let mut jobs = Job::REPLICATED.to_vec();
    jobs.extend([Way::In, Way::Out].map(|way| Job::new(way, Place::Plain)));
    every_point_of(&jobs).await;
}
