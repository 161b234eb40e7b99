//! Peer Persistence: one volume on two arrays, and who serves it when they lose each other.

use super::takeover::{Wish, begin, hurry};
use super::transitions::senders;
use super::{Half, target};
use crate::state::{Agreement, GroupStatus, Handover, Mode, SyncStatus, Takeover, World};

/// How long both sides wait for each other and the witness before the secondary takes over, seconds: the ATF-Timeout
/// that `showrcopy -qw` prints.
pub const TAKEOVER_AFTER: i64 = 10;

/// Pairs of volumes that hosts see as one: what is written to the first is on the second at that instant.
pub fn in_one(world: &World) -> Vec<Agreement> {
    let mut pairs = Vec::new();
    for half in senders(world) {
        let Some(group) = half.get(world).filter(|group| {
            group.is_started() && group.mode == Mode::Sync && group.is_peer_persistent()
        }) else {
            continue;
        };
        let Some(other) = half.receiver(world) else {
            continue;
        };
        let synced = group
            .volumes
            .iter()
            .filter(|volume| volume.sync == SyncStatus::Synced);
        for volume in synced {
            let pair = Agreement {
                from: (half.array.clone(), volume.local.clone()),
                to: (other.array.clone(), volume.remote.clone()),
                joins: true,
            };
            if wwn(world, &pair.from).is_some_and(|own| Some(own) == wwn(world, &pair.to)) {
                pairs.push(pair);
            }
        }
    }
    pairs
}

/// Can a host read and write this volume on this array? Not what only receives, and nothing in `Failsafe`.
pub fn serves(world: &World, array: &str, vv: &str) -> bool {
    let group = world
        .arrays
        .get(array)
        .filter(|array| array.up)
        .map(|array| array.group_of(vv));
    match group {
        None => false,
        Some(None) => true,
        Some(Some(group)) if group.status == GroupStatus::Failsafe => false,
        Some(Some(group)) => {
            group.sends()
                || in_one(world)
                    .iter()
                    .any(|pair| (pair.to.0.as_str(), pair.to.1.as_str()) == (array, vv))
        }
    }
}

fn wwn<'w>(world: &'w World, (array, vv): &(String, String)) -> Option<&'w str> {
    let vv = world.arrays.get(array)?.vvs.get(vv)?;
    Some(&vv.wwn)
}

/// Names of the volumes of a group that are equal on both sides.
pub(super) fn equal(world: &World, half: &Half) -> Vec<String> {
    let volumes = half.get(world).map(|group| group.volumes.as_slice());
    volumes
        .unwrap_or_default()
        .iter()
        .filter(|volume| volume.sync == SyncStatus::Synced)
        .map(|volume| volume.remote.clone())
        .collect()
}

/// The sides of a group have lost each other; `equal` are the receiving side's volumes that were equal until then. What
/// the hosts write from now on waits in them for whoever serves next, unless the sender is known to go on.
pub(super) fn lost_each_other(world: &mut World, half: &Half, equal: &[String], now: i64) {
    let Some(other) = half.receiver(world) else {
        return;
    };
    let Some(group) = half
        .get(world)
        .filter(|group| group.mode == Mode::Sync && group.is_peer_persistent())
    else {
        return;
    };
    if !is_up(world, &other) {
        return;
    }
    let watched = group.has_policy("auto_failover")
        && equal.len() == group.volumes.len()
        && [half, &other].iter().all(|side| has_witness(world, side));
    if let Some(group) = other.get_mut(world) {
        for volume in &mut group.volumes {
            volume.hosts_wait = equal.contains(&volume.local);
        }
    }
    for side in [half, &other] {
        if let Some(group) = side.get_mut(world) {
            group.decide_at = watched.then_some(now + TAKEOVER_AFTER);
        }
    }
}

