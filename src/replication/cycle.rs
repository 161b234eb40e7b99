//! One cycle at a group for several changes at once: stopped, changed by each in turn, started (decision 15).
//!
//! What comes before the turns is decided from the group as it is under the lock, what comes after them from the group as it is then.

use std::collections::BTreeSet;

use crate::{
    inform::{DismissedCopy, GroupOptions, RcGroup},
    model::{GroupStatus, Role, SyncStatus, VvName},
};

use super::{
    Action, Newcomer, ReplicationError, Wants, check_dismissal, check_parting, plan_admission,
};

/// What somebody wants of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new VV in it.
    Admit(Box<Newcomer>),
    /// A volume out of it, and its copy removed.
    Dismiss(VvName),
    /// A volume out of it, whose copy stays on the other array.
    Part(VvName),
    /// What a failed or interrupted operation left, out of it: the VV that it may have admitted; none if there is only the group itself
    /// to be put in order.
    TakeBack(Option<VvName>),
    /// Something with this volume of it that takes more than a turn, as a growth on both arrays or a promotion: it has a cycle for itself.
    Alone(VvName),
}

impl Change {
    /// The volume that is to leave the group whatever is copied: what goes on with a copy that stays is not among that.
    pub fn leaving(&self) -> Option<&VvName> {
        match self {
            Self::Admit(_) | Self::Part(_) | Self::Alone(_) => None,
            Self::Dismiss(vv) => Some(vv),
            Self::TakeBack(vv) => vv.as_ref(),
        }
    }
}

/// What a cycle does for one change.
#[derive(Debug, Clone)]
pub enum Turn {
    /// One command, when it is its turn.
    Act(Action),
    /// It is so already.
    Nothing,
    /// Not this one. The others go on.
    Refused(ReplicationError),
    /// In a cycle of its own: whoever leads this one does not make groups, or wait for what takes more than a turn.
    Later,
}

/// A cycle up to its end.
#[derive(Debug, Clone)]
pub struct CyclePlan {
    /// What comes before the turns: the group is made, or stopped.
    pub first: Vec<Action>,
    /// What each change has to do, in the order of the changes.
    pub turns: Vec<Turn>,
}

impl CyclePlan {
    /// True if nothing is to be sent before the end is decided.
    pub fn is_idle(&self) -> bool {
        self.first.is_empty() && !self.turns.iter().any(|turn| matches!(turn, Turn::Act(_)))
    }
}

/// Volumes of a started group that are being copied, but for those that leave it. A first copy that is stopped in the middle leaves its
/// volume unprotected for longer than the moment a cycle takes.
pub fn is_copying_others<'a>(
    group: &RcGroup,
    leaving: impl IntoIterator<Item = &'a VvName>,
) -> bool {
    let leaving: BTreeSet<&VvName> = leaving.into_iter().collect();
    runs(group.status)
        && group.volumes.iter().any(|volume| {
            matches!(volume.sync, SyncStatus::Syncing(_)) && !leaving.contains(&volume.local)
        })
}

/// What the changes need done. The first is the leader's, in whose name a missing group is made. `stop_is_ours`: the group was stopped by
/// the operation that leads, under the lock that it still has.
pub fn plan_cycle(
    array: &str,
    now: Option<&RcGroup>,
    stop_is_ours: bool,
    changes: &[Change],
    wants: &Wants,
) -> CyclePlan {
    let leaving = || changes.iter().filter_map(Change::leaving);
    let copying = now.is_some_and(|group| is_copying_others(group, leaving()));
    let stopped_by_us = stop_is_ours && now.is_some_and(|g| g.status == GroupStatus::Stopped);
    // What each is judged by: a stop that is ours already, and copies that end with the volume, are in nobody's way.
    let judged = now.map(|group| {
        let mut group = group.clone();
        if stopped_by_us {
            group.status = GroupStatus::Started;
        }
        for volume in &mut group.volumes {
            if leaving().any(|vv| *vv == volume.local) {
                volume.sync = SyncStatus::Synced;
            }
        }
        group
    });
    let parts = changes
        .iter()
        .any(|change| matches!(change, Change::Part(_)));
    let mut first: Vec<Action> = Vec::new();
    let mut made: Option<RcGroup> = None;
    let mut turns = Vec::new();
    for (at, change) in changes.iter().enumerate() {
        turns.push(match (change, judged.as_ref()) {
            // Who parts comes back, and a group that copies a new one would keep it out for as long.
            (Change::Admit(_), _) if parts => Turn::Later,
            (Change::Admit(_), None) if at > 0 && made.is_none() => Turn::Later,
            (Change::Admit(newcomer), found) => {
                match plan_admission(array, found.or(made.as_ref()), newcomer, wants) {
                    Ok(mut plan) => {
                        let admit = plan.iter().position(|a| matches!(a, Action::Admit(_)));
                        let rest = plan.split_off(admit.unwrap_or(plan.len()));
                        if found.is_none() && made.is_none() {
                            made = as_made(&plan, wants);
                            first = plan;
                        }
                        rest.into_iter().next().map_or(Turn::Nothing, Turn::Act)
                    }
                    Err(why) => Turn::Refused(why),
                }
            }
            (Change::Dismiss(vv), Some(group)) if group.holds(vv) => {
                match check_dismissal(array, group) {
                    Ok(()) if copying => Turn::Refused(ReplicationError::Syncing {
                        group: group.name.clone(),
                    }),
                    Ok(()) => dismiss(group, vv, DismissedCopy::Removed),
                    Err(why) => Turn::Refused(why),
                }
            }
            // By the group as it is: what stays behind is to be what the volume is.
            (Change::Part(vv), Some(group)) if group.holds(vv) => {
                match now.map(|now| check_parting(array, now, vv)) {
                    // It runs again at the end of this one.
                    _ if stopped_by_us => Turn::Later,
                    Some(Err(why)) => Turn::Refused(why),
                    Some(Ok(_)) | None => dismiss(group, vv, DismissedCopy::Stays),
                }
            }
            (Change::TakeBack(Some(vv)), Some(group)) if group.holds(vv) => {
                dismiss(group, vv, DismissedCopy::Removed)
            }
            (Change::Dismiss(_) | Change::Part(_) | Change::TakeBack(_), _) => Turn::Nothing,
            (Change::Alone(_), _) => Turn::Later,
        });
    }
    let acts = turns.iter().any(|turn| matches!(turn, Turn::Act(_)));
    if let Some(group) = now.filter(|group| acts && runs(group.status)) {
        first.push(Action::Stop(group.name.clone()));
    }
    CyclePlan { first, turns }
}

