//! Links and arrays that are lost and come back, and what groups make of it by themselves.

use super::transitions::{advance, agree, halt, mirror, senders, start};
use super::{Half, peer_persistence};
use crate::state::{Mode, World};

/// What a group that sends does by itself by `now`.
pub(super) fn carry_on(world: &mut World, half: &Half, now: i64) {
    peer_persistence::look_for_the_other(world, half);
    peer_persistence::serves_again(world, half);
    let connected = half.connected(world);
    let Some(group) = half.get(world) else {
        return;
    };
    if group.is_started() && !connected {
        break_off(world, half, now);
    } else if group.is_running() {
        advance(world, half, now);
    } else if group.stopped_by_links && connected {
        links_are_back(world, half, now);
    }
}

/// `auto_recover` starts what the links had stopped, at the instant they are back; later the policy changes nothing.
fn links_are_back(world: &mut World, half: &Half, now: i64) {
    let receiver = half.receiver(world);
    for side in [Some(half), receiver.as_ref()].into_iter().flatten() {
        if let Some(group) = side.get_mut(world) {
            group.stopped_by_links = false;
        }
    }
    let recovers = half
        .get(world)
        .is_some_and(|group| group.has_policy("auto_recover"));
    if recovers && receiver.is_some() {
        start(world, half, now, false, &[]);
    }
}

/// Notes for every volume that is Synced in a started synchronous group that both sides are equal at this instant: to
/// be called before links are cut or an array is killed, because a synchronous group has sent every write by then.
pub fn agree_now(world: &mut World) {
    for half in senders(world) {
        let in_step = half
            .get(world)
            .is_some_and(|group| group.is_started() && group.mode == Mode::Sync);
        if in_step && half.connected(world) {
            agree(world, &half);
        }
    }
}

/// The links or an array are gone: both sides stop by themselves, nothing is sent any more.
fn break_off(world: &mut World, half: &Half, now: i64) {
    let equal = peer_persistence::equal(world, half);
    halt(world, half, now, true);
    mirror(world, half);
    peer_persistence::lost_each_other(world, half, &equal, now);
    for side in [Some(half.clone()), half.receiver(world)]
        .into_iter()
        .flatten()
    {
        if let Some(group) = side.get_mut(world) {
            group.stopped_by_links = true;
        }
    }
}
