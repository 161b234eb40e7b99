//! The lock of a remote copy group (decision 15): a VV set on the array that is Primary, under which a plugin stops the group,
//! changes it and starts it again. A stopped group without this lock was stopped by a person.
//!
//! A cycle takes seconds, so an old lock was left, and whoever finds it starts the group and takes it away. If nobody comes, `left_locks` does
//! within a minute: an old lock at a group that runs would make a later stop by a person look like a holder's. That of a promotion
//! (`promote`) is held for as long as the array puts the data back, for hours perhaps, and stays when that fails: then the other array may
//! have the last good data, and a start would send the bad ones there. So nobody but its holder ever starts such a group or takes such a
//! lock away, however old it is, and nobody waits for it.

use std::time::Duration;

use jiff::{SignedDuration, civil::DateTime};
use tokio::time::Instant;

use crate::{
    inform::{Array, ArrayError, NodeDate, RcGroup, Refusal},
    model::{Change, GroupLock, GroupName, OperationId, SetName},
    replication::{self, Acting, Action, LeftLock, ReplicationError},
};

use super::{
    error::Cause,
    groups, promote,
    queue::Site,
    steps::{Intent, Seen, Steps},
};

/// How long another host is waited for: its own time to start a group again, and a little.
const PATIENCE: Duration = Duration::from_secs(330);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long the end of another host's cycle is waited for before a volume is called ready again. What takes longer is tried again.
const OTHERS: Duration = Duration::from_secs(60);
/// A lock as old as this has been left: nobody takes so long over one cycle.
const LEFT: SignedDuration = SignedDuration::from_mins(10);
/// After a lock was broken: who read the old one at the same moment has done what it was about to do.
const SETTLED: Duration = Duration::from_secs(2);

/// The lock as an array shows it.
#[derive(Debug)]
enum Held {
    /// By nobody.
    Free,
    /// By the operation that asks.
    Ours,
    /// By another operation.
    Others(GroupLock),
}

/// Takes the lock, or finds that the operation has it already. Whoever else has it is waited for; one that was left is broken.
/// `is_leading` tells whether an operation of this process drives a cycle now.
pub(super) async fn take(
    steps: &mut Steps,
    site: &Site<'_>,
    is_leading: impl Fn(&OperationId) -> bool,
) -> Result<(), Cause> {
    let acting = site.acting;
    let give_up = Instant::now() + PATIENCE;
    let mut broken = false;
    loop {
        let lock = claim(steps, acting).await?;
        match lock {
            Held::Ours if broken => {
                tokio::time::sleep(SETTLED).await;
                broken = false;
                if matches!(held(steps, acting).await?, Held::Ours) {
                    return Ok(());
                }
            }
            Held::Ours => return Ok(()),
            Held::Free => {}
            Held::Others(lock) => match wait(steps, acting, lock, give_up, &is_leading).await? {
                Waited::Gone => {}
                Waited::Left(lock) => {
                    let _ = break_lock(steps, site, &lock, give_up).await?;
                    broken = true;
                }
            },
        }
    }
}

/// Gives the lock back. One that the operation does not have, or has lost, stays as it is.
pub(super) async fn release(steps: &mut Steps, acting: &Acting) -> Result<(), Cause> {
    if is_ours(steps, acting).await? {
        let op = steps.entry().op.clone();
        remove(steps, acting, &op).await?;
    }
    Ok(())
}

