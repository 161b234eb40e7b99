//! What an array does by itself.

use serde::{Deserialize, Serialize};

/// A command that the array runs by itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Id: the order in which they were made.
    pub id: u32,
    /// The command line it runs.
    pub command: String,
    /// As it was typed: five fields, or a word in `@`.
    pub frequency: String,
    /// Login name of who made it, and as whom it runs.
    pub created_by: String,
    /// A run that fails raises an alert.
    pub alert: bool,
    /// Does not run.
    pub suspended: bool,
    /// Seconds (virtual time) of the next run. Not part of a dump.
    pub next_run: Option<i64>,
}
