//! STUB: stands in for the SSH layer until it is merged.

use std::{fmt, time::Duration};

use regex::Regex;

/// What the layer above knows about the far end.
pub struct Greeting {
    /// A command that every far end answers.
    pub probe: String,
    /// True for a right answer to the probe.
    pub accepts: fn(&str) -> bool,
    /// A command whose answer holds the session's id, and how to take it out.
    pub identify: Option<(String, fn(&str) -> Option<String>)>,
    /// The prompt of an interactive session.
    pub prompt: Regex,
}

/// Sessions to one far end.
#[derive(Clone)]
pub struct Pool;

impl Pool {
    /// Runs one command.
    ///
    /// # Errors
    /// [`SshError`].
    pub async fn run(&self, _command: &str, _deadline: Duration) -> Result<Reply, SshError> {
        Err(SshError)
    }
}

/// An answer.
pub struct Reply {
    /// stdout and stderr.
    pub text: String,
    /// When known; 0 is no proof.
    pub exit_status: Option<i32>,
    /// How long it took.
    pub elapsed: Duration,
    /// Id of the session at the far end.
    pub session: Option<String>,
}

/// Whether a command may have run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not sent.
    NotSent,
    /// It may have run.
    Unknown,
}

/// No answer.
#[derive(Debug)]
pub struct SshError;

impl fmt::Display for SshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stub")
    }
}

impl std::error::Error for SshError {}

impl SshError {
    /// Whether the command may have run.
    pub fn outcome(&self) -> Outcome {
        Outcome::NotSent
    }
    /// What had come until then.
    pub fn partial(&self) -> Option<&str> {
        None
    }
    /// The session that was lost.
    pub fn session(&self) -> Option<&str> {
        None
    }
}
