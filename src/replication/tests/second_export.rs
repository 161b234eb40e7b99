//! When both arrays export a Peer Persistence volume, against every pair of halves, and what follows for one that is mounted.

use super::*;

const SYNCS: [SyncStatus; 8] = [
    SyncStatus::New,
    SyncStatus::NewPreSynced,
    SyncStatus::NewSyncFromSnap,
    SyncStatus::Syncing(Some(99)),
    SyncStatus::Synced,
    SyncStatus::NotSynced,
    SyncStatus::Stopped,
    SyncStatus::Stale,
];

/// A half of a group with these policies; the volume is as `sync` says, and the other one in it is equal.
fn half(role: Role, status: GroupStatus, policies: &[Policy], sync: SyncStatus) -> RcGroup {
    let wants = wants(Mode::Sync, true);
    let mut half = group(&wants, status, &[OURS, OTHER]);
    half.role = role;
    half.options.policies = policies.iter().map(Policy::to_string).collect();
    half.volumes[0].sync = sync;
    half
}

/// Every pair of halves that were both seen, with and without `path_management` on either.
fn pairs(mut each: impl FnMut(&GroupSides)) -> usize {
    let policies: [&[Policy]; 2] = [
        &[Policy::AutoFailover, Policy::PathManagement],
        &[Policy::AutoFailover],
    ];
    let mut halves = Vec::new();
    for role in ROLES {
        for status in STATUSES {
            for policies in policies {
                for sync in SYNCS {
                    halves.push(half(role, status, policies, sync));
                }
            }
        }
    }
    let mut count = 0;
    for source in &halves {
        for peer in &halves {
            each(&sides(Half::Seen(source.clone()), Half::Seen(peer.clone())));
            count += 1;
        }
    }
    count
}

/// Both arrays show one volume: one sends it to the other, it is equal, and the arrays tell hosts which paths to use.
fn is_one_volume(sides: &GroupSides, serving: Side) -> bool {
    let (here, there) = (sides.on(serving), sides.on(serving.other()));
    let (Half::Seen(here), Half::Seen(there)) = (&here.half, &there.half) else {
        return false;
    };
    let direction = match here.role {
        Role::Primary => there.role == Role::Secondary,
        Role::PrimaryRev => there.role == Role::SecondaryRev,
        Role::Secondary | Role::SecondaryRev => false,
    };
    let manages = |half: &RcGroup| {
        let word = Policy::PathManagement.to_string();
        half.options.policies.contains(&word)
    };
    direction
        && [here, there]
            .iter()
            .all(|half| half.status == GroupStatus::Started && manages(half))
        && here.volumes[0].sync == SyncStatus::Synced
}

#[test]
fn both_arrays_export_what_is_one_volume_and_nothing_else() {
    let mut wanted = 0;
    let count = pairs(|sides| {
        let Ok(found) = sides.serving(LonePrimary::Mount) else {
            return;
        };
        let second = sides.second_export(found.side, &vv(OURS));
        assert_eq!(
            second == SecondExport::Wanted,
            is_one_volume(sides, found.side),
            "{sides}: {second:?}"
        );
        wanted += usize::from(second == SecondExport::Wanted);
        // Behind the other one a host could find something else, and write to it.
        if sides.role(found.side.other()).is_some_and(Role::is_primary) {
            assert_eq!(
                second,
                SecondExport::Unwanted(Unwanted::TwoPrimaries),
                "{sides}"
            );
        }
    });
    // Natural and reversed, either way round; how far the receiving side says that the volume is does not matter.
    assert_eq!(wanted, 2 * 2 * SYNCS.len());
    println!("{count} pairs of halves");
}

#[test]
fn a_volume_is_looked_for_by_its_name() {
    let one = half(
        Role::Primary,
        GroupStatus::Started,
        &[Policy::PathManagement],
        SyncStatus::Synced,
    );
    let mut other = one.clone();
    other.role = Role::Secondary;
    let sides = sides(Half::Seen(one), Half::Seen(other));
    assert_eq!(
        sides.second_export(Side::Source, &vv("dkv-db9")),
        SecondExport::NotNow(NotNow::NotInGroup)
    );
}

#[test]
fn an_array_that_shows_nothing_exports_nothing_more() {
    let seen = half(
        Role::Primary,
        GroupStatus::Started,
        &[Policy::PathManagement],
        SyncStatus::Synced,
    );
    let why = "no route".to_owned();
    let silent = Half::Unreadable {
        why: why.clone(),
        last_seen: Some(Role::Secondary),
    };
    let one = sides(Half::Seen(seen.clone()), silent);
    assert_eq!(
        one.second_export(Side::Source, &vv(OURS)),
        SecondExport::NotNow(NotNow::CannotBeAsked { why })
    );
    let one = sides(Half::Seen(seen), Half::Absent);
    assert_eq!(
        one.second_export(Side::Source, &vv(OURS)),
        SecondExport::NotNow(NotNow::NoHalf)
    );
}