/// True if the operation has the lock: what it stopped nobody has started since, and nobody else has stopped it.
pub(super) async fn is_ours(steps: &Steps, acting: &Acting) -> Result<bool, Cause> {
    if !Intent::LockGroup.is_in(steps.entry()) {
        return Ok(false);
    }
    match held(steps, acting).await {
        Ok(held) => Ok(matches!(held, Held::Ours)),
        // Whatever it is, the operation did not make it.
        Err(Cause::ForeignLock { .. }) => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// True if some operation has the lock of this array's group.
pub(super) async fn is_taken(
    steps: &Steps,
    array: &Array,
    group: &GroupName,
) -> Result<bool, Cause> {
    let set = SetName::lock_of(group);
    let sets = steps
        .look("group lock", array.showvvset(Some(&set)))
        .await?;
    let comment = sets.first().and_then(|set| set.comment.as_deref());
    Ok(comment.is_some_and(|comment| GroupLock::parse(comment).is_ok()))
}

/// Waits until no other machine has the lock: then none is changing the group.
pub(super) async fn until_free_of_others(steps: &Steps, acting: &Acting) -> Result<(), Cause> {
    let give_up = Instant::now() + OTHERS;
    loop {
        match held(steps, acting).await {
            // A promotion takes nothing into the group, and nothing out of it, for hours.
            Ok(Held::Others(lock))
                if lock.op.machine != steps.entry().op.machine && lock.promotes.is_none() =>
            {
                if Instant::now() >= give_up {
                    return Err(groups::locked(&acting.group, &acting.array, lock));
                }
            }
            // A person's set of that name is no lock.
            Ok(_) | Err(Cause::ForeignLock { .. }) => return Ok(()),
            Err(cause) => return Err(cause),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Judges a group before anything is changed. `None` if it does not stand as it should because another operation stops and starts
/// it right now, or died at that, or because it is copying: what it is like then shows under the lock.
pub(super) async fn judge<T>(
    steps: &Steps,
    acting: &Acting,
    mut now: Option<RcGroup>,
    plan: impl Fn(Option<&RcGroup>) -> Result<T, ReplicationError>,
) -> Result<Option<T>, Cause> {
    let mut sure = false;
    loop {
        match plan(now.as_ref()) {
            Ok(plan) => return Ok(Some(plan)),
            Err(ReplicationError::Syncing { .. }) => return Ok(None),
            Err(why @ ReplicationError::NotStarted { .. }) => match held(steps, acting).await? {
                Held::Others(lock) if lock.promotes.is_some() => {
                    return Err(groups::locked(&acting.group, &acting.array, lock));
                }
                Held::Others(_) => return Ok(None),
                // The lock may have been given back since the group was looked at.
                Held::Free | Held::Ours if !sure => {
                    sure = true;
                    let look = acting.array.showrcopy_group(&acting.group);
                    now = steps.look("group", look).await?;
                }
                Held::Free | Held::Ours => return Err(groups::refused(&acting.array, why)),
            },
            Err(why) => return Err(groups::refused(&acting.array, why)),
        }
    }
}

/// True if the lock is so old, by the clock of its array, that nobody is expected to give it back any more. A promotion's never is.
pub(super) async fn is_left(array: &Array, lock: &GroupLock) -> Result<bool, ArrayError> {
    if lock.promotes.is_some() {
        return Ok(false);
    }
    let dates = array.showdate().await?;
    let is_old = |now: &NodeDate| lock.age(now.local, &now.zone) >= LEFT;
    Ok(dates.first().is_some_and(is_old))
}

/// Ends the lock of the group if it was left, and takes none: whoever wants one comes by himself. The caller leads at the group's queue.
///
/// # Errors
/// Whatever keeps the group from being started; [`Cause::GroupLocked`] if it does not come to rest.
pub(super) async fn end_left(steps: &mut Steps, site: &Site<'_>) -> Result<Change<()>, Cause> {
    let acting = site.acting;
    let Held::Others(lock) = held(steps, acting).await? else {
        return Ok(Change::Unchanged(()));
    };
    if !steps.look("date", is_left(&acting.array, &lock)).await? {
        return Ok(Change::Unchanged(()));
    }
    break_lock(steps, site, &lock, Instant::now() + OTHERS).await
}

fn set(acting: &Acting) -> SetName {
    SetName::lock_of(&acting.group)
}

async fn held(steps: &Steps, acting: &Acting) -> Result<Held, Cause> {
    let set = set(acting);
    let sets = steps
        .look("group lock", acting.array.showvvset(Some(&set)))
        .await?;
    let Some(found) = sets.first() else {
        return Ok(Held::Free);
    };
    let comment = found.comment.clone().unwrap_or_default();
    match GroupLock::parse(&comment) {
        Ok(lock) if lock.op == steps.entry().op => Ok(Held::Ours),
        Ok(lock) => Ok(Held::Others(lock)),
        Err(_) => Err(Cause::ForeignLock {
            set,
            array: acting.array.label().to_owned(),
            group: acting.group.clone(),
            comment,
        }),
    }
}

/// One attempt to make the set. An array makes a set once (array fact 53).
async fn claim(steps: &mut Steps, acting: &Acting) -> Result<Held, Cause> {
    let (now, zone) = clock(steps, acting).await?;
    let lock = GroupLock {
        op: steps.entry().op.clone(),
        since: now,
        zone,
        promotes: promote::snapshot_of(steps.entry()),
    };
    let text = lock.encode()?;
    let set = set(acting);
    let array = &acting.array;
    let made = steps
        .act(
            Intent::LockGroup,
            array.createvvset(&set, Some(&text), &[]),
            || async {
                let sets = array.showvvset(Some(&set)).await?;
                let found = sets.first().and_then(|set| set.comment.as_deref());
                Ok(match found {
                    Some(comment) if comment == text => Seen::Done(()),
                    other => Seen::NotDone(format!(
                        "the comment of VV set `{set}` on array `{}` is `{}`",
                        array.label(),
                        other.unwrap_or_default()
                    )),
                })
            },
        )
        .await;
    match made {
        Ok(()) => Ok(Held::Ours),
        Err(Cause::Array(ArrayError::Refused {
            refusal: Refusal::Exists,
            ..
        })) => held(steps, acting).await,
        Err(cause) => Err(cause),
    }
}

/// The array's own clock: those of hosts differ.
async fn clock(steps: &Steps, acting: &Acting) -> Result<(DateTime, String), Cause> {
    let dates = steps.look("date", acting.array.showdate()).await?;
    let node = dates.into_iter().next().ok_or_else(|| Cause::NotProven {
        intent: Intent::LockGroup.to_string(),
        found: format!("array `{}` shows no clock", acting.array.label()),
    })?;
    Ok((node.local, node.zone))
}

enum Waited {
    /// Its holder is done.
    Gone,
    /// Its holder has left it.
    Left(GroupLock),
}

async fn wait(
    steps: &Steps,
    acting: &Acting,
    mut lock: GroupLock,
    give_up: Instant,
    is_leading: &impl Fn(&OperationId) -> bool,
) -> Result<Waited, Cause> {
    log::info!(volume = steps.entry().name.as_str(), group = acting.group.as_str(), array = acting.array.label(), holder:% = lock.op;
        "waiting for the lock of the group");
    loop {
        if lock.promotes.is_some() {
            return Err(groups::locked(&acting.group, &acting.array, lock));
        }
        // Of this plugin's own operations one at a time drives a cycle at a group (`queue`). Another that is in its journal has died over
        // its cycle, in an earlier run or in this one, or gave up and left the lock until it is ended. A command of it that may still be
        // running could stop the group, or take a lock away, after this one has its own: that is waited for.
        if steps.is_open_and_still(&lock.op)
            && !is_leading(&lock.op)
            && steps.no_earlier_session(&acting.array).await?
        {
            return Ok(Waited::Left(lock));
        }
        if steps.look("date", is_left(&acting.array, &lock)).await? {
            return Ok(Waited::Left(lock));
        }
        if Instant::now() >= give_up {
            return Err(groups::locked(&acting.group, &acting.array, lock));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        match held(steps, acting).await? {
            Held::Others(now) => lock = now,
            Held::Free | Held::Ours => return Ok(Waited::Gone),
        }
    }
}

/// A lock that was left: its holder died between stop and start. Whoever finds it starts the group again, and takes the lock away. What the
/// group is on its way to is waited for until `give_up`.
async fn break_lock(
    steps: &mut Steps,
    site: &Site<'_>,
    left: &GroupLock,
    give_up: Instant,
) -> Result<Change<()>, Cause> {
    // Before all that is in no hurry: between the look at the lock and what rests on it another host may break it, too.
    let acting = &Acting {
        array: site.acting.array.urgent(),
        ..site.acting.clone()
    };
    let is_there = |held: &Held| matches!(held, Held::Others(lock) if lock == left);
    loop {
        let look = acting.array.showrcopy_group(&acting.group);
        let now = steps.look("group", look).await?;
        let plan = replication::plan_left_lock(now.as_ref());
        if let (LeftLock::Start, Some(now)) = (plan, &now) {
            let (backend, pair, group) = (site.backend, site.pair, site.group_at_home);
            groups::check_still_here(steps, backend, pair, group, (acting, now)).await?;
        }
        if !is_there(&held(steps, acting).await?) {
            return Ok(Change::Unchanged(()));
        }
        match plan {
            LeftLock::Remove => {}
            LeftLock::Wait if Instant::now() >= give_up => {
                return Err(groups::locked(&acting.group, &acting.array, left.clone()));
            }
            LeftLock::Wait => {
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            }
            LeftLock::Start => {
                let start = Action::Start(acting.group.clone());
                groups::carry_out(steps, &acting.array, &start).await?;
                // That took a while: another host may have broken the lock and have its own.
                if !is_there(&held(steps, acting).await?) {
                    return Ok(Change::Changed(()));
                }
            }
        }
        log::warn!(volume = steps.entry().name.as_str(), group = acting.group.as_str(), array = acting.array.label(), holder:% = left.op, since:% = left.since, started = plan == LeftLock::Start;
            "the lock of the group was left by its holder: taken away");
        remove(steps, acting, &left.op).await?;
        return Ok(Change::Changed(()));
    }
}

/// Removes the set that this operation has made. Another may have made its own by the time this one looks.
async fn remove(steps: &mut Steps, acting: &Acting, of: &OperationId) -> Result<(), Cause> {
    let set = set(acting);
    let array = &acting.array;
    let gone = steps
        .act(Intent::UnlockGroup, array.removevvset(&set), || async {
            let sets = array.showvvset(Some(&set)).await?;
            let comment = sets.first().and_then(|set| set.comment.as_deref());
            let still = comment.map(GroupLock::parse);
            Ok(match still {
                Some(Ok(lock)) if lock.op == *of => Seen::NotDone(format!(
                    "VV set `{set}` is still on array `{}`",
                    array.label()
                )),
                _ => Seen::Done(()),
            })
        })
        .await;
    match gone {
        Err(Cause::Array(error)) if error.refusal() == Some(Refusal::NotFound) => Ok(()),
        other => other,
    }
}
