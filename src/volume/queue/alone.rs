//! A change that takes more than one command, and on more than one array: it has a cycle for itself. The others of the queue wait for the
//! next one.

use tokio::time::Instant;

use crate::{
    inform::RcGroup,
    model::Change as Ended,
    replication::{Acting, Change},
    volume::{
        backend::Backend,
        error::Cause,
        group_lock, groups,
        inner::Inner,
        steps::{Intent, Steps},
    },
};

use super::{
    GroupKey, Site,
    cycle::{self, Stopped},
    waiting::{Coming, Lead, Member, Rider, Word},
};

/// The group is locked, and nobody of this plugin drives a cycle at it but the one who has this.
pub(in crate::volume) struct Alone {
    // Given back in this order: whoever gets the lead next is not one who has gone.
    _place: Member,
    lead: Lead,
    /// The group as it is under the lock; none if it is gone.
    pub now: Option<RcGroup>,
    /// The operation stopped the group before, and has had the lock since.
    pub stop_is_ours: bool,
}

impl Alone {
    /// The cycle is over, and the lock is given back or left for later.
    pub fn end(self) {
        self.lead.rest();
    }
}

/// Waits for the group as those do who share a cycle, and takes its lock. None if there is no such group for the operation.
///
/// # Errors
/// Why there is no cycle. Then the lock is not taken, or it is kept for what the operation has stopped.
pub(in crate::volume) async fn alone(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    acting: &Acting,
) -> Result<Option<Alone>, Cause> {
    let at_home = groups::name_at_home(steps.entry());
    let (Some(pair), Some(group_at_home)) = (&backend.pair, at_home) else {
        return Ok(None);
    };
    let site = Site {
        namespace: &inner.namespace,
        backend,
        pair,
        acting,
        group_at_home: &group_at_home,
    };
    waited(coming, steps, &site).await.map(Some)
}

/// Ends a lock that was left at the group, while nobody of this plugin drives a cycle there. A copy is in no way of that.
pub(in crate::volume) async fn end_left_lock(
    coming: &mut Coming,
    steps: &mut Steps,
    site: &Site<'_>,
) -> Result<Ended<()>, Cause> {
    let (_place, _lead) = led(coming, steps, site).await?;
    group_lock::end_left(steps, site).await
}

async fn waited(coming: &mut Coming, steps: &mut Steps, site: &Site<'_>) -> Result<Alone, Cause> {
    let (place, lead) = led(coming, steps, site).await?;
    locked(place, lead, steps, site).await
}

/// Waits until it leads.
async fn led(coming: &mut Coming, steps: &Steps, site: &Site<'_>) -> Result<(Member, Lead), Cause> {
    let change = Change::Alone(steps.entry().vv.clone());
    let key = GroupKey::find(site.backend, site.group_at_home, &site.acting.group).await?;
    let rider = Rider {
        op: steps.entry().op.clone(),
        backend: site.backend.name.clone(),
        array: site.acting.array.label().to_owned(),
        change,
        marked: false,
        group_is_ours: false,
        may_hold_lock: Intent::LockGroup.is_in(steps.entry()),
        since: Instant::now(),
    };
    loop {
        let mut place = coming.join(&key, rider.clone());
        while let Some(word) = place.next().await {
            match word {
                Word::Lead(lead) => {
                    lead.gather().await;
                    let Some(lead) = lead.unless_another_should() else {
                        continue;
                    };
                    return Ok((place, lead));
                }
                Word::End(result) => {
                    result.map_err(Cause::Shared)?;
                }
                // It is never aboard another's cycle.
                Word::Turn(_) | Word::Seen(_) => {}
            }
        }
    }
}

async fn locked(
    place: Member,
    lead: Lead,
    steps: &mut Steps,
    site: &Site<'_>,
) -> Result<Alone, Cause> {
    loop {
        let cause = |stopped| match stopped {
            Stopped::Alone(cause) => cause,
            Stopped::All(cause) => cycle::fail_all(&lead, cause),
        };
        cycle::calm(&lead, steps, site).await.map_err(cause)?;
        let held = cycle::locked(&lead, steps, site)
            .await
            .map_err(|cause| cycle::fail_all(&lead, cause))?;
        let stop_is_ours = held && Intent::stop_is_ours(steps.entry());
        match under_lock(&lead, steps, site, stop_is_ours).await {
            Ok(Some(now)) => {
                return Ok(Alone {
                    _place: place,
                    lead,
                    now,
                    stop_is_ours,
                });
            }
            // A copy has begun since: it is waited for without the lock.
            Ok(None) => cycle::give_back(steps, site).await,
            Err(cause) => {
                // What it found locked and stopped stays so: whoever takes it back starts it.
                if !held || Intent::only_lock_is_left(steps.entry()) {
                    cycle::give_back(steps, site).await;
                }
                return Err(cause);
            }
        }
    }
}

/// The group as it is under the lock; none while a volume of it is being copied.
async fn under_lock(
    lead: &Lead,
    steps: &Steps,
    site: &Site<'_>,
    stop_is_ours: bool,
) -> Result<Option<Option<RcGroup>>, Cause> {
    let give_up = Instant::now() + cycle::SHORTLY;
    loop {
        let now = cycle::both_halves(steps, site, stop_is_ours, true).await?;
        if !cycle::is_copying(lead, now.as_ref()) {
            return Ok(Some(now));
        }
        if Instant::now() >= give_up {
            return Ok(None);
        }
        tokio::time::sleep(cycle::LOOK_AGAIN).await;
    }
}
