//! The order of actions, decided from what the array showed (decisions 15 and 16).

use crate::{
    inform::{Admit, CreateGroup, RcGroup, RcVolume},
    model::{DomainName, GroupName, GroupStatus, Policy, SyncStatus, TargetName, VvName},
};

use super::{Action, CpgPair, ReplicationError, Wants};

/// A VV that is to be replicated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// The VV, and its copy's name.
    pub vv: VvName,
    /// The group it is to be in, as the array on which it is Primary calls it.
    pub group: GroupName,
    /// That array's name for the other one.
    pub target: TargetName,
    /// Where it and its copy are.
    pub cpg: CpgPair,
    /// Their snapshot space; none on Primera and later.
    pub snap_cpg: Option<CpgPair>,
    /// Domain of the volume, if any.
    pub domain: Option<DomainName>,
}

/// What brings a new VV into a group: made if it is missing, stopped for the moment if it runs.
///
/// # Errors
/// [`ReplicationError`] when an existing group does not fit hpe.conf, or a person stopped it. Nothing was changed then.
pub fn plan_admission(
    array: &str,
    found: Option<&RcGroup>,
    newcomer: &Newcomer,
    wants: &Wants,
) -> Result<Vec<Action>, ReplicationError> {
    let Newcomer {
        vv,
        group,
        target,
        cpg,
        snap_cpg,
        domain,
    } = newcomer;
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
                snp_cpg: snap_cpg
                    .as_ref()
                    .map(|pair| (pair.source.clone(), pair.peer.clone())),
                domain: domain.clone(),
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
    let has = |policy| is.has_policy(policy);
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
    newcomer: &Newcomer,
    wants: &Wants,
) -> Result<(), ReplicationError> {
    let other = groups.iter().find(|g| {
        g.target == newcomer.target && g.status == GroupStatus::Started && g.mode != wants.mode
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

/// Whether a group may be stopped for a moment, so that a volume of it can grow.
///
/// # Errors
/// [`ReplicationError`] when it is not Primary here, when it is not started, and when it is copying.
pub fn check_growth(array: &str, is: &RcGroup) -> Result<(), ReplicationError> {
    check_dismissal(array, is)?;
    match is.status {
        GroupStatus::Started if is.is_syncing() => Err(ReplicationError::Syncing {
            group: is.name.clone(),
        }),
        GroupStatus::Started => Ok(()),
        status => Err(ReplicationError::NotStarted {
            group: is.name.clone(),
            status,
            members: is.volumes.len(),
        }),
    }
}

/// Whether a volume may be taken out of a group for a moment, so that its copy stays what it is. Gives what the group tells of it.
///
/// # Errors
/// As [`check_growth`]; [`ReplicationError::NotInStep`] when its copy is not what it is.
pub fn check_parting<'a>(
    array: &str,
    is: &'a RcGroup,
    vv: &VvName,
) -> Result<&'a RcVolume, ReplicationError> {
    check_growth(array, is)?;
    let member = is.volumes.iter().find(|member| member.local == *vv);
    let sync = member.map(|member| member.sync);
    member
        .filter(|_| sync == Some(SyncStatus::Synced))
        .ok_or_else(|| ReplicationError::NotInStep {
            group: is.name.clone(),
            vv: vv.clone(),
            sync,
        })
}

/// Whether a volume may be taken out of a group. One that a person stopped lets it go, and stays stopped.
///
/// # Errors
/// [`ReplicationError`] when the group is not Primary here, or is just being started or stopped.
pub fn check_dismissal(array: &str, is: &RcGroup) -> Result<(), ReplicationError> {
    if !is.role.is_primary() {
        return Err(ReplicationError::Role {
            group: is.name.clone(),
            role: is.role,
            array: array.to_owned(),
        });
    }
    match is.status {
        GroupStatus::Started | GroupStatus::Stopped | GroupStatus::New => Ok(()),
        status => Err(ReplicationError::NotStarted {
            group: is.name.clone(),
            status,
            members: is.volumes.len(),
        }),
    }
}
