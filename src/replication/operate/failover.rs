//! The other array takes over.

use crate::{
    model::{GroupStatus, Mode, Role, Side},
    replication::{GroupKind, GroupSides, Half, Situation},
};

use super::{Caution, Done, Exposure, Objection, Operation, OperatorPlan, ends::End};

pub(super) fn plan(sides: &GroupSides, exposure: &Exposure, plan: &mut OperatorPlan) {
    let (situation, side) = sides.situation();
    let serves = || {
        side.map(|side| sides.on(side).array.clone())
            .unwrap_or_default()
    };
    match situation {
        Situation::FailedOver | Situation::LoneReversed => {
            plan.done = Some(Done::FailedOver { serves: serves() });
        }
        Situation::InStep | Situation::Stopped | Situation::OutOfStep => {
            if let Some([primary, other]) = End::both(sides) {
                planned(primary, other, exposure, plan);
            }
        }
        Situation::LoneSecondary => {
            if let Some(here) = side.and_then(|side| End::of(sides, side)) {
                lost(here, sides, exposure, plan);
            }
        }
        Situation::Failsafe => match End::both(sides) {
            Some([gave_up, other])
                if other.is_peer_persistent() && !other.group.role.is_primary() =>
            {
                from_one_that_gave_up(gave_up, other, sides, exposure, plan);
            }
            _ => plan.object(sides.unclear()),
        },
        Situation::Reversed => plan.object(sides.first(Operation::Restore)),
        Situation::ReversedStopped => plan.object(sides.first(Operation::Recover)),
        Situation::LonePrimary => plan.object(sides.unreadable()),
        _ => plan.object(sides.unclear()),
    }
}

/// Both arrays can be asked.
fn planned(primary: End<'_>, other: End<'_>, exposure: &Exposure, plan: &mut OperatorPlan) {
    if primary.group.role.is_reversed() {
        plan.object(Objection::NotReceiving {
            array: primary.array(),
            other: other.array(),
        });
        return;
    }
    if primary.is_peer_persistent() || other.is_peer_persistent() {
        plan.object(Objection::PeerPersistence);
        return;
    }
    primary.must_have_volumes(plan);
    primary.must_be_unused(exposure, "would no longer serve", plan);
    if primary.is(GroupStatus::Started) {
        primary.must_reach_the_other(plan);
        if other.is(GroupStatus::Started) {
            primary.must_be_synced(plan);
        } else {
            plan.object(Objection::NotReceiving {
                array: primary.array(),
                other: other.array(),
            });
        }
        match primary.group.mode {
            Mode::Periodic => plan.warn(Caution::WaitForTheLastCopy {
                volumes: primary.as_of(),
            }),
            Mode::Async => plan.warn(Caution::LastSecondsOfStream {
                array: primary.array(),
            }),
            Mode::Sync => {}
        }
        primary.stops_with_nothing_lost(plan);
    } else {
        if !is_stopped(other) {
            plan.object(Objection::NotStopped {
                array: other.array(),
                status: other.group.status,
            });
        }
        stopped_already(primary, other, plan);
    }
    take_over(other, &primary.array(), Some(primary), plan);
}

/// Peer Persistence: nobody serves, and hosts are to go on at the other array.
fn from_one_that_gave_up(
    gave_up: End<'_>,
    other: End<'_>,
    sides: &GroupSides,
    exposure: &Exposure,
    plan: &mut OperatorPlan,
) {
    if other.is_moving() {
        plan.object(Objection::Moving {
            shown: sides.to_string(),
        });
        return;
    }
    if other.is(GroupStatus::Failsafe) {
        plan.object(sides.failsafe());
        return;
    }
    other.must_have_volumes(plan);
    if !is_stopped(other) {
        plan.object(Objection::NotStopped {
            array: other.array(),
            status: other.group.status,
        });
    }
    if other.group.role == Role::SecondaryRev {
        plan.object(Objection::MayBeBehind {
            array: other.array(),
            other: gave_up.array(),
        });
    }
    // Then it serves again in a moment, and the other one would be a second primary.
    if [gave_up, other]
        .iter()
        .any(|end| end.shown.reaches_the_other())
    {
        plan.object(Objection::EndsByItself {
            array: gave_up.array(),
        });
    }
    plan.warn(Caution::GaveUp {
        array: gave_up.array(),
        other: other.array(),
    });
    plan.warn(Caution::HasWhatWasCopied {
        array: other.array(),
        volumes: other.as_of(),
    });
    other.warn_of_the_witness(exposure, plan);
    take_over(other, &gave_up.array(), Some(gave_up), plan);
}

/// The group is stopped, by the first commands of this plan or for another reason.
pub(super) fn stopped_already(primary: End<'_>, other: End<'_>, plan: &mut OperatorPlan) {
    let linked = primary.shown.reaches_the_other();
    plan.warn(Caution::NothingSinceTheStop {
        array: primary.array(),
        start: linked.then(|| primary.start_line()),
    });
    plan.warn(Caution::HasWhatWasCopied {
        array: other.array(),
        volumes: other.as_of(),
    });
}

