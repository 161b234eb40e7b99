//! Why a snapshot is not taken, or stands in the way.

use crate::model::{GroupName, Mode, ScheduleName, VolumeName, VvName};

/// The licence that retention needs, as arrays list it.
pub(super) const VIRTUAL_LOCK: &str = "Virtual Lock";

/// What can be said against a snapshot, or what one says against something else.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Its volume went away after the options were read.
    #[error("there is no volume `{0}` any more")]
    NoOriginal(VolumeName),
    /// Its volume is being made, removed, copied, or its filesystem is.
    #[error("volume `{of}` is not ready ({doing})")]
    NotReady {
        /// The volume.
        of: VolumeName,
        /// What is done to it.
        doing: String,
    },
    /// It cannot be the same instant on both arrays.
    #[error("`snapshotBoth`: {why}, so there is no one instant on both arrays")]
    NotOnBoth {
        /// What is missing.
        why: NotOnBoth,
    },
    /// What the other array has of it cannot be seen.
    #[error("array `{array}` does not show the snapshot `{vv}` that was taken on both arrays")]
    NoTwin {
        /// The other array.
        array: String,
        /// The snapshot's VV.
        vv: VvName,
    },
    /// It is to be used from the other array than the one that it was taken on, and that one cannot be asked.
    #[error(
        "array `{here}` has it as the other half of a snapshot that is used from array `{home}`, where another host may have it, and that array cannot be asked ({why})"
    )]
    UsedElsewhere {
        /// The array that would be used.
        here: String,
        /// The array that it is used from.
        home: String,
        /// Why it cannot be asked.
        why: String,
    },
    /// The name of its schedule is in use.
    #[error("array `{array}` has a schedule `{name}` already")]
    ScheduleExists {
        /// The array.
        array: String,
        /// The name.
        name: ScheduleName,
        /// It takes what was asked for: another host may have made it, for the same snapshot.
        as_asked: bool,
    },
    /// The array would fail at every single time of the schedule.
    #[error(
        "array `{array}` has no licence `{}`, without which nothing that the schedule takes can be retained",
        VIRTUAL_LOCK
    )]
    NotLicensedToRetain {
        /// The array.
        array: String,
    },
    /// A volume cannot be removed while something is made of it.
    #[error("on array `{array}` there {verb} of it: {names}", verb = if *.count == 1 { "is a copy" } else { "are copies" })]
    HasCopies {
        /// The array.
        array: String,
        /// All of them, each as people know it.
        names: String,
        /// How many.
        count: usize,
    },
    /// Nobody can remove it now.
    #[error("array `{array}` keeps it until {until} (its retention, which nobody can take back)")]
    Retained {
        /// The array.
        array: String,
        /// By the array's clock.
        until: String,
    },
    /// The array has removed it by itself.
    #[error("the snapshot expired after {after}, and array `{array}` has removed it")]
    Expired {
        /// How long it was to be kept.
        after: String,
        /// The array.
        array: String,
    },
}

/// Why two arrays have no common instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOnBoth {
    /// The group copies after the fact.
    #[error("remote copy group `{group}` is {mode}")]
    Mode {
        /// The group.
        group: GroupName,
        /// How it copies.
        mode: Mode,
    },
    /// The copies are not equal now.
    #[error("remote copy group `{group}` is not Started and Synced")]
    NotInStep {
        /// The group.
        group: GroupName,
    },
    /// The volume is in no group.
    #[error("the volume is in no remote copy group")]
    NoGroup,
}

impl SnapshotError {
    /// What to do next.
    pub(in crate::volume) fn hint(&self) -> Option<String> {
        match self {
            Self::NoOriginal(_) => Some("see `docker volume ls`".to_owned()),
            Self::NotReady { of, .. } => {
                Some(format!("see `docker volume inspect {of}`, and try again"))
            }
            Self::NotOnBoth { .. } => Some(
                "leave `snapshotBoth` out for a snapshot on the array that serves the volume, or see \
                 `hpe3par-docker group show`"
                    .to_owned(),
            ),
            Self::NoTwin { array, vv } => Some(format!("see `showvv {vv}` on array `{array}`")),
            Self::UsedElsewhere { home, .. } => Some(format!(
                "bring array `{home}` back, or take another snapshot of the volume"
            )),
            Self::ScheduleExists { name, .. } => Some(format!(
                "use another `scheduleName`, or see `showsched {name}`; the plugin takes no schedule that it did not make"
            )),
            Self::NotLicensedToRetain { .. } => {
                Some("leave `retHrs` out, or compare with `showlicense`".to_owned())
            }
            Self::HasCopies { .. } => Some(
                "remove these first: a Docker volume with `docker volume rm`; what a schedule or an administrator made with \
                 `removevv` on the array; a clone that is still being copied needs no more than time"
                    .to_owned(),
            ),
            Self::Retained { .. } => Some("try again after that".to_owned()),
            Self::Expired { .. } => {
                Some("take another one; `docker volume rm` forgets this one".to_owned())
            }
        }
    }
}
