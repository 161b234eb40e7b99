//! Bringing a new VV into a group.

use super::*;
use crate::model::DomainName;

fn plan_for(found: Option<&RcGroup>, wants: &Wants) -> Result<Vec<Action>, ReplicationError> {
    plan_admission(ARRAY, found, &newcomer(OURS, wants), wants)
}

const ADMIT: &str = "admit `dkv-db1` to `prod`";
const START: &str = "start remote copy group `prod`";
const STOP: &str = "stop remote copy group `prod`";
const MAKE: &str = "make remote copy group `prod`";
const RECOVER: &str = "set `auto_recover` on `prod`";

#[test]
fn a_missing_group_is_made_as_hpe_conf_wants_it() {
    for (mode, period, peer_persistence, setting) in [
        (Mode::Sync, None, false, vec![RECOVER]),
        (Mode::Async, None, false, vec![RECOVER]),
        (
            Mode::Periodic,
            Some(300),
            false,
            vec!["set the period of `prod` to 300 s", RECOVER],
        ),
        (
            Mode::Sync,
            None,
            true,
            vec![
                "set `auto_failover` on `prod`",
                "set `path_management` on `prod`",
                RECOVER,
            ],
        ),
    ] {
        let wants = Wants {
            period,
            ..wants(mode, peer_persistence)
        };
        let plan = plan_for(None, &wants).unwrap();
        let expected = [vec![MAKE], setting, vec![ADMIT, START]].concat();
        assert_eq!(words(&plan), expected, "{mode}");
        let Action::Make(make) = &plan[0] else {
            unreachable!()
        };
        assert_eq!((make.mode, &make.target), (mode, &wants.target));
        assert_eq!(make.usr_cpg, (cpgs().source, cpgs().peer));
        assert_eq!((&make.snp_cpg, &make.domain), (&None, &None));
        if let Action::SetPeriod {
            target, seconds, ..
        } = &plan[1]
        {
            assert_eq!((target, Some(*seconds)), (&wants.target, period));
        }
    }
}

#[test]
fn snapshot_space_and_domain_go_where_they_belong() {
    let cpg = cpgs();
    let snap = CpgPair {
        source: CpgName::new("snap_here").unwrap(),
        peer: CpgName::new("snap_there").unwrap(),
    };
    let domain = DomainName::new("bank").unwrap();
    let newcomer = Newcomer {
        snap_cpg: Some(snap.clone()),
        domain: Some(domain.clone()),
        ..newcomer(OURS, &wants(Mode::Sync, false))
    };
    let plan = plan_admission(ARRAY, None, &newcomer, &wants(Mode::Sync, false)).unwrap();
    let Action::Make(make) = &plan[0] else {
        unreachable!()
    };
    assert_eq!(make.usr_cpg, (cpg.source.clone(), cpg.peer.clone()));
    assert_eq!(make.snp_cpg, Some((snap.source.clone(), snap.peer.clone())));
    assert_eq!(make.domain.as_ref(), Some(&domain));
}

#[test]
fn only_peer_persistence_copies_share_their_wwn() {
    for (peer_persistence, own_wwn) in [(false, true), (true, false)] {
        let wants = wants(Mode::Sync, peer_persistence);
        let existing = group(&wants, GroupStatus::Started, &[OTHER]);
        for found in [None, Some(&existing)] {
            let plan = plan_for(found, &wants).unwrap();
            let admits: Vec<_> = plan
                .iter()
                .filter_map(|action| match action {
                    Action::Admit(admit) => Some(admit),
                    _ => None,
                })
                .collect();
            let [admit] = admits[..] else {
                panic!("{admits:?}")
            };
            assert_eq!(admit.own_wwn, own_wwn);
            assert_eq!((&admit.vv, &admit.remote), (&vv(OURS), &vv(OURS)));
            assert_eq!((&admit.group, &admit.target), (&prod(), &wants.target));
        }
    }
}

/// A group that runs is stopped for the moment; an empty one is only filled; one that a person stopped is refused.
#[test]
fn an_existing_group_is_joined_by_what_it_does_now() {
    for (mode, peer_persistence) in [
        (Mode::Sync, false),
        (Mode::Periodic, false),
        (Mode::Async, false),
        (Mode::Sync, true),
    ] {
        let wants = Wants {
            period: (mode == Mode::Periodic).then_some(900),
            ..wants(mode, peer_persistence)
        };
        for status in STATUSES {
            for volumes in [&[][..], &[OTHER][..], &[OTHER, "dkv-crm"][..]] {
                let is = group(&wants, status, volumes);
                let plan = plan_for(Some(&is), &wants);
                let case = format!("{mode} {status} {volumes:?}");
                match (status, volumes.len()) {
                    (GroupStatus::Started, _) => {
                        assert_eq!(words(&plan.unwrap()), [STOP, ADMIT, START], "{case}");
                    }
                    (GroupStatus::Stopped | GroupStatus::New, 0) => {
                        assert_eq!(words(&plan.unwrap()), [ADMIT, START], "{case}");
                    }
                    (_, members) => assert_eq!(
                        plan.unwrap_err(),
                        ReplicationError::NotStarted {
                            group: prod(),
                            status,
                            members
                        },
                        "{case}"
                    ),
                }
            }
        }
    }
}

