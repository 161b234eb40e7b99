//! What the two halves of a group mean together. Everything that is decided about a group is decided from this.

use crate::model::{GroupStatus, Role, Side};

use super::{GroupSides, Half};

/// What the two halves of a group mean together. The direction is natural if no role has `-Rev`; on 10.x it is so again after a
/// failover with `auto_synchronize`, with the arrays changed (array fact 51).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Situation {
    /// Neither array has it.
    NotMade,
    /// One array has it, and the other says that it has not.
    HalfMissing,
    /// One array says that it has none, the other cannot be asked.
    HalfUnknown,
    /// Primary and Secondary, replicating.
    InStep,
    /// Primary and Secondary, the primary on its way to Started or Stopped, as while a volume is admitted.
    Changing,
    /// The primary is Started, and its secondary does not receive.
    OutOfStep,
    /// Primary and Secondary, stopped.
    Stopped,
    /// A primary gave up serving.
    Failsafe,
    /// Primary-Rev, and the former primary does not know of it.
    FailedOver,
    /// Primary-Rev and Secondary-Rev, replicating against the natural direction.
    Reversed,
    /// Primary-Rev and Secondary-Rev, stopped.
    ReversedStopped,
    /// Primary-Rev, on its way to Started or Stopped: somebody is failing the group over or back.
    InTransition,
    /// One role has `-Rev`, and the other is not the one that goes with it.
    HalfTurned,
    /// Both say Primary, or both Primary-Rev.
    TwoPrimaries,
    /// Neither says Primary.
    NoPrimary,
    /// A Primary whose other half cannot be asked.
    LonePrimary,
    /// A Primary whose other half cannot be asked, and was a primary when it was last seen.
    LoneDoubtful,
    /// A Primary-Rev whose other half cannot be asked.
    LoneReversed,
    /// A primary that is in Failsafe, and the other half cannot be asked.
    LoneFailsafe,
    /// A Secondary whose other half cannot be asked.
    LoneSecondary,
    /// Neither array can be asked.
    Dark,
}

impl Situation {
    /// In words.
    pub fn told(self) -> &'static str {
        match self {
            Self::NotMade => "neither array has the group",
            Self::HalfMissing => "one array has no half of the group",
            Self::HalfUnknown => {
                "one array has no half of the group, and the other cannot be asked"
            }
            Self::InStep => "replicating",
            Self::Changing => "being started or stopped",
            Self::OutOfStep => "started, and the other side does not receive",
            Self::Stopped => "stopped, not replicating",
            Self::Failsafe => "the primary gave up serving (Failsafe)",
            Self::FailedOver => "failed over, and not recovered yet",
            Self::Reversed => "replicating against its natural direction",
            Self::ReversedStopped => "reversed and stopped, not replicating",
            Self::InTransition => "being failed over or back",
            Self::HalfTurned => "half of a failover or failback",
            Self::TwoPrimaries => "both sides are primary",
            Self::NoPrimary => "neither side is primary",
            Self::LonePrimary => "the other side of the primary cannot be asked",
            Self::LoneDoubtful => {
                "the other side of the primary cannot be asked, and was primary when it was last seen"
            }
            Self::LoneReversed => "failed over, and the former primary cannot be asked",
            Self::LoneFailsafe => {
                "the primary gave up serving (Failsafe), and the other side cannot be asked"
            }
            Self::LoneSecondary => "the primary cannot be asked",
            Self::Dark => "neither array can be asked",
        }
    }
}

impl GroupSides {
    /// What the halves mean together, and on which side what counts is, where that is certain.
    pub fn situation(&self) -> (Situation, Option<Side>) {
        use Situation as Is;
        let (source, peer) = (&self.source.half, &self.peer.half);
        match (source, peer) {
            (Half::Seen(source), Half::Seen(peer)) => {
                together((source.role, source.status), (peer.role, peer.status))
            }
            (Half::Absent, Half::Absent) => (Is::NotMade, None),
            (Half::Seen(_), Half::Absent) | (Half::Absent, Half::Seen(_)) => {
                (Is::HalfMissing, None)
            }
            (Half::Absent, Half::Unreadable { .. }) | (Half::Unreadable { .. }, Half::Absent) => {
                (Is::HalfUnknown, None)
            }
            (Half::Unreadable { .. }, Half::Unreadable { .. }) => (Is::Dark, None),
            (Half::Seen(seen), Half::Unreadable { last_seen, .. }) => (
                alone(seen.role, seen.status, *last_seen),
                Some(Side::Source),
            ),
            (Half::Unreadable { last_seen, .. }, Half::Seen(seen)) => {
                (alone(seen.role, seen.status, *last_seen), Some(Side::Peer))
            }
        }
    }
}

fn alone(role: Role, status: GroupStatus, last_seen: Option<Role>) -> Situation {
    let was_primary = last_seen.is_some_and(Role::is_primary);
    match (role, status) {
        (Role::Secondary | Role::SecondaryRev, _) => Situation::LoneSecondary,
        (_, GroupStatus::Failsafe) => Situation::LoneFailsafe,
        (Role::Primary, _) if was_primary => Situation::LoneDoubtful,
        (Role::Primary, _) => Situation::LonePrimary,
        (Role::PrimaryRev, GroupStatus::Starting | GroupStatus::Stopping) => {
            Situation::InTransition
        }
        // That the other side was Primary is how a failover begins. That it was Primary-Rev is something else.
        (Role::PrimaryRev, _) if last_seen == Some(Role::PrimaryRev) => Situation::LoneDoubtful,
        (Role::PrimaryRev, _) => Situation::LoneReversed,
    }
}

fn together(source: (Role, GroupStatus), peer: (Role, GroupStatus)) -> (Situation, Option<Side>) {
    let (primary, secondary, side) = match (source.0.is_primary(), peer.0.is_primary()) {
        (false, false) => return (Situation::NoPrimary, None),
        (true, false) => (source, peer, Side::Source),
        (false, true) => (peer, source, Side::Peer),
        (true, true) => match (source.0, peer.0) {
            (Role::Primary, Role::PrimaryRev) => (peer, source, Side::Peer),
            (Role::PrimaryRev, Role::Primary) => (source, peer, Side::Source),
            _ => return (Situation::TwoPrimaries, None),
        },
    };
    let (status, other) = (primary.1, secondary.1);
    let moving = matches!(status, GroupStatus::Starting | GroupStatus::Stopping);
    let receives = matches!(other, GroupStatus::Started | GroupStatus::Starting);
    let situation = match (primary.0, secondary.0) {
        (Role::Primary, Role::SecondaryRev) | (Role::PrimaryRev, Role::Secondary) => {
            Situation::HalfTurned
        }
        _ if status == GroupStatus::Failsafe => Situation::Failsafe,
        (Role::Primary, _) if moving => Situation::Changing,
        (_, _) if moving => Situation::InTransition,
        (_, Role::Primary) => Situation::FailedOver,
        (_, _) if status == GroupStatus::Started && !receives => Situation::OutOfStep,
        (Role::Primary, _) if status == GroupStatus::Started => Situation::InStep,
        (Role::Primary, _) => Situation::Stopped,
        (_, _) if status == GroupStatus::Started => Situation::Reversed,
        (_, _) => Situation::ReversedStopped,
    };
    (situation, Some(side))
}
