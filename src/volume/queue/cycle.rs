//! The way of the one who leads: it waits for the others and for copies to end, takes the lock, looks again, and drives the cycle.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    inform::RcGroup,
    replication::{self, Change, ReplicationError},
    volume::{
        error::Cause,
        group_lock,
        groups::{self, Standing},
        steps::{Intent, Steps},
    },
};

use super::{
    Changed, Site,
    aboard::{self, Cycle},
    waiting::{Lead, Rider, Waiting},
};

/// How long a group that is copying is waited for, without the lock, before an admission or a removal is refused. What is to be taken back
/// goes on then.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long it is waited for under the lock, where other hosts wait for this one.
pub(super) const SHORTLY: Duration = Duration::from_secs(5);
/// The first pause before a copy is looked at again, and the longest.
const LOOK_SOON: Duration = Duration::from_millis(100);
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Drives one cycle. `None` if the leader's own change has to wait for another one.
pub(super) async fn lead(
    lead: Lead,
    steps: &mut Steps,
    site: &Site<'_>,
) -> Option<Result<Changed, Cause>> {
    lead.gather().await;
    let lead = lead.unless_another_should()?;
    match calm(&lead, steps, site).await {
        Ok(()) => {}
        Err(Stopped::Alone(cause)) => return Some(Err(cause)),
        Err(Stopped::All(cause)) => return Some(Err(fail_all(&lead, cause))),
    }
    let held = match locked(&lead, steps, site).await {
        Ok(held) => held,
        Err(cause) => return Some(Err(fail_all(&lead, cause))),
    };
    let stop_is_ours = held && Intent::stop_is_ours(steps.entry());
    let (now, found) = match found(&lead, steps, site, stop_is_ours).await {
        Ok(found) => found,
        Err(stopped) => {
            let cause = match stopped {
                Stopped::Alone(cause) => cause,
                Stopped::All(cause) => fail_all(&lead, cause),
            };
            // What it found locked and stopped stays so: whoever takes it back starts it.
            if !held || Intent::only_lock_is_left(steps.entry()) {
                give_back(steps, site).await;
            }
            return Some(Err(cause));
        }
    };
    let waits_on = |rider: &Rider| rider.op == steps.entry().op && !found.allows(rider);
    if lead.riders().iter().any(waits_on) {
        give_back(steps, site).await;
        lead.rest();
        return None;
    }
    let cycle = Cycle {
        lead: &lead,
        site,
        now,
        found,
        stop_is_ours,
    };
    let result = aboard::drive(cycle, steps).await;
    lead.rest();
    result
}

/// Gives the lock back, of a cycle that does not come about.
pub(super) async fn give_back(steps: &mut Steps, site: &Site<'_>) {
    if let Err(cause) = group_lock::release(steps, site.acting).await {
        log::error!(group = site.acting.group.as_str(), cause:% = cause; "could not give the lock back");
    }
}

/// What stands in the way of a cycle.
pub(super) enum Stopped {
    /// Of the leader only; the others wait on.
    Alone(Cause),
    /// Of everyone who wants the same.
    All(Cause),
}

/// Nobody tries one by one what has failed for all.
pub(super) fn fail_all(lead: &Lead, cause: Cause) -> Cause {
    let shared = Arc::new(cause);
    lead.refuse(|_| true, &shared);
    Cause::Shared(shared)
}

/// A group that is copying would have to be stopped in the middle of it.
pub(super) fn copying(site: &Site<'_>) -> Cause {
    let group = site.acting.group.clone();
    groups::refused(&site.acting.array, ReplicationError::Syncing { group })
}

/// A copy that does not end in good time keeps new volumes out and old ones in.
pub(super) fn has_waited_long(rider: &Rider) -> bool {
    rider.since.elapsed() >= PATIENCE
}

fn is_admission(rider: &Rider) -> bool {
    matches!(rider.change, Change::Admit(_))
}

fn takes_back(rider: &Rider) -> bool {
    matches!(rider.change, Change::TakeBack(_))
}

/// Waits until no volume is being copied but those that leave. No lock is held meanwhile: another host may have its turn.
pub(super) async fn calm(lead: &Lead, steps: &Steps, site: &Site<'_>) -> Result<(), Stopped> {
    let mut pause = LOOK_SOON;
    loop {
        let now = look(steps, site).await.map_err(Stopped::All)?;
        if !is_copying(lead, now.as_ref()) {
            return Ok(());
        }
        let too_long = |rider: &Rider| !takes_back(rider) && has_waited_long(rider);
        lead.refuse(too_long, &Arc::new(copying(site)));
        let riders = lead.riders();
        if riders
            .iter()
            .any(|r| r.op == steps.entry().op && too_long(r))
        {
            return Err(Stopped::Alone(copying(site)));
        }
        if riders.iter().any(|r| takes_back(r) && has_waited_long(r)) {
            return Ok(());
        }
        sleep(pause).await;
        pause = (pause * 2).min(LOOK_AGAIN);
    }
}

