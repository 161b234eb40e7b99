//! Who has a volume (decision 4): two hosts never have one.
//!
//! The exports on the arrays decide, nothing else does. A host that wants the volume exports it to itself and looks: only what it sees
//! *after* its own export, this host alone, permits a mount. Whoever sees another host lets go of its own export, waits for a random
//! time and begins again. Of two who export at the same moment at least one sees the other, in whatever order the array carries
//! their commands out.
//!
//! An export that another host leaves behind is waited for, and then taken away if that host is dead (`take_over`). Nobody can be
//! asked whether a host is dead and be held to it: so the one that takes over writes its intent into the comment first, and looks for
//! paths afterwards; the one that comes back gets its paths first, and reads the comment afterwards ([`still_ours`]). One of them
//! sees the other.

mod attempt;
mod foreign;
mod former;
mod handovers;
pub(super) mod last;
pub(super) mod lost;
mod take_over;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    inform::{VlunTemplate, Vv},
    model::{Comment, CreateVolume, Machine, OperationId},
};

use super::{
    backend::Backend, error::Cause, exports, inner::Inner, mount::ready, second_export::Second,
    serving::Serving, steps::Steps,
};

use attempt::Attempt;
pub use foreign::HeldElsewhere;
use foreign::{Obstacle, Situation};
pub(in crate::volume) use handovers::Handovers;
pub(in crate::volume) use take_over::end_pending;

/// How often the other host's exports are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How long after its mark a take-over may still send a command that removes an export.
const LEASE: Duration = Duration::from_secs(10);
/// How much later than that it has been carried out, in any case that can be told from one of doubt.
const MARGIN: Duration = Duration::from_secs(3);
/// So long nobody else begins a take-over beside one that may be on its way.
const RESPITE: Duration = Duration::from_secs(2 * LEASE.as_secs());
/// How often a host that meets another one at the same moment begins again.
const TRIES: u32 = 12;
/// How often an export may be refused though nobody is seen.
const REFUSALS: u32 = 3;
/// The shortest range of random pauses after such a meeting; it doubles, up to the longest.
const PAUSES: (u64, u64) = (250, 8_000);

/// A volume that is exported to this machine alone.
#[derive(Debug)]
pub(super) struct Claim {
    /// The export by the array that serves.
    pub template: VlunTemplate,
    /// The other array, with Peer Persistence.
    pub second: Option<Second>,
    /// The VV, as it was seen after the export.
    pub vv: Vv,
    /// Its comment, which names this machine as the holder.
    pub comment: Comment,
    /// The machine that it was taken over from.
    pub taken_from: Option<Machine>,
}

