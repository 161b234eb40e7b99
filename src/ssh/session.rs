//! A session's thread, and how to give it commands from async code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::connection::{Connection, GOODBYE, Target};
use super::error::{Peer, SshError};
use super::{Reply, queue};

/// A command for a session's thread.
pub(super) struct Job {
    pub(super) command: String,
    pub(super) deadline: Instant,
    pub(super) limit: Duration,
    /// Set before the first byte of the command leaves; the caller looks at it if the thread dies.
    pub(super) sent: Arc<AtomicBool>,
    /// The answer, and whether the session may be used again.
    pub(super) reply: oneshot::Sender<(Result<Reply, SshError>, bool)>,
}

/// The async side of a session. Dropping it lets the thread say goodbye and end; nothing waits for that.
pub(super) struct SessionThread {
    jobs: mpsc::Sender<Job>,
    at: Arc<Peer>,
    /// Resolves when the thread has ended: its sender lives there.
    ended: oneshot::Receiver<()>,
    alive: Arc<AtomicBool>,
}

impl SessionThread {
    /// Starts a thread that connects and then waits for commands.
    pub(super) async fn start(target: Arc<Target>) -> Result<Self, SshError> {
        let (jobs, work) = mpsc::channel();
        let (ready, connected) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let alive = Arc::new(AtomicBool::new(true));
        let at = Arc::clone(&target.at);
        let internal = |reason: &str| SshError::Internal {
            at: Arc::clone(&at),
            reason: reason.to_owned(),
        };
        let thread_alive = Arc::clone(&alive);
        let thread = std::thread::Builder::new()
            .name("ssh-session".to_owned())
            .spawn(move || {
                let _alive = ClearOnDrop(thread_alive);
                let _end: oneshot::Sender<()> = end;
                match Connection::open(&target) {
                    Ok(mut connection) => {
                        // Nobody waits any more: the runtime is gone.
                        if ready.send(Ok(())).is_ok() {
                            connection.serve(&work);
                        }
                        connection.hang_up();
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                }
            });
        thread.map_err(|error| internal(&format!("cannot start a thread: {error}")))?;
        connected
            .await
            .unwrap_or_else(|_| Err(internal("the thread ended while connecting")))?;
        Ok(Self {
            jobs,
            at,
            ended,
            alive,
        })
    }

    /// Runs one command. The second value says whether the session may be used again.
    pub(super) async fn run(
        &mut self,
        command: String,
        deadline: Instant,
        limit: Duration,
    ) -> (Result<Reply, SshError>, bool) {
        let (reply, answer) = oneshot::channel();
        let sent = Arc::new(AtomicBool::new(false));
        let job = Job {
            command,
            deadline,
            limit,
            sent: Arc::clone(&sent),
            reply,
        };
        let gone = |reason: &str| SshError::Closed {
            at: Arc::clone(&self.at),
            reason: reason.to_owned(),
            slow: false,
        };
        if self.jobs.send(job).is_err() {
            return (Err(gone("the session had ended")), false);
        }
        answer.await.unwrap_or_else(|_| {
            let error = if sent.load(Ordering::SeqCst) {
                let reason = "the session's thread ended".to_owned();
                SshError::Cut {
                    at: Arc::clone(&self.at),
                    reason,
                    partial: String::new(),
                    session: None,
                }
            } else {
                gone("the session ended")
            };
            (Err(error), false)
        })
    }
}

impl queue::Line for SessionThread {
    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::SeqCst)
    }

    async fn retire(self) {
        let Self { jobs, ended, .. } = self;
        drop(jobs);
        let _ = tokio::time::timeout(GOODBYE * 4, ended).await;
    }
}

/// Clears the flag also when the thread panics.
struct ClearOnDrop(Arc<AtomicBool>);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}
