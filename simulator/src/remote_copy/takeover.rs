//! Operations that change roles: `setrcopygroup failover`, `recover`, `restore`, `reverse`, `switchover`, `override`.
//!
//! Each is noted in the group of the side it was given to ([`Operation`]) and carried out by a task a little later.

mod roles;

pub(super) use roles::follow_up;
pub use roles::{all_synced, end_of_copy};

use roles::Outcome;

use super::Half;
use crate::state::{Operation, Takeover, Turn, World};

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

/// A task on this side's array that will do it. Gives its id. One that has not come to it yet never will: a person's failover and the
/// array's own may meet.
pub fn begin(world: &mut World, half: &Half, wish: Wish, user: &str, now: i64) -> u32 {
    if let Some(earlier) = half.get(world).and_then(|group| group.operation.clone()) {
        let outcome = Outcome::Failed("Another operation was begun");
        end(world, half, &earlier, outcome, now);
    }
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
            roles::run(world, &half, &operation)
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
