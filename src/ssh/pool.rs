//! The pool of one array's sessions, as the layers above see it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Target;
use super::error::{Outcome, SshError, SshErrorKind};
use super::queue::{Dial, Place, Queue};
use super::session::SessionThread;
use super::{Endpoint, Greeting, Ledger, Reply};

pub use super::queue::PoolStatus;

/// Sessions to one array. Cheap to clone; all clones share the sessions.
///
/// Nothing is connected before the first command. Sessions above one close after 30 s without work, the last after 5 min.
#[derive(Clone)]
pub struct Pool {
    queue: Arc<Queue<Dialer>>,
    target: Arc<Target>,
    cap: usize,
}

/// One command is tried on so many sessions more than the pool can hold lost ones.
const FRESH_TURNS: usize = 3;

/// Opens the sessions of a pool.
struct Dialer(Arc<Target>);

impl Dial for Dialer {
    type Line = SessionThread;

    async fn dial(&self) -> Result<SessionThread, SshError> {
        SessionThread::start(Arc::clone(&self.0)).await
    }
}

impl Pool {
    /// A pool of at most `cap` sessions (at least 1).
    pub fn new(endpoint: Endpoint, greeting: Greeting, cap: usize) -> Self {
        Self::to(Target::new(endpoint, greeting), cap)
    }

    /// As [`Pool::new`], with a ledger of its sessions.
    pub fn with_ledger(
        endpoint: Endpoint,
        greeting: Greeting,
        cap: usize,
        ledger: Arc<dyn Ledger>,
    ) -> Self {
        let mut target = Target::new(endpoint, greeting);
        target.ledger = Some(ledger);
        Self::to(target, cap)
    }

    fn to(target: Target, cap: usize) -> Self {
        let target = Arc::new(target);
        Self {
            queue: Queue::new(Dialer(Arc::clone(&target)), Arc::clone(&target.at), cap),
            target,
            cap,
        }
    }

    /// Runs one command on a session of its own. Must be called within a tokio runtime.
    ///
    /// `deadline` bounds everything: the wait for a session, connecting, and the command. Callers are served in the order they came.
    /// A command that was certainly not sent, because the session turned out to be lost or the array refused one more, is given to
    /// another session; one that may have been sent is never repeated.
    ///
    /// Dropping the future while it waits gives up the place in the queue. Dropped later, the command goes on, and its session is
    /// used again or closed as ever.
    ///
    /// # Errors
    /// [`SshError::outcome`] says whether the command may have run.
    pub async fn run(&self, command: &str, deadline: Duration) -> Result<Reply, SshError> {
        self.run_from(Place::Last, None, command, deadline).await
    }

    /// As [`Pool::run`], before all commands that wait and are in no hurry: for what must be over soon. Without a session by then, if
    /// that is given, it is not sent at all.
    ///
    /// # Errors
    /// As [`Pool::run`].
    pub async fn run_urgent(
        &self,
        command: &str,
        deadline: Duration,
        by: Option<Instant>,
    ) -> Result<Reply, SshError> {
        self.run_from(Place::Urgent, by, command, deadline).await
    }

    async fn run_from(
        &self,
        mut place: Place,
        by: Option<Instant>,
        command: &str,
        deadline: Duration,
    ) -> Result<Reply, SshError> {
        if command.is_empty() || command.chars().any(char::is_control) {
            return Err(SshError::BadCommand {
                at: Arc::clone(&self.target.at),
            });
        }
        let until = Instant::now() + deadline;
        let by = by.map_or(until, |by| by.min(until));
        let mut turns = 0;
        loop {
            let mut lease = self.queue.checkout(place, by, deadline).await?;
            let text = command.to_owned();
            let queue = Arc::clone(&self.queue);
            // A task of its own: it outlives a caller who leaves.
            let running = tokio::spawn(async move {
                let line = lease.begin()?;
                let (result, keep) = line.run(text, until.into_std(), deadline).await;
                if keep {
                    lease.finish();
                }
                drop(lease);
                if let Err(error @ SshError::TooManySessions { .. }) = &result {
                    queue.shrink(error);
                }
                Some(result)
            });
            // Only a runtime that is shutting down, or a panic, ends the task early; the session's thread may have sent the command.
            let cancelled = || SshError::Cut {
                at: Arc::clone(&self.target.at),
                reason: "the program is stopping".to_owned(),
                partial: String::new(),
                session: None,
            };
            turns += 1;
            match running.await.ok().flatten().ok_or_else(cancelled)? {
                Err(error) if is_worth_another(&error) && turns < self.cap + FRESH_TURNS => {
                    log::debug!(array = self.target.at.label.as_str(), reason = error.to_string().as_str(); "session lost before the command was sent");
                    place = Place::First;
                }
                result => return result,
            }
        }
    }

    /// Refuses further commands, waits for the running ones, and closes every session.
    pub async fn close(&self) {
        self.queue.close().await;
    }

    /// What it connects to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.target.endpoint
    }

    /// How many sessions there are, and how many wait for one.
    pub fn sessions(&self) -> PoolStatus {
        self.queue.status()
    }
}

/// The command was not sent, and the reason lies in the session, which is gone now.
fn is_worth_another(error: &SshError) -> bool {
    error.outcome() == Outcome::NotSent
        && matches!(
            error.kind(),
            SshErrorKind::Closed | SshErrorKind::TooManySessions
        )
}
