//! Peer Persistence: the arrays change places while hosts go on.

use std::collections::BTreeSet;

use crate::{
    model::{GroupStatus, Mode, Role},
    replication::{GroupSides, Situation},
};

use super::{Caution, Exposure, HostUse, InUse, Objection, Operation, OperatorPlan, ends::End};

pub(super) fn plan(sides: &GroupSides, exposure: &Exposure, plan: &mut OperatorPlan) {
    let (situation, side) = sides.situation();
    let seen = [sides.source.half.seen(), sides.peer.half.seen()];
    let end = side.and_then(|side| End::of(sides, side));
    if seen.iter().any(Option::is_some) && end.is_some_and(|end| !end.is_peer_persistent()) {
        plan.object(Objection::NotPeerPersistence);
        return;
    }
    match (situation, End::both(sides)) {
        (Situation::InStep | Situation::Reversed, Some([serves, other])) => {
            changes_places(serves, other, exposure, plan);
        }
        (Situation::FailedOver | Situation::ReversedStopped, _) => {
            plan.object(sides.first(Operation::Recover));
        }
        _ => plan.object(sides.not_now()),
    }
}

fn changes_places(serves: End<'_>, other: End<'_>, exposure: &Exposure, plan: &mut OperatorPlan) {
    if serves.group.mode != Mode::Sync {
        plan.object(Objection::NotPeerPersistence);
        return;
    }
    serves.must_have_volumes(plan);
    serves.must_be_synced(plan);
    serves.must_reach_the_other(plan);
    hosts_go_on(serves, other, exposure, plan);
    serves.operates(
        Operation::Switchover,
        "Secondary or Secondary-Rev, and Started",
        plan,
    );
    let (this, that) = (serves.group.role, other.group.role);
    for (when, turned) in [
        (
            "if the natural direction changes too, as the array's help says",
            with_direction as fn(Role) -> Role,
        ),
        ("if it does not", without_direction),
    ] {
        plan.ends_with(
            serves.side,
            (turned(this), GroupStatus::Started),
            Some((turned(that), GroupStatus::Started)),
            Some(when),
        );
    }
}

/// Every host that has a volume must have it on the other array too.
fn hosts_go_on(serves: End<'_>, other: End<'_>, exposure: &Exposure, plan: &mut OperatorPlan) {
    let mut shown = Vec::new();
    for end in [serves, other] {
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
        let mut volumes = serves.group.volumes.iter();
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
            array: serves.array(),
            other: other.array(),
            uses: alone,
        });
    }
    let hosts: BTreeSet<_> = here.iter().map(|one| &one.host).collect();
    if !hosts.is_empty() {
        plan.warn(Caution::PathsChange { hosts: hosts.len() });
    }
}

/// Both directions change: the arrays change places.
fn with_direction(role: Role) -> Role {
    match role {
        Role::Primary => Role::Secondary,
        Role::Secondary => Role::Primary,
        Role::PrimaryRev => Role::SecondaryRev,
        Role::SecondaryRev => Role::PrimaryRev,
    }
}

/// Only the direction of now changes.
fn without_direction(role: Role) -> Role {
    match role {
        Role::Primary => Role::SecondaryRev,
        Role::Secondary => Role::PrimaryRev,
        Role::PrimaryRev => Role::Secondary,
        Role::SecondaryRev => Role::Primary,
    }
}
