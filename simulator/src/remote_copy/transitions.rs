//! What starts, stops and synchronises a group, over virtual time.

use super::{Half, outages, peer_persistence, takeover};
use crate::state::{Agreement, GroupStatus, Mode, Replicated, SyncStatus, Vv, World};

/// Starting lasts this long, seconds.
const STARTING: i64 = 1;
/// Stopping, with the switch `stops_slowly`.
const STOPPING: i64 = 5;

/// The shortest synchronisation, and one that sends differences only, seconds.
const SHORTEST: i64 = 2;

/// Copied in a second of a full synchronisation, MiB.
const SPEED: u64 = 1024;

/// Starts a group on the side that sends. `nosync`: take the volumes as equal. `full`: VVs that are copied in full
/// although a snapshot is there.
pub fn start(world: &mut World, half: &Half, now: i64, nosync: bool, full: &[String]) {
    let sizes = sizes(world, half);
    let Some(group) = half.get_mut(world) else {
        return;
    };
    group.status = GroupStatus::Starting;
    group.ever_started = true;
    group.stopped_by_links = false;
    group.decide_at = None;
    group.started_at = Some(now + STARTING);
    group.next_sync = (group.mode == Mode::Periodic && group.period > 0)
        .then(|| now + STARTING + i64::from(group.period));
    // A periodic group copies when it is started the first time; afterwards that is left to its period.
    let waits = group.mode == Mode::Periodic && !group.copies_at_start;
    for (volume, size) in group.volumes.iter_mut().zip(sizes) {
        if nosync || volume.sync == SyncStatus::NewPreSynced {
            finish(volume, now);
            continue;
        }
        let has_snapshot = volume.resync_snapshot.is_some() && !full.contains(&volume.local);
        if waits && has_snapshot && volume.sync == SyncStatus::Stopped {
            volume.sync = SyncStatus::Synced;
            continue;
        }
        let differences = has_snapshot
            || volume.sync == SyncStatus::NewSyncFromSnap && !full.contains(&volume.local);
        let seconds = if differences {
            SHORTEST
        } else {
            copy_seconds(size)
        };
        begin(volume, now, now + STARTING + seconds);
    }
    mirror(world, half);
}

/// Stops a group on the side that sends, and its other half if that can be reached. `keep`: take the snapshots from
/// which a restart sends differences only.
pub fn stop(world: &mut World, half: &Half, now: i64, keep: bool) {
    if half.connected(world) {
        agree(world, half);
    }
    halt(world, half, now, keep);
    let array = world.arrays.get(&half.array);
    let is_slow = array.is_some_and(|array| array.switch("stops_slowly"));
    if let Some(group) = half.get_mut(world).filter(|_| is_slow) {
        group.status = GroupStatus::Stopping;
        group.started_at = Some(now + STOPPING);
    }
    mirror(world, half);
}

/// Synchronises a started group again, on the side that sends. `full`: everything, not differences.
pub fn sync(world: &mut World, half: &Half, now: i64, full: bool) {
    let sizes = sizes(world, half);
    if let Some(group) = half.get_mut(world) {
        for (volume, size) in group.volumes.iter_mut().zip(sizes) {
            let seconds = if full { copy_seconds(size) } else { SHORTEST };
            begin(volume, now, now + seconds);
        }
    }
    mirror(world, half);
}

/// A command that waits: everything that is being synchronised in this group is done at `now`.
pub fn sync_to_the_end(world: &mut World, half: &Half, now: i64) {
    if let Some(group) = half.get_mut(world) {
        if group.started_at.is_some() {
            group.started_at = Some(now);
        }
        for volume in &mut group.volumes {
            if volume.synced_at.is_some() {
                volume.synced_at = Some(now);
            }
        }
    }
    advance(world, half, now);
}

/// Carries everything forward to `now`: called before every command and dump.
pub fn tick(world: &mut World, now: i64) {
    end_tasks(world, now);
    loop {
        for half in senders(world) {
            outages::carry_on(world, &half, now);
            takeover::follow_up(world, &half, now);
        }
        let decided = peer_persistence::decide(world, now);
        if !(takeover::carry_out(world, now) || decided) {
            break;
        }
    }
}

