//! What a site wants where safety and availability disagree.

use serde::{Deserialize, Serialize};

/// Active/Passive: this side says Primary and the other array cannot be asked. May it be mounted?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LonePrimary {
    /// Yes, with a warning: losing the remote site must not stop production.
    #[default]
    Mount,
    /// No, unless the group is Started, the target ready and a sending link Up.
    Refuse,
}

/// May a volume that another host still has exported be taken over at mount?
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Takeover {
    /// No.
    Never,
    /// If the other host has no active path on any readable array.
    #[default]
    DeadHost,
    /// Yes, after `mountConflictDelay`.
    Always,
}
