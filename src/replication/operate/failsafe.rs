//! `override`: an array that gave up serving serves again, because the other one does not.

use crate::{
    model::{GroupStatus, Role},
    replication::{GroupSides, Half, Situation},
};

use super::{Caution, Exposure, Objection, Operation, OperatorPlan, ends::End};

pub(super) fn plan(sides: &GroupSides, exposure: &Exposure, plan: &mut OperatorPlan) {
    let (situation, side) = sides.situation();
    let here = side.and_then(|side| End::of(sides, side));
    match (situation, here) {
        (Situation::Failsafe, Some(here)) => {
            match End::of(sides, here.side.other()) {
                // Which of the two has the newest data cannot be seen.
                Some(other) if other.group.role.is_primary() => plan.object(sides.unclear()),
                Some(other) if other.is_moving() => plan.object(Objection::Moving {
                    shown: sides.to_string(),
                }),
                Some(other) if other.is(GroupStatus::Failsafe) => plan.object(sides.failsafe()),
                Some(other) => serves_again(here, Some(other), exposure, plan),
                None => plan.object(sides.unclear()),
            }
        }
        (Situation::LoneFailsafe, Some(here)) => {
            let away = sides.on(here.side.other());
            let why = match &away.half {
                Half::Unreadable { why, .. } => why.clone(),
                Half::Seen(_) | Half::Absent => String::new(),
            };
            plan.object(Objection::OtherMayServe {
                array: away.array.clone(),
                why,
            });
            serves_again(here, None, exposure, plan);
        }
        // The other one took over.
        (Situation::FailedOver, _) if is_in_failsafe(sides) => {
            plan.object(sides.first(Operation::Recover));
        }
        (
            Situation::InStep
            | Situation::OutOfStep
            | Situation::Stopped
            | Situation::FailedOver
            | Situation::Reversed
            | Situation::ReversedStopped
            | Situation::LonePrimary
            | Situation::LoneReversed,
            _,
        ) => plan.object(Objection::NotInFailsafe {
            shown: sides.to_string(),
        }),
        _ => plan.object(sides.not_now()),
    }
}

fn is_in_failsafe(sides: &GroupSides) -> bool {
    sides.both().into_iter().any(|side| {
        let seen = side.half.seen();
        seen.is_some_and(|group| group.status == GroupStatus::Failsafe)
    })
}

fn serves_again(
    here: End<'_>,
    other: Option<End<'_>>,
    exposure: &Exposure,
    plan: &mut OperatorPlan,
) {
    here.must_have_volumes(plan);
    let linked = here.shown.reaches_the_other();
    if let Some(other) = other {
        plan.warn(Caution::NobodyServes {
            array: here.array(),
            other: other.array(),
            role: other.group.role,
        });
        if linked {
            plan.warn(Caution::EndsFailsafeByItself {
                array: here.array(),
            });
        }
    }
    here.warn_of_the_witness(exposure, plan);
    here.operates(Operation::Override, "Stopped", plan);
    let there = other.map(|other| (other.group.role, other.group.status));
    plan.ends_with(
        here.side,
        (here.group.role, GroupStatus::Stopped),
        there,
        None,
    );
    if linked && here.restarts_by_itself() {
        let there = other.map(|other: End<'_>| (other.group.role, GroupStatus::Started));
        plan.ends_with(
            here.side,
            (here.group.role, GroupStatus::Started),
            there,
            Some("if the arrays start it by themselves (`auto_recover`)"),
        );
    }
}

/// A primary in Failsafe beside another primary: one of them took over from the other, and roles do not tell which.
pub(super) fn either_took_over(sides: &GroupSides) -> Option<Objection> {
    if sides.situation().0 != Situation::Failsafe {
        return None;
    }
    let [gave_up, other] = End::both(sides)?;
    (gave_up.group.role == Role::PrimaryRev && other.group.role == Role::Primary).then(|| {
        Objection::EitherTookOver {
            failsafe: gave_up.array(),
            other: other.array(),
            line: other.operation_line("recover"),
        }
    })
}
