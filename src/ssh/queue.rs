//! Who gets a session, and when one is opened and closed. Knows no SSH: a [`Dial`] opens a [`Line`], and tests use others than the
//! real ones, with virtual time.
//!
//! One lock, held for moments only; nothing waits inside it. A waiting caller is a oneshot sender in a queue, first come, first
//! served; who is in a hurry goes before those who are not. Whenever something changes, [`Queue::pump`] hands idle lines to the
//! first waiters and opens another line if there are still waiters and room. Opening is never tied to one caller, so a caller who
//! leaves loses nobody anything.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::error::{Peer, SshError, SshErrorKind};

/// Lines above one are closed after this idle time.
const IDLE_EXTRA: Duration = Duration::from_secs(30);
/// The last line is closed after this idle time.
const IDLE_LAST: Duration = Duration::from_secs(5 * 60);
/// How often idle lines are looked at, as long as there are any.
const IDLE_CHECK: Duration = Duration::from_secs(5);
/// A cap that was lowered by the far end's limit rises by one in this time.
const REGROW: Duration = Duration::from_secs(60);
/// So many attempts are made for those who wait, if each fails at once, before they are told.
const QUICK_ATTEMPTS: u32 = 3;

/// Opens lines.
pub(crate) trait Dial: Send + Sync + 'static {
    /// What it opens. Dropping one closes it.
    type Line: Line;
    /// Opens one.
    fn dial(&self) -> impl Future<Output = Result<Self::Line, SshError>> + Send;
}

/// An open session.
pub(crate) trait Line: Send + 'static {
    /// False once it is known to be lost.
    fn is_alive(&self) -> bool;
    /// Closes it and waits until that is done.
    fn retire(self) -> impl Future<Output = ()> + Send;
}

/// The state of a pool, for status and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatus {
    /// Sessions allowed at present; less than configured if the far end said it has too many.
    pub cap: usize,
    /// Sessions running a command.
    pub busy: usize,
    /// Sessions open and free.
    pub idle: usize,
    /// Callers waiting for a session.
    pub waiting: usize,
    /// Why the last attempt to connect failed, until one succeeds.
    pub last_failure: Option<String>,
}

pub(crate) struct Queue<D: Dial> {
    dial: D,
    at: Arc<Peer>,
    ceiling: usize,
    state: Mutex<State<D>>,
    /// Told whenever a line is given back or an attempt ends; [`Queue::close`] waits for it.
    settled: Notify,
}

struct State<D: Dial> {
    /// Most lines at present: 1 ..= ceiling.
    cap: usize,
    /// Lines handed out.
    busy: usize,
    /// Free lines and since when, the last used at the end.
    idle: Vec<(D::Line, Instant)>,
    /// The pressing ones before the others.
    waiters: VecDeque<Waiter<D>>,
    /// One attempt at a time: arrays dislike bursts of connections (array fact 47).
    dialing: bool,
    failure: Option<Failure>,
    reaping: bool,
    closed: bool,
}

struct Waiter<D: Dial> {
    pressing: bool,
    grant: oneshot::Sender<Result<Lease<D>, SshError>>,
}

/// The attempts that failed since the last success.
struct Failure {
    last: SshError,
    count: u32,
    retry_at: Instant,
}

/// Where a caller joins the queue.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// Behind the others.
    Last,
    /// Before all that are in no hurry, behind those that are.
    Urgent,
    /// Before the others: it had its turn and got a line that was already lost.
    First,
}

/// A line handed out. Dropping it between [`Lease::begin`] and [`Lease::finish`] closes the line: what was interrupted is never used again.
pub(crate) struct Lease<D: Dial> {
    queue: Arc<Queue<D>>,
    line: Option<D::Line>,
    keep: bool,
}

impl<D: Dial> Lease<D> {
    /// The line, about to be used. `None` never happens while the lease lives.
    pub(crate) fn begin(&mut self) -> Option<&mut D::Line> {
        self.keep = false;
        self.line.as_mut()
    }

    /// The line is good for the next caller.
    pub(crate) fn finish(&mut self) {
        self.keep = true;
    }
}

impl<D: Dial> Drop for Lease<D> {
    fn drop(&mut self) {
        // None: it was taken back before it reached anyone.
        let Some(line) = self.line.take() else { return };
        let mut state = self.queue.state();
        state.busy -= 1;
        let room = state.busy + state.idle.len() < state.cap;
        if self.keep && line.is_alive() && room {
            state.idle.push((line, Instant::now()));
        }
        self.queue.pump(&mut state);
        drop(state);
        self.queue.settled.notify_waiters();
    }
}

