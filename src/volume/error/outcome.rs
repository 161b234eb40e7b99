//! A failed operation: why, and what became of the steps before the one that failed.

use std::fmt;

use crate::model::VolumeName;

use super::Cause;
use crate::volume::UserError;

/// What became of the steps before the one that failed.
#[derive(Debug, Default)]
pub enum Aftermath {
    /// There was nothing to take back.
    #[default]
    Unchanged,
    /// All was taken back.
    Undone(Vec<String>),
    /// Something is left, journalled, and will be cleaned up.
    Left {
        /// What is left, and where.
        what: String,
        /// Why it could not be taken back now.
        why: String,
    },
}

/// A failed operation.
#[derive(Debug)]
pub struct VolumeError {
    /// The volume.
    pub volume: VolumeName,
    /// Why.
    pub cause: Cause,
    /// What became of the earlier steps.
    pub aftermath: Aftermath,
}

impl VolumeError {
    /// A failure that left nothing behind.
    pub fn clean(volume: &VolumeName, cause: impl Into<Cause>) -> Self {
        Self {
            volume: volume.clone(),
            cause: cause.into(),
            aftermath: Aftermath::Unchanged,
        }
    }
}

impl fmt::Display for VolumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "volume `{}`: {}", self.volume, self.cause)?;
        match &self.aftermath {
            Aftermath::Unchanged => Ok(()),
            Aftermath::Undone(what) if what.is_empty() => Ok(()),
            Aftermath::Undone(what) => write!(f, "; undone: {}", what.join(", ")),
            Aftermath::Left { what, why } => write!(
                f,
                "; still there: {what} ({why}); it is journalled, and completed or taken back when that is possible"
            ),
        }
    }
}

impl std::error::Error for VolumeError {}

impl From<VolumeError> for UserError {
    fn from(error: VolumeError) -> Self {
        Self {
            hint: Some(error.cause.hint()),
            message: error.to_string(),
        }
    }
}
