//! What an array holds of quality of service.

use serde::{Deserialize, Serialize};

/// Goal and limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Goal.
    pub min: u64,
    /// Limit.
    pub max: u64,
}

/// A rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QosRule {
    /// Id.
    pub id: u32,
    /// Turned off: it says nothing to anybody.
    pub off: bool,
    /// I/Os in a second.
    pub io: Option<Range>,
    /// KiB in a second.
    pub bandwidth: Option<Range>,
    /// Latency that is aimed at, milliseconds.
    pub latency_ms: Option<u32>,
    /// `low`, `normal`, `high`.
    pub priority: Option<String>,
}
