//! On which arrays a Peer Persistence volume is exported (decision 17): always from the one that serves, and from the other one only
//! while that shows the same data.

use std::fmt;

use crate::model::{GroupStatus, Policy, Side, SyncStatus, VvName};

use super::{GroupSides, Half, ReplicationError, Situation};

/// Whether the array that does not serve is to export a volume, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondExport {
    /// Yes: both arrays show one volume, and the host changes over by itself.
    Wanted,
    /// It is not made now. One that is there under a mount stays: the array keeps those paths on stand-by (array fact 58), or refuses
    /// what comes over them (array fact 59).
    NotNow(NotNow),
    /// It must not be there: under the same WWN a host may find other data behind it.
    Unwanted(Unwanted),
}

/// Why the second export has to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotNow {
    /// The other array cannot be asked.
    CannotBeAsked {
        /// Why, in one line.
        why: String,
    },
    /// The other array has no half of the group.
    NoHalf,
    /// The group does not replicate.
    NotReplicating(Situation),
    /// The volume is not equal on both arrays.
    NotSynced(SyncStatus),
    /// The array that serves does not list the volume in the group.
    NotInGroup,
}

/// Why there must be no second export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwanted {
    /// The other array calls itself primary, too.
    TwoPrimaries,
    /// The arrays do not tell hosts which paths to use.
    NoPathManagement,
}

impl fmt::Display for NotNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotBeAsked { why } => write!(f, "it cannot be asked: {why}"),
            Self::NoHalf => f.write_str("it has no half of the group"),
            Self::NotReplicating(situation) => write!(f, "the group is {}", situation.told()),
            Self::NotSynced(sync) => write!(f, "the volume is {sync}, not Synced"),
            Self::NotInGroup => f.write_str("the volume is not in the group"),
        }
    }
}

impl fmt::Display for Unwanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoPrimaries => "both arrays say that they are primary",
            Self::NoPathManagement => "the group has no `path_management`",
        })
    }
}

/// What one array exports of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// To this machine.
    pub here: bool,
    /// To anybody else.
    pub elsewhere: bool,
}

/// Who mounted the volume last, by the comments on both arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// This machine.
    Us,
    /// Another one.
    Another,
    /// The comments do not say, or cannot be read.
    Unknown,
}

/// What is to be done to the exports of a volume that is mounted here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// The array that does not serve exports it, too.
    AddSecond,
    /// The export of the array that does not serve is taken back.
    WithdrawSecond,
    /// All exports are taken back: another machine has had the volume since, and what this one has in memory is old.
    CutOff,
}

impl SecondExport {
    /// What follows for a volume that is mounted here, from what both arrays export. `other` is none if the array that does not serve cannot
    /// be asked.
    ///
    /// The export of the array that serves is never added: whoever has only the other one's paths may have missed what was written there.
    pub fn next(&self, serving: Exported, other: Option<Exported>, holder: Holder) -> Next {
        let beside = other.is_some_and(|other| other.here);
        if holder == Holder::Another {
            return match serving.here || beside {
                true => Next::CutOff,
                false => Next::Nothing,
            };
        }
        let Some(other) = other else {
            return Next::Nothing;
        };
        let alone = !serving.elsewhere && !other.elsewhere;
        match (self, serving.here, other.here) {
            (Self::Wanted, true, false) if alone && holder == Holder::Us => Next::AddSecond,
            (Self::Unwanted(_), true, true) => Next::WithdrawSecond,
            // Another machine has it from the array that serves.
            (_, false, true) if serving.elsewhere => Next::WithdrawSecond,
            _ => Next::Nothing,
        }
    }
}

impl GroupSides {
    /// Whether the array that does not serve is to export a volume of this Peer Persistence group, too.
    pub fn second_export(&self, serving: Side, vv: &VvName) -> SecondExport {
        let other = self.on(serving.other());
        let there = match &other.half {
            Half::Seen(there) => there,
            Half::Absent => return SecondExport::NotNow(NotNow::NoHalf),
            Half::Unreadable { why, .. } => {
                let why = why.clone();
                return SecondExport::NotNow(NotNow::CannotBeAsked { why });
            }
        };
        if there.role.is_primary() {
            return SecondExport::Unwanted(Unwanted::TwoPrimaries);
        }
        let Half::Seen(here) = &self.on(serving).half else {
            return SecondExport::NotNow(NotNow::NotReplicating(self.situation().0));
        };
        if !(here.has_policy(Policy::PathManagement) && there.has_policy(Policy::PathManagement)) {
            return SecondExport::Unwanted(Unwanted::NoPathManagement);
        }
        let started = |status| status == GroupStatus::Started;
        match self.situation().0 {
            Situation::InStep | Situation::Reversed
                if started(here.status) && started(there.status) => {}
            situation => return SecondExport::NotNow(NotNow::NotReplicating(situation)),
        }
        // The side that sends tells how far the copy is.
        match here.volumes.iter().find(|volume| volume.local == *vv) {
            Some(volume) if volume.sync == SyncStatus::Synced => SecondExport::Wanted,
            Some(volume) => SecondExport::NotNow(NotNow::NotSynced(volume.sync)),
            None => SecondExport::NotNow(NotNow::NotInGroup),
        }
    }

    /// Groups with `active_active` are used in other ways than this plugin knows.
    ///
    /// # Errors
    /// [`ReplicationError::Policies`].
    pub fn must_not_be_active_active(&self) -> Result<(), ReplicationError> {
        let halves = self.both().into_iter().filter_map(|side| side.half.seen());
        let active_active = |half: &&crate::inform::RcGroup| half.has_policy(Policy::ActiveActive);
        match halves.into_iter().find(active_active) {
            None => Ok(()),
            Some(half) => Err(ReplicationError::Policies {
                group: half.name.clone(),
                policy: Policy::ActiveActive,
                has: true,
                why: ReplicationError::NOT_DRIVEN,
            }),
        }
    }
}