fn dismiss(group: &RcGroup, vv: &VvName, copy: DismissedCopy) -> Turn {
    Turn::Act(Action::Dismiss {
        group: group.name.clone(),
        vv: vv.clone(),
        copy,
    })
}

fn runs(status: GroupStatus) -> bool {
    matches!(status, GroupStatus::Started | GroupStatus::Starting)
}

/// A group as it is when these actions have made it: the others of the cycle join it.
fn as_made(first: &[Action], wants: &Wants) -> Option<RcGroup> {
    first.iter().find_map(|action| match action {
        Action::Make(make) => Some(RcGroup {
            name: make.name.clone(),
            target: make.target.clone(),
            status: GroupStatus::New,
            role: Role::Primary,
            mode: make.mode,
            options: GroupOptions {
                policies: wants.policies().iter().map(ToString::to_string).collect(),
                ..GroupOptions::default()
            },
            volumes: Vec::new(),
        }),
        _ => None,
    })
}

/// What the end of a cycle is decided by, besides the group itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ending {
    /// Who is in the group is to be protected: it ran before, or was empty, or the stop is this plugin's own, as the lock shows. A group
    /// that a person stopped stays stopped.
    pub starts: bool,
    /// The plugin made the group.
    pub ours: bool,
    /// A command may still put a volume into it.
    pub unsettled: bool,
}

impl Ending {
    /// As the group was when the cycle began; the rest is to be found out.
    pub fn of(began: Option<&RcGroup>, stop_is_ours: bool) -> Self {
        let ran = began.is_none_or(|group| runs(group.status) || group.volumes.is_empty());
        Self {
            starts: ran || stop_is_ours,
            ..Self::default()
        }
    }
}

/// What is due at a group whose lock was left by its holder, who died over a cycle or gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftLock {
    /// The group is started, and then the lock goes.
    Start,
    /// Only the lock goes.
    Remove,
    /// Nothing yet. The holder's stop may still be on its way: without the lock it would be taken for a person's when it is through.
    Wait,
}

/// What becomes of a lock that was left, by the group as it is on the lock's array. Nothing is started from the one that receives: it hands the
/// command on to the primary (array fact 13), where the group may be stopped for another reason.
pub fn plan_left_lock(now: Option<&RcGroup>) -> LeftLock {
    let Some(group) = now.filter(|group| group.role.is_primary() && !group.volumes.is_empty())
    else {
        return LeftLock::Remove;
    };
    match group.status {
        GroupStatus::Started => LeftLock::Remove,
        GroupStatus::Stopped | GroupStatus::New => LeftLock::Start,
        GroupStatus::Starting | GroupStatus::Stopping | GroupStatus::Failsafe => LeftLock::Wait,
    }
}

/// What ends a cycle: the group is started for those that are in it, or, empty and this plugin's own, removed. An administrator's is left,
/// empty and stopped.
pub fn plan_end(now: Option<&RcGroup>, ending: Ending) -> Vec<Action> {
    let Some(group) = now else { return Vec::new() };
    let name = || group.name.clone();
    if group.volumes.is_empty() {
        let mut plan = Vec::new();
        if ending.ours && !ending.unsettled {
            if runs(group.status) {
                plan.push(Action::Stop(name()));
            }
            plan.push(Action::Remove(name()));
        }
        return plan;
    }
    if ending.starts && !runs(group.status) {
        return vec![Action::Start(name())];
    }
    Vec::new()
}
