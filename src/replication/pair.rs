//! A source array and its remote copy target, as hpe.conf describes them.

use std::collections::BTreeMap;

use crate::{
    inform::{Array, RcGroup},
    model::{CpgName, GroupName, LonePrimary, Mode, Policy, Side, SystemId, TargetName},
};

use super::GroupSides;

/// The two arrays of a replication-enabled backend.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The backend's own array.
    pub source: Array,
    /// The array that `replication_device` describes.
    pub peer: Array,
    /// What a group must be like.
    pub wants: Wants,
}

/// What hpe.conf wants of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wants {
    /// `backend_id`: the source array's name for the peer.
    pub target: TargetName,
    /// `replication_mode`.
    pub mode: Mode,
    /// `sync_period` in seconds; only with [`Mode::Periodic`].
    pub period: Option<u32>,
    /// `lone_primary`: whether a primary serves whose peer cannot be asked.
    pub lone_primary: LonePrimary,
    /// `quorum_witness_ip` was given.
    pub peer_persistence: bool,
    /// `cpg_map`: source CPG to peer CPG.
    pub cpg_map: BTreeMap<CpgName, CpgName>,
    /// `snap_cpg_map`; where it is silent, `cpg_map` answers.
    pub snap_cpg_map: BTreeMap<CpgName, CpgName>,
}

/// One CPG on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpgPair {
    /// On the source.
    pub source: CpgName,
    /// On the peer.
    pub peer: CpgName,
}

impl CpgPair {
    /// As the peer sees it, when the volume is made there.
    pub fn turned(&self) -> Self {
        Self {
            source: self.peer.clone(),
            peer: self.source.clone(),
        }
    }
}

impl Wants {
    /// True of a group that replicates in this way. Another backend of the same two arrays may want another one.
    pub fn describe(&self, group: &RcGroup) -> bool {
        group.mode == self.mode && group.has_policy(Policy::PathManagement) == self.peer_persistence
    }

    /// As [`Wants::describe`], of a group as both arrays showed it. What was not seen speaks for nobody.
    pub fn describe_sides(&self, sides: &GroupSides) -> bool {
        let mut halves = sides.both().into_iter().filter_map(|side| side.half.seen());
        halves.any(|half| self.describe(half))
    }

    /// The policies a new group is given (decision 16).
    pub fn policies(&self) -> &'static [Policy] {
        if self.peer_persistence {
            &[
                Policy::AutoFailover,
                Policy::PathManagement,
                Policy::AutoRecover,
            ]
        } else {
            &[Policy::AutoRecover]
        }
    }

    /// The peer's CPG for a source CPG.
    pub fn cpg(&self, source: &CpgName) -> Option<CpgPair> {
        let peer = self.cpg_map.get(source)?;
        Some(CpgPair {
            source: source.clone(),
            peer: peer.clone(),
        })
    }

    /// The source CPG whose volumes have their copies in this CPG of the peer, if that is only one.
    pub fn source_cpg(&self, peer: &CpgName) -> Option<CpgName> {
        let mut sources = self.cpg_map.iter().filter(|(_, to)| *to == peer);
        let (only, _) = sources.next()?;
        sources.next().is_none().then(|| only.clone())
    }

    /// The peer's snapshot CPG for a source snapshot CPG.
    pub fn snap_cpg(&self, source: &CpgName) -> Option<CpgPair> {
        let peer = self
            .snap_cpg_map
            .get(source)
            .or_else(|| self.cpg_map.get(source))?;
        Some(CpgPair {
            source: source.clone(),
            peer: peer.clone(),
        })
    }
}

impl Pair {
    /// One of the two arrays.
    pub fn on(&self, side: Side) -> &Array {
        match side {
            Side::Source => &self.source,
            Side::Peer => &self.peer,
        }
    }

    /// Which of the two an array is, by its label.
    pub fn side_of(&self, label: &str) -> Option<Side> {
        Side::BOTH
            .into_iter()
            .find(|side| self.on(*side).label() == label)
    }

    /// The other array's name for a group that the array with this id calls so: the array that made a group adds its id for the other
    /// one (array fact 3), and either may have made it. `None` if the name would be too long.
    pub fn peer_name(&self, group: &GroupName, source: SystemId) -> Option<GroupName> {
        match group.made_by() {
            Some((name, id)) if id != source => Some(name),
            _ => GroupName::new(&format!("{group}.r{source}")).ok(),
        }
    }
}
