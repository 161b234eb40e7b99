//! Why a volume is not made larger.

use crate::model::{GroupName, Size, VolumeName, VvName};

/// What stands against a growth.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// It shares its space with its volume.
    #[error("it is a snapshot of `{of}`, and a snapshot has the size that its volume had")]
    Snapshot {
        /// Its volume.
        of: VolumeName,
    },
    /// It is being made, removed, copied, or its filesystem is.
    #[error("it is not ready ({doing})")]
    NotReady {
        /// What is done to it.
        doing: String,
    },
    /// An array takes nothing away from a volume.
    #[error("it has {is}, and cannot be made smaller ({asked} was asked for)")]
    Smaller {
        /// Its size.
        is: Size,
        /// What was asked for.
        asked: Size,
    },
    /// No array makes such volumes.
    #[error("it has {is}, and would have {wanted}, more than the 16384 GiB that an array makes")]
    TooLarge {
        /// Its size.
        is: Size,
        /// What it would have.
        wanted: Size,
    },
    /// Somebody dismissed it while the group was waited for.
    #[error("it is not in remote copy group `{group}` any more")]
    NotInGroup {
        /// The group.
        group: GroupName,
    },
    /// The group cannot be started so.
    #[error("`{vv}` has {} on array `{}` and {} on array `{}`", sizes[0], arrays[0], sizes[1], arrays[1])]
    SizesDiffer {
        /// The volume.
        vv: VvName,
        /// What each array shows.
        sizes: [Size; 2],
        /// The arrays.
        arrays: [String; 2],
    },
}

impl GrowError {
    /// What to do next.
    pub(in crate::volume) fn hint(&self) -> String {
        match self {
            Self::Snapshot { of } => {
                format!("grow `{of}`; what is to grow by itself has to be a clone")
            }
            Self::NotReady { .. } => {
                "wait for that to end, and look with `hpe3par-docker volume show`".to_owned()
            }
            Self::Smaller { .. } => "make a new volume and copy the files".to_owned(),
            Self::TooLarge { .. } => "ask for less".to_owned(),
            Self::NotInGroup { .. } => {
                "look with `hpe3par-docker volume show`, and try again".to_owned()
            }
            Self::SizesDiffer { vv, .. } => {
                format!("make the smaller one as large with `growvv -f {vv} <what is missing>`")
            }
        }
    }
}