impl<D: Dial> Queue<D> {
    /// `ceiling`: most lines ever, at least 1.
    pub(crate) fn new(dial: D, at: Arc<Peer>, ceiling: usize) -> Arc<Self> {
        let ceiling = ceiling.max(1);
        let state = State {
            cap: ceiling,
            busy: 0,
            idle: Vec::new(),
            waiters: VecDeque::new(),
            dialing: false,
            failure: None,
            reaping: false,
            closed: false,
        };
        Arc::new(Self {
            dial,
            at,
            ceiling,
            state: Mutex::new(state),
            settled: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> PoolStatus {
        let state = self.state();
        PoolStatus {
            cap: state.cap,
            busy: state.busy,
            idle: state.idle.len(),
            waiting: state
                .waiters
                .iter()
                .filter(|waiter| !waiter.grant.is_closed())
                .count(),
            last_failure: state
                .failure
                .as_ref()
                .map(|failure| failure.last.to_string()),
        }
    }

    /// Waits for a line until the deadline. Dropping the future gives up the place, or gives back the line.
    pub(crate) async fn checkout(
        self: &Arc<Self>,
        place: Place,
        deadline: Instant,
        limit: Duration,
    ) -> Result<Lease<D>, SshError> {
        let (grant, granted) = oneshot::channel();
        {
            let mut state = self.state();
            let pressing = !matches!(place, Place::Last);
            let waiter = Waiter { pressing, grant };
            match place {
                Place::Last => state.waiters.push_back(waiter),
                Place::Urgent => {
                    let behind = state.waiters.iter().take_while(|w| w.pressing).count();
                    state.waiters.insert(behind, waiter);
                }
                Place::First => state.waiters.push_front(waiter),
            }
            self.pump(&mut state);
        }
        match tokio::time::timeout_at(deadline, granted).await {
            Ok(Ok(granted)) => granted,
            Ok(Err(_)) => Err(SshError::PoolClosed {
                at: Arc::clone(&self.at),
            }),
            Err(_) => {
                let state = self.state();
                let reason = match (&state.failure, state.busy + state.idle.len()) {
                    (Some(failure), 0) => failure.last.to_string(),
                    (_, 0) => "still connecting".to_owned(),
                    (_, open) => format!("all {open} sessions were busy"),
                };
                Err(SshError::Waited {
                    at: Arc::clone(&self.at),
                    limit,
                    reason,
                })
            }
        }
    }

    /// The far end says it has too many sessions: no more than are open now, for a while. Call it after the refused one was dropped.
    pub(super) fn shrink(self: &Arc<Self>, error: &SshError) {
        let mut state = self.state();
        self.failed(&mut state, error.clone());
        self.pump(&mut state);
    }

    /// Refuses new callers, lets running ones finish, closes every line.
    pub(super) async fn close(&self) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            let (idle, done) = {
                let mut state = self.state();
                state.closed = true;
                state.waiters.clear();
                (
                    std::mem::take(&mut state.idle),
                    state.busy == 0 && !state.dialing,
                )
            };
            for (line, _) in idle {
                line.retire().await;
            }
            if done {
                return;
            }
            settled.await;
        }
    }

    /// Serves waiters from idle lines, then opens one more if that is needed and allowed.
    fn pump(self: &Arc<Self>, state: &mut State<D>) {
        if state.closed {
            state.waiters.clear();
            return;
        }
        state.idle.retain(|(line, _)| line.is_alive());
        state.waiters.retain(|waiter| !waiter.grant.is_closed());
        while !state.waiters.is_empty() {
            let Some((line, since)) = state.idle.pop() else {
                break;
            };
            let Some(waiter) = state.waiters.pop_front() else {
                break;
            };
            state.busy += 1;
            if let Err(Ok(mut lease)) = waiter.grant.send(Ok(Lease {
                queue: Arc::clone(self),
                line: Some(line),
                keep: true,
            })) {
                // The caller left in this moment. Its lease must not come back through Drop, which takes the lock held here.
                state.busy -= 1;
                state
                    .idle
                    .extend(lease.line.take().map(|line| (line, since)));
            }
        }
        if !state.idle.is_empty() {
            self.reap_later(state);
        }
        let open = state.busy + state.idle.len();
        if state.waiters.is_empty() || state.dialing || open >= state.cap {
            return;
        }
        let held = state.failure.as_ref().map(|failure| {
            (
                failure,
                failure.retry_at.saturating_duration_since(Instant::now()),
            )
        });
        match held {
            Some((failure, wait)) if !wait.is_zero() => {
                // The next attempt after a quick failure is due in a moment, and the array may be back by then.
                let patient = open > 0 || is_quick(&failure.last);
                if !patient {
                    let last = failure.last.clone();
                    for waiter in state.waiters.drain(..) {
                        let _ = waiter.grant.send(Err(SshError::Held {
                            at: Arc::clone(&self.at),
                            wait,
                            last: Box::new(last.clone()),
                        }));
                    }
                }
            }
            _ => self.start_dialing(state),
        }
    }

    fn start_dialing(self: &Arc<Self>, state: &mut State<D>) {
        // No runtime: the program is ending, and nobody is left to be served.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        state.dialing = true;
        let queue = Arc::clone(self);
        runtime.spawn(async move {
            let result = queue.dial.dial().await;
            let mut state = queue.state();
            state.dialing = false;
            match result {
                Ok(line) => {
                    state.failure = None;
                    state.idle.push((line, Instant::now()));
                }
                Err(error) => queue.failed(&mut state, error),
            }
            queue.pump(&mut state);
            drop(state);
            queue.settled.notify_waiters();
        });
    }

    /// Notes a failed attempt: when the next one is allowed, and who is told now.
    fn failed(self: &Arc<Self>, state: &mut State<D>, error: SshError) {
        let open = state.busy + state.idle.len();
        let count = state
            .failure
            .as_ref()
            .map_or(0, |failure| failure.count)
            .saturating_add(1);
        // sshd hangs up without a word when it has too many (array fact 47).
        let limited = matches!(
            error,
            SshError::TooManySessions { .. } | SshError::Closed { slow: false, .. }
        ) && open > 0;
        if limited && open < state.cap {
            log::warn!(array = self.at.label.as_str(), from = state.cap, to = open; "pool shrunk, the array takes no more sessions");
            if state.cap == self.ceiling {
                self.regrow_later();
            }
            state.cap = open;
        }
        let wait = back_off(&error, count);
        log::warn!(array = self.at.label.as_str(), attempt = count, next_s = wait.as_secs_f32(), open = open, error = error.to_string().as_str(); "connection failed");
        if open == 0 && !(is_quick(&error) && count < QUICK_ATTEMPTS) {
            for waiter in state.waiters.drain(..) {
                let _ = waiter.grant.send(Err(error.clone()));
            }
        }
        state.failure = Some(Failure {
            last: error,
            count,
            retry_at: Instant::now() + wait,
        });
        self.later(wait, |queue| {
            let mut state = queue.state();
            queue.pump(&mut state);
            false
        });
    }

    fn regrow_later(self: &Arc<Self>) {
        self.later(REGROW, |queue| {
            let mut state = queue.state();
            state.cap = (state.cap + 1).min(queue.ceiling);
            queue.pump(&mut state);
            state.cap < queue.ceiling
        });
    }

    fn reap_later(self: &Arc<Self>, state: &mut State<D>) {
        if !state.reaping {
            state.reaping = self.later(IDLE_CHECK, |queue| {
                let mut state = queue.state();
                let now = Instant::now();
                let mut open = state.busy + state.idle.len();
                // From the longest idle on: the last one left is the last used.
                state.idle.retain(|(line, since)| {
                    let limit = if open > 1 { IDLE_EXTRA } else { IDLE_LAST };
                    let stays = line.is_alive() && now.duration_since(*since) < limit;
                    open -= usize::from(!stays);
                    stays
                });
                state.reaping = !state.idle.is_empty();
                state.reaping
            });
        }
    }

    /// Does something after `wait`, and again as long as it says so. Keeps no queue alive. False if there is no runtime any more.
    fn later(self: &Arc<Self>, wait: Duration, step: fn(&Arc<Self>) -> bool) -> bool {
        let Ok(runtime) = Handle::try_current() else {
            return false;
        };
        let queue: Weak<Self> = Arc::downgrade(self);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(wait).await;
                let Some(queue) = queue.upgrade() else { return };
                if !step(&queue) {
                    return;
                }
            }
        });
        true
    }
}

/// Failures that may be over in a second, and cost nobody time or an account's last attempt.
fn is_quick(error: &SshError) -> bool {
    matches!(
        error,
        SshError::Unreachable { slow: false, .. }
            | SshError::Closed { slow: false, .. }
            | SshError::TooManySessions { .. }
    )
}

/// How long no attempt is made after the `count`th failure in a row.
fn back_off(error: &SshError, count: u32) -> Duration {
    let (first, most) = match error.kind() {
        // Arrays lock accounts: at most one wrong password a minute, soon one an hour.
        SshErrorKind::LoginRejected => (Duration::from_secs(60), Duration::from_secs(3600)),
        // A person mends it in a file, and tries again at once. No login is attempted before it is mended.
        SshErrorKind::HostKeyUnknown | SshErrorKind::HostKeyChanged | SshErrorKind::KnownHosts => {
            (Duration::from_secs(1), Duration::from_secs(2))
        }
        _ if is_quick(error) => (Duration::from_millis(500), Duration::from_secs(2)),
        _ => (Duration::from_secs(5), Duration::from_secs(60)),
    };
    first
        .saturating_mul(1 << count.saturating_sub(1).min(10))
        .min(most)
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
