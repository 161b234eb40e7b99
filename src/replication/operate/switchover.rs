//! Peer Persistence: the arrays change places while hosts go on.

use crate::{
    model::{GroupStatus, Role},
    replication::{GroupSides, Situation},
};

use super::{Exposure, Objection, Operation, OperatorPlan, ends::End};

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
    serves.must_have_volumes(plan);
    serves.must_be_synced(plan);
    serves.must_reach_the_other(plan);
    serves.hosts_must_go_on(other, exposure, plan);
    // The array that is to serve is the one that must not be alone afterwards.
    for end in [serves, other] {
        end.warn_of_the_witness(exposure, plan);
    }
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
