//! Several changes in one cycle, from every state of a group there can be.

use super::{small_array::SmallArray, *};
use crate::inform::DismissedCopy;

/// Two that come, one that goes, one that goes without its copy, one that is taken back, and a group that is only to be put in order.
fn kinds() -> [Change; 6] {
    let wants = wants(Mode::Sync, false);
    [
        Change::Admit(Box::new(newcomer("dkv-new1", &wants))),
        Change::Admit(Box::new(newcomer("dkv-new2", &wants))),
        Change::Dismiss(vv(OURS)),
        Change::Part(vv(OTHER)),
        Change::TakeBack(Some(vv("dkv-half"))),
        Change::TakeBack(None),
    ]
}

/// All of up to three changes, in every order.
fn every_list() -> Vec<Vec<Change>> {
    let mut all: Vec<Vec<Change>> = kinds().into_iter().map(|one| vec![one]).collect();
    for _ in 0..2 {
        let longest = all.iter().map(Vec::len).max().unwrap();
        let mut longer = Vec::new();
        for list in all.iter().filter(|list| list.len() == longest) {
            for one in kinds() {
                if !list.contains(&one) {
                    longer.push([list.clone(), vec![one]].concat());
                }
            }
        }
        all.extend(longer);
    }
    all
}

const MEMBERS: [&[&str]; 6] = [
    &[],
    &[OURS],
    &[OTHER],
    &[OTHER, OURS],
    &["dkv-half"],
    &[OTHER, OURS, "dkv-half"],
];

/// A lock that was left goes only from a group that runs, or of which nothing is sent from here.
#[test]
fn what_is_due_at_a_left_lock() {
    let wants = wants(Mode::Sync, false);
    assert_eq!(plan_left_lock(None), LeftLock::Remove);
    for status in STATUSES {
        for role in ROLES {
            for volumes in MEMBERS {
                let now = RcGroup {
                    role,
                    ..group(&wants, status, volumes)
                };
                let due = match status {
                    _ if volumes.is_empty() || !role.is_primary() => LeftLock::Remove,
                    GroupStatus::Started => LeftLock::Remove,
                    GroupStatus::New | GroupStatus::Stopped => LeftLock::Start,
                    _ => LeftLock::Wait,
                };
                assert_eq!(
                    plan_left_lock(Some(&now)),
                    due,
                    "{role} {status} {volumes:?}"
                );
            }
        }
    }
}

fn acts(plan: &CyclePlan) -> Vec<&Action> {
    let acts = plan.turns.iter().filter_map(|turn| match turn {
        Turn::Act(action) => Some(action),
        _ => None,
    });
    acts.collect()
}