const HOLDERS: [Holder; 3] = [Holder::Us, Holder::Another, Holder::Unknown];

/// Every question there can be, with its answer.
fn questions(
    mut each: impl FnMut(&SecondExport, Exported, Option<Exported>, Holder, Next),
) -> usize {
    let seconds = [
        SecondExport::Wanted,
        SecondExport::NotNow(NotNow::NotReplicating(Situation::Stopped)),
        SecondExport::Unwanted(Unwanted::TwoPrimaries),
    ];
    let mut exported = Vec::new();
    for here in [false, true] {
        for elsewhere in [false, true] {
            exported.push(Exported { here, elsewhere });
        }
    }
    let others = || exported.iter().copied().map(Some).chain([None]);
    let mut count = 0;
    for second in &seconds {
        for serving in &exported {
            for other in others() {
                for holder in HOLDERS {
                    let next = second.next(*serving, other, holder);
                    each(second, *serving, other, holder, next);
                    count += 1;
                }
            }
        }
    }
    count
}

#[test]
fn an_export_is_added_only_beside_one_of_ours_that_nobody_else_has() {
    let mut added = 0;
    let count = questions(|second, serving, other, holder, next| {
        let other = other.unwrap_or(Exported {
            here: true,
            elsewhere: true,
        });
        let may = *second == SecondExport::Wanted
            && serving.here
            && !other.here
            && !serving.elsewhere
            && !other.elsewhere
            // What this host has in memory may be older than the volume.
            && holder == Holder::Us;
        assert_eq!(
            next == Next::AddSecond,
            may,
            "{second:?} {serving:?} {other:?} {holder:?}"
        );
        added += usize::from(may);
    });
    assert_eq!(added, 1);
    println!("{count} questions");
}

#[test]
fn whoever_was_overtaken_loses_every_path() {
    questions(|_, serving, other, holder, next| {
        let has_one = serving.here || other.is_some_and(|other| other.here);
        let overtaken = has_one && holder == Holder::Another;
        assert_eq!(next == Next::CutOff, overtaken, "{serving:?} {other:?}");
        let somebody_has_it = !serving.here && serving.elsewhere;
        if somebody_has_it && other.is_some_and(|other| other.here) {
            assert!(
                matches!(next, Next::CutOff | Next::WithdrawSecond),
                "{serving:?} {other:?}"
            );
        }
    });
}

#[test]
fn an_export_is_taken_back_only_where_it_leads_to_something_else() {
    let mut seen = 0;
    questions(|second, serving, other, holder, next| {
        let there = other.is_some_and(|other| other.here);
        let parted = matches!(second, SecondExport::Unwanted(_)) && serving.here;
        let somebody_has_it = !serving.here && serving.elsewhere;
        let must = there && (parted || somebody_has_it) && holder != Holder::Another;
        assert_eq!(
            next == Next::WithdrawSecond,
            must,
            "{second:?} {serving:?} {holder:?}"
        );
        seen += usize::from(must);
    });
    assert!(seen > 0);
}

#[test]
fn a_stopped_group_keeps_both_exports_of_what_is_mounted() {
    let both = Exported {
        here: true,
        elsewhere: false,
    };
    for status in [GroupStatus::Stopped, GroupStatus::Starting] {
        let one = half(
            Role::Primary,
            status,
            &[Policy::PathManagement],
            SyncStatus::Stopped,
        );
        let mut other = one.clone();
        other.role = Role::Secondary;
        let sides = sides(Half::Seen(one), Half::Seen(other));
        let second = sides.second_export(Side::Source, &vv(OURS));
        assert!(matches!(second, SecondExport::NotNow(_)), "{second:?}");
        assert_eq!(second.next(both, Some(both), Holder::Us), Next::Nothing);
    }
}

#[test]
fn active_active_is_refused_by_name() {
    let policies = [Policy::PathManagement, Policy::ActiveActive];
    let one = half(
        Role::Primary,
        GroupStatus::Started,
        &policies,
        SyncStatus::Synced,
    );
    let plain = half(
        Role::Secondary,
        GroupStatus::Started,
        &policies[..1],
        SyncStatus::Synced,
    );
    let fine = sides(Half::Seen(plain.clone()), Half::Absent);
    assert_eq!(fine.must_not_be_active_active(), Ok(()));
    for both in [
        sides(Half::Seen(one.clone()), Half::Seen(plain.clone())),
        sides(Half::Seen(plain), Half::Seen(one)),
    ] {
        let refused = both.must_not_be_active_active().unwrap_err();
        assert!(refused.to_string().contains("`active_active`"), "{refused}");
    }
}
