//! The order of actions, decided from what the array showed (decisions 15 and 16).

use crate::{
    inform::{Admit, CreateGroup, RcGroup},
    model::{DomainName, GroupName, GroupStatus, Policy, TargetName, VvName},
};

use super::{Action, CpgPair, ReplicationError, Wants};

/// A VV that is to be replicated.
#[derive(Debug, Clone)]
pub struct Newcomer<'a> {
    /// The VV, and its copy's name.
    pub vv: &'a VvName,
    /// The group it is to be in, as the array on which it is Primary calls it.
    pub group: &'a GroupName,
    /// That array's name for the other one.
    pub target: &'a TargetName,
    /// Where it and its copy are.
    pub cpg: &'a CpgPair,
    /// Their snapshot space; none on Primera and later.
    pub snap_cpg: Option<&'a CpgPair>,
    /// Domain of the volume, if any.
    pub domain: Option<&'a DomainName>,
}

/// What brings a new VV into a group: made if it is missing, stopped for the moment if it runs.
///
/// # Errors
/// [`ReplicationError`] when an existing group does not fit hpe.conf, or a person stopped it. Nothing was changed then.
pub fn plan_admission(
    array: &str,
    found: Option<&RcGroup>,
    newcomer: &Newcomer<'_>,
    wants: &Wants,
) -> Result<Vec<Action>, ReplicationError> {
    let Newcomer {
        vv,
        group,
        target,
        cpg,
        snap_cpg,
        domain,
    } = newcomer.clone();
    let mut plan = Vec::new();
    match found {
        None => {
            if group.is_of_another_array() {
                return Err(ReplicationError::NotToBeMade {
                    group: group.clone(),
                });
            }
            plan.push(Action::Make(CreateGroup {
                name: group.clone(),
                target: target.clone(),
                mode: wants.mode,
                usr_cpg: (cpg.source.clone(), cpg.peer.clone()),
                snp_cpg: snap_cpg.map(|pair| (pair.source.clone(), pair.peer.clone())),
                domain: domain.cloned(),
            }));
            // The period comes before the policies: that is the order real arrays were seen to take (array fact 4).
            if let Some(seconds) = wants.period {
                plan.push(Action::SetPeriod {
                    group: group.clone(),
                    target: target.clone(),
                    seconds,
                });
            }
            for policy in wants.policies() {
                plan.push(Action::SetPolicy {
                    group: group.clone(),
                    policy: *policy,
                });
            }
        }
        Some(is) => {
            check_fit(array, is, target, wants)?;
            match (is.status, is.volumes.len()) {
                // A first copy that is stopped in the middle leaves its volume unprotected for longer than the moment it takes.
                (GroupStatus::Started, _) if is.is_syncing() => {
                    return Err(ReplicationError::Syncing {
                        group: group.clone(),
                    });
                }
                (GroupStatus::Started, _) => plan.push(Action::Stop(group.clone())),
                (GroupStatus::Stopped | GroupStatus::New, 0) => {}
                (status, members) => {
                    return Err(ReplicationError::NotStarted {
                        group: group.clone(),
                        status,
                        members,
                    });
                }
            }
        }
    }
    plan.push(Action::Admit(Admit {
        vv: vv.clone(),
        group: group.clone(),
        target: target.clone(),
        remote: vv.clone(),
        // Active/Passive copies have WWNs of their own, so that no host can ever mix them up (array fact 14).
        own_wwn: !wants.peer_persistence,
    }));
    plan.push(Action::Start(group.clone()));
    Ok(plan)
}

fn check_fit(
    array: &str,
    is: &RcGroup,
    target: &TargetName,
    wants: &Wants,
) -> Result<(), ReplicationError> {
    let group = is.name.clone();
    if is.target != *target {
        return Err(ReplicationError::OtherTarget {
            group,
            is: is.target.clone(),
            wanted: target.clone(),
        });
    }
    if is.mode != wants.mode {
        return Err(ReplicationError::OtherMode {
            group,
            is: is.mode,
            wanted: wants.mode,
        });
    }
    if !is.role.is_primary() {
        return Err(ReplicationError::Role {
            group,
            role: is.role,
            array: array.to_owned(),
        });
    }
    let has = |policy: Policy| is.options.policies.iter().any(|p| *p == policy.to_string());
    const PEER_PERSISTENCE: [Policy; 2] = [Policy::AutoFailover, Policy::PathManagement];
    let unfit = |policy: Policy, why| ReplicationError::Policies {
        group: group.clone(),
        policy,
        has: has(policy),
        why,
    };
    if has(Policy::ActiveActive) {
        return Err(unfit(Policy::ActiveActive, ReplicationError::NOT_DRIVEN));
    }
    let culprit = PEER_PERSISTENCE
        .into_iter()
        .find(|policy| has(*policy) != wants.peer_persistence);
    match culprit {
        None => Ok(()),
        Some(policy) if wants.peer_persistence => Err(unfit(
            policy,
            "which Peer Persistence (`quorum_witness_ip`) needs",
        )),
        Some(policy) => Err(unfit(
            policy,
            "but the backend has no `quorum_witness_ip`, so it is no Peer Persistence backend",
        )),
    }
}