/// The rules, for each of the 5 × (1 + 4 + 12) lists and 6 × 6 × 2 states.
#[test]
fn everyone_gets_a_turn_or_a_reason_and_the_group_is_stopped_for_nobody_else() {
    let wants = wants(Mode::Sync, false);
    let mut looked_at = 0;
    for changes in every_list() {
        for status in STATUSES {
            for volumes in MEMBERS {
                for stop_is_ours in [false, true] {
                    looked_at += 1;
                    let is = group(&wants, status, volumes);
                    let plan = plan_cycle(ARRAY, Some(&is), stop_is_ours, &changes, &wants);
                    let case = format!("{changes:?} {status} {volumes:?} {stop_is_ours}: {plan:?}");
                    assert_eq!(plan.turns.len(), changes.len(), "{case}");
                    let runs = matches!(status, GroupStatus::Started | GroupStatus::Starting);
                    let stops = matches!(plan.first[..], [Action::Stop(_)]);
                    assert_eq!(stops, runs && !acts(&plan).is_empty(), "{case}");
                    assert!(stops || plan.first.is_empty(), "{case}");
                    let ours = stop_is_ours && status == GroupStatus::Stopped;
                    let parts = changes.iter().any(|c| matches!(c, Change::Part(_)));
                    for (change, turn) in changes.iter().zip(&plan.turns) {
                        match change {
                            // Who parts comes back before anybody new does.
                            Change::Admit(_) if parts => {
                                assert!(matches!(turn, Turn::Later), "{case}");
                            }
                            Change::Admit(_) => {
                                let empty =
                                    matches!(status, GroupStatus::New | GroupStatus::Stopped)
                                        && volumes.is_empty();
                                let fits = status == GroupStatus::Started || empty || ours;
                                match turn {
                                    Turn::Act(Action::Admit(_)) => assert!(fits, "{case}"),
                                    Turn::Refused(ReplicationError::NotStarted { .. }) => {
                                        assert!(!fits, "{case}");
                                    }
                                    _ => panic!("{case}"),
                                }
                            }
                            Change::Part(vv) => {
                                let here = is.holds(vv);
                                let started = status == GroupStatus::Started;
                                match turn {
                                    Turn::Act(Action::Dismiss { vv: out, copy, .. }) => {
                                        assert!(here && started && out == vv, "{case}");
                                        assert_eq!(*copy, DismissedCopy::Stays, "{case}");
                                    }
                                    // The stop is the leader's own: whether it is in step is seen when the group runs.
                                    Turn::Later => assert!(here && ours, "{case}"),
                                    Turn::Refused(ReplicationError::NotStarted { .. }) => {
                                        assert!(here && !started && !ours, "{case}");
                                    }
                                    Turn::Nothing => assert!(!here, "{case}"),
                                    _ => panic!("{case}"),
                                }
                            }
                            Change::Dismiss(vv) => {
                                let here = is.holds(vv);
                                let still = matches!(
                                    status,
                                    GroupStatus::Started | GroupStatus::Stopped | GroupStatus::New
                                );
                                match turn {
                                    Turn::Act(Action::Dismiss { vv: out, copy, .. }) => {
                                        assert!(here && still && out == vv, "{case}");
                                        assert_eq!(*copy, DismissedCopy::Removed, "{case}");
                                    }
                                    Turn::Refused(ReplicationError::NotStarted { .. }) => {
                                        assert!(here && !still, "{case}");
                                    }
                                    Turn::Nothing => assert!(!here, "{case}"),
                                    _ => panic!("{case}"),
                                }
                            }
                            Change::Alone(_) => panic!("{case}"),
                            Change::TakeBack(vv) => match turn {
                                Turn::Act(Action::Dismiss { vv: out, copy, .. }) => {
                                    assert_eq!(*copy, DismissedCopy::Removed, "{case}");
                                    assert_eq!(Some(out), vv.as_ref(), "{case}");
                                    assert!(is.holds(out), "{case}");
                                }
                                Turn::Nothing => {
                                    assert!(!vv.as_ref().is_some_and(|vv| is.holds(vv)), "{case}");
                                }
                                _ => panic!("{case}"),
                            },
                        }
                    }
                }
            }
        }
    }
    println!("{looked_at} cycles were looked at");
    assert_eq!(looked_at, (6 + 30 + 120) * 6 * 6 * 2);
}

/// Carried out, who is to be in is in and nobody else, and the group runs if it may.
#[test]
fn at_the_end_those_are_in_that_are_to_be_and_run_if_nobody_stopped_them() {
    let wants = wants(Mode::Sync, false);
    for changes in every_list() {
        for status in [GroupStatus::Started, GroupStatus::Stopped, GroupStatus::New] {
            for volumes in MEMBERS {
                for (stop_is_ours, ours) in
                    [(false, false), (false, true), (true, false), (true, true)]
                {
                    let before = SmallArray(Some(group(&wants, status, volumes)));
                    let mut array = before.clone();
                    let now = array.0.clone();
                    let plan = plan_cycle(ARRAY, now.as_ref(), stop_is_ours, &changes, &wants);
                    let case = format!("{changes:?} {status} {volumes:?} {stop_is_ours} {ours}");
                    let mut expected: Vec<String> =
                        volumes.iter().map(|v| (*v).to_owned()).collect();
                    for action in plan.first.iter().chain(acts(&plan)) {
                        array.carry_out(action).expect(&case);
                        match action {
                            Action::Admit(admit) => expected.push(admit.vv.to_string()),
                            Action::Dismiss { vv, .. } => expected.retain(|v| v != vv.as_str()),
                            _ => {}
                        }
                    }
                    let ending = Ending {
                        ours,
                        ..Ending::of(now.as_ref(), stop_is_ours)
                    };
                    for action in plan_end(array.0.as_ref(), ending) {
                        array.carry_out(&action).expect(&case);
                    }
                    expected.sort();
                    let may_run = status == GroupStatus::Started || volumes.is_empty();
                    let runs = may_run || stop_is_ours;
                    let end = match (expected.is_empty(), ours) {
                        (true, true) => None,
                        // Nothing was done to a group that ran empty, which none does.
                        (true, false) => Some((
                            status == GroupStatus::Started && acts(&plan).is_empty(),
                            expected,
                        )),
                        (false, _) => Some((runs, expected)),
                    };
                    assert_eq!(array.gist(), end, "{case}");
                }
            }
        }
    }
}

