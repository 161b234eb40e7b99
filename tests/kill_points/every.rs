//! Dying at every point of one operation.

use std::{
    collections::BTreeMap,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use hpe3par_sim::engine::LogEntry;
use serde_json::Value;

use super::{
    points::{self, Point},
    rig::plugin::{Plugin, Reply},
    stage::Stage,
};

/// So many plugins and pairs of arrays at once.
const LANES: usize = 4;

/// One operation, and what must be true whenever it was cut short.
pub trait Operation: Sync {
    /// For people.
    const NAME: &'static str;
    /// Commands that have no points: both arrays are asked at once, and in no certain order. They change nothing.
    const AT_ONCE: &'static [&'static str] = &[];

    /// The arrays and the machine.
    async fn stage(&self) -> Stage {
        Stage::new().await
    }

    /// What has to be there before.
    async fn prepare(&self, stage: &Stage, plugin: &Plugin);

    /// The one request.
    async fn perform(&self, plugin: &Plugin) -> Reply;

    /// The plugin was started again and has cleaned up; `before` are the arrays as they were before the request. Complete or clean, and
    /// the same request succeeds.
    async fn check(&self, stage: &Stage, plugin: &Plugin, before: &Value);
}

/// Kills the plugin at every point of the operation, once where two points are one moment. Says how many there were.
pub fn every_point(operation: &impl Operation) {
    let (points, derived) = settled(operation);
    let moments = points::moments(&points);
    // Each thing that was done has its point before, and all is over with the last one after.
    assert_eq!(moments.len(), derived / 2 + 1);
    let name = operation_name(operation);
    let told = |at: usize| format!("killed at point {} of {derived}, {}", at + 1, points[at]);
    in_lanes(name, &moments, told, |at| {
        run(die_and_recover(operation, &points[at], at));
    });
    // Not println!: the harness keeps that from the screen when a test passes.
    let _ = writeln!(
        std::io::stderr(),
        "{derived} kill points of {}, {} moments",
        operation_name(operation),
        moments.len()
    );
}

/// The points of a clean run, of which another one had the same: on a slow machine something may be looked at once more in one of them.
pub fn settled(operation: &impl Operation) -> (Vec<Point>, usize) {
    let mut clean = run(derive(operation));
    for _ in 0..4 {
        let again = run(derive(operation));
        if again == clean {
            break;
        }
        clean = again;
    }
    clean
}

fn operation_name<O: Operation>(_: &O) -> &'static str {
    O::NAME
}

/// One death after the other, some at once; `told` is what each is called, should it not end well.
pub fn in_lanes(
    name: &str,
    deaths: &[usize],
    told: impl Fn(usize) -> String,
    die: impl Fn(usize) + Sync,
) {
    let next = AtomicUsize::new(0);
    let hit = AtomicUsize::new(0);
    let failures: Mutex<BTreeMap<usize, String>> = Mutex::default();
    std::thread::scope(|lanes| {
        for _ in 0..LANES {
            lanes.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(&at) = deaths.get(at) else { return };
                    match catch_unwind(AssertUnwindSafe(|| die(at))) {
                        Ok(()) => {
                            hit.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(panic) => {
                            let why = panic
                                .downcast_ref::<String>()
                                .cloned()
                                .or_else(|| panic.downcast_ref().map(|s: &&str| (*s).to_owned()))
                                .unwrap_or_default();
                            failures.lock().unwrap().insert(at, why);
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    let failed: Vec<String> = failures
        .iter()
        .map(|(at, why)| format!("{}: {why}", told(*at)))
        .collect();
    assert!(failed.is_empty(), "{name}\n{}", failed.join("\n"));
    assert_eq!(hit.into_inner(), deaths.len());
}

/// A runtime for one stage: the simulator goes on while this thread waits for a plugin.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// The points of the operation when nothing goes wrong, and how many the arrays' own record of it says there are.
pub async fn derive(operation: &impl Operation) -> (Vec<Point>, usize) {
    let stage = operation.stage().await;
    let plugin = stage.plugin();
    stage.listed_once().await;
    operation.prepare(&stage, &plugin).await;
    let before = stage.arrays.dump();
    stage.arrays.control.clear_log();
    stage.count_points();
    operation.perform(&plugin).await.ok();
    let commands = stage.arrays.control.log(None);
    let commands = without(&commands, operation);
    let points = stage.points();
    let derived = points::check(&points, &commands);
    assert_eq!(points.len(), derived);
    operation.check(&stage, &plugin, &before).await;
    (points, derived)
}

/// The commands that have points.
fn without<O: Operation>(commands: &[LogEntry], _: &O) -> Vec<LogEntry> {
    let at_once = |entry: &&LogEntry| {
        let word = entry.line.split(' ').next().unwrap_or_default();
        let at_once = O::AT_ONCE.contains(&word);
        assert!(!(at_once && entry.changed), "{}", entry.line);
        at_once
    };
    commands
        .iter()
        .filter(|entry| !at_once(entry))
        .cloned()
        .collect()
}

/// The plugin dead at a point of the operation, and the arrays as they were before the request.
pub async fn dead_at(
    operation: &impl Operation,
    point: &Point,
    at: usize,
) -> (Stage, Plugin, Value) {
    let n = at + 1;
    let mut tries = 0;
    loop {
        let stage = operation.stage().await;
        let mut plugin = stage.plugin_that_dies_at(n);
        stage.listed_once().await;
        operation.prepare(&stage, &plugin).await;
        let before = stage.arrays.dump();
        stage.count_points();
        let reply = operation.perform(&plugin).await;
        plugin.kill();
        let passed = stage.points();
        if passed.len() >= n {
            assert_eq!(reply, Reply::Closed);
        }
        if (passed.len(), passed.last()) == (n, Some(point)) {
            return (stage, plugin, before);
        }
        // On a slow machine something was looked at once more than in the clean run, or in that one, and it died at another point than this
        // one, or came to its end before it.
        tries += 1;
        assert!(tries < 5, "{n}: {point}: {:?}, {reply:?}", passed.last());
    }
}

async fn die_and_recover(operation: &impl Operation, point: &Point, at: usize) {
    let (stage, dead, before) = dead_at(operation, point, at).await;
    drop(dead);
    // It may die while it cleans up, too: here or there, so that all runs together die in many places of that.
    if stage.open_entries() > 0 {
        stage.clean_up_and_die_at(at % 9 + 1).await;
    }
    let plugin = stage.plugin();
    stage.cleaned_up().await;
    operation.check(&stage, &plugin, &before).await;
}
