//! Which array a group is changed on, for every pair of halves there can be.

use super::*;
use crate::inform::RcGroup;

fn half(role: Role, status: GroupStatus) -> RcGroup {
    RcGroup {
        role,
        ..group(&wants(Mode::Sync, false), status, &[OTHER])
    }
}

fn side(here: Option<&RcGroup>, there: Option<&RcGroup>) -> Result<Side, ReplicationError> {
    sides(here.cloned().into(), there.cloned().into()).changeable()
}

#[test]
fn a_group_that_nobody_has_is_made_on_the_source_and_half_a_group_is_left_alone() {
    assert_eq!(side(None, None), Ok(Side::Source));
    let half = half(Role::Primary, GroupStatus::Started);
    for (here, there, has, lacks) in [
        (Some(&half), None, SOURCE, PEER),
        (None, Some(&half), PEER, SOURCE),
    ] {
        assert_eq!(
            side(here, there),
            Err(ReplicationError::OneSided {
                group: prod(),
                has: has.to_owned(),
                lacks: lacks.to_owned(),
            })
        );
    }
}

/// Of a group that is reversed on both sides, whatever it does, and of no other.
#[test]
fn only_what_is_reversed_on_both_sides_can_be_in_a_cycle_that_way() {
    let mut allowed = 0;
    for (here, there) in pairs() {
        let failsafe = [&here, &there]
            .iter()
            .any(|half| half.status == GroupStatus::Failsafe);
        let expected = match (here.role, there.role) {
            _ if failsafe => None,
            (Role::PrimaryRev, Role::SecondaryRev) => Some(Side::Source),
            (Role::SecondaryRev, Role::PrimaryRev) => Some(Side::Peer),
            _ => None,
        };
        let both = sides(Some(here.clone()).into(), Some(there.clone()).into());
        assert_eq!(both.reversed_on_both(), expected, "{here:?} {there:?}");
        allowed += usize::from(expected.is_some());
    }
    // 5 statuses that are not Failsafe, on either side, in two directions.
    assert_eq!(allowed, 5 * 5 * 2);
}

/// All roles and statuses on both sides: 576 pairs. Only these may be changed: Primary here and Secondary there, whatever they do, or
/// both reversed and started; and never with Failsafe.
#[test]
fn only_one_primary_at_rest_is_changed() {
    let mut allowed = 0;
    for (here, there) in pairs() {
        let is = side(Some(&here), Some(&there));
        let failsafe = [&here, &there]
            .iter()
            .any(|half| half.status == GroupStatus::Failsafe);
        let started = [&here, &there]
            .iter()
            .all(|half| half.status == GroupStatus::Started);
        let expected = match (here.role, there.role) {
            _ if failsafe => None,
            (Role::Primary, Role::Secondary) => Some(Side::Source),
            (Role::Secondary, Role::Primary) => Some(Side::Peer),
            (Role::PrimaryRev, Role::SecondaryRev) if started => Some(Side::Source),
            (Role::SecondaryRev, Role::PrimaryRev) if started => Some(Side::Peer),
            _ => None,
        };
        assert_eq!(is.as_ref().ok(), expected.as_ref(), "{here:?} {there:?}");
        allowed += usize::from(expected.is_some());
    }
    // 5 statuses that are not Failsafe, on either side, in two directions, and the two that are reversed.
    assert_eq!(allowed, 5 * 5 * 2 + 2);
}

#[test]
fn what_is_refused_says_which_of_the_arrays_shows_what() {
    use GroupStatus::{Failsafe, Started, Stopped};
    let cases = [
        (
            (Role::Primary, Stopped),
            (Role::PrimaryRev, Stopped),
            "is Primary on array `amber` and on array `birch`",
        ),
        (
            (Role::SecondaryRev, Stopped),
            (Role::PrimaryRev, Stopped),
            "it is Secondary-Rev and Stopped on array `amber`, and Primary-Rev and Stopped on array `birch`",
        ),
        (
            (Role::Secondary, Started),
            (Role::SecondaryRev, Started),
            "is Primary neither on array `amber` nor on array `birch`",
        ),
        (
            (Role::Primary, Failsafe),
            (Role::PrimaryRev, Started),
            "is in Failsafe on array `amber`",
        ),
    ];
    for (here, there, said) in cases {
        let error = side(Some(&half(here.0, here.1)), Some(&half(there.0, there.1))).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!(!error.hint().is_empty());
    }
}

/// A group that was made on the peer belongs to a backend whose own array that is; while it is Primary here it can be used.
#[test]
fn a_group_of_the_other_array_is_changed_here_only() {
    let made_there = |role| RcGroup {
        name: GroupName::new("prod.r77").unwrap(),
        ..half(role, GroupStatus::Started)
    };
    let (here, there) = (
        made_there(Role::Primary),
        half(Role::Secondary, GroupStatus::Started),
    );
    assert_eq!(side(Some(&here), Some(&there)), Ok(Side::Source));
    let (here, there) = (
        made_there(Role::Secondary),
        half(Role::Primary, GroupStatus::Started),
    );
    assert!(matches!(
        side(Some(&here), Some(&there)),
        Err(ReplicationError::AtHomeElsewhere { array, .. }) if array == PEER
    ));
}

fn pairs() -> impl Iterator<Item = (RcGroup, RcGroup)> {
    let halves = || {
        ROLES
            .into_iter()
            .flat_map(|role| STATUSES.map(|status| half(role, status)))
    };
    halves().flat_map(move |here| halves().map(move |there| (here.clone(), there)))
}
