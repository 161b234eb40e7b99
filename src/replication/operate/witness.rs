//! The quorum witness, as one array sees it: without it the other array does not take over by itself.

use crate::model::Side;

/// What one array shows of its quorum witness for the other array.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Witness {
    /// It was not asked: the group is Active/Passive, or the array cannot be asked at all.
    #[default]
    NotAsked,
    /// It has none.
    None,
    /// It sees it.
    Seen {
        /// The address of the witness.
        server: String,
    },
    /// It has one, and does not see it.
    NotSeen {
        /// The address of the witness.
        server: String,
        /// What the array calls the state.
        state: String,
    },
    /// It said what nobody understands.
    NotReadable {
        /// What is wrong, in one line.
        why: String,
    },
}

/// What both arrays show of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Witnesses {
    /// The backend's own.
    pub source: Witness,
    /// The peer.
    pub peer: Witness,
}

impl Witnesses {
    /// On one of them.
    pub fn on(&self, side: Side) -> &Witness {
        match side {
            Side::Source => &self.source,
            Side::Peer => &self.peer,
        }
    }
}
