//! Taking back an admission, from every state it can have left.

use super::{
    small_array::{BROKEN_OFF, SmallArray},
    *,
};

/// What a failed or interrupted admission may have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Undoing {
    /// It asked for the group to be made.
    may_have_made: bool,
    /// It stopped, or asked to stop, a group that was Started, and still has its lock.
    may_have_stopped: bool,
    /// It asked for the VV to be admitted.
    may_have_admitted: bool,
}

fn plan_undo(now: Option<&RcGroup>, vv: &VvName, undoing: Undoing) -> Vec<Action> {
    let back = Change::TakeBack(undoing.may_have_admitted.then(|| vv.clone()));
    let stopped = undoing.may_have_stopped;
    whole_cycle(now, stopped, &[back], undoing.may_have_made).unwrap()
}

const EVERY_UNDOING: [Undoing; 8] = {
    let mut all = [Undoing {
        may_have_made: false,
        may_have_stopped: false,
        may_have_admitted: false,
    }; 8];
    let mut n = 0;
    while n < 8 {
        all[n].may_have_made = n & 1 != 0;
        all[n].may_have_stopped = n & 2 != 0;
        all[n].may_have_admitted = n & 4 != 0;
        n += 1;
    }
    all
};

#[test]
fn of_a_group_that_is_gone_nothing_is_left_to_undo() {
    for undoing in EVERY_UNDOING {
        assert!(plan_undo(None, &vv(OURS), undoing).is_empty());
    }
}

/// The rules, for each of the 8 × 6 × 5 states, whether or not anything could have led there.
#[test]
fn nothing_is_touched_that_is_not_provably_ours() {
    let wants = wants(Mode::Sync, false);
    for undoing in EVERY_UNDOING {
        for status in STATUSES {
            for volumes in [
                &[][..],
                &[OURS][..],
                &[OTHER][..],
                &[OTHER, OURS][..],
                &[OURS, OTHER, "dkv-crm"][..],
            ] {
                let is = group(&wants, status, volumes);
                let plan = plan_undo(Some(&is), &vv(OURS), undoing);
                let case = format!("{undoing:?} {status} {volumes:?}: {:?}", words(&plan));
                let inside = volumes.contains(&OURS);
                // A VV of that name that this operation did not admit is somebody's.
                let others = volumes.iter().any(|name| *name != OURS)
                    || (inside && !undoing.may_have_admitted);
                let running = matches!(status, GroupStatus::Started | GroupStatus::Starting);
                let stops = plan.iter().any(|action| matches!(action, Action::Stop(_)));

                for action in &plan {
                    assert_eq!(*action.group(), prod(), "{case}");
                    match action {
                        Action::Stop(_) => assert!(running, "{case}"),
                        Action::Dismiss { vv: dismissed, .. } => {
                            assert!(undoing.may_have_admitted && inside, "{case}");
                            assert_eq!(*dismissed, vv(OURS), "{case}");
                        }
                        Action::Remove(_) => {
                            assert!(undoing.may_have_made && !others, "{case}");
                        }
                        Action::Start(_) => {
                            assert!(others && (stops || undoing.may_have_stopped), "{case}");
                        }
                        other => panic!("{other} undoes nothing; {case}"),
                    }
                }
                if others && (stops || (undoing.may_have_stopped && !running)) {
                    assert!(matches!(plan.last(), Some(Action::Start(_))), "{case}");
                }
                let takes = |action: &Action| !matches!(action, Action::Start(_));
                if running && plan.iter().any(takes) {
                    assert!(matches!(plan.first(), Some(Action::Stop(_))), "{case}");
                }
                if undoing.may_have_admitted && inside {
                    let dismisses = |action: &Action| matches!(action, Action::Dismiss { .. });
                    assert!(plan.iter().any(dismisses), "{case}");
                }
                if undoing == Undoing::default() {
                    assert!(plan.is_empty(), "{case}");
                }
            }
        }
    }
}

/// An operation with its journal: what it set out to do is known, how far it got is not.
#[derive(Debug, Clone)]
struct Story {
    array: SmallArray,
    undoing: Undoing,
    told: Vec<String>,
}

impl Story {
    /// As the step runner does: the intent first.
    fn intend(&mut self, action: &Action) {
        match action {
            Action::Make(_) => self.undoing.may_have_made = true,
            Action::Stop(_) => self.undoing.may_have_stopped = true,
            Action::Admit(_) => self.undoing.may_have_admitted = true,
            _ => {}
        }
    }

    fn carry_out(&mut self, action: &Action) -> Result<(), String> {
        self.intend(action);
        self.told.push(action.to_string());
        self.array.carry_out(action)
    }

    fn break_off(&self, action: &Action, how: small_array::BrokenOff) -> Self {
        let mut story = self.clone();
        story.intend(action);
        story.told.push(format!("{action} ({how:?})"));
        story.array.break_off(action, how);
        story
    }
}

