//! How hosts have the volumes of a group, by its policies.

use crate::{
    inform::RcGroup,
    model::{Mode, Policy},
};

use super::GroupSides;

/// How hosts have the volumes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKind {
    /// On one array at a time.
    ActivePassive,
    /// The same, but with `auto_failover`, which is meant for Peer Persistence and goes with `path_management`.
    OnlyAutoFailover,
    /// On both arrays, which tell them which one to use; a takeover is a person's affair.
    PeerPersistenceByHand,
    /// On both arrays; the other one takes over by itself.
    PeerPersistence,
    /// Both arrays serve at once, which this plugin does not do.
    ActiveActive,
}

impl GroupKind {
    /// By what one array shows.
    pub fn of(group: &RcGroup) -> Self {
        let has = |policy| group.has_policy(policy);
        let by_itself = has(Policy::AutoFailover);
        if has(Policy::ActiveActive) {
            Self::ActiveActive
        } else if group.mode == Mode::Sync && has(Policy::PathManagement) {
            if by_itself {
                Self::PeerPersistence
            } else {
                Self::PeerPersistenceByHand
            }
        } else if by_itself {
            Self::OnlyAutoFailover
        } else {
            Self::ActivePassive
        }
    }

    /// The arrays tell hosts which of them to use.
    pub fn manages_paths(self) -> bool {
        matches!(self, Self::PeerPersistence | Self::PeerPersistenceByHand)
    }

    /// For people, where it is not what one expects of a group: Active/Passive.
    pub fn told(self) -> Option<&'static str> {
        match self {
            Self::ActivePassive => None,
            Self::OnlyAutoFailover => Some("auto_failover without path_management"),
            Self::PeerPersistenceByHand => Some("Peer Persistence without auto_failover"),
            Self::PeerPersistence => Some("Peer Persistence"),
            Self::ActiveActive => Some("active-active"),
        }
    }
}

impl GroupSides {
    /// By what the array shows that counts, or any that can be asked. A group that is active-active on one array is.
    pub fn kind(&self) -> Option<GroupKind> {
        let kinds = self.both().map(|side| side.half.seen().map(GroupKind::of));
        if kinds.contains(&Some(GroupKind::ActiveActive)) {
            return Some(GroupKind::ActiveActive);
        }
        let counts = self.situation().1.map(|side| self.on(side));
        counts
            .and_then(|side| side.half.seen())
            .map(GroupKind::of)
            .or_else(|| kinds.into_iter().flatten().next())
    }
}
