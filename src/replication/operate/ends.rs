//! The two halves of a group that both showed something: the one that counts, and the other one.

use crate::{
    inform::{RcGroup, RcVolume},
    model::{GroupStatus, Mode, Policy, Side, SyncStatus, VvName},
    replication::{GroupSide, GroupSides, serving::is_partial},
};

use super::{AsOf, Exposure, InUse, Objection, OperatorPlan};

/// A policy that this plugin never sets. With it the arrays copy back by themselves after a failover.
const AUTO_SYNCHRONIZE: &str = "auto_synchronize";

/// One half that was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct End<'a> {
    pub side: Side,
    pub shown: &'a GroupSide,
    pub group: &'a RcGroup,
}

impl<'a> End<'a> {
    pub fn of(sides: &'a GroupSides, side: Side) -> Option<Self> {
        let shown = sides.on(side);
        let group = shown.half.seen()?;
        Some(Self { side, shown, group })
    }

    /// The half that counts, and the other one, if both were seen and it is certain which counts.
    pub fn both(sides: &'a GroupSides) -> Option<[Self; 2]> {
        let side = sides.situation().1?;
        Some([Self::of(sides, side)?, Self::of(sides, side.other())?])
    }

    pub fn array(&self) -> String {
        self.shown.array.clone()
    }

    pub fn is(&self, status: GroupStatus) -> bool {
        self.group.status == status
    }

    pub fn is_moving(&self) -> bool {
        self.is(GroupStatus::Starting) || self.is(GroupStatus::Stopping)
    }

    fn has(&self, policy: &str) -> bool {
        let mut policies = self.group.options.policies.iter();
        policies.any(|is| is == policy)
    }

    /// Hosts have its volumes on both arrays: Peer Persistence.
    pub fn is_peer_persistent(&self) -> bool {
        let both = [Policy::PathManagement, Policy::ActiveActive];
        both.iter().any(|policy| self.has(&policy.to_string()))
    }

    /// After a failover the arrays copy back by themselves.
    pub fn copies_back_by_itself(&self) -> bool {
        self.has(AUTO_SYNCHRONIZE) && self.group.mode == Mode::Sync
    }

    /// Volumes of which this side never had all.
    pub fn partial(&self) -> Vec<VvName> {
        let volumes = self
            .group
            .volumes
            .iter()
            .filter(|volume| is_partial(volume));
        volumes.map(|volume| volume.local.clone()).collect()
    }

    /// How far each volume is, as this side shows it.
    pub fn as_of(&self) -> Vec<AsOf> {
        self.group.volumes.iter().map(AsOf::from).collect()
    }

    /// Nothing is to be overwritten, or cut off from its writers, while hosts have it.
    pub fn must_be_unused(&self, exposure: &Exposure, what: &'static str, plan: &mut OperatorPlan) {
        match exposure.on(self.side) {
            InUse::Shown(uses) if uses.is_empty() => {}
            InUse::Shown(uses) => plan.object(Objection::InUse {
                array: self.array(),
                uses: uses.iter().cloned().collect(),
                what,
            }),
            InUse::NotShown { why } => plan.object(Objection::UseNotKnown {
                array: self.array(),
                why: why.clone(),
            }),
        }
    }

    /// The copies must be equal before the direction changes.
    pub fn must_be_synced(&self, plan: &mut OperatorPlan) {
        let behind = |volume: &&RcVolume| volume.sync != SyncStatus::Synced;
        let volumes = self.group.volumes.iter().filter(behind);
        let behind: Vec<AsOf> = volumes.map(AsOf::from).collect();
        if !behind.is_empty() {
            plan.object(Objection::NotSynced {
                array: self.array(),
                behind,
            });
        }
    }

    /// Commands for both arrays, or for a copy, need the links.
    pub fn must_reach_the_other(&self, plan: &mut OperatorPlan) {
        if !self.shown.reaches_the_other() {
            plan.object(Objection::NoWay {
                array: self.array(),
                way: self.shown.way.clone(),
                target: self.group.target.clone(),
            });
        }
    }

    /// A group without volumes cannot be started, stopped or failed over.
    pub fn must_have_volumes(&self, plan: &mut OperatorPlan) {
        if self.group.volumes.is_empty() {
            plan.object(Objection::Empty {
                array: self.array(),
                group: self.group.name.clone(),
            });
        }
    }

    /// What never was complete here must not be copied over what is.
    pub fn must_be_complete(&self, over: &str, plan: &mut OperatorPlan) {
        let volumes = self.partial();
        if !volumes.is_empty() {
            plan.object(Objection::Incomplete {
                array: self.array(),
                volumes,
                over: over.to_owned(),
            });
        }
    }
}
