//! After a failover: the former primary becomes a copy of the array that serves now. What it has of its own is overwritten.

use crate::{
    model::{GroupStatus, Role},
    replication::{GroupSides, Situation},
};

use super::{Caution, Done, Exposure, InUse, Operation, OperatorPlan, ends::End};

const OVERWRITTEN: &str = "is overwritten";

pub(super) fn plan(sides: &GroupSides, exposure: &Exposure, plan: &mut OperatorPlan) {
    let (situation, _) = sides.situation();
    let both = End::both(sides);
    match (situation, both) {
        (Situation::FailedOver, Some([serves, former])) => {
            recovers(serves, former, sides, exposure, plan);
        }
        (Situation::Reversed, Some([serves, receives])) => {
            plan.done = Some(Done::Recovered {
                serves: serves.array(),
                receives: receives.array(),
            });
        }
        (Situation::ReversedStopped, Some([serves, receives])) => {
            starts_again(serves, receives, exposure, plan);
        }
        (Situation::InStep, Some([serves, _])) => {
            plan.done = Some(Done::NotFailedOver {
                serves: serves.array(),
            });
        }
        _ => plan.object(sides.not_now()),
    }
}

fn recovers(
    serves: End<'_>,
    former: End<'_>,
    sides: &GroupSides,
    exposure: &Exposure,
    plan: &mut OperatorPlan,
) {
    if !serves.is(GroupStatus::Stopped) || former.is(GroupStatus::Started) {
        plan.object(sides.unclear());
        return;
    }
    serves.must_have_volumes(plan);
    serves.must_be_complete(&former.array(), plan);
    if former.is_peer_persistent() && former.is(GroupStatus::Failsafe) {
        // Its hosts have their paths there and get nothing: what it holds was equal when it gave up.
        match exposure.on(former.side) {
            InUse::Shown(uses) if uses.is_empty() => {}
            InUse::Shown(_) => plan.warn(Caution::InFailsafe {
                array: former.array(),
            }),
            InUse::NotShown { .. } => former.must_be_unused(exposure, OVERWRITTEN, plan),
        }
    } else {
        former.must_be_unused(exposure, OVERWRITTEN, plan);
    }
    serves.must_reach_the_other(plan);
    if serves.copies_back_by_itself() {
        plan.warn(Caution::ByThemselves);
    }
    serves.operates(
        Operation::Recover,
        "Primary-Rev and Started, and every volume as Synced when the copy back is done",
        plan,
    );
    reversed(serves, plan);
}

/// Recovered once, and stopped since.
fn starts_again(serves: End<'_>, receives: End<'_>, exposure: &Exposure, plan: &mut OperatorPlan) {
    serves.must_have_volumes(plan);
    serves.must_be_complete(&receives.array(), plan);
    receives.must_be_unwritten(exposure, plan);
    serves.must_reach_the_other(plan);
    plan.warn(Caution::StoppedBySomebody);
    serves.starts(plan);
    reversed(serves, plan);
}

fn reversed(serves: End<'_>, plan: &mut OperatorPlan) {
    use GroupStatus::Started;
    plan.ends_with(
        serves.side,
        (Role::PrimaryRev, Started),
        Some((Role::SecondaryRev, Started)),
        None,
    );
    if serves.copies_back_by_itself() {
        plan.ends_with(
            serves.side,
            (Role::Primary, Started),
            Some((Role::Secondary, Started)),
            Some("on 10.x, when everything is copied back"),
        );
    }
}
