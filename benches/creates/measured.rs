//! What was measured, from the arrays' record of commands.

use std::{fmt, time::Duration};

use hpe3par_sim::engine::LogEntry;

use super::{CASES, rig::arrays::HOME};

/// One way of making so many volumes.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// How often the group was stopped and started again.
    pub cycles: f64,
    /// In all, from where a stop takes effect to where the next start does.
    pub stopped: Duration,
    /// The longest of these.
    pub longest: Duration,
    /// From the first request to the last answer.
    pub wall: Duration,
    /// On both arrays.
    pub commands: f64,
    /// Not run to the end: it goes on as it began.
    pub extrapolated: bool,
}

/// The three ways, for one number of volumes.
pub struct Row {
    pub volumes: usize,
    pub at_once: Measured,
    pub one_by_one: Measured,
    pub python: Option<Measured>,
}

impl Measured {
    /// What the arrays were asked in this time.
    pub fn of(wall: Duration, log: &[LogEntry]) -> Self {
        let spans = stopped(log);
        Self {
            cycles: count(spans.len()),
            stopped: spans.iter().sum(),
            longest: spans.into_iter().max().unwrap_or_default(),
            wall,
            commands: count(log.len()),
            extrapolated: false,
        }
    }

    fn times(&self, factor: f64) -> Self {
        Self {
            cycles: self.cycles * factor,
            stopped: self.stopped.mul_f64(factor),
            wall: self.wall.mul_f64(factor),
            commands: self.commands * factor,
            extrapolated: true,
            ..self.clone()
        }
    }
}

/// How many of the cases have at most so many volumes; all of them with `BENCH_ALL=1`.
pub fn within(volumes: usize) -> usize {
    if std::env::var_os("BENCH_ALL").is_some_and(|all| all == "1") {
        return CASES.len();
    }
    CASES.iter().filter(|case| **case <= volumes).count()
}

/// The cases that were not run. One after the other takes as long each time: they are multiples of the longest that was.
pub fn extrapolate(all: &mut Vec<Measured>) {
    let run = all.len();
    let longest = all[run - 1].clone();
    for case in &CASES[run..] {
        all.push(longest.times(count(*case) / count(CASES[run - 1])));
    }
}

/// Few enough for any number to be exact.
fn count(of: usize) -> f64 {
    f64::from(u32::try_from(of).unwrap())
}

/// How long the group was stopped each time.
fn stopped(log: &[LogEntry]) -> Vec<Duration> {
    let mut effects: Vec<(i64, &str)> = log
        .iter()
        .filter(|entry| entry.array == HOME && entry.changed)
        .filter_map(|entry| Some((entry.ran_ms?, entry.line.split(' ').next()?)))
        .filter(|(_, command)| ["stoprcopygroup", "startrcopygroup"].contains(command))
        .collect();
    effects.sort_unstable();
    let cycles = effects.chunks(2).map(|cycle| match cycle {
        [(stop, "stoprcopygroup"), (start, "startrcopygroup")] => {
            Duration::from_millis(u64::try_from(start - stop).unwrap())
        }
        other => panic!("no stop that is followed by a start: {other:?}"),
    });
    cycles.collect()
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cycles, stopped {:.1} s, at most {:.1} s, {:.1} s in all, {} commands",
            self.cycles,
            self.stopped.as_secs_f64(),
            self.longest.as_secs_f64(),
            self.wall.as_secs_f64(),
            self.commands
        )
    }
}
