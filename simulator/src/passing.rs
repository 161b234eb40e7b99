//! What time does to the arrays, in the order in which it happens.

use crate::state::World;
use crate::{copies, remote_copy, schedules, snapshots};

/// Carries everything forward to `now`: called before every command and dump.
pub fn tick(world: &mut World, now: i64) {
    loop {
        let end = copies::next_end(world, now);
        let expiry = snapshots::next_expiry(world, now);
        let run = schedules::next_due(world, now);
        let Some(at) = [end, expiry, run].into_iter().flatten().min() else {
            break;
        };
        if end == Some(at) {
            copies::end_all(world, at);
        } else if expiry == Some(at) {
            snapshots::expire(world, at);
        } else {
            remote_copy::tick(world, at);
            schedules::run(world, at);
        }
    }
    remote_copy::tick(world, now);
}
