//! One attempt to have a volume alone: look, export, look again.

use tokio::time::sleep;

use crate::{
    inform::{Refusal, Vv},
    model::{Comment, Format},
    volume::{
        backend::Backend,
        detach,
        error::Cause,
        exports::{self, Exports},
        host_object,
        inner::Inner,
        mark,
        mount::ready,
        second_export::Second,
        serving::Serving,
        steps::{Intent, Steps},
    },
};

use super::{
    Claim, LEASE, MARGIN,
    foreign::Foreign,
    former,
    last::{is_later, shorten},
};

/// How it ended.
pub(super) enum Attempt {
    /// This machine has the volume alone.
    Alone(Box<Claim>),
    /// Somebody else is there, and no export to this machine is left that was made against it.
    Met {
        /// This machine had exported it, too.
        exported: bool,
        /// What the array said to that, if it did not take it.
        over: Option<Cause>,
        /// The exports to others, if they are all known.
        foreign: Option<Vec<Foreign>>,
    },
}

/// Exports the volume, unless somebody else has it.
pub(super) async fn claim(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &mut Steps,
    now: &(Vv, Comment),
) -> Result<Attempt, Cause> {
    let (found, comment) = now;
    let array = &from.array;
    let vv = steps.entry().vv.clone();
    let before = exports::look_at_sets_too(steps, backend, array, &vv).await?;
    let template = match before {
        Exports::Foreign { to, foreign, own } => {
            // Under a device that is still attached, or under several LUNs: that is no moment's meeting.
            if foreign.is_empty() || backend.transport.find(&found.wwn)?.is_some() {
                return Err(Cause::ExportedElsewhere {
                    array: array.label().to_owned(),
                    to,
                });
            }
            for template in &own {
                exports::withdraw(steps, Intent::Withdraw, array, template).await?;
            }
            let exported = !own.is_empty();
            let alone = from.second.is_none() && !exported;
            return Ok(Attempt::Met {
                exported,
                over: None,
                foreign: alone.then(|| Foreign::all(array, foreign)),
            });
        }
        Exports::Ours(template) => Some(template),
        Exports::None => None,
    };
    let mut second = match Second::look(inner, backend, from, steps, &found.wwn).await {
        Err(Cause::ExportedElsewhere { .. }) => {
            return Ok(Attempt::Met {
                exported: false,
                over: None,
                foreign: None,
            });
        }
        other => other?,
    };
    let seen = (template.is_some(), second.as_ref());
    former::let_go(inner, backend, from, steps, now, seen).await?;
    let template = match template {
        Some(template) => template,
        None => {
            let lun = second.as_ref().and_then(Second::lun);
            let _kept = inner.host_objects.keep(backend, array).await?;
            let host =
                host_object::find_or_make(&inner.host_objects, steps, backend, array).await?;
            match exports::export(backend, steps, Intent::Export, array, &vv, &host, lun).await {
                Ok(template) => template,
                // Refused because of another host, or made beside another host's: either way there is one.
                Err(cause) if !steps.is_in_doubt() => {
                    let objects = &inner.host_objects;
                    let cause = objects.explain(steps, array, &host, cause).await;
                    return met_over(cause, backend, from, steps).await;
                }
                Err(cause) => return Err(cause),
            }
        }
    };
    if let Some(second) = &mut second {
        match second.export(inner, backend, steps, template.lun).await {
            Err(Cause::ExportedElsewhere { .. }) => {
                return meets(backend, from, steps).await;
            }
            other => other?,
        }
    }
    // Somebody may have begun to remove it between the look and the export, or to fail its group over.
    let (again, mut now) = ready(inner, from, steps).await?;
    if again.wwn != found.wwn || now.format != comment.format {
        return Err(Cause::other_identity(array, &again, &found.wwn));
    }
    from.still_serves(inner, backend, steps).await?;
    let via = template.target.to_string();
    let answered = mark_holder(inner, from, steps, &again, &mut now, &via, second.as_ref()).await?;
    if answered {
        // The mark of a take-over may have been written over, and its command be on its way all the same.
        sleep(LEASE + MARGIN).await;
        let seen = exports::look(steps, backend, array, &vv).await?;
        if !matches!(&seen, Exports::Ours(still) if *still == template) {
            return meets(backend, from, steps).await;
        }
    }
    Ok(Attempt::Alone(Box::new(Claim {
        template,
        second,
        vv: again,
        comment: now,
        taken_from: None,
    })))
}

