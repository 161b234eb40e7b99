//! A clone that comes into its group while another host removes it.
//!
//! Whoever completes it looks at the mark under the group's lock. So when the lock is free after the mark was written, the clone either is in,
//! which shows then, or never will be.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    model::{Comment, GroupName},
    volume::{
        backend::Backend,
        error::Cause,
        group_lock,
        groups::{self, Found, Standing},
        steps::{Intent, Steps},
    },
};

use super::{acting, marks};

/// How long the host is waited for that completes the clone: it has the lock for seconds.
const OTHERS_TURN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Looks whether the clone has come into its group since that was looked at: then it is removed as if it had been there before. `group`: as
/// its array calls it; `comment`: the mark.
///
/// # Errors
/// [`Cause::NotProven`] if it has on the peer, and is not taken out again by whoever brought it in.
pub(super) async fn look(
    steps: &mut Steps,
    backend: &Backend,
    group: &GroupName,
    comment: &Comment,
) -> Result<(), Cause> {
    if acting(steps, backend).is_some() {
        return Ok(());
    }
    let vv = steps.entry().vv.clone();
    let give_up = Instant::now() + OTHERS_TURN;
    loop {
        // It is admitted from where it is, or not at all.
        let array = &backend.array;
        let locked = group_lock::is_taken(steps, array, group).await?;
        let now = steps.look("group", array.showrcopy_group(group)).await?;
        let is_in = now.is_some_and(|now| now.holds(&vv));
        let has_waited = Instant::now() >= give_up;
        match &backend.pair {
            Some(pair) if is_in => {
                log::info!(volume = steps.entry().name.as_str(), group = group.as_str(); "the clone has come into its group meanwhile");
                let found = groups::find(steps, backend, pair, group, Standing::Before).await?;
                let Found { acting, .. } = found;
                groups::remember(steps, &acting, group)?;
                return marks::set_on_copy(steps, &acting.other).await;
            }
            // What another lock is for is nothing to it: an array removes no VV that is in a group.
            _ if !is_in && (!locked || has_waited) => return Ok(()),
            // On the peer whoever brought it in sees the mark, and takes it out; but not if it was ready by then.
            None if is_in && (has_waited || comment.becomes.is_none()) => {
                return Err(Cause::NotProven {
                    intent: Intent::MarkRemoving.to_string(),
                    found: format!("`{vv}` is in remote copy group `{group}` by now"),
                });
            }
            _ => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}
