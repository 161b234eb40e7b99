//! Which array serves: every pair of halves there can be, every way between them, and what hpe.conf wants.

use super::*;
use crate::model::{LonePrimary, TargetStatus};

/// Everything that one array can show of a group.
fn halves() -> Vec<Half> {
    let mut halves = vec![Half::Absent];
    for role in ROLES {
        for status in STATUSES {
            halves.push(seen(role, status));
        }
    }
    let last = ROLES.map(Some).into_iter().chain([None]);
    halves.extend(last.map(|last_seen| Half::Unreadable {
        why: "no route to host".to_owned(),
        last_seen,
    }));
    halves
}

fn seen(role: Role, status: GroupStatus) -> Half {
    Half::Seen(RcGroup {
        role,
        status,
        ..group(&wants(Mode::Sync, false), GroupStatus::Started, &[OURS])
    })
}

fn unreadable(last_seen: Option<Role>) -> Half {
    Half::Unreadable {
        why: "no route to host".to_owned(),
        last_seen,
    }
}

fn way(works: bool) -> Option<Way> {
    Some(Way {
        target: TargetName::new("to-birch").unwrap(),
        status: if works {
            TargetStatus::Ready
        } else {
            TargetStatus::Failed
        },
        up: usize::from(works),
        links: 2,
    })
}

fn each(mut check: impl FnMut(&GroupSides, LonePrimary)) -> usize {
    let mut points = 0;
    for source in halves() {
        for peer in halves() {
            for (here, there) in [(true, true), (true, false), (false, true), (false, false)] {
                for lone_primary in [LonePrimary::Mount, LonePrimary::Refuse] {
                    let mut both = sides(source.clone(), peer.clone());
                    both.source.way = way(here);
                    both.peer.way = way(there);
                    check(&both, lone_primary);
                    points += 1;
                }
            }
        }
    }
    points
}

/// What must never be, whatever the arrays show; none of it is written in the words of the code that decides.
#[test]
fn nothing_serves_that_must_not() {
    let points = each(|both, lone_primary| {
        let Ok(found) = both.serving(lone_primary) else {
            return;
        };
        let other = both.on(found.side.other());
        let Half::Seen(serves) = &both.on(found.side).half else {
            panic!("{both}: serves and was not seen");
        };
        assert!(serves.role.is_primary(), "{both}: a secondary serves");
        assert_ne!(serves.status, GroupStatus::Failsafe, "{both}");
        match &other.half {
            Half::Seen(other) => {
                assert!(!found.alone);
                // The only two primaries of which one counts are the ones after a failover.
                if other.role.is_primary() {
                    assert_eq!(
                        (serves.role, other.role),
                        (Role::PrimaryRev, Role::Primary),
                        "{both}"
                    );
                } else {
                    assert_eq!(
                        serves.role.is_reversed(),
                        other.role.is_reversed(),
                        "{both}"
                    );
                }
            }
            Half::Absent => panic!("{both}: half a group serves"),
            Half::Unreadable { last_seen, .. } => {
                assert!(found.alone);
                if serves.role == Role::Primary {
                    assert!(!last_seen.is_some_and(Role::is_primary), "{both}");
                } else {
                    assert_ne!(*last_seen, Some(Role::PrimaryRev), "{both}");
                }
                if lone_primary == LonePrimary::Refuse {
                    assert_eq!(serves.status, GroupStatus::Started, "{both}");
                    assert!(both.on(found.side).reaches_the_other(), "{both}");
                }
            }
        }
        // Against the natural direction only at rest.
        if serves.role.is_reversed() {
            let moving = [GroupStatus::Starting, GroupStatus::Stopping];
            assert!(!moving.contains(&serves.status), "{both}");
        }
    });
    assert_eq!(points, 30 * 30 * 4 * 2);
    println!("{points} points");
}

/// The table of decision 17, and that it does not matter which of the two is the backend's own.
#[test]
fn what_serves_does() {
    use GroupStatus::{Failsafe, New, Started, Starting, Stopped, Stopping};
    use Role::{Primary, PrimaryRev, Secondary, SecondaryRev};
    let serves = |serves: Half, other: Half| {
        for (both, side) in [
            (sides(serves.clone(), other.clone()), Side::Source),
            (sides(other, serves), Side::Peer),
        ] {
            let found = both.serving(LonePrimary::Mount);
            assert_eq!(found.as_ref().map(|found| found.side), Ok(side), "{both}");
        }
    };
    // A group that is stopped for the moment, because a volume is admitted, goes on serving.
    for status in [New, Starting, Started, Stopping, Stopped] {
        serves(seen(Primary, status), seen(Secondary, status));
        serves(seen(Primary, status), unreadable(None));
        serves(seen(Primary, status), unreadable(Some(Secondary)));
        serves(seen(Primary, status), unreadable(Some(SecondaryRev)));
    }
    serves(seen(PrimaryRev, Stopped), seen(Primary, Stopped));
    serves(seen(PrimaryRev, Stopped), seen(Primary, Failsafe));
    serves(seen(PrimaryRev, Started), seen(SecondaryRev, Started));
    serves(seen(PrimaryRev, Stopped), seen(SecondaryRev, Stopped));
    // That the other one was primary before is how a failover begins.
    serves(seen(PrimaryRev, Stopped), unreadable(Some(Primary)));
}

#[test]
fn what_is_said_names_the_group_and_what_both_arrays_showed() {
    let both = sides(
        seen(Role::Primary, GroupStatus::Stopped),
        unreadable(Some(Role::PrimaryRev)),
    );
    let said = both.serving(LonePrimary::Mount).unwrap_err();
    assert_eq!(
        said.to_string(),
        "remote copy group `prod` is Primary and Stopped on array `amber`, not readable on array `birch`: the other side of the primary cannot be asked, and was primary when it was last seen"
    );
    assert!(said.hint().contains("no route to host"), "{}", said.hint());
}

/// A failover in the middle of the first copy leaves a part of the data.
#[test]
fn a_copy_that_was_never_complete_is_no_volume() {
    use SyncStatus::{
        New, NewPreSynced, NewSyncFromSnap, NotSynced, Stale, Stopped, Synced, Syncing,
    };
    let cases = [
        (New, None, false),
        (NewSyncFromSnap, None, false),
        (NotSynced, None, false),
        (Syncing(Some(40)), None, false),
        (Stale, None, false),
        (Stale, Some("2026-05-04 13:07:11 CEST"), false),
        (NotSynced, Some("2026-05-04 13:07:11 CEST"), true),
        (NewPreSynced, None, true),
        (Synced, None, true),
        (Stopped, None, true),
    ];
    for (sync, last_sync, usable) in cases {
        let half = |role, status| {
            let mut half = seen(role, status);
            if let Half::Seen(group) = &mut half {
                group.volumes[0].sync = sync;
                group.volumes[0].last_sync = last_sync.map(str::to_owned);
            }
            half
        };
        let over = sides(
            half(Role::Primary, GroupStatus::Stopped),
            half(Role::PrimaryRev, GroupStatus::Stopped),
        );
        let said = over.check_copy(Side::Peer, &vv(OURS));
        assert_eq!(said.is_ok(), usable, "{sync}");
        assert!(over.check_copy(Side::Peer, &vv(OTHER)).is_ok());
        // Where it was made, it is whole however far its copy is.
        let natural = sides(
            half(Role::Primary, GroupStatus::Started),
            half(Role::Secondary, GroupStatus::Started),
        );
        assert!(natural.check_copy(Side::Source, &vv(OURS)).is_ok());
    }
}