#[test]
fn a_missing_group_is_made_by_the_leader_for_all_who_fit_it() {
    let wants = wants(Mode::Sync, true);
    let [new1, new2, gone, ..] = kinds();
    let plan = plan_cycle(
        ARRAY,
        None,
        false,
        &[new1.clone(), gone.clone(), new2.clone()],
        &wants,
    );
    let first = words(&plan.first);
    assert_eq!(first[0], "make remote copy group `prod`");
    assert_eq!(first.len(), 1 + wants.policies().len(), "{first:?}");
    let acts: Vec<String> = acts(&plan).iter().map(ToString::to_string).collect();
    assert_eq!(
        acts,
        ["admit `dkv-new1` to `prod`", "admit `dkv-new2` to `prod`"]
    );
    assert!(matches!(plan.turns[1], Turn::Nothing));
    // In the name of one who wants out nothing is made.
    let plan = plan_cycle(ARRAY, None, false, &[gone, new1, new2], &wants);
    assert!(plan.is_idle());
    assert!(matches!(
        plan.turns[..],
        [Turn::Nothing, Turn::Later, Turn::Later]
    ));
}

/// A copy is not stopped in the middle for those who come, or for others who go; for itself, and for what is taken back, it is.
#[test]
fn a_copy_is_in_the_way_of_all_but_the_one_that_is_copied() {
    let wants = wants(Mode::Sync, false);
    for copied in [OURS, OTHER, "dkv-half"] {
        for changes in every_list() {
            let mut is = group(&wants, GroupStatus::Started, &[OTHER, OURS, "dkv-half"]);
            let of = |v: &&mut RcVolume| v.local == vv(copied);
            is.volumes.iter_mut().find(of).unwrap().sync = SyncStatus::Syncing(Some(42));
            let leaves = changes.iter().any(|c| c.leaving() == Some(&vv(copied)));
            let parts = changes.iter().any(|c| matches!(c, Change::Part(_)));
            assert_eq!(
                is_copying_others(&is, changes.iter().filter_map(Change::leaving)),
                !leaves
            );
            let plan = plan_cycle(ARRAY, Some(&is), false, &changes, &wants);
            for (change, turn) in changes.iter().zip(&plan.turns) {
                let refused = matches!(turn, Turn::Refused(ReplicationError::Syncing { .. }));
                let waits = match change {
                    Change::TakeBack(_) => false,
                    // Also for its own copy, which is to be complete.
                    Change::Part(_) => true,
                    Change::Admit(_) if parts => continue,
                    _ => !leaves,
                };
                assert_eq!(refused, waits, "{copied} {changes:?}: {turn:?}");
            }
        }
    }
    let mut stopped = group(&wants, GroupStatus::Stopped, &[OTHER]);
    stopped.volumes[0].sync = SyncStatus::Syncing(None);
    assert!(!is_copying_others(&stopped, []), "nothing is copied there");
}

/// Each group and each ending.
#[test]
fn an_end_starts_only_what_may_run_and_removes_only_what_is_ours_and_stays_empty() {
    let wants = wants(Mode::Sync, false);
    for bits in 0..8_u32 {
        let ending = Ending {
            starts: bits & 1 != 0,
            ours: bits & 2 != 0,
            unsettled: bits & 4 != 0,
        };
        assert!(plan_end(None, ending).is_empty());
        for status in STATUSES {
            let runs = matches!(status, GroupStatus::Started | GroupStatus::Starting);
            let empty = plan_end(Some(&group(&wants, status, &[])), ending);
            let removes = ending.ours && !ending.unsettled;
            let expected: &[&str] = match (removes, runs) {
                (false, _) => &[],
                (true, false) => &["remove remote copy group `prod`"],
                (true, true) => &[
                    "stop remote copy group `prod`",
                    "remove remote copy group `prod`",
                ],
            };
            assert_eq!(words(&empty), expected, "{ending:?} {status}");
            let filled = plan_end(Some(&group(&wants, status, &[OTHER])), ending);
            let starts = ending.starts && !runs;
            assert_eq!(
                words(&filled),
                &["start remote copy group `prod`"][..usize::from(starts)],
                "{ending:?} {status}"
            );
        }
    }
}