/// The export was not made, or not alone: because of another host, as far as the array's answer can mean that. Its own export goes.
async fn met_over(
    cause: Cause,
    backend: &Backend,
    from: &Serving,
    steps: &mut Steps,
) -> Result<Attempt, Cause> {
    let vv = steps.entry().vv.clone();
    let seen = exports::look(steps, backend, &from.array, &vv).await?;
    let met = matches!(&seen, Exports::Foreign { foreign, .. } if !foreign.is_empty());
    // Gone again by now, perhaps.
    let may_have_met = match &cause {
        Cause::NotProven { .. } => true,
        Cause::Array(error) => matches!(
            error.refusal(),
            Some(Refusal::Exported | Refusal::Exists | Refusal::Other)
        ),
        _ => false,
    };
    if !met && !may_have_met {
        return Err(cause);
    }
    detach::withdraw_own(steps, &from.array, Intent::Withdraw, seen).await?;
    Ok(Attempt::Met {
        exported: true,
        over: Some(cause),
        foreign: None,
    })
}

/// Another host is there by now: what this one has exported goes, on both arrays.
async fn meets(backend: &Backend, from: &Serving, steps: &mut Steps) -> Result<Attempt, Cause> {
    let vv = steps.entry().vv.clone();
    let mut arrays = vec![(&from.array, Intent::Withdraw)];
    if from.second.is_some() && from.other_answers {
        arrays.push((backend.on(from.side.other()), Intent::WithdrawSecond));
    }
    for (array, intent) in arrays {
        let seen = exports::look(steps, backend, array, &vv).await?;
        detach::withdraw_own(steps, array, intent, seen).await?;
    }
    Ok(Attempt::Met {
        exported: true,
        over: None,
        foreign: None,
    })
}

/// Writes down who has the volume, before any other host could think that nobody does. Where another host may mount it from another array
/// it matters who was the last, too. True if it was written although this machine was the one: that may have been over the mark of
/// a take-over.
async fn mark_holder(
    inner: &Inner,
    from: &Serving,
    steps: &mut Steps,
    found: &Vv,
    comment: &mut Comment,
    via: &str,
    second: Option<&Second>,
) -> Result<bool, Cause> {
    let us = Some(&inner.machine);
    let taken = comment.pending.clone();
    let held = comment.held.as_ref() == us;
    let copy = second.and_then(Second::written);
    let seen = comment.holds.unwrap_or_default();
    let is_counted = second.is_none() || comment.holds.is_some();
    let is_last =
        held && is_counted && copy.is_none_or(|copy| !is_later(&inner.machine, seen, copy));
    if found.comment.is_none() || (is_last && taken.is_none()) {
        return Ok(false);
    }
    let answers = held || taken.as_ref() == us;
    let now = u64::try_from(inner.now().as_second()).unwrap_or_default();
    let before = comment.since.map_or(0, |before| before.saturating_add(1));
    comment.held = Some(inner.machine.clone());
    comment.since = Some(now.max(before));
    comment.holds = second.map(|_| {
        let there = copy.and_then(|copy| copy.holds).unwrap_or_default();
        seen.with(there).one_more(from.side)
    });
    // An array that is away may still export it to the one that it was taken from.
    let away = second.is_some() && !from.other_answers;
    comment.pending = taken.filter(|taken| away && *taken != inner.machine);
    comment.via = via.parse().ok();
    shorten(comment);
    keep_formatting(comment, steps);
    let vv = &steps.entry().vv.clone();
    mark::home(steps, Intent::MarkHolder, &from.array, vv, comment).await?;
    Ok(answers)
}

/// Whoever writes a comment puts its operation into it, but for a filesystem that is being made: only the one that began may go on.
pub(super) fn keep_formatting(comment: &mut Comment, steps: &Steps) {
    if comment.format != Format::Doing {
        comment.op = steps.entry().op.clone();
    }
}