/// Started groups of one target must have one mode, and the array says so only when a group is started (array fact 50).
///
/// # Errors
/// [`ReplicationError::MixedModes`] with the group that stands in the way.
pub fn check_modes(
    groups: &[RcGroup],
    newcomer: &Newcomer<'_>,
    wants: &Wants,
) -> Result<(), ReplicationError> {
    let other = groups.iter().find(|g| {
        g.target == *newcomer.target && g.status == GroupStatus::Started && g.mode != wants.mode
    });
    match other {
        None => Ok(()),
        Some(other) => Err(ReplicationError::MixedModes {
            group: newcomer.group.clone(),
            wanted: wants.mode,
            target: newcomer.target.clone(),
            other: other.name.clone(),
            is: other.mode,
        }),
    }
}

/// What takes a VV out of its group: stopped for the moment, and then started again for the others, or removed if it is
/// empty and this plugin made it.
///
/// # Errors
/// [`ReplicationError`] when the group is not Primary here, or a person stopped it. Nothing was changed then.
pub fn plan_dismissal(
    array: &str,
    is: &RcGroup,
    vv: &VvName,
    group_is_ours: bool,
) -> Result<Vec<Action>, ReplicationError> {
    let group = &is.name;
    if !is.role.is_primary() {
        return Err(ReplicationError::Role {
            group: group.clone(),
            role: is.role,
            array: array.to_owned(),
        });
    }
    let others = is.volumes.iter().filter(|v| v.local != *vv).count();
    let mut plan = Vec::new();
    let was_started = match is.status {
        GroupStatus::Started => true,
        GroupStatus::Stopped | GroupStatus::New => false,
        status => {
            return Err(ReplicationError::NotStarted {
                group: group.clone(),
                status,
                members: is.volumes.len(),
            });
        }
    };
    let remove_group = others == 0 && group_is_ours;
    if !is.holds(vv) && !remove_group {
        return Ok(plan);
    }
    if was_started {
        plan.push(Action::Stop(group.clone()));
    }
    if is.holds(vv) {
        plan.push(Action::Dismiss {
            group: group.clone(),
            vv: vv.clone(),
        });
    }
    if remove_group {
        plan.push(Action::Remove(group.clone()));
    } else if others > 0 && was_started {
        // A group someone stopped on purpose is not started.
        plan.push(Action::Start(group.clone()));
    }
    Ok(plan)
}

/// What a failed or interrupted admission may have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undoing {
    /// The operation asked for the group to be made.
    pub may_have_made: bool,
    /// The operation stopped, or asked to stop, a group that was Started.
    pub may_have_stopped: bool,
    /// The operation asked for the VV to be admitted.
    pub may_have_admitted: bool,
}

/// What takes back an admission, from the group as it is now. An empty plan: nothing is left of it.
pub fn plan_undo(now: Option<&RcGroup>, vv: &VvName, undoing: Undoing) -> Vec<Action> {
    let Some(is) = now else { return Vec::new() };
    let group = &is.name;
    let inside = undoing.may_have_admitted && is.holds(vv);
    // A VV that is in the group and not ours to dismiss is one of the others.
    let others = is.volumes.len() - usize::from(inside);
    let running = matches!(is.status, GroupStatus::Started | GroupStatus::Starting);
    let mut plan = Vec::new();
    if inside {
        if running {
            plan.push(Action::Stop(group.clone()));
        }
        plan.push(Action::Dismiss {
            group: group.clone(),
            vv: vv.clone(),
        });
    }
    if undoing.may_have_made && others == 0 {
        if running && !inside {
            plan.push(Action::Stop(group.clone()));
        }
        plan.push(Action::Remove(group.clone()));
    } else if others > 0 && ((running && inside) || (!running && undoing.may_have_stopped)) {
        plan.push(Action::Start(group.clone()));
    }
    plan
}