/// A primary that was off comes back in `Failsafe`. So it stays if the other side took over; if not, it serves again as
/// soon as it sees that, as does one that was isolated.
pub(super) fn look_for_the_other(world: &mut World, half: &Half) {
    let (is_on, sees_it) = (is_up(world, half), half.connected(world));
    let receives = half.receiver(world).is_some();
    let Some(group) = half
        .get_mut(world)
        .filter(|group| group.mode == Mode::Sync && group.is_peer_persistent())
    else {
        return;
    };
    if !is_on {
        group.in_doubt = true;
    } else if group.in_doubt {
        group.in_doubt = !sees_it;
        group.status = if sees_it && receives {
            GroupStatus::Stopped
        } else {
            GroupStatus::Failsafe
        };
    }
}

/// What was waited for is over: an array that is on and not in `Failsafe` serves its hosts itself.
pub(super) fn serves_again(world: &mut World, half: &Half) {
    let undecided = half
        .get(world)
        .is_some_and(|group| group.decide_at.is_some() || group.status == GroupStatus::Failsafe);
    if undecided || !is_up(world, half) {
        return;
    }
    if let Some(group) = half.receiver(world).and_then(|other| other.get_mut(world)) {
        for volume in &mut group.volumes {
            volume.hosts_wait = false;
        }
    }
}

/// The time to wait is over: a primary without links and witness goes into `Failsafe`, and a secondary that sees the
/// witness takes over from a primary that does not. Did anything change?
pub(super) fn decide(world: &mut World, now: i64) -> bool {
    let due: Vec<(Half, i64)> = senders(world)
        .into_iter()
        .filter_map(|half| {
            let at = half.get(world)?.decide_at.filter(|at| *at <= now)?;
            Some((half, at))
        })
        .collect();
    for (primary, at) in &due {
        let (primary, at) = (primary, *at);
        let secondary = primary.receiver(world);
        for side in [Some(primary), secondary.as_ref()].into_iter().flatten() {
            if let Some(group) = side.get_mut(world) {
                group.decide_at = None;
            }
        }
        let Some(secondary) = secondary.filter(|_| !primary.connected(world)) else {
            continue;
        };
        if is_isolated(world, primary, at)
            && let Some(group) = primary.get_mut(world)
        {
            group.status = GroupStatus::Failsafe;
            group.in_doubt = true;
        }
        let is_out = !is_up(world, primary)
            || primary
                .get(world)
                .is_some_and(|group| group.status == GroupStatus::Failsafe);
        if is_out && is_up(world, &secondary) && witness_lost(world, &secondary).is_none() {
            begin(
                world,
                &secondary,
                Wish::plain(Takeover::Failover),
                "system",
                at,
            );
            hurry(world, &secondary, at);
        }
    }
    !due.is_empty()
}

/// The hosts go on at this side, with what they wrote meanwhile, if the other one does not serve.
pub(super) fn take_hosts(world: &mut World, half: &Half) {
    let Some(other) = half.other(world) else {
        return;
    };
    let in_failsafe = other
        .get(world)
        .is_some_and(|group| group.status == GroupStatus::Failsafe);
    let other_serves = is_up(world, &other) && !in_failsafe;
    let Some(group) = half.get_mut(world) else {
        return;
    };
    let mut handovers = Vec::new();
    for volume in &mut group.volumes {
        if std::mem::take(&mut volume.hosts_wait) && !other_serves {
            handovers.push(Handover {
                from: (other.array.clone(), volume.remote.clone()),
                to: (half.array.clone(), volume.local.clone()),
            });
        }
    }
    world.handovers.extend(handovers);
}

/// Has it lost the witness about when the links went? Longer ago counts only with `auto_failover_ext`.
fn is_isolated(world: &World, half: &Half, decided_at: i64) -> bool {
    let always = half
        .get(world)
        .is_some_and(|group| group.has_policy("auto_failover_ext"));
    let earliest = decided_at - 2 * TAKEOVER_AFTER;
    is_up(world, half) && witness_lost(world, half).is_some_and(|since| always || since >= earliest)
}

fn witness_lost(world: &World, half: &Half) -> Option<i64> {
    world.arrays.get(&half.array)?.witness_lost
}

fn has_witness(world: &World, half: &Half) -> bool {
    half.get(world)
        .and_then(|group| target(world, &half.array, &group.target))
        .is_some_and(|target| target.witness.is_some())
}

fn is_up(world: &World, half: &Half) -> bool {
    world.arrays.get(&half.array).is_some_and(|array| array.up)
}