fn end_tasks(world: &mut World, now: i64) {
    for array in world.arrays.values_mut() {
        for task in &mut array.tasks {
            if let Some(end) = task
                .finished
                .filter(|end| *end <= now && task.status == "active")
            {
                "done".clone_into(&mut task.status);
                task.details.push((
                    end,
                    "Completed".to_owned(),
                    format!("{} {}.", task.kind, task.name),
                ));
            }
        }
    }
}

/// Gives the side that receives what this one decides: status, mode, period, policies, and the state of each volume.
pub fn mirror(world: &mut World, half: &Half) {
    let (Some(other), Some(from)) = (half.receiver(world), half.get(world).cloned()) else {
        return;
    };
    let Some(group) = other.get_mut(world) else {
        return;
    };
    // That it gave up is its own affair: whoever receives serves nobody anyway.
    group.status = match from.status {
        GroupStatus::Failsafe => GroupStatus::Stopped,
        status => status,
    };
    group.stopped_by_links = from.stopped_by_links;
    group.mode = from.mode;
    group.period = from.period;
    group.policies = from.policies;
    group.ever_started = from.ever_started;
    group.started_at = from.started_at;
    group.decide_at = from.decide_at;
    for volume in &mut group.volumes {
        if let Some(sent) = from.volumes.iter().find(|sent| sent.local == volume.remote) {
            volume.sync = sent.sync;
            volume.syncing_since = sent.syncing_since;
            volume.synced_at = sent.synced_at;
            volume.last_sync = sent.last_sync;
        }
    }
}

/// Removes a volume's resync snapshot, if there is one.
pub fn drop_snapshot(world: &mut World, half: &Half, local: &str) {
    let name = half.get_mut(world).and_then(|group| {
        group
            .volumes
            .iter_mut()
            .find(|volume| volume.local == local)?
            .resync_snapshot
            .take()
    });
    if let (Some(name), Some(array)) = (name, world.arrays.get_mut(&half.array)) {
        array.remove_vv(&name);
    }
}

pub(super) fn senders(world: &World) -> Vec<Half> {
    world
        .arrays
        .iter()
        .flat_map(|(array, state)| {
            state
                .groups
                .values()
                .filter(|group| group.sends())
                .map(move |group| Half::new(array, &group.name))
        })
        .collect()
}

fn sizes(world: &World, half: &Half) -> Vec<u64> {
    let Some(array) = world.arrays.get(&half.array) else {
        return Vec::new();
    };
    let volumes = half.get(world).map(|group| group.volumes.as_slice());
    volumes
        .unwrap_or_default()
        .iter()
        .map(|volume| array.vvs.get(&volume.local).map_or(0, |vv| vv.size_mib))
        .collect()
}

fn copy_seconds(size_mib: u64) -> i64 {
    i64::try_from(size_mib / SPEED)
        .unwrap_or(i64::MAX / 4)
        .max(SHORTEST)
}

fn begin(volume: &mut Replicated, since: i64, until: i64) {
    volume.sync = SyncStatus::Syncing;
    volume.syncing_since = Some(since);
    volume.synced_at = Some(until);
}

fn finish(volume: &mut Replicated, at: i64) {
    volume.sync = SyncStatus::Synced;
    volume.syncing_since = None;
    volume.synced_at = None;
    volume.last_sync = Some(at);
}

/// Starting → Started, Stopping → Stopped, Syncing → Synced, the next period.
pub(super) fn advance(world: &mut World, half: &Half, now: i64) {
    loop {
        let mut done: Vec<(String, i64)> = Vec::new();
        let mut again = false;
        let Some(group) = half.get_mut(world) else {
            return;
        };
        if group.started_at.is_some_and(|at| at <= now) {
            group.started_at = None;
            group.status = match group.status {
                GroupStatus::Starting => GroupStatus::Started,
                GroupStatus::Stopping => GroupStatus::Stopped,
                status => status,
            };
        }
        for volume in &mut group.volumes {
            if let Some(at) = volume.synced_at.filter(|at| *at <= now) {
                finish(volume, at);
                done.push((volume.local.clone(), at));
            }
        }
        let all_synced = group
            .volumes
            .iter()
            .all(|volume| volume.sync == SyncStatus::Synced);
        if let Some(due) = group.next_sync.filter(|due| *due <= now && all_synced) {
            let period = i64::from(group.period.max(1));
            let last = due + (now - due) / period * period;
            group.next_sync = Some(last + period);
            for volume in &mut group.volumes {
                begin(volume, last, last + SHORTEST);
            }
            again = true;
        }
        let periodic = group.mode == Mode::Periodic;
        if all_synced {
            copied(world, half);
        }
        for (local, at) in done {
            agree_on(world, half, &local);
            drop_snapshot(world, half, &local);
            if periodic {
                take_snapshot(world, half, &local, at);
            }
        }
        if !again {
            break;
        }
    }
    mirror(world, half);
}

