//! The writing side: what the rest of the plugin holds.

use std::{
    fmt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    file::{Limits, TranscriptLog},
    queue::Queue,
    record::{Entry, Fields},
    redact::redact,
};
use crate::model::Secret;

/// Text that may wait for a slow disk, in bytes, an array.
const MAX_WAITING: usize = 64 * 1024 * 1024;
/// What time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The transcript of one array. Cheap to clone; when the last clone goes, what waits is written (2 s at most).
#[derive(Clone)]
pub struct Transcript(Arc<Inner>);

struct Inner {
    array: String,
    secrets: RwLock<Vec<Secret>>,
    clock: Clock,
    queue: Queue,
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript")
            .field("array", &self.0.array)
            .finish_non_exhaustive()
    }
}

impl Transcript {
    /// Begins (or goes on with) the transcript of `array` in `dir`, which is made (mode 0700) with the first record. Never fails:
    /// what cannot be written is missing from the transcript, and the log says so.
    pub fn open(dir: &Path, array: &str, limits: Limits, secrets: Vec<Secret>) -> Self {
        Self::open_with_clock(dir, array, limits, secrets, Arc::new(Timestamp::now))
    }

    /// As [`Transcript::open`], with another clock.
    pub fn open_with_clock(
        dir: &Path,
        array: &str,
        limits: Limits,
        secrets: Vec<Secret>,
        clock: Clock,
    ) -> Self {
        let mut log = TranscriptLog::new(dir, array, limits);
        let queue = Queue::start("transcript", MAX_WAITING, move |item| log.append(&item));
        Self(Arc::new(Inner {
            array: array.to_owned(),
            secrets: RwLock::new(secrets),
            clock,
            queue,
        }))
    }

    /// Keeps one more secret out of all later records, for example a CHAP secret made a moment ago.
    pub fn keep_out(&self, secret: Secret) {
        let mut secrets = self
            .0
            .secrets
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }

    /// Writes down one command and its answer. Returns at once.
    pub fn record(&self, entry: &Entry<'_>) {
        let inner = &*self.0;
        let time = (inner.clock)();
        let secrets = inner.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let session = entry.session.map(|session| redact(session, &secrets));
        let text = Fields {
            time,
            array: &inner.array,
            request: entry.request.as_str(),
            session: session.as_deref(),
            command: &redact(entry.command, &secrets),
            outcome: &redact(entry.outcome, &secrets),
            exit_status: entry.exit_status,
            elapsed_ms: u64::try_from(entry.elapsed.as_millis()).unwrap_or(u64::MAX),
            output: &redact(entry.output, &secrets),
        }
        .text();
        drop(secrets);
        inner.queue.push(time, text);
    }

    /// Waits until everything recorded so far is in the file (or known to be lost); false if `limit` passed first.
    pub fn flush(&self, limit: Duration) -> bool {
        self.0.queue.flush(limit)
    }
}