/// The primary cannot be asked.
fn lost(here: End<'_>, sides: &GroupSides, exposure: &Exposure, plan: &mut OperatorPlan) {
    let away = sides.on(here.side.other());
    let why = match &away.half {
        Half::Unreadable { why, .. } => why.clone(),
        Half::Seen(_) | Half::Absent => String::new(),
    };
    if here.group.role == Role::SecondaryRev {
        // With Peer Persistence it may rest there, after a switchover that kept the natural direction.
        if !here.is_peer_persistent() {
            plan.object(Objection::LostOnTheWayHome {
                array: here.array(),
                why,
            });
            return;
        }
        plan.object(Objection::MayBeBehind {
            array: here.array(),
            other: away.array.clone(),
        });
    }
    if here.is(GroupStatus::Failsafe) {
        plan.object(sides.failsafe());
        return;
    }
    here.must_have_volumes(plan);
    if !is_stopped(here) {
        plan.object(Objection::NotNoticed {
            array: here.array(),
            status: here.group.status,
        });
    }
    match &here.shown.way {
        Some(way) if way.works() => plan.object(Objection::OtherIsAlive {
            array: away.array.clone(),
            why: why.clone(),
            shown: format!(
                "array `{}` shows its target `{}` as {} and {} of {} links to it as Up",
                here.shown.array, way.target, way.status, way.up, way.links
            ),
        }),
        Some(_) => {}
        None => plan.object(Objection::OtherMayBeAlive {
            array: away.array.clone(),
            seen: here.array(),
        }),
    }
    plan.warn(Caution::MakeSureItIsOff {
        array: away.array.clone(),
        why,
    });
    match here.kind() {
        GroupKind::PeerPersistence => plan.warn(Caution::NoAutomaticFailover {
            array: here.array(),
        }),
        GroupKind::PeerPersistenceByHand => plan.warn(Caution::OnlyByHand {
            array: here.array(),
        }),
        GroupKind::ActivePassive | GroupKind::OnlyAutoFailover | GroupKind::ActiveActive => {}
    }
    here.warn_of_the_witness(exposure, plan);
    plan.warn(Caution::HasWhatWasCopied {
        array: here.array(),
        volumes: here.as_of(),
    });
    take_over(here, &away.array, None, plan);
}

/// `setrcopygroup failover` here, away from the array that served until now, which may be out of reach.
pub(super) fn take_over(
    here: End<'_>,
    from: &str,
    former: Option<End<'_>>,
    plan: &mut OperatorPlan,
) {
    // While the group runs, that it is Synced is asked of the side that sends.
    let runs = former.is_some_and(|former| former.is(GroupStatus::Started));
    let partial = if runs { Vec::new() } else { here.partial() };
    let by_itself = here.copies_back_by_itself();
    if by_itself {
        if !runs {
            // It is overwritten without a further command.
            here.must_be_complete(from, plan);
        }
        plan.warn(Caution::CopiesBackByItself {
            array: from.to_owned(),
        });
    }
    if !partial.is_empty() {
        if partial.len() == here.group.volumes.len() {
            plan.object(Objection::NothingComplete {
                array: here.array(),
            });
        }
        plan.warn(Caution::NeverComplete {
            array: here.array(),
            volumes: partial,
        });
    }
    if here.kind() == GroupKind::OnlyAutoFailover {
        plan.warn(Caution::MayTakeOverByItself {
            array: here.array(),
        });
    }
    let linked = former.is_some_and(|former| former.shown.reaches_the_other());
    let (role, turned) = match here.group.role {
        Role::SecondaryRev => (Role::Primary, Role::PrimaryRev),
        _ => (Role::PrimaryRev, Role::Primary),
    };
    here.operates(Operation::Failover, &role.to_string(), plan);
    let former = former.map(|former| match former.group.status {
        GroupStatus::Failsafe => (turned, GroupStatus::Failsafe),
        _ => (turned, GroupStatus::Stopped),
    });
    after_failover((here.side, role), former, by_itself && linked, plan);
}

/// What both arrays show then: the one that took over, and the other one if it is seen.
fn after_failover(
    (side, role): (Side, Role),
    former: Option<(Role, GroupStatus)>,
    by_itself: bool,
    plan: &mut OperatorPlan,
) {
    use GroupStatus::{Started, Stopped};
    if by_itself {
        let both = (Role::PrimaryRev, Started);
        plan.ends_with(side, both, Some((Role::SecondaryRev, Started)), None);
        plan.ends_with(
            side,
            (Role::Primary, Started),
            Some((Role::Secondary, Started)),
            Some("on 10.x, when everything is copied back"),
        );
    } else {
        plan.ends_with(side, (role, Stopped), former, None);
    }
}

fn is_stopped(end: End<'_>) -> bool {
    end.is(GroupStatus::Stopped) || end.is(GroupStatus::New)
}
