//! The transcript as its users see it: written, rotated, torn, and read back.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod command;
mod damaged;
#[path = "../rig/needs.rs"]
mod needs;
mod rotation;
mod round_trip;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use hpe3par_docker::{
    model::{RequestId, Secret},
    transcript::{Clock, Damage, Entry, Limits, Record, Transcript, read},
};
use jiff::Timestamp;

/// A clock that stands still until it is moved.
#[derive(Clone)]
struct Hand(Arc<Mutex<Timestamp>>);

impl Hand {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(
            "2026-03-01T09:15:02.417Z".parse().unwrap(),
        )))
    }

    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn forward(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    fn clock(&self) -> Clock {
        let hand = self.clone();
        Arc::new(move || hand.now())
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ROOMY: Limits = Limits {
    max_size: 1 << 30,
    max_age: Duration::from_secs(1 << 30),
};

fn open(dir: &Path, limits: Limits, hand: &Hand, secrets: &[&str]) -> Transcript {
    let secrets = secrets
        .iter()
        .map(|s| Secret::new((*s).to_owned()))
        .collect();
    Transcript::open_with_clock(dir, "prod", limits, secrets, hand.clock())
}

fn entry<'a>(request: &'a RequestId, command: &'a str, output: &'a str) -> Entry<'a> {
    Entry {
        request,
        session: Some("2207"),
        command,
        outcome: "ok",
        exit_status: Some(0),
        elapsed: Duration::from_micros(38_900),
        output,
    }
}

fn record(transcript: &Transcript, command: &str, output: &str) {
    transcript.record(&entry(&RequestId::from("5f0e11c9"), command, output));
    assert!(transcript.flush(Duration::from_secs(60)));
}

fn items(path: &Path) -> Vec<Result<Record, Damage>> {
    read(path).unwrap().collect()
}

fn whole(path: &Path) -> Vec<Record> {
    items(path).into_iter().map(Result::unwrap).collect()
}
