//! STUB: stands in for the transcript until it is merged.

use std::time::Duration;

use crate::model::RequestId;

/// Where commands and answers are written.
#[derive(Clone)]
pub struct Transcript;

impl Transcript {
    /// Writes one entry.
    pub fn record(&self, _entry: &Entry<'_>) {}
}

/// One command and its answer.
pub struct Entry<'a> {
    /// What caused it.
    pub request: &'a RequestId,
    /// Session at the array.
    pub session: Option<&'a str>,
    /// The command line.
    pub command: &'a str,
    /// ok, refused, truncated, unrecognised, lost, not-sent.
    pub outcome: &'a str,
    /// When known.
    pub exit_status: Option<i32>,
    /// How long it took.
    pub elapsed: Duration,
    /// The answer.
    pub output: &'a str,
}
