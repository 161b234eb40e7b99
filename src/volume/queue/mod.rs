//! The queue of a remote copy group (decision 15): who of this plugin wants to change it, and who drives the next cycle for all of them.
//!
//! Whoever is about to change a group says so early ([`Coming`]), and joins when all that can be done before is done. One of those who
//! wait leads: it locks, stops and starts the group in its own name (`cycle`), and gives everyone a turn (`turn`). One cycle at a time works
//! on a group, whichever of its arrays a backend calls its own.

mod aboard;
mod alone;
mod arrival;
mod cycle;
mod turn;
mod waiting;

use std::sync::Arc;

use tokio::time::Instant;

use crate::{
    index::OpKind,
    inform::ArrayError,
    model::{GroupName, Namespace, SystemId},
    replication::{Acting, Change, Pair},
};

use super::{
    backend::Backend,
    error::Cause,
    steps::{Intent, Steps},
};

pub(super) use alone::{Alone, alone, end_left_lock};
pub(super) use turn::GROUP_IS_OURS;
pub(super) use waiting::{Coming, Queues};

use turn::Pending;
use waiting::{Member, Rider, Word};

/// A group, by the array that made it: the same from both sides, and in either direction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    maker: SystemId,
    name: GroupName,
}

impl GroupKey {
    /// Of the group that the array with this id calls so (array fact 3).
    pub fn new(source: SystemId, group: &GroupName) -> Self {
        match group.made_by() {
            Some((name, maker)) if maker != source => Self { maker, name },
            _ => Self {
                maker: source,
                name: group.clone(),
            },
        }
    }

    /// As [`GroupKey::new`], by what is known: the group by its name on the backend's own array, and on the one that acts. The own array
    /// need not be there when the other one acts.
    pub async fn find(
        backend: &Backend,
        at_home: &GroupName,
        acting: &GroupName,
    ) -> Result<Self, ArrayError> {
        if let Some(source) = backend.known_id() {
            return Ok(Self::new(source, at_home));
        }
        if let Some((name, maker)) = at_home.made_by().or_else(|| acting.made_by()) {
            return Ok(Self { maker, name });
        }
        Ok(Self::new(backend.identity().await?.system.id, at_home))
    }
}

/// Where a group is changed, as the one who changes it found out before.
pub(super) struct Site<'a> {
    pub namespace: &'a Namespace,
    pub backend: &'a Backend,
    pub pair: &'a Pair,
    pub acting: &'a Acting,
    /// The group, as the backend's own array calls it.
    pub group_at_home: &'a GroupName,
}

/// What came of a change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Changed {
    /// The plugin made the group, as it showed under the lock.
    pub group_is_ours: bool,
}

/// Changes a group, in a cycle with all others who want to. `group_is_ours`: what the operation itself knows of that.
///
/// # Errors
/// Why the cycle, or this change in it, failed. Whoever asked is announced again then, because it will take back what it did.
pub(super) async fn change(
    coming: &mut Coming,
    steps: &mut Steps,
    site: &Site<'_>,
    change: Change,
    group_is_ours: bool,
) -> Result<Changed, Cause> {
    let key = GroupKey::find(site.backend, site.group_at_home, &site.acting.group).await?;
    let marked = match &change {
        Change::Dismiss(_) | Change::Part(_) => true,
        // Any host may remove a clone that is not ready.
        Change::Admit(_) => steps.entry().kind == OpKind::Completion,
        Change::TakeBack(_) | Change::Alone(_) => false,
    };
    let rider = Rider {
        op: steps.entry().op.clone(),
        backend: site.backend.name.clone(),
        array: site.acting.array.label().to_owned(),
        change,
        marked,
        group_is_ours,
        may_hold_lock: Intent::LockGroup.is_in(steps.entry()),
        since: Instant::now(),
    };
    let result = loop {
        let mut member = coming.join(&key, rider.clone());
        if let Some(result) = Box::pin(ride(&mut member, steps, site)).await {
            break result;
        }
    };
    if result.is_err() {
        coming.announce(key);
    }
    result
}

/// Waits for its turn, and leads if it is asked to. `None` if the cycle lost its leader before anything was sent in this one's name.
async fn ride(
    member: &mut Member,
    steps: &mut Steps,
    site: &Site<'_>,
) -> Option<Result<Changed, Cause>> {
    let mut pending: Option<Pending> = None;
    let mut has_sent = false;
    loop {
        match member.next().await {
            Some(Word::Lead(lead)) => {
                if let Some(result) = cycle::lead(lead, steps, site).await {
                    return Some(result);
                }
            }
            Some(Word::Turn(turn)) => {
                let back = turn.back;
                match turn.take(steps, &site.acting.array).await {
                    Ok(sent) => {
                        has_sent |= sent.is_some();
                        pending = sent;
                    }
                    Err(cause) if back => could_not_take_back(&cause),
                    Err(cause) => return Some(Err(cause)),
                }
            }
            Some(Word::Seen(seen)) => {
                let Some(sent) = pending.take() else { continue };
                let back = sent.is_back();
                match sent.judge(steps, &site.acting.array, &seen) {
                    Ok(()) => {}
                    Err(cause) if back => could_not_take_back(&cause),
                    Err(cause) => return Some(Err(cause)),
                }
            }
            Some(Word::End(result)) => return Some(result.map_err(Cause::Shared)),
            None if !has_sent => return None,
            None => {
                let cause = Cause::NotKnown(format!(
                    "whoever led the cycle at remote copy group `{}` did not come to its end",
                    site.acting.group
                ));
                let Some(sent) = pending.take() else {
                    return Some(Err(cause));
                };
                // Nobody has looked: it is written down if the command may still be running.
                let seen: turn::Seen = Arc::new(Err(Arc::new(cause)));
                return Some(Err(sent.judge(steps, &site.acting.array, &seen).err()?));
            }
        }
    }
}

/// The cycle is about to tell why it had to be.
fn could_not_take_back(cause: &Cause) {
    log::error!(cause:% = cause; "could not undo an admission in the cycle it was made in");
}

#[cfg(test)]
mod tests;