/// Status and volumes of a group that no longer sends.
pub(super) fn halt(world: &mut World, half: &Half, now: i64, keep: bool) {
    let Some(group) = half.get_mut(world) else {
        return;
    };
    group.status = GroupStatus::Stopped;
    group.started_at = None;
    group.next_sync = None;
    let synchronous = group.mode == Mode::Sync;
    let mut snapshots = Vec::new();
    for volume in &mut group.volumes {
        let was_equal = volume.sync == SyncStatus::Synced;
        match volume.sync {
            SyncStatus::Synced => volume.sync = SyncStatus::Stopped,
            SyncStatus::Syncing if volume.resync_snapshot.is_some() => {
                volume.sync = SyncStatus::Stopped;
            }
            SyncStatus::Syncing => volume.sync = SyncStatus::NotSynced,
            _ => {}
        }
        volume.syncing_since = None;
        volume.synced_at = None;
        if was_equal && synchronous {
            volume.last_sync = Some(now);
        }
        if was_equal && synchronous && keep {
            snapshots.push(volume.local.clone());
        }
    }
    let locals: Vec<String> = group
        .volumes
        .iter()
        .map(|volume| volume.local.clone())
        .collect();
    for local in snapshots {
        take_snapshot(world, half, &local, now);
    }
    if !keep {
        for local in locals {
            drop_snapshot(world, half, &local);
        }
    }
}

/// Both sides are equal: no start has to copy.
fn copied(world: &mut World, half: &Half) {
    let receiver = half.receiver(world);
    for side in [Some(half), receiver.as_ref()].into_iter().flatten() {
        if let Some(group) = side.get_mut(world) {
            group.copies_at_start = false;
        }
    }
}

/// `rcpy.<group id>.<VV id>.<target id>`.
pub(super) fn take_snapshot(world: &mut World, half: &Half, local: &str, now: i64) {
    drop_snapshot(world, half, local);
    let Some(array) = world.arrays.get_mut(&half.array) else {
        return;
    };
    let (Some(group), Some(parent)) = (array.groups.get(&half.group), array.vvs.get(local)) else {
        return;
    };
    let target = array
        .targets
        .iter()
        .find(|target| target.name == group.target)
        .map_or(0, |target| target.id);
    let name = format!("rcpy.{}.{}.{target}", group.id, parent.id);
    let snapshot = Vv::snapshot(&name, parent, true, now);
    array.add_vv(snapshot);
    if let Some(volume) = array.groups.get_mut(&half.group).and_then(|group| {
        group
            .volumes
            .iter_mut()
            .find(|volume| volume.local == local)
    }) {
        volume.resync_snapshot = Some(name);
    }
}

pub(super) fn agree(world: &mut World, half: &Half) {
    let synced: Vec<String> = half
        .get(world)
        .filter(|group| group.mode == Mode::Sync)
        .map(|group| {
            group
                .volumes
                .iter()
                .filter(|volume| volume.sync == SyncStatus::Synced)
                .map(|volume| volume.local.clone())
                .collect()
        })
        .unwrap_or_default();
    for local in synced {
        agree_on(world, half, &local);
    }
}

fn agree_on(world: &mut World, half: &Half, local: &str) {
    let (Some(other), Some(group)) = (half.receiver(world), half.get(world)) else {
        return;
    };
    if let Some(volume) = group.volume(local) {
        let mut agreement = Agreement {
            from: (half.array.clone(), volume.local.clone()),
            to: (other.array, volume.remote.clone()),
            joins: false,
        };
        agreement.joins = peer_persistence::in_one(world)
            .iter()
            .any(|pair| (&pair.from, &pair.to) == (&agreement.from, &agreement.to));
        world.agreements.push(agreement);
    }
}
