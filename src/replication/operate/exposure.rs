//! Who uses the volumes of a group at this moment.

use std::{collections::BTreeSet, fmt};

use crate::model::{HostName, Side, VvName};

use super::Witnesses;

/// A host that sees a volume of the group over a live path (`showvlun -a`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostUse {
    /// The volume, by its name on that array.
    pub vv: VvName,
    /// The host, as that array calls it.
    pub host: HostName,
}

impl fmt::Display for HostUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` by host `{}`", self.vv, self.host)
    }
}

/// The hosts that see volumes of the group on one array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InUse {
    /// These; none of them: nobody.
    Shown(BTreeSet<HostUse>),
    /// It could not be asked.
    NotShown {
        /// Why, in one line.
        why: String,
    },
}

impl InUse {
    /// By nobody.
    pub fn by_nobody() -> Self {
        Self::Shown(BTreeSet::new())
    }
}

/// Whom the administrator's commands could hurt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// On the backend's own array.
    pub source: InUse,
    /// On the peer.
    pub peer: InUse,
    /// A plugin is stopping and starting the group right now, to admit or dismiss a volume: its lock, in words.
    pub lock: Option<String>,
    /// Peer Persistence: whether the arrays see the quorum witness.
    pub witness: Witnesses,
}

impl Exposure {
    /// On one of them.
    pub fn on(&self, side: Side) -> &InUse {
        match side {
            Side::Source => &self.source,
            Side::Peer => &self.peer,
        }
    }
}
