//! A group as both of its arrays showed it.

use std::fmt;

use crate::{
    inform::{RcGroup, RcLink, RcTarget},
    model::{GroupName, LinkStatus, Role, Side, TargetName, TargetStatus},
};

/// What one array showed of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Half {
    /// This.
    Seen(RcGroup),
    /// It said that there is no such group.
    Absent,
    /// It could not be asked, or said what nobody understands.
    Unreadable {
        /// Why, in one line.
        why: String,
        /// The role it had when it was last seen, if it ever was.
        last_seen: Option<Role>,
    },
}

/// How an array sees its way to the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Its name for the other array.
    pub target: TargetName,
    /// Whether that is usable.
    pub status: TargetStatus,
    /// Sending links that are Up.
    pub up: usize,
    /// Sending links.
    pub links: usize,
}

/// One array's half of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSide {
    /// How the array is called in messages.
    pub array: String,
    /// The group's name on it; not known while nobody can say what it is.
    pub name: Option<GroupName>,
    /// What it showed.
    pub half: Half,
    /// Its way to the other array; none: not asked for, not known, or there is none.
    pub way: Option<Way>,
}

/// A group on both arrays, read at about one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSides {
    /// Its name, as the user knows it: the one it has on the backend's own array.
    pub group: GroupName,
    /// On the backend's own array.
    pub source: GroupSide,
    /// On the array of the `replication_device`.
    pub peer: GroupSide,
}

impl Half {
    /// The group, if it was seen.
    pub fn seen(&self) -> Option<&RcGroup> {
        match self {
            Self::Seen(group) => Some(group),
            Self::Absent | Self::Unreadable { .. } => None,
        }
    }

    /// True if the array could not be asked.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }
}

impl From<Option<RcGroup>> for Half {
    fn from(seen: Option<RcGroup>) -> Self {
        seen.map_or(Self::Absent, Self::Seen)
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seen(group) => write!(f, "{} and {}", group.role, group.status),
            Self::Absent => f.write_str("not there"),
            Self::Unreadable { .. } => f.write_str("not readable"),
        }
    }
}

impl Way {
    /// The way to the target of this name, from what the array lists.
    pub fn to(target: &TargetName, targets: &[RcTarget], links: &[RcLink]) -> Option<Self> {
        let found = targets.iter().find(|t| t.name == *target)?;
        let links = || links.iter().filter(|l| l.target.as_ref() == Some(target));
        Some(Self {
            target: target.clone(),
            status: found.status,
            up: links().filter(|l| l.status == LinkStatus::Up).count(),
            links: links().count(),
        })
    }

    /// True if something can be sent: the target is ready, and a link to it is Up.
    pub fn works(&self) -> bool {
        self.status == TargetStatus::Ready && self.up > 0
    }
}

impl GroupSide {
    /// True if its way to the other array is known to work.
    pub fn reaches_the_other(&self) -> bool {
        self.way.as_ref().is_some_and(Way::works)
    }
}

impl GroupSides {
    /// One of the two.
    pub fn on(&self, side: Side) -> &GroupSide {
        match side {
            Side::Source => &self.source,
            Side::Peer => &self.peer,
        }
    }

    /// The role that one of the arrays showed.
    pub fn role(&self, side: Side) -> Option<Role> {
        self.on(side).half.seen().map(|group| group.role)
    }

    /// Both, the backend's own array first.
    pub fn both(&self) -> [&GroupSide; 2] {
        [&self.source, &self.peer]
    }
}

/// For example: Primary and Started on array `amber`, Secondary and Started on array `birch`.
impl fmt::Display for GroupSides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [source, peer] = self.both();
        write!(
            f,
            "{} on array `{}`, {} on array `{}`",
            source.half, source.array, peer.half, peer.array
        )
    }
}
