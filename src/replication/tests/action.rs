//! What shows that an action took place.

use super::*;
use crate::inform::{Admit, CreateGroup, DismissedCopy};

fn make(wants: &Wants) -> Action {
    let cpg = cpgs();
    Action::Make(CreateGroup {
        name: prod(),
        target: wants.target.clone(),
        mode: wants.mode,
        usr_cpg: (cpg.source, cpg.peer),
        snp_cpg: None,
        domain: None,
    })
}

fn admit() -> Action {
    Action::Admit(Admit {
        vv: vv(OURS),
        group: prod(),
        target: wants(Mode::Sync, false).target,
        remote: vv(OURS),
        own_wwn: true,
    })
}

fn dismiss() -> Action {
    Action::Dismiss {
        group: prod(),
        vv: vv(OURS),
        copy: DismissedCopy::Removed,
    }
}

fn period(seconds: u32) -> Action {
    Action::SetPeriod {
        group: prod(),
        target: wants(Mode::Periodic, false).target,
        seconds,
    }
}

fn policy(policy: Policy) -> Action {
    Action::SetPolicy {
        group: prod(),
        policy,
    }
}

#[test]
fn of_a_group_that_is_not_there_only_what_takes_away_is_done() {
    let wants = wants(Mode::Sync, false);
    for (action, proof) in [
        (make(&wants), Proof::NotDone),
        (period(900), Proof::NotDone),
        (policy(Policy::AutoRecover), Proof::NotDone),
        (Action::Stop(prod()), Proof::NotDone),
        (admit(), Proof::NotDone),
        (Action::Start(prod()), Proof::NotDone),
        (dismiss(), Proof::Done),
        (Action::Remove(prod()), Proof::Done),
    ] {
        assert_eq!(action.proof(None), proof, "{action}");
        assert_eq!(*action.group(), prod(), "{action}");
    }
}

#[test]
fn starting_and_stopping_may_be_under_way() {
    use Proof::{Done, NotDone, Underway};
    let wants = wants(Mode::Sync, false);
    let proofs =
        |action: Action| STATUSES.map(|status| action.proof(Some(&group(&wants, status, &[OURS]))));
    // New, Starting, Started, Stopping, Stopped, Failsafe
    assert_eq!(
        proofs(Action::Start(prod())),
        [NotDone, Underway, Done, NotDone, NotDone, NotDone]
    );
    assert_eq!(
        proofs(Action::Stop(prod())),
        [Done, NotDone, NotDone, Underway, Done, NotDone]
    );
    assert_eq!(proofs(Action::Remove(prod())), [NotDone; 6]);
}

#[test]
fn membership_is_read_from_the_group_whatever_its_status() {
    let wants = wants(Mode::Sync, false);
    for status in STATUSES {
        for (volumes, admitted) in [
            (&[][..], Proof::NotDone),
            (&[OTHER][..], Proof::NotDone),
            (&[OURS][..], Proof::Done),
            (&[OTHER, OURS][..], Proof::Done),
        ] {
            let dismissed = match admitted {
                Proof::Done => Proof::NotDone,
                _ => Proof::Done,
            };
            let is = group(&wants, status, volumes);
            assert_eq!(admit().proof(Some(&is)), admitted, "{status} {volumes:?}");
            assert_eq!(
                dismiss().proof(Some(&is)),
                dismissed,
                "{status} {volumes:?}"
            );
        }
    }
}

#[test]
fn a_group_of_that_name_is_the_one_made_only_if_it_is_what_was_asked_for() {
    for asked in MODES {
        let action = make(&wants(asked, false));
        for found in MODES {
            let mut is = group(&wants(found, false), GroupStatus::New, &[]);
            let expected = if asked == found {
                Proof::Done
            } else {
                Proof::NotDone
            };
            assert_eq!(action.proof(Some(&is)), expected, "{asked} {found}");
            is.target = TargetName::new("elsewhere").unwrap();
            assert_eq!(action.proof(Some(&is)), Proof::NotDone, "{asked} {found}");
        }
    }
}

#[test]
fn a_period_and_a_policy_are_read_back() {
    let mut is = group(&wants(Mode::Periodic, false), GroupStatus::Stopped, &[]);
    assert_eq!(period(900).proof(Some(&is)), Proof::NotDone);
    is.options.period_s = Some(300);
    assert_eq!(period(900).proof(Some(&is)), Proof::NotDone);
    is.options.period_s = Some(900);
    assert_eq!(period(900).proof(Some(&is)), Proof::Done);

    assert_eq!(policy(Policy::AutoRecover).proof(Some(&is)), Proof::Done);
    assert_eq!(
        policy(Policy::AutoFailover).proof(Some(&is)),
        Proof::NotDone
    );
    is.options.policies = vec!["over_per_alert".to_owned(), "auto_failover".to_owned()];
    assert_eq!(policy(Policy::AutoRecover).proof(Some(&is)), Proof::NotDone);
    assert_eq!(policy(Policy::AutoFailover).proof(Some(&is)), Proof::Done);
}
