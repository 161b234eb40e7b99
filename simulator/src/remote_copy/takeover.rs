//! Operations that change roles: `setrcopygroup failover`, `recover`, `restore`, `reverse`, `switchover`, `override`.
//!
//! Each is noted in the group of the side it was given to ([`Operation`]) and carried out by a task a little later.

use super::transitions::{agree, drop_snapshot, halt, mirror, start, stop, sync, take_snapshot};
use super::{Half, peer_persistence};
use crate::state::{
    FailoverStage, GroupStatus, Mode, Operation, Release, Role, SyncStatus, Takeover, Turn, World,
};

/// From the command to its effect, seconds.
const DELAY: i64 = 1;

/// What a line asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Which operation.
    pub what: Takeover,
    /// `-nostart`.
    pub nostart: bool,
    /// `-nosync`.
    pub nosync: bool,
    /// `-nosnap`.
    pub nosnap: bool,
    /// `-local`.
    pub local: bool,
    /// What a `reverse` turns.
    pub turn: Turn,
}

impl Wish {
    /// The operation without any option.
    pub fn plain(what: Takeover) -> Self {
        Self {
            what,
            nostart: false,
            nosync: false,
            nosnap: false,
            local: false,
            turn: Turn::Both,
        }
    }
}

/// A task on this side's array that will do it. Gives its id.
pub fn begin(world: &mut World, half: &Half, wish: Wish, user: &str, now: i64) -> u32 {
    let Some(array) = world.arrays.get_mut(&half.array) else {
        return 0;
    };
    let kind = format!("remote_copy_{}", wish.what);
    let task = array.add_task(&kind, &half.group, user, now, None);
    let operation = Operation {
        what: wish.what,
        task,
        due: now + DELAY,
        nostart: wish.nostart,
        nosync: wish.nosync,
        nosnap: wish.nosnap,
        local: wish.local,
        turn: wish.turn,
        sent_last: false,
    };
    if let Some(group) = array.groups.get_mut(&half.group) {
        group.operation = Some(operation);
    }
    let name = capital(wish.what);
    let line = format!("{name} operation on group {} started.", half.group);
    note(world, half, task, now, "Begin", line);
    task
}

/// Does what is due by `now`. Did anything change?
pub(super) fn carry_out(world: &mut World, now: i64) -> bool {
    let waiting: Vec<(Half, Operation)> = world
        .arrays
        .iter()
        .flat_map(|(array, state)| {
            state.groups.values().filter_map(move |group| {
                let operation = group.operation.clone()?;
                Some((Half::new(array, &group.name), operation))
            })
        })
        .filter(|(_, operation)| operation.due <= now)
        .collect();
    let mut changed = false;
    for (half, operation) in waiting {
        let is_on = world.arrays.get(&half.array).is_some_and(|array| array.up);
        let outcome = if is_on {
            run(world, &half, &operation)
        } else {
            Outcome::Failed("The system was restarted")
        };
        changed |= end(world, &half, &operation, outcome, now);
    }
    changed
}

/// The operation of this group is due now, whatever it waits for.
pub fn hurry(world: &mut World, half: &Half, now: i64) {
    let Some(group) = half.get_mut(world) else {
        return;
    };
    if let Some(operation) = &mut group.operation {
        operation.due = now;
    }
}