/// Undoes, and calls `check` at the end: once undisturbed, and once for each place at which the undoing itself can be broken off,
/// `times` times over.
fn undo_and_break_off(story: &Story, times: u32, check: &mut dyn FnMut(&Story)) {
    let mut story = story.clone();
    // What the array is busy with may make it refuse: the plugin tries again later.
    for _attempt in 0..3 {
        let plan = plan_undo(story.array.0.as_ref(), &vv(OURS), story.undoing);
        let refused = plan.iter().any(|action| {
            if times > 0 {
                for how in BROKEN_OFF {
                    undo_and_break_off(&story.break_off(action, how), times - 1, check);
                }
            }
            story.carry_out(action).is_err()
        });
        story.array.settle();
        if !refused {
            check(&story);
            return;
        }
    }
    panic!("the undoing does not come to an end: {story:#?}");
}

/// Everything an admission that was broken off anywhere can have left, and then `meanwhile`, and then an undoing that is itself
/// broken off up to twice. Gives how many endings were looked at.
fn every_ending(
    before: &SmallArray,
    wants: &Wants,
    meanwhile: &dyn Fn(&mut SmallArray),
    check: &mut dyn FnMut(&Story),
) -> usize {
    let newcomer = newcomer(OURS, wants);
    let plan = plan_admission(ARRAY, before.0.as_ref(), &newcomer, wants).unwrap();
    let mut story = Story {
        array: before.clone(),
        undoing: Undoing::default(),
        told: Vec::new(),
    };
    let mut endings = 0;
    let mut count = |story: &Story| {
        endings += 1;
        check(story);
    };
    for action in &plan {
        for how in BROKEN_OFF {
            let mut broken = story.break_off(action, how);
            meanwhile(&mut broken.array);
            undo_and_break_off(&broken, 2, &mut count);
        }
        story.carry_out(action).unwrap();
    }
    // All of it was done, and then something else failed.
    meanwhile(&mut story.array);
    undo_and_break_off(&story, 2, &mut count);
    endings
}

fn beginnings(wants: &Wants) -> Vec<SmallArray> {
    let there = |status, volumes| SmallArray(Some(group(wants, status, volumes)));
    vec![
        SmallArray(None),
        there(GroupStatus::New, &[]),
        there(GroupStatus::Stopped, &[]),
        there(GroupStatus::Started, &[OTHER]),
        there(GroupStatus::Started, &[OTHER, "dkv-crm"]),
    ]
}

#[test]
fn wherever_an_admission_breaks_off_the_group_is_in_the_end_as_before() {
    let mut endings = 0;
    for wants in [
        wants(Mode::Sync, false),
        wants(Mode::Sync, true),
        Wants {
            period: Some(900),
            ..wants(Mode::Periodic, false)
        },
    ] {
        for before in beginnings(&wants) {
            endings += every_ending(&before, &wants, &|_| {}, &mut |story| {
                assert_eq!(story.array.gist(), before.gist(), "{:#?}", story.told);
            });
        }
    }
    assert!(endings > 1000, "only {endings} endings were looked at");
}

/// Another host puts its volume into the group, runs it, and relies on it.
#[test]
fn a_volume_that_joined_meanwhile_keeps_its_group_and_its_copy() {
    let wants = wants(Mode::Sync, false);
    for before in beginnings(&wants) {
        let joins = |array: &mut SmallArray| {
            if let Some(group) = &mut array.0 {
                group.volumes.push(member("dkv-late"));
                group.status = GroupStatus::Started;
            }
        };
        every_ending(
            &before,
            &wants,
            &joins,
            &mut |story| match story.array.gist() {
                Some((running, members)) => {
                    assert!(running, "{:#?}", story.told);
                    assert!(
                        members.contains(&"dkv-late".to_owned()),
                        "{:#?}",
                        story.told
                    );
                    assert!(!members.contains(&OURS.to_owned()), "{:#?}", story.told);
                }
                // It was not made yet when the other host came.
                None => assert_eq!(before, SmallArray(None), "{:#?}", story.told),
            },
        );
    }
}

/// A person stops the group and means it.
#[test]
fn a_group_this_operation_never_stopped_is_never_started() {
    let wants = wants(Mode::Sync, false);
    for before in [
        SmallArray(None),
        SmallArray(Some(group(&wants, GroupStatus::Stopped, &[]))),
    ] {
        let stops = |array: &mut SmallArray| {
            if let Some(group) = &mut array.0 {
                group.volumes.push(member("dkv-late"));
                group.status = GroupStatus::Stopped;
            }
        };
        every_ending(&before, &wants, &stops, &mut |story| {
            assert!(!story.undoing.may_have_stopped, "{:#?}", story.told);
            let running = story.array.gist().is_some_and(|(running, _)| running);
            assert!(!running, "{:#?}", story.told);
        });
    }
}
