//! Taking the exports of another host away: marked in the comment first, and looked at once more after that.

use tokio::time::Instant;

use crate::{
    inform::{Array, VlunTemplate},
    model::{Comment, Machine},
    volume::{
        backend::Backend,
        error::Cause,
        exports,
        inner::Inner,
        mark,
        mount::ready,
        serving::Serving,
        steps::{Intent, Steps},
    },
};

use super::{
    LEASE,
    attempt::keep_formatting,
    foreign::{self, Foreign, Situation},
};

/// Removes these exports of `holder`. False, and nothing is removed, if something is not as it was judged.
pub(super) async fn evict(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &mut Steps,
    situation: &Situation,
    comment: &Comment,
    holder: &Machine,
) -> Result<bool, Cause> {
    let array = &from.array;
    let vv = steps.entry().vv.clone();
    // What was judged is what is written over.
    let (_, now) = ready(inner, from, steps).await?;
    if now != *comment {
        return Ok(false);
    }
    let mut marked = comment.clone();
    marked.pending = Some(holder.clone());
    keep_formatting(&mut marked, steps);
    match mark::home(steps, Intent::MarkTakeOver, array, &vv, &marked).await {
        Ok(_) => {}
        // Somebody else has written there since.
        Err(Cause::NotProven { .. }) => return Ok(false),
        Err(cause) => return Err(cause),
    }
    let until = Instant::now() + LEASE;
    let (_, now) = ready(inner, from, steps).await?;
    let here = foreign::look(backend, from, steps).await?;
    let same = here.len() == situation.foreign.len() && here.iter().all(|one| situation.has(one));
    let judged = match now == marked && same {
        true => foreign::judge(backend, from, steps, situation, &now).await?,
        false => return Ok(false),
    };
    if judged.is_err() {
        // The mark stays: to write over it could be to write over the equal one of a third host, which has looked before.
        log::warn!(volume = steps.entry().name.as_str(), holder:% = holder;
            "the other host has come back: not taken over");
        return Ok(false);
    }
    let (from_whom, at) = (holder.to_string(), inner.now().to_string());
    steps.record(&[("taken from", &from_whom), ("taken at", &at)])?;
    for one in &situation.foreign {
        if Instant::now() >= until {
            return Ok(false);
        }
        log::warn!(volume = steps.entry().name.as_str(), array = one.array.label(), lun:% = one.template.lun,
            export_to:% = one.template.target, holder:% = holder, by:% = inner.machine;
            "taking the volume over: the other host's export is removed");
        exports::remove(steps, Intent::Evict, &one.array, &one.template, Some(until)).await?;
    }
    Ok(true)
}

/// The other array was away when the volume was taken over, and has come back: what it still exports to the one that it was taken from
/// goes, and then the comment forgets it.
///
/// # Errors
/// [`Cause::ExportedElsewhere`] if it is not all that host's.
pub(in crate::volume) async fn end_pending(
    inner: &Inner,
    steps: &mut Steps,
    [serving, other]: [&Array; 2],
    comment: &Comment,
    left: &[VlunTemplate],
) -> Result<(), Cause> {
    let (volume, vv) = (steps.entry().name.clone(), steps.entry().vv.clone());
    for one in &Foreign::all(other, left.to_vec()) {
        let owner = match one.host() {
            Some(host) => foreign::owner(steps, other, host, comment).await?,
            None => None,
        };
        if owner.is_none() || owner != comment.pending {
            return Err(Cause::ExportedElsewhere {
                array: other.label().to_owned(),
                to: exports::names(left),
            });
        }
        log::warn!(volume = volume.as_str(), array = other.label(), lun:% = one.template.lun,
            export_to:% = one.template.target, by:% = inner.machine;
            "an export to the host that the volume was taken over from is removed");
        exports::remove(steps, Intent::Evict, other, &one.template, None).await?;
    }
    let mut comment = comment.clone();
    comment.pending = None;
    mark::home(steps, Intent::MarkHolder, serving, &vv, &comment).await?;
    Ok(())
}