/// `auto_synchronize`: the side that took over makes the other one its secondary as soon as it can reach it, and when
/// all is copied back the roles become plain where the release does that (array facts name it for 10.x only).
pub(super) fn follow_up(world: &mut World, half: &Half, now: i64) {
    let Some(group) = half.get(world) else { return };
    if !group.has_policy("auto_synchronize") || group.operation.is_some() {
        return;
    }
    match group.failover {
        FailoverStage::None => {}
        FailoverStage::TakenOver => {
            let both_send = half
                .other(world)
                .and_then(|other| other.get(world).map(|group| group.sends()))
                .unwrap_or(false);
            if both_send && half.connected(world) {
                recover(world, half, now, false, false);
                set_stage(world, half, FailoverStage::CopyingBack);
            }
        }
        FailoverStage::CopyingBack if all_synced(world, half) => {
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
        FailoverStage::CopyingBack => {}
    }
}

/// How an operation stands.
enum Outcome {
    /// Done; what changed places.
    Done(&'static str),
    /// It waits for a synchronisation that ends then.
    Waits(i64),
    /// It cannot be done.
    Failed(&'static str),
}

fn run(world: &mut World, half: &Half, operation: &Operation) -> Outcome {
    let at = operation.due;
    match operation.what {
        Takeover::Failover => {
            fail_over(world, half, at, operation.nosnap);
            Outcome::Done("from secondary to primary")
        }
        Takeover::Recover => {
            if !half.connected(world) {
                return Outcome::Failed("Failed to switch target group");
            }
            recover(world, half, at, operation.nostart, operation.nosync);
            Outcome::Done("")
        }
        Takeover::Restore => restore(world, half, operation),
        Takeover::Reverse => reverse(world, half, operation),
        Takeover::Switchover => switch_over(world, half),
        Takeover::Override => {
            if let Some(group) = half.get_mut(world) {
                group.status = GroupStatus::Stopped;
            }
            Outcome::Done("")
        }
    }
}

/// Takes the operation off the group and ends its task, unless it waits.
fn end(world: &mut World, half: &Half, operation: &Operation, outcome: Outcome, now: i64) -> bool {
    let (status, at) = match outcome {
        Outcome::Waits(until) => {
            if let Some(waiting) = half
                .get_mut(world)
                .and_then(|group| group.operation.as_mut())
            {
                waiting.due = until;
            }
            return until != operation.due;
        }
        Outcome::Done(_) => ("done", operation.due),
        Outcome::Failed(_) => ("failed", now),
    };
    if let Some(group) = half.get_mut(world) {
        group.operation = None;
    }
    let name = &half.group;
    match outcome {
        Outcome::Done("") | Outcome::Waits(_) => {}
        Outcome::Done(switched) => {
            let line = format!("Group {name} was switched {switched}.");
            note(world, half, operation.task, at, "Switched", line);
        }
        Outcome::Failed(why) => note(world, half, operation.task, at, "Error", why.to_owned()),
    }
    let (word, end) = if status == "done" {
        ("Completed", "completed")
    } else {
        ("Failed", "has failed")
    };
    let line = format!("Group {name} {} {end}.", operation.what);
    note(world, half, operation.task, at, word, line);
    let task = world.arrays.get_mut(&half.array).and_then(|array| {
        array
            .tasks
            .iter_mut()
            .find(|task| task.id == operation.task)
    });
    if let Some(task) = task {
        status.clone_into(&mut task.status);
        task.finished = Some(at);
    }
    true
}

fn fail_over(world: &mut World, half: &Half, at: i64, nosnap: bool) {
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
    keep_differences(world, half, at, nosnap);
    follow_up_after_failover(world, half, at);
}

/// With `auto_synchronize` and both arrays up the failover is mirrored at once.
fn follow_up_after_failover(world: &mut World, half: &Half, at: i64) {
    if let Some(group) = half.get_mut(world) {
        group.operation = None;
    }
    follow_up(world, half, at);
}

/// The former primary becomes the secondary; what was written there since goes when the copy is done.
fn recover(world: &mut World, half: &Half, at: i64, nostart: bool, nosync: bool) {
    let Some(other) = half.other(world) else {
        return;
    };
    if other.get(world).is_some_and(|group| group.sends()) {
        halt(world, &other, at, true);
        turn(world, &other, Turn::Current);
        forget_differences(world, &other);
    }
    set_stage(world, half, FailoverStage::None);
    for side in [half, &other] {
        if let Some(group) = side.get_mut(world) {
            group.stopped_by_links = false;
        }
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
    let started = half.get(world).is_some_and(super::Group::is_started);
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
    turn(world, half, Turn::Current);
    turn(world, &other, Turn::Current);
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

fn note(world: &mut World, half: &Half, task: u32, at: i64, word: &str, line: String) {
    let task = world
        .arrays
        .get_mut(&half.array)
        .and_then(|array| array.tasks.iter_mut().find(|one| one.id == task));
    if let Some(task) = task {
        task.details.push((at, word.to_owned(), line));
    }
}

fn capital(what: Takeover) -> String {
    let word = what.word();
    word[..1].to_uppercase() + &word[1..]
}