#[test]
fn what_ran_or_was_empty_or_is_stopped_by_us_is_started_and_nothing_else() {
    let wants = wants(Mode::Sync, false);
    assert!(Ending::of(None, false).starts);
    for status in STATUSES {
        let ran = matches!(status, GroupStatus::Started | GroupStatus::Starting);
        for (volumes, stop_is_ours) in [(&[][..], false), (&[OTHER][..], false), (&[OTHER], true)] {
            let is = group(&wants, status, volumes);
            let ending = Ending::of(Some(&is), stop_is_ours);
            let starts = ran || volumes.is_empty() || stop_is_ours;
            assert_eq!(ending.starts, starts, "{status} {volumes:?} {stop_is_ours}");
            assert!(!ending.ours && !ending.unsettled);
        }
    }
}

/// It needs more than one command, on more than one array.
#[test]
fn what_grows_is_aboard_no_cycle() {
    let wants = wants(Mode::Sync, false);
    let is = group(&wants, GroupStatus::Started, &[OURS, OTHER]);
    let grow = || Change::Alone(vv(OURS));
    let plan = plan_cycle(ARRAY, Some(&is), false, &[grow()], &wants);
    assert!(matches!(plan.turns[..], [Turn::Later]) && plan.is_idle());
    let changes = [Change::Dismiss(vv(OTHER)), grow()];
    let plan = plan_cycle(ARRAY, Some(&is), false, &changes, &wants);
    assert!(matches!(plan.turns[..], [Turn::Act(_), Turn::Later]));
    // A copy that a growth would stop is nobody's that leaves.
    assert_eq!(grow().leaving(), None);
}

#[test]
fn a_group_is_stopped_for_a_growth_only_if_it_runs_and_serves() {
    let wants = wants(Mode::Sync, false);
    for status in STATUSES {
        for role in ROLES {
            let mut is = group(&wants, status, &[OURS]);
            is.role = role;
            let may = check_growth(ARRAY, &is).is_ok();
            let fits = role.is_primary() && status == GroupStatus::Started;
            assert_eq!(may, fits, "{status} {role}");
            is.volumes[0].sync = SyncStatus::Syncing(Some(10));
            assert!(check_growth(ARRAY, &is).is_err(), "{status} {role}");
        }
    }
}

/// What stays behind is to be what the volume is: that of a group that copies, or of a volume that is not in step, is not.
#[test]
fn nobody_parts_from_a_copy_that_is_not_what_it_is() {
    let wants = wants(Mode::Sync, false);
    let part = [Change::Part(vv(OURS))];
    let with = |ours: SyncStatus, other: SyncStatus| {
        let mut is = group(&wants, GroupStatus::Started, &[OURS, OTHER]);
        is.volumes[0].sync = ours;
        is.volumes[1].sync = other;
        plan_cycle(ARRAY, Some(&is), false, &part, &wants)
    };
    let plan = with(SyncStatus::Synced, SyncStatus::Synced);
    assert!(matches!(plan.turns[..], [Turn::Act(_)]), "{plan:?}");
    for (ours, other) in [
        (SyncStatus::Syncing(Some(99)), SyncStatus::Synced),
        (SyncStatus::Synced, SyncStatus::Syncing(None)),
        (SyncStatus::Stale, SyncStatus::Synced),
        (SyncStatus::NotSynced, SyncStatus::Synced),
        (SyncStatus::New, SyncStatus::Synced),
    ] {
        let plan = with(ours, other);
        assert!(plan.first.is_empty(), "{ours} {other}: {plan:?}");
        assert!(matches!(plan.turns[..], [Turn::Refused(_)]), "{plan:?}");
    }
}

/// What parts goes on with a copy that stays: it waits until that is complete, and keeps nobody else from waiting for it.
#[test]
fn a_copy_of_what_parts_is_a_copy_of_what_stays() {
    let wants = wants(Mode::Sync, false);
    let mut is = group(&wants, GroupStatus::Started, &[OURS, OTHER]);
    is.volumes[0].sync = SyncStatus::Syncing(Some(7));
    let changes = [Change::Part(vv(OURS)), Change::Dismiss(vv(OTHER))];
    assert!(is_copying_others(
        &is,
        changes.iter().filter_map(Change::leaving)
    ));
    let plan = plan_cycle(ARRAY, Some(&is), false, &changes, &wants);
    assert!(plan.first.is_empty(), "{plan:?}");
    for turn in &plan.turns {
        assert!(
            matches!(turn, Turn::Refused(ReplicationError::Syncing { .. })),
            "{plan:?}"
        );
    }
}
