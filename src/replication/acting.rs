//! Which of the two arrays changes to a group are given to.

use crate::{
    inform::Array,
    model::{GroupName, GroupStatus, Role, Side, TargetName},
};

use super::{GroupSide, GroupSides, Half, ReplicationError, Situation};

/// The array on which a group is Primary now, and what things are called there.
#[derive(Debug, Clone)]
pub struct Acting {
    /// Which of the two it is.
    pub side: Side,
    /// It.
    pub array: Array,
    /// The one that has the copies.
    pub other: Array,
    /// The group's name on it.
    pub group: GroupName,
    /// Its name for the other array.
    pub target: TargetName,
}

impl GroupSides {
    /// The side on which the group is Primary now, and may be changed: where volumes are admitted and dismissed. A group that neither
    /// has is made on the source.
    ///
    /// # Errors
    /// [`ReplicationError`] for a group that nobody may change now: two Primaries, Failsafe, a direction that is being changed, half
    /// a group, or one of which half cannot be asked.
    pub fn changeable(&self) -> Result<Side, ReplicationError> {
        let group = || self.group.clone();
        let arrays = || self.both().map(|side| side.array.clone());
        let failsafe = self.both().into_iter().find(|side| {
            let seen = side.half.seen();
            seen.is_some_and(|half| half.status == GroupStatus::Failsafe)
        });
        let unreadable = self.both().into_iter().find_map(|side| match &side.half {
            Half::Unreadable { why, .. } => Some((side.array.clone(), why.clone())),
            Half::Seen(_) | Half::Absent => None,
        });
        let (situation, side) = self.situation();
        if let Some((array, why)) = unreadable {
            return Err(ReplicationError::Unreadable {
                group: group(),
                array,
                why,
            });
        }
        match situation {
            Situation::NotMade => return Ok(Side::Source),
            Situation::HalfMissing => {
                let [source, peer] = arrays();
                let (has, lacks) = match self.source.half {
                    Half::Seen(_) => (source, peer),
                    Half::Absent | Half::Unreadable { .. } => (peer, source),
                };
                return Err(ReplicationError::OneSided {
                    group: group(),
                    has,
                    lacks,
                });
            }
            _ => {}
        }
        if let Some(side) = failsafe {
            return Err(ReplicationError::Failsafe {
                group: group(),
                array: side.array.clone(),
            });
        }
        let primary =
            |side: &&GroupSide| side.half.seen().is_some_and(|half| half.role.is_primary());
        match self.both().iter().filter(|side| primary(side)).count() {
            0 => {
                return Err(ReplicationError::NoPrimary {
                    group: group(),
                    arrays: arrays(),
                });
            }
            1 => {}
            _ => {
                return Err(ReplicationError::TwoPrimaries {
                    group: group(),
                    arrays: arrays(),
                });
            }
        }
        let changeable = match situation {
            Situation::InStep | Situation::Changing | Situation::Stopped => true,
            // A natural secondary's status is only whether it is ready to receive. What the primary's means for an admission is the
            // plan's to say.
            Situation::OutOfStep => !self.is_reversed(),
            // Reversed and replicating, as after a switchover, is a state of rest. Reversed in any other way is somebody's failover or
            // failback that has not ended.
            Situation::Reversed => self.is_started_on_both(),
            _ => false,
        };
        let told = |side: &GroupSide| format!("{} on array `{}`", side.half, side.array);
        let Some(side) = side.filter(|_| changeable) else {
            return Err(ReplicationError::InTransition {
                group: group(),
                here: told(&self.source),
                there: told(&self.peer),
            });
        };
        // What was made on the other array belongs to a backend whose own array that is.
        let source_name = self.source.half.seen().map(|half| &half.name);
        if side == Side::Peer && source_name.is_some_and(GroupName::is_of_another_array) {
            return Err(ReplicationError::AtHomeElsewhere {
                group: group(),
                array: self.peer.array.clone(),
            });
        }
        Ok(side)
    }

    /// The side on which a group against its natural direction is Primary, whatever it does just now. If it is not at rest and that side
    /// has the group's lock, it is in a cycle of stop and start, and no failback: then it may be changed there.
    pub fn reversed_on_both(&self) -> Option<Side> {
        let [here, there] = self.both().map(|side| side.half.seen());
        let (here, there) = (here?, there?);
        if [here, there]
            .iter()
            .any(|half| half.status == GroupStatus::Failsafe)
        {
            return None;
        }
        match (here.role, there.role) {
            (Role::PrimaryRev, Role::SecondaryRev) => Some(Side::Source),
            (Role::SecondaryRev, Role::PrimaryRev) => Some(Side::Peer),
            _ => None,
        }
    }

    fn is_reversed(&self) -> bool {
        let reversed =
            |side: &&GroupSide| side.half.seen().is_some_and(|half| half.role.is_reversed());
        self.both().iter().any(reversed)
    }

    fn is_started_on_both(&self) -> bool {
        self.both().into_iter().all(|side| {
            let seen = side.half.seen();
            seen.is_some_and(|half| half.status == GroupStatus::Started)
        })
    }
}
