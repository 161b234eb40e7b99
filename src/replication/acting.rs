//! Which of the two arrays changes to a group are given to.

use crate::{
    inform::{Array, RcGroup},
    model::{GroupName, GroupStatus, TargetName},
};

use super::ReplicationError;

/// One of the two arrays of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The backend's own array.
    Source,
    /// The array of its `replication_device`.
    Peer,
}

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

/// The side on which the group is Primary now, and may be changed. A group that neither has is made on the source.
///
/// # Errors
/// [`ReplicationError`] for a group that nobody may change now: two Primaries, Failsafe, a direction that is being changed, or half
/// a group. The arrays are named as `source` and `peer` call themselves.
pub fn acting_side(
    group: &GroupName,
    source: (&str, Option<&RcGroup>),
    peer: (&str, Option<&RcGroup>),
) -> Result<Side, ReplicationError> {
    let ((source, here), (peer, there)) = (source, peer);
    let group = || group.clone();
    let (here, there) = match (here, there) {
        (None, None) => return Ok(Side::Source),
        (Some(here), Some(there)) => (here, there),
        (here, _) => {
            let (has, lacks) = if here.is_some() {
                (source, peer)
            } else {
                (peer, source)
            };
            return Err(ReplicationError::OneSided {
                group: group(),
                has: has.to_owned(),
                lacks: lacks.to_owned(),
            });
        }
    };
    for (array, half) in [(source, here), (peer, there)] {
        if half.status == GroupStatus::Failsafe {
            return Err(ReplicationError::Failsafe {
                group: group(),
                array: array.to_owned(),
            });
        }
    }
    let side = match (here.role.is_primary(), there.role.is_primary()) {
        (true, true) => {
            return Err(ReplicationError::TwoPrimaries {
                group: group(),
                arrays: [source.to_owned(), peer.to_owned()],
            });
        }
        (true, false) => Side::Source,
        (false, true) => Side::Peer,
        (false, false) => {
            return Err(ReplicationError::NoPrimary {
                group: group(),
                arrays: [source.to_owned(), peer.to_owned()],
            });
        }
    };
    // Reversed and replicating, as after a switchover, is a state of rest. Reversed in any other way is somebody's failover or
    // failback that has not ended.
    let reversed = [here, there]
        .iter()
        .filter(|g| g.role.is_reversed())
        .count();
    let started = [here, there]
        .iter()
        .all(|g| g.status == GroupStatus::Started);
    if reversed == 1 || (reversed == 2 && !started) {
        return Err(ReplicationError::InTransition {
            group: group(),
            here: format!("{} and {} on array `{source}`", here.role, here.status),
            there: format!("{} and {} on array `{peer}`", there.role, there.status),
        });
    }
    // What was made on the other array belongs to a backend whose own array that is.
    if side == Side::Peer && here.name.is_of_another_array() {
        return Err(ReplicationError::AtHomeElsewhere {
            group: group(),
            array: peer.to_owned(),
        });
    }
    Ok(side)
}
