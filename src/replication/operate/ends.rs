//! The two halves of a group that both showed something: the one that counts, and the other one.

use std::collections::BTreeSet;

use crate::{
    inform::{RcGroup, RcVolume},
    model::{GroupStatus, Mode, Policy, Side, SyncStatus, VvName},
    replication::{GroupKind, GroupSide, GroupSides, serving::is_partial},
};

use super::{AsOf, Caution, Exposure, HostUse, InUse, Objection, OperatorPlan, Witness};

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
        self.kind().manages_paths()
    }

    pub fn kind(&self) -> GroupKind {
        GroupKind::of(self.group)
    }

    /// The arrays start the group by themselves when they see each other again.
    pub fn restarts_by_itself(&self) -> bool {
        self.has(&Policy::AutoRecover.to_string())
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

    /// A copy is overwritten only while no host has it. Hosts that have paths to the receiving side of a Peer Persistence group
    /// write on the other array.
    pub fn must_be_unwritten(&self, exposure: &Exposure, plan: &mut OperatorPlan) {
        if !self.is_peer_persistent() || self.group.role.is_primary() {
            self.must_be_unused(exposure, "is overwritten", plan);
        }
    }

    /// Every host that has a volume here must have it on the other array too, which is to serve.
    pub fn hosts_must_go_on(&self, other: Self, exposure: &Exposure, plan: &mut OperatorPlan) {
        let mut shown = Vec::new();
        for end in [*self, other] {
            match exposure.on(end.side) {
                InUse::Shown(uses) => shown.push(uses),
                InUse::NotShown { why } => plan.object(Objection::UseNotKnown {
                    array: end.array(),
                    why: why.clone(),
                }),
            }
        }
        let [here, there] = shown.as_slice() else {
            return;
        };
        // Each array has its own name for a volume, and mostly the same for a host.
        let named_there = |one: &HostUse| {
            let mut volumes = self.group.volumes.iter();
            let volume = volumes.find(|volume| volume.local == one.vv);
            volume.map(|volume| HostUse {
                vv: volume.remote.clone(),
                host: one.host.clone(),
            })
        };
        let alone: Vec<HostUse> = here
            .iter()
            .filter(|one| named_there(one).is_none_or(|one| !there.contains(&one)))
            .cloned()
            .collect();
        if !alone.is_empty() {
            plan.object(Objection::NoOtherPath {
                array: self.array(),
                other: other.array(),
                uses: alone,
            });
        }
        let hosts: BTreeSet<_> = here.iter().map(|one| &one.host).collect();
        if !hosts.is_empty() {
            plan.warn(Caution::PathsChange { hosts: hosts.len() });
        }
    }

    /// An array that does not see the quorum witness neither takes over by itself nor, without links, goes on.
    pub fn warn_of_the_witness(&self, exposure: &Exposure, plan: &mut OperatorPlan) {
        let words = match exposure.witness.on(self.side) {
            Witness::NotAsked | Witness::Seen { .. } => return,
            Witness::None if self.kind() != GroupKind::PeerPersistence => return,
            Witness::None => "it has none".to_owned(),
            Witness::NotSeen { server, state } => format!("{server} is {state}"),
            Witness::NotReadable { why } => format!("not readable: {why}"),
        };
        plan.warn(Caution::WitnessNotSeen {
            array: self.array(),
            words,
        });
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
