//! The edge to the SSH layer, narrow enough that tests can answer in its place.

use std::{pin::Pin, time::Duration};

use tokio::time::Instant;

use super::error::Cause;
use crate::ssh;

/// An answer, as it came.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) exit_status: Option<i32>,
    pub(super) elapsed: Duration,
    pub(super) session: Option<String>,
}

/// No answer.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    /// False only if the command was certainly not sent.
    pub(super) may_have_run: bool,
    pub(super) partial: String,
    /// The session it was sent on, as the array names it.
    pub(super) session: Option<String>,
    pub(super) cause: Cause,
}

pub(super) type Sending<'a> = Pin<Box<dyn Future<Output = Result<Answer, Lost>> + Send + 'a>>;

/// What a command does when others wait for a session, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hurry {
    /// It waits for its turn.
    No,
    /// It goes before those that are in no hurry; without a session by then it is not sent.
    Yes(Option<Instant>),
}

/// Whatever carries a command line to an array.
pub(super) trait Wire: Send + Sync {
    fn send<'a>(&'a self, command: &'a str, deadline: Duration, hurry: Hurry) -> Sending<'a>;
}

impl Wire for ssh::Pool {
    fn send<'a>(&'a self, command: &'a str, deadline: Duration, hurry: Hurry) -> Sending<'a> {
        Box::pin(async move {
            let reply = match hurry {
                Hurry::No => self.run(command, deadline).await,
                Hurry::Yes(by) => self.run_urgent(command, deadline, by).await,
            };
            match reply {
                Ok(reply) => Ok(Answer {
                    text: reply.text,
                    exit_status: reply.exit_status,
                    elapsed: reply.elapsed,
                    session: reply.session,
                }),
                Err(error) => Err(Lost {
                    may_have_run: matches!(error.outcome(), ssh::Outcome::Unknown),
                    partial: error.partial().unwrap_or_default().to_owned(),
                    session: error.session().map(str::to_owned),
                    cause: std::sync::Arc::new(error),
                }),
            }
        })
    }
}
