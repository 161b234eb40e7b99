//! Which array serves (decision 17).

use crate::{
    inform::RcVolume,
    model::{GroupName, GroupStatus, LonePrimary, Role, Side, SyncStatus, VvName},
};

use super::{GroupSides, Situation};

/// The array that serves a group, Active/Passive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// Which of the two.
    pub side: Side,
    /// The other one could not be asked whether it agrees.
    pub alone: bool,
}

/// Why no array may be mounted from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("remote copy group `{group}` is {shown}: {}", situation.told())]
pub struct NotServing {
    /// The group, by the name it has on the backend's own array.
    pub group: GroupName,
    /// What both arrays showed.
    pub shown: String,
    /// What that means.
    pub situation: Situation,
    /// Why an array that was to be asked could not be, in one line each.
    pub unreadable: Vec<String>,
}

impl NotServing {
    /// What a person can do next.
    pub fn hint(&self) -> String {
        let group = &self.group;
        let why = match self.unreadable.as_slice() {
            [] => String::new(),
            reasons => format!(" ({})", reasons.join("; ")),
        };
        match self.situation {
            Situation::InTransition | Situation::HalfTurned | Situation::NoPrimary => format!(
                "try again in a moment; if it stays so, see `hpe3par-docker group show {group}`"
            ),
            Situation::Failsafe | Situation::LoneFailsafe => format!(
                "the other array may be serving: `hpe3par-docker group show {group}` says what both show; `hpe3par-docker group plan override {group}` only when the other certainly is not{why}"
            ),
            Situation::LoneSecondary => format!(
                "if the primary is lost, `hpe3par-docker group plan failover {group}` has the commands that let the other array serve{why}"
            ),
            Situation::LonePrimary | Situation::LoneReversed => format!(
                "`lone_primary = \"refuse\"` in hpe.conf wants to see the other array first{why}"
            ),
            Situation::LoneDoubtful => format!(
                "find out whether the other array serves the volume; if it certainly does not, wait until it can be asked{why}"
            ),
            Situation::HalfMissing | Situation::HalfUnknown | Situation::NotMade => format!(
                "look at `showrcopy groups` on both arrays, and find out who removed the group{why}"
            ),
            Situation::Dark => format!("see `hpe3par-docker group show {group}`{why}"),
            Situation::TwoPrimaries => format!(
                "find out which array has the data that count; on that one `setrcopygroup recover` makes the other a copy again (see `hpe3par-docker group show {group}`)"
            ),
            Situation::InStep
            | Situation::Changing
            | Situation::OutOfStep
            | Situation::Stopped
            | Situation::FailedOver
            | Situation::Reversed
            | Situation::ReversedStopped => {
                format!("see `hpe3par-docker group show {group}`")
            }
        }
    }
}

/// A failover came before the first copy of a volume was complete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{vv}` on array `{array}` is {sync}: the group was failed over before its first copy was complete, and it holds a part of the data only"
)]
pub struct IncompleteCopy {
    /// The VV.
    pub vv: VvName,
    /// The array that serves its group.
    pub array: String,
    /// What it says of the volume.
    pub sync: SyncStatus,
}

impl GroupSides {
    /// The array that serves. A primary whose other half cannot be asked serves, unless what is known speaks against it, or hpe.conf
    /// wants it so.
    ///
    /// # Errors
    /// [`NotServing`] with what the arrays showed.
    pub fn serving(&self, lone_primary: LonePrimary) -> Result<Serving, NotServing> {
        let (situation, side) = self.situation();
        let alone = match situation {
            Situation::InStep
            | Situation::Changing
            | Situation::OutOfStep
            | Situation::Stopped
            | Situation::FailedOver
            | Situation::Reversed
            | Situation::ReversedStopped => false,
            Situation::LonePrimary | Situation::LoneReversed
                if lone_primary == LonePrimary::Mount || self.is_linked(side) =>
            {
                true
            }
            _ => return Err(self.not_serving(situation)),
        };
        side.map(|side| Serving { side, alone })
            .ok_or_else(|| self.not_serving(situation))
    }

    /// The side that can be asked is Started, and its way to the other one works: so there is another one, and it receives.
    fn is_linked(&self, side: Option<Side>) -> bool {
        side.map(|side| self.on(side)).is_some_and(|side| {
            let started = |group: &crate::inform::RcGroup| group.status == GroupStatus::Started;
            side.half.seen().is_some_and(started) && side.reaches_the_other()
        })
    }

    fn not_serving(&self, situation: Situation) -> NotServing {
        let unreadable = self.both().into_iter().filter_map(|side| match &side.half {
            super::Half::Unreadable { why, .. } => Some(format!("array `{}`: {why}", side.array)),
            _ => None,
        });
        NotServing {
            group: self.group.clone(),
            shown: self.to_string(),
            situation,
            unreadable: unreadable.collect(),
        }
    }

    /// A copy that was never complete is not to be used as the volume.
    ///
    /// # Errors
    /// [`IncompleteCopy`].
    pub fn check_copy(&self, side: Side, vv: &VvName) -> Result<(), IncompleteCopy> {
        let here = self.on(side);
        let Some(group) = here.half.seen() else {
            return Ok(());
        };
        // In its natural direction, and where the other way is replicated already, this side has everything.
        let took_over = group.role == Role::PrimaryRev && group.status != GroupStatus::Started;
        let volume = group.volumes.iter().find(|volume| volume.local == *vv);
        match volume.filter(|volume| took_over && is_partial(volume)) {
            None => Ok(()),
            Some(volume) => Err(IncompleteCopy {
                vv: vv.clone(),
                array: here.array.clone(),
                sync: volume.sync,
            }),
        }
    }
}

/// What this side has of the volume was never the whole of it, or is not to be relied on.
pub(super) fn is_partial(volume: &RcVolume) -> bool {
    match volume.sync {
        SyncStatus::Stale => true,
        SyncStatus::New
        | SyncStatus::NewSyncFromSnap
        | SyncStatus::NotSynced
        | SyncStatus::Syncing(_) => volume.last_sync.is_none(),
        SyncStatus::NewPreSynced | SyncStatus::Synced | SyncStatus::Stopped => false,
    }
}
