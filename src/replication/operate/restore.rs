//! Home: the array that made the group serves again.

use crate::{
    inform::RcGroup,
    model::{GroupName, GroupStatus, Mode, Role},
    replication::{GroupSides, Situation},
};

use super::{
    Caution, Done, Exposure, Objection, Operation, OperatorPlan,
    ends::End,
    failover::{stopped_already, take_over},
};

pub(super) fn plan(sides: &GroupSides, exposure: &Exposure, plan: &mut OperatorPlan) {
    let (situation, _) = sides.situation();
    match (situation, End::both(sides)) {
        (Situation::Reversed, Some([serves, home])) => restores(serves, home, exposure, plan),
        (Situation::FailedOver | Situation::ReversedStopped, _) => {
            plan.object(sides.first(Operation::Recover));
        }
        (Situation::InStep | Situation::Stopped, Some([serves, other])) => {
            if is_away(serves.group) {
                comes_home_without_rev(serves, other, exposure, plan);
            } else {
                is_home(serves, other, exposure, plan);
            }
        }
        _ => plan.object(sides.not_now()),
    }
}

/// The other array made it (array fact 3), and the roles do not show it any more (array fact 51).
fn is_away(primary: &RcGroup) -> bool {
    GroupName::is_of_another_array(&primary.name)
}

/// `setrcopygroup restore`, where the roles still show the natural direction.
fn restores(serves: End<'_>, home: End<'_>, exposure: &Exposure, plan: &mut OperatorPlan) {
    serves.must_have_volumes(plan);
    if serves.is_peer_persistent() {
        // Hosts have it on both arrays, and the arrays tell them which one to use.
        serves.hosts_must_go_on(home, exposure, plan);
        home.warn_of_the_witness(exposure, plan);
    } else {
        serves.must_be_unused(exposure, "would no longer serve", plan);
    }
    serves.must_be_synced(plan);
    serves.must_reach_the_other(plan);
    streams_or_waits(serves, plan);
    serves.operates(Operation::Restore, "Secondary and Started", plan);
    use GroupStatus::Started;
    plan.ends_with(
        serves.side,
        (Role::Secondary, Started),
        Some((Role::Primary, Started)),
        None,
    );
}

fn streams_or_waits(serves: End<'_>, plan: &mut OperatorPlan) {
    if serves.group.mode == Mode::Async {
        plan.warn(Caution::LastSecondsOfStream {
            array: serves.array(),
        });
    }
}

/// Primary where it was made: nothing to do, but perhaps to let it replicate.
fn is_home(serves: End<'_>, other: End<'_>, exposure: &Exposure, plan: &mut OperatorPlan) {
    if serves.is(GroupStatus::Started) {
        plan.done = Some(Done::AtHome {
            serves: serves.array(),
        });
        return;
    }
    serves.must_have_volumes(plan);
    other.must_be_unwritten(exposure, plan);
    serves.must_reach_the_other(plan);
    plan.warn(Caution::StoppedBySomebody);
    serves.starts(plan);
    use GroupStatus::Started;
    plan.ends_with(
        serves.side,
        (Role::Primary, Started),
        Some((Role::Secondary, Started)),
        None,
    );
}

/// The array refuses `restore` (array fact 51): the way home is another change of sides.
fn comes_home_without_rev(
    serves: End<'_>,
    home: End<'_>,
    exposure: &Exposure,
    plan: &mut OperatorPlan,
) {
    if serves.is_peer_persistent() || home.is_peer_persistent() {
        plan.object(Objection::PeerPersistence);
        return;
    }
    serves.must_have_volumes(plan);
    serves.must_be_unused(exposure, "would no longer serve", plan);
    if serves.is(GroupStatus::Started) {
        serves.must_be_synced(plan);
        if serves.group.mode == Mode::Periodic {
            plan.warn(Caution::WaitForTheLastCopy {
                volumes: serves.as_of(),
            });
        }
        streams_or_waits(serves, plan);
        serves.stops_with_nothing_lost(plan);
    } else {
        if home.is(GroupStatus::Started) {
            plan.object(Objection::NotStopped {
                array: home.array(),
                status: home.group.status,
            });
        }
        stopped_already(serves, home, plan);
    }
    serves.must_reach_the_other(plan);
    if serves.copies_back_by_itself() {
        take_over(home, &serves.array(), Some(serves), plan);
        return;
    }
    if !serves.is(GroupStatus::Started) {
        home.must_be_complete(&serves.array(), plan);
    }
    serves.turns("reverse", "Secondary", plan);
    home.starts(plan);
    use GroupStatus::Started;
    plan.ends_with(
        home.side,
        (Role::Primary, Started),
        Some((Role::Secondary, Started)),
        None,
    );
}
