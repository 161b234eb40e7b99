//! What each operation does to roles, snapshots and copies.

use super::super::transitions::{
    agree, drop_snapshot, halt, mirror, start, stop, sync, take_snapshot,
};
use super::super::{Half, peer_persistence};
use crate::state::{
    FailoverStage, Group, GroupStatus, Mode, Operation, Release, Role, SyncStatus, Takeover, Turn,
    World,
};

/// How an operation stands.
pub(super) enum Outcome {
    /// Done; what changed places.
    Done(&'static str),
    /// It waits for a synchronisation that ends then.
    Waits(i64),
    /// It cannot be done.
    Failed(&'static str),
}

pub(super) fn run(world: &mut World, half: &Half, operation: &Operation) -> Outcome {
    let at = operation.due;
    match operation.what {
        Takeover::Failover => {
            fail_over(world, half, operation);
            Outcome::Done("from secondary to primary")
        }
        Takeover::Recover => {
            if !half.connected(world) {
                return Outcome::Failed("Failed to switch target group");
            }
            let switches = half.receiver(world).is_none();
            recover(world, half, at, operation.nostart, operation.nosync);
            if switches {
                let target = half.get(world).map_or("", |group| &group.target);
                let line = format!(
                    "Target {target} of group {} was switched from primary to secondary.",
                    half.group
                );
                super::note(world, half, operation.task, at, "Switched", line);
            }
            Outcome::Done("")
        }
        Takeover::Restore => restore(world, half, operation),
        Takeover::Reverse => reverse(world, half, operation),
        Takeover::Switchover => switch_over(world, half),
        Takeover::Override => {
            if let Some(group) = half.get_mut(world) {
                group.status = GroupStatus::Stopped;
                group.in_doubt = false;
            }
            Outcome::Done("")
        }
    }
}

/// `auto_synchronize`: the side that took over makes the other one its secondary as soon as it can reach it, and when
/// all is copied back the roles become plain where the release does that (seen on 10.x, see FIDELITY.md).
pub(in crate::remote_copy) fn follow_up(world: &mut World, half: &Half, now: i64) {
    let Some(group) = half.get(world) else { return };
    if group.operation.is_some() {
        return;
    }
    let synchronizes = synchronizes(world, half);
    let notices = world
        .arrays
        .get(&half.array)
        .is_some_and(|array| array.switch("failover_noticed"));
    match group.failover {
        FailoverStage::TakenOver if (synchronizes || notices) && faces_a_primary(world, half) => {
            recover(world, half, now, !synchronizes, false);
        }
        FailoverStage::CopyingBack if synchronizes && all_synced(world, half) => {
            set_stage(world, half, FailoverStage::None);
            let plain = world.arrays.get(&half.array).is_some_and(|array| {
                array.release == Release::V1050 || array.switch("auto_synchronize_drops_rev")
            });
            if plain && group_role(world, half).is_some_and(Role::is_reversed) {
                turn(world, half, Turn::Natural);
                if let Some(other) = half.other(world) {
                    turn(world, &other, Turn::Natural);
                }
            }
        }
        FailoverStage::None | FailoverStage::TakenOver | FailoverStage::CopyingBack => {}
    }
}

fn synchronizes(world: &World, half: &Half) -> bool {
    half.get(world)
        .is_some_and(|group| group.has_policy("auto_synchronize"))
}

/// Is the other side in reach, and takes itself for the primary?
fn faces_a_primary(world: &World, half: &Half) -> bool {
    let other = half.other(world);
    half.connected(world)
        && other
            .and_then(|other| other.get(world))
            .is_some_and(Group::sends)
}

fn fail_over(world: &mut World, half: &Half, operation: &Operation) {
    let at = operation.due;
    let other = half.other(world);
    if let Some(sender) = other.as_ref().filter(|other| {
        other
            .get(world)
            .is_some_and(|group| group.sends() && group.is_started())
    }) {
        stop(world, sender, at, true);
    }
    turn(world, half, Turn::Current);
    set_stage(world, half, FailoverStage::TakenOver);
    peer_persistence::take_hosts(world, half);
    if let Some(group) = half.get_mut(world) {
        group.stopped_by_links = false;
    }
    keep_differences(world, half, at, operation.nosnap);
    // With the policy and both arrays up the failover is mirrored at once.
    if synchronizes(world, half) && faces_a_primary(world, half) {
        recover(world, half, at, operation.nostart, operation.nosync);
    }
}

/// The former primary becomes the secondary, unless it is already; what was written there since goes when the copy is done.
fn recover(world: &mut World, half: &Half, at: i64, nostart: bool, nosync: bool) {
    let Some(other) = half.other(world) else {
        return;
    };
    if other.get(world).is_some_and(|group| group.sends()) {
        halt(world, &other, at, true);
        turn(world, &other, Turn::Current);
        forget_differences(world, &other);
    }
    for side in [half, &other] {
        set_stage(world, side, FailoverStage::None);
        if let Some(group) = side.get_mut(world) {
            group.stopped_by_links = false;
        }
    }
    if synchronizes(world, half) {
        set_stage(world, half, FailoverStage::CopyingBack);
    }
    mirror(world, half);
    if !nostart {
        start(world, half, at, nosync, &[]);
    }
}

fn restore(world: &mut World, half: &Half, operation: &Operation) -> Outcome {
    let at = operation.due;
    let Some(other) = half.other(world).filter(|_| half.connected(world)) else {
        return Outcome::Failed("Failed to switch target group");
    };
    let conflicts = other.get(world).is_some_and(|group| group.sends());
    let started = half.get(world).is_some_and(Group::is_started);
    if conflicts {
        recover(world, half, at, false, operation.nosync);
    } else if !started {
        start(world, half, at, operation.nosync, &[]);
    }
    if !all_synced(world, half) {
        return Outcome::Waits(end_of_copy(world, half).unwrap_or(at));
    }
    let periodic = half
        .get(world)
        .is_some_and(|group| group.mode != Mode::Sync);
    if periodic && !operation.sent_last {
        sync(world, half, at, false);
        if let Some(operation) = half
            .get_mut(world)
            .and_then(|group| group.operation.as_mut())
        {
            operation.sent_last = true;
        }
        return Outcome::Waits(end_of_copy(world, half).unwrap_or(at));
    }
    stop(world, half, at, true);
    for side in [half, &other] {
        turn(world, side, Turn::Current);
        set_stage(world, side, FailoverStage::None);
    }
    forget_differences(world, half);
    keep_differences(world, &other, at, operation.nosnap);
    if !operation.nostart {
        start(world, &other, at, operation.nosync, &[]);
    }
    Outcome::Done("from primary to secondary")
}

fn reverse(world: &mut World, half: &Half, operation: &Operation) -> Outcome {
    let at = operation.due;
    let other = half.other(world);
    let sends = half.get(world).is_some_and(|group| group.sends());
    let there = other
        .as_ref()
        .and_then(|other| other.get(world).map(|group| group.sends()));
    let sides: Vec<Half> = if operation.local {
        vec![half.clone()]
    } else {
        let Some(other) = other.filter(|_| half.connected(world) && there == Some(!sends)) else {
            return Outcome::Failed("Failed to switch target group");
        };
        vec![half.clone(), other]
    };
    for side in &sides {
        turn(world, side, operation.turn);
        set_stage(world, side, FailoverStage::None);
        if let Some(group) = side.get_mut(world) {
            group.stopped_by_links = false;
        }
        if operation.turn == Turn::Natural {
            continue;
        }
        if side.get(world).is_some_and(|group| group.sends()) {
            keep_differences(world, side, at, operation.nosnap);
        } else {
            forget_differences(world, side);
        }
    }
    Outcome::Done(if sends {
        "from primary to secondary"
    } else {
        "from secondary to primary"
    })
}

fn switch_over(world: &mut World, half: &Half) -> Outcome {
    let fits = half.connected(world) && all_synced(world, half);
    let Some(other) = half.other(world).filter(|_| fits) else {
        return Outcome::Failed("Failed to switch target group");
    };
    let keeps = world
        .arrays
        .get(&half.array)
        .is_some_and(|array| array.switch("switchover_keeps_natural"));
    let kind = if keeps { Turn::Current } else { Turn::Both };
    agree(world, half);
    turn(world, half, kind);
    turn(world, &other, kind);
    Outcome::Done("from primary to secondary")
}

/// Is every volume of a started group equal on both sides?
pub fn all_synced(world: &World, half: &Half) -> bool {
    half.get(world).is_some_and(|group| {
        group.status == GroupStatus::Started
            && group
                .volumes
                .iter()
                .all(|volume| volume.sync == SyncStatus::Synced)
    })
}

/// When a started group will be equal on both sides.
pub fn end_of_copy(world: &World, half: &Half) -> Option<i64> {
    let group = half.get(world)?;
    let copies = group.volumes.iter().filter_map(|volume| volume.synced_at);
    copies.chain(group.started_at).max()
}

fn group_role(world: &World, half: &Half) -> Option<Role> {
    half.get(world).map(|group| group.role)
}

fn turn(world: &mut World, half: &Half, what: Turn) {
    if let Some(group) = half.get_mut(world) {
        group.role = group.role.turned(what);
        group.copies_at_start |= what != Turn::Natural;
        // A side that receives has nothing to keep from hosts.
        if !group.sends() {
            group.in_doubt = false;
            if group.status == GroupStatus::Failsafe {
                group.status = GroupStatus::Stopped;
            }
        }
    }
}

fn set_stage(world: &mut World, half: &Half, stage: FailoverStage) {
    if let Some(group) = half.get_mut(world) {
        group.failover = stage;
    }
}

fn locals(world: &World, half: &Half) -> Vec<(String, SyncStatus)> {
    let volumes = half.get(world).map(|group| group.volumes.as_slice());
    volumes
        .unwrap_or_default()
        .iter()
        .map(|volume| (volume.local.clone(), volume.sync))
        .collect()
}

/// Snapshots of a side that begins to send, so that the next synchronisation sends differences only.
fn keep_differences(world: &mut World, half: &Half, at: i64, nosnap: bool) {
    for (local, sync) in locals(world, half) {
        if nosnap || sync != SyncStatus::Stopped {
            drop_snapshot(world, half, &local);
        } else {
            take_snapshot(world, half, &local, at);
        }
    }
}

/// A side that begins to receive has no use for its snapshots.
fn forget_differences(world: &mut World, half: &Half) {
    for (local, _) in locals(world, half) {
        drop_snapshot(world, half, &local);
    }
}