/// Exports the volume to this machine alone. Another host is waited for as long as the volume's `mountConflictDelay`, and then its
/// exports are taken away, if `takeover` and everything that is known of that host permit it.
///
/// # Errors
/// [`Cause::HeldElsewhere`] if another host keeps it; whatever keeps an export from being made. Exports that were made are the
/// caller's to take back.
pub(super) async fn claim(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &mut Steps,
    vv: Vv,
    comment: Comment,
) -> Result<Claim, Cause> {
    let seconds = comment
        .delay
        .unwrap_or(CreateVolume::DEFAULT_MOUNT_CONFLICT_DELAY);
    let delay = Duration::from_secs(seconds.into());
    let begun = Instant::now();
    let wwn = vv.wwn.clone();
    let mut now = (vv, comment);
    let mut last: Option<(Situation, Instant)> = None;
    let mut taken_from = None;
    let (mut tries, mut refusals) = (0, 0);
    loop {
        let attempt = attempt::claim(inner, backend, from, steps, &now).await?;
        let (exported, over, foreign) = match attempt {
            Attempt::Alone(mut claim) => {
                claim.taken_from = taken_from;
                return Ok(*claim);
            }
            Attempt::Met {
                exported,
                over,
                foreign,
            } => (exported, over, foreign),
        };
        if exported {
            tries += 1;
            sleep(pause(&steps.entry().op, tries)).await;
        }
        now = ready(inner, from, steps).await?;
        if now.0.wwn != wwn {
            return Err(Cause::other_identity(&from.array, &now.0, &wwn));
        }
        let foreign = match foreign {
            Some(foreign) => foreign,
            None => foreign::look(backend, from, steps).await?,
        };
        if foreign.is_empty()
            && let Some(cause) = over
        {
            // It may have been refused because of somebody who has gone since, but not for ever.
            refusals += 1;
            if refusals > REFUSALS {
                return Err(cause);
            }
        }
        let situation = Situation::new(foreign, &now.1);
        let since = match &last {
            Some((before, since)) if *before == situation => *since,
            _ => Instant::now(),
        };
        if last.is_none() {
            log::info!(volume = steps.entry().name.as_str(), exports = situation.to_string().as_str(), delay_s = seconds;
                "another host has the volume: waited for");
        }
        let refused = |why: Obstacle| Err(situation.held(from, &now.1, begun.elapsed(), why));
        if tries >= TRIES {
            return refused(Obstacle::Contended);
        }
        let need = match now.1.pending {
            Some(_) => delay.max(RESPITE),
            None => delay,
        };
        if begun.elapsed() >= delay && !situation.is_empty() {
            let judged = foreign::judge(backend, from, steps, &situation, &now.1).await?;
            let holder = match judged {
                Ok(holder) => holder,
                Err(why) => return refused(why),
            };
            if since.elapsed() >= need {
                let away =
                    take_over::evict(inner, backend, from, steps, &situation, &now.1, &holder)
                        .await?;
                now = ready(inner, from, steps).await?;
                if away {
                    taken_from = Some(holder);
                    last = None;
                } else {
                    tries += 1;
                }
                continue;
            }
            if begun.elapsed() >= delay + need + RESPITE {
                return refused(Obstacle::Contended);
            }
        }
        if !situation.is_empty() && !exported {
            let left = need.saturating_sub(since.elapsed());
            let ends = delay.saturating_sub(begun.elapsed());
            let pause = [left, ends]
                .into_iter()
                .filter(|left| !left.is_zero())
                .min();
            sleep(pause.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)).await;
        }
        last = Some((situation, since));
    }
}

/// A pause of its own for every operation and every try: two that have met do not meet again for ever.
fn pause(op: &OperationId, tries: u32) -> Duration {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (op.to_string(), tries).hash(&mut hasher);
    let range = (PAUSES.0 << tries.min(10)).min(PAUSES.1);
    Duration::from_millis(hasher.finish() % range)
}

/// After this machine has got its paths, and before anything is written or mounted: nobody is about to take the volume over, or has.
///
/// The comment is read first: who takes it over marks the comment, looks for paths, and only then removes the export.
///
/// # Errors
/// [`Cause::TakenOver`], [`Cause::ExportedElsewhere`].
pub(super) async fn still_ours(
    inner: &Inner,
    from: &Serving,
    steps: &Steps,
    template: &VlunTemplate,
) -> Result<(), Cause> {
    let (vv, comment) = ready(inner, from, steps).await?;
    let us = Some(&inner.machine);
    // A copy whose array takes no comment tells nothing.
    let is_marked = comment.held.as_ref() != us || comment.pending.as_ref() == us;
    if vv.comment.is_some() && is_marked {
        let by = match &comment.held {
            Some(held) if held != &inner.machine => held,
            _ => &comment.op.machine,
        };
        return Err(Cause::TakenOver {
            array: from.array.label().to_owned(),
            by: by.clone(),
        });
    }
    let mut others = exports::look_on(steps, &from.array, &steps.entry().vv).await?;
    let before = others.len();
    others.retain(|other| other != template);
    if others.is_empty() && before == 1 {
        return Ok(());
    }
    Err(Cause::ExportedElsewhere {
        array: from.array.label().to_owned(),
        to: match others.as_slice() {
            [] => "this host no more".to_owned(),
            others => exports::names(others),
        },
    })
}
