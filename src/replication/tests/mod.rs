//! Every plan, against every state of a group there can be.

mod acting;
mod action;
mod admission;
mod classes;
mod cycle;
mod dismissal;
mod operating;
mod operations;
mod persistent;
mod second_export;
mod serving;
mod small_array;
mod undo;

use super::*;
use crate::{
    inform::{GroupOptions, RcGroup, RcVolume},
    model::{
        CpgName, GroupName, GroupStatus, LonePrimary, Mode, Policy, Role, Side, SyncStatus,
        TargetName, VvId, VvName,
    },
};

const STATUSES: [GroupStatus; 6] = [
    GroupStatus::New,
    GroupStatus::Starting,
    GroupStatus::Started,
    GroupStatus::Stopping,
    GroupStatus::Stopped,
    GroupStatus::Failsafe,
];
const ROLES: [Role; 4] = [
    Role::Primary,
    Role::Secondary,
    Role::PrimaryRev,
    Role::SecondaryRev,
];
const MODES: [Mode; 3] = [Mode::Sync, Mode::Periodic, Mode::Async];

/// The VV that the operation is about.
const OURS: &str = "dkv-db1";
/// A volume of somebody else.
const OTHER: &str = "dkv-mail";
const ARRAY: &str = "amber";
const SOURCE: &str = "amber";
const PEER: &str = "birch";

fn vv(name: &str) -> VvName {
    VvName::new(name).unwrap()
}

fn prod() -> GroupName {
    GroupName::new("prod").unwrap()
}

/// The group as both arrays showed it; neither was asked for its way to the other one.
fn sides(source: Half, peer: Half) -> GroupSides {
    let side = |array: &str, half: Half| GroupSide {
        array: array.to_owned(),
        name: Some(prod()),
        half,
        way: None,
    };
    GroupSides {
        group: prod(),
        source: side(SOURCE, source),
        peer: side(PEER, peer),
    }
}

fn cpgs() -> CpgPair {
    CpgPair {
        source: CpgName::new("ssd_r5").unwrap(),
        peer: CpgName::new("far_r5").unwrap(),
    }
}

fn wants(mode: Mode, peer_persistence: bool) -> Wants {
    Wants {
        lone_primary: LonePrimary::Mount,
        target: TargetName::new("to-birch").unwrap(),
        mode,
        period: None,
        peer_persistence,
        cpg_map: [(cpgs().source, cpgs().peer)].into(),
        snap_cpg_map: [].into(),
    }
}

/// A group that fits `wants`, with these volumes.
fn group(wants: &Wants, status: GroupStatus, volumes: &[&str]) -> RcGroup {
    RcGroup {
        name: prod(),
        target: wants.target.clone(),
        status,
        role: Role::Primary,
        mode: wants.mode,
        options: GroupOptions {
            policies: wants.policies().iter().map(Policy::to_string).collect(),
            ..GroupOptions::default()
        },
        volumes: volumes.iter().map(|name| member(name)).collect(),
    }
}

fn member(name: &str) -> RcVolume {
    RcVolume {
        local: vv(name),
        local_id: VvId(1),
        remote: vv(name),
        remote_id: VvId(2),
        sync: SyncStatus::Synced,
        last_sync: None,
    }
}

/// The plan in words, to compare and to read.
fn words(plan: &[Action]) -> Vec<String> {
    plan.iter().map(Action::to_string).collect()
}

fn newcomer(name: &str, wants: &Wants) -> Newcomer {
    Newcomer {
        vv: vv(name),
        group: prod(),
        target: wants.target.clone(),
        cpg: cpgs(),
        snap_cpg: None,
        domain: None,
    }
}

/// Everything a cycle sends when each command does what it should, if the first change is not refused.
fn whole_cycle(
    now: Option<&RcGroup>,
    stop_is_ours: bool,
    changes: &[Change],
    ours: bool,
) -> Result<Vec<Action>, ReplicationError> {
    let wants = wants(Mode::Sync, false);
    let CyclePlan { mut first, turns } = plan_cycle(ARRAY, now, stop_is_ours, changes, &wants);
    if let Some(Turn::Refused(why)) = turns.first() {
        return Err(why.clone());
    }
    first.extend(turns.into_iter().filter_map(|turn| match turn {
        Turn::Act(action) => Some(action),
        _ => None,
    }));
    let mut after = now.cloned();
    for action in &first {
        match (action, &mut after) {
            (Action::Make(_), after) => *after = Some(group(&wants, GroupStatus::New, &[])),
            (Action::Stop(_), Some(group)) => group.status = GroupStatus::Stopped,
            (Action::Admit(admit), Some(group)) => group.volumes.push(member(admit.vv.as_str())),
            (Action::Dismiss { vv, .. }, Some(group)) => {
                group.volumes.retain(|volume| volume.local != *vv);
            }
            _ => {}
        }
    }
    let ending = Ending {
        ours,
        ..Ending::of(now, stop_is_ours)
    };
    first.extend(plan_end(after.as_ref(), ending));
    Ok(first)
}