pub(super) fn is_copying(lead: &Lead, now: Option<&RcGroup>) -> bool {
    let riders = lead.riders();
    let leaving = riders.iter().filter_map(|rider| rider.change.leaving());
    now.is_some_and(|group| replication::is_copying_others(group, leaving))
}

async fn look(steps: &Steps, site: &Site<'_>) -> Result<Option<RcGroup>, Cause> {
    let acting = site.acting;
    let look = acting.array.showrcopy_group(&acting.group);
    steps.look("group", look).await
}

/// Takes the lock. True if the operation had it already: then it may have stopped the group, and nobody else has since.
pub(super) async fn locked(lead: &Lead, steps: &mut Steps, site: &Site<'_>) -> Result<bool, Cause> {
    let held = group_lock::is_ours(steps, site.acting).await?;
    if !held {
        group_lock::take(steps, site, |op| lead.is_leading(op)).await?;
    }
    Ok(held)
}

/// What the arrays showed under the lock beyond the group itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Both halves were looked at and fit: volumes may go.
    pub both: bool,
    /// And whether the group is the plugin's own: volumes may come.
    pub ours: Option<bool>,
    /// No volume that stays is being copied.
    pub calm: bool,
}

impl Found {
    /// True if enough is known for this change.
    pub fn allows(&self, rider: &Rider) -> bool {
        match rider.change {
            Change::TakeBack(_) => self.calm || has_waited_long(rider),
            Change::Dismiss(_) | Change::Part(_) => self.both,
            Change::Admit(_) => self.both && self.ours.is_some(),
            // It has a cycle for itself.
            Change::Alone(_) => false,
        }
    }
}

/// The group as it is under the lock. Before it somebody may have stopped the group, failed it over, or made it. What is wrong is told to
/// those whom it concerns; an error is the leader's own.
async fn found(
    lead: &Lead,
    steps: &Steps,
    site: &Site<'_>,
    stop_is_ours: bool,
) -> Result<(Option<RcGroup>, Found), Stopped> {
    let me = |rider: &Rider| rider.op == steps.entry().op;
    let riders = lead.riders();
    let mut found = Found {
        both: false,
        ours: None,
        calm: false,
    };
    let mut now = None;
    if riders.iter().any(|rider| !takes_back(rider)) {
        let admits = riders.iter().any(is_admission);
        match both_halves(steps, site, stop_is_ours, admits).await {
            Ok(both) => {
                now = both;
                found.both = true;
            }
            Err(cause) => {
                let shared = Arc::new(cause);
                lead.refuse(|rider| !takes_back(rider), &shared);
                if riders.iter().any(|rider| me(rider) && !takes_back(rider)) {
                    return Err(Stopped::Alone(Cause::Shared(shared)));
                }
            }
        }
    }
    if !found.both {
        now = look(steps, site).await.map_err(Stopped::All)?;
    }
    let give_up = Instant::now() + SHORTLY;
    while is_copying(lead, now.as_ref()) && Instant::now() < give_up {
        sleep(LOOK_AGAIN).await;
        now = look(steps, site).await.map_err(Stopped::All)?;
    }
    found.calm = !is_copying(lead, now.as_ref());
    if let (false, Some(now)) = (found.both, &now) {
        let (backend, pair, group) = (site.backend, site.pair, site.group_at_home);
        groups::check_still_here(steps, backend, pair, group, (site.acting, now))
            .await
            .map_err(Stopped::All)?;
    }
    if found.both && riders.iter().any(is_admission) {
        let array = &site.acting.array;
        let ours = groups::is_ours(site.namespace, steps, array, now.as_ref()).await;
        found.ours = Some(ours.map_err(Stopped::All)?);
    }
    Ok((now, found))
}

/// Both halves again, from which the group is still to be changed on the same array. One that is gone from both has nothing to be taken
/// out of.
pub(super) async fn both_halves(
    steps: &Steps,
    site: &Site<'_>,
    stop_is_ours: bool,
    admits: bool,
) -> Result<Option<RcGroup>, Cause> {
    let standing = Standing::Locked { stop_is_ours };
    let found = groups::find(steps, site.backend, site.pair, site.group_at_home, standing).await?;
    if found.acting.side != site.acting.side && (admits || found.now.is_some()) {
        return Err(Cause::RolesChanged(site.group_at_home.clone()));
    }
    Ok(found.now)
}

/// Why one cannot come along, and whether it waits for another cycle instead.
pub(super) fn waits_on(why: &ReplicationError, waiting: &Waiting) -> bool {
    matches!(why, ReplicationError::Syncing { .. }) && !has_waited_long(&waiting.rider)
}