#[test]
fn a_group_to_another_target_is_refused_with_both() {
    let wants = wants(Mode::Sync, false);
    let mut is = group(&wants, GroupStatus::Started, &[OTHER]);
    is.target = TargetName::new("to-cedar").unwrap();
    assert_eq!(
        plan_for(Some(&is), &wants).unwrap_err(),
        ReplicationError::OtherTarget {
            group: prod(),
            is: is.target.clone(),
            wanted: wants.target
        }
    );
}

#[test]
fn a_group_of_another_mode_is_refused_with_both() {
    for wanted in MODES {
        for found in MODES {
            let wants = wants(wanted, false);
            let mut is = group(&wants, GroupStatus::Started, &[]);
            is.mode = found;
            let plan = plan_for(Some(&is), &wants);
            if found == wanted {
                plan.unwrap();
            } else {
                let error = plan.unwrap_err();
                assert_eq!(
                    error,
                    ReplicationError::OtherMode {
                        group: prod(),
                        is: found,
                        wanted
                    }
                );
                let said = error.to_string();
                assert!(said.contains(&found.to_string()), "{said}");
                assert!(said.contains(wanted.conf()), "{said}");
            }
        }
    }
}

#[test]
fn only_a_primary_admits() {
    let wants = wants(Mode::Sync, false);
    for status in STATUSES {
        for role in [Role::Secondary, Role::SecondaryRev] {
            for volumes in [&[][..], &[OTHER][..]] {
                let is = RcGroup {
                    role,
                    ..group(&wants, status, volumes)
                };
                assert_eq!(
                    plan_for(Some(&is), &wants).unwrap_err(),
                    ReplicationError::Role {
                        group: prod(),
                        role,
                        array: ARRAY.to_owned()
                    }
                );
            }
        }
    }
}

/// Every set of the policies the plugin knows, for both kinds of backend.
#[test]
fn policies_must_fit_the_kind_of_backend() {
    let known = [
        Policy::AutoRecover,
        Policy::AutoFailover,
        Policy::PathManagement,
        Policy::ActiveActive,
    ];
    for peer_persistence in [false, true] {
        let wants = wants(Mode::Sync, peer_persistence);
        for set in 0..16_u32 {
            let policies: Vec<Policy> = (0..4)
                .filter(|bit| set & (1 << bit) != 0)
                .map(|bit| known[bit])
                .collect();
            let has = |policy| policies.contains(&policy);
            let mut is = group(&wants, GroupStatus::Started, &[OTHER]);
            is.options.policies = policies.iter().map(Policy::to_string).collect();
            let culprit = if has(Policy::ActiveActive) {
                Some(Policy::ActiveActive)
            } else {
                [Policy::AutoFailover, Policy::PathManagement]
                    .into_iter()
                    .find(|policy| has(*policy) != peer_persistence)
            };
            match (plan_for(Some(&is), &wants), culprit) {
                (Ok(plan), None) => assert_eq!(words(&plan), [STOP, ADMIT, START]),
                (Err(error @ ReplicationError::Policies { .. }), Some(culprit)) => {
                    let said = error.to_string();
                    let (found, no) = if has(culprit) {
                        ("has", "no_")
                    } else {
                        ("has no", "")
                    };
                    assert!(
                        said.contains(&format!("`prod` {found} `{culprit}`,")),
                        "{said}"
                    );
                    let fix = format!("`setrcopygroup pol {no}{culprit} prod`");
                    assert!(error.hint().contains(&fix), "{}", error.hint());
                }
                (plan, culprit) => panic!("{peer_persistence} {policies:?}: {plan:?}, {culprit:?}"),
            }
        }
    }
}

#[test]
fn a_refusal_says_what_to_do_next() {
    let wants = wants(Mode::Sync, false);
    let stopped = group(&wants, GroupStatus::Stopped, &[OTHER]);
    let error = plan_for(Some(&stopped), &wants).unwrap_err();
    assert!(
        error.hint().contains("`startrcopygroup prod`"),
        "{}",
        error.hint()
    );
}
