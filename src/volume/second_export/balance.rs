//! What the two arrays export of a volume that is mounted here, and what is done about it.

use crate::{
    index::{JournalEntry, OpKind},
    inform::{Array, VvQuery},
    model::{RequestId, VolumeName, VvName},
    replication::{Exported, Half, Holder, Next},
    volume::{
        backend::Backend,
        detach,
        error::Cause,
        exports::{self, Exports},
        inner::Inner,
        known, reconcile, sides,
        steps::{Intent, Steps},
    },
};

use super::{PATIENCE, add, in_time, is_holder, mark_holder, missing, pair};

/// What was seen of a mounted volume.
pub(super) struct Seen {
    /// The arrays that export it to this machine.
    pub by: Vec<String>,
    /// Why one of them does not.
    pub missing: Option<String>,
}

/// Looks, and does what is to be done. Nothing if the volume is not mounted any more, or an operation is at it. The caller holds the
/// name's lock.
pub(super) async fn look(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<Option<Seen>, Cause> {
    // What an earlier operation left on an array that was away is in nobody's way.
    let is_at_it =
        |entry: &JournalEntry| entry.name == *name && !detach::is_overtaken(inner, entry);
    let busy = inner.index.open_entries().iter().any(is_at_it);
    let Some(volume) = inner.index.get(name).filter(|_| !busy) else {
        return Ok(None);
    };
    if reconcile::mounted_volume(inner, name)?.is_none() {
        return Ok(None);
    }
    let backend = inner.backend(&volume.backend)?.for_request(request);
    let Some(pair) = pair(&backend) else {
        return Ok(None);
    };
    let vv = &volume.vv;
    let sides = sides::of_volume(inner, &backend, pair, name, vv, PATIENCE).await?;
    let serving = sides.serving(pair.wants.lone_primary)?.side;
    let second = sides.second_export(serving, vv);
    let (array, other) = (pair.on(serving), pair.on(serving.other()));
    let on_serving = in_time(array, exports::seen(&backend, array, vv)).await?;
    let on_other = match sides.on(serving.other()).half {
        Half::Seen(_) => Some(in_time(other, exports::seen(&backend, other, vv)).await?),
        Half::Absent | Half::Unreadable { .. } => None,
    };
    let (here, there) = (on_serving.told(), on_other.as_ref().map(Exports::told));
    let holder = match here.here {
        true => Holder::Us,
        false => holder(inner, array, vv).await?,
    };
    let mut seen = Seen {
        by: Vec::new(),
        missing: missing(&second).or_else(|| stuck(here, there, holder)),
    };
    seen.by.extend(here.here.then(|| array.label().to_owned()));
    let beside = there.is_some_and(|there| there.here);
    seen.by.extend(beside.then(|| other.label().to_owned()));
    let next = second.next(here, there, holder);
    if next != Next::Nothing {
        let mut steps = Steps::begin(
            &inner.index,
            &inner.points,
            inner.new_entry(request, OpKind::Export, name, &backend),
        )
        .await?;
        let exported = [on_serving, on_other.unwrap_or(Exports::None)];
        let done = carry_out(inner, &backend, &mut steps, next, [array, other], exported).await;
        // There is nothing to undo: an export of ours beside a mount of ours is looked at again.
        steps.finish()?;
        done?;
        if next == Next::WithdrawSecond {
            seen.by.retain(|label| label != other.label());
        } else {
            seen.by = vec![array.label().to_owned(), other.label().to_owned()];
        }
    }
    if seen.by.len() == 2 {
        seen.missing = None;
    }
    Ok(Some(seen))
}

/// Adds an export at the LUN of the one that is there, or takes one back.
async fn carry_out(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    next: Next,
    [serving, other]: [&Array; 2],
    [on_serving, on_other]: [Exports; 2],
) -> Result<(), Cause> {
    let at = |exports: Exports| exports.own().first().map(|template| template.lun);
    match next {
        Next::Nothing => {}
        Next::AddSecond => {
            add(backend, steps, other, at(on_serving)).await?;
            mark_holder(inner, steps, other).await;
        }
        Next::AddServing => {
            add(backend, steps, serving, at(on_other)).await?;
        }
        Next::WithdrawSecond => {
            log::warn!(volume = steps.entry().name.as_str(), array = other.label();
                "the export of the array that does not serve leads to other data, or another host has the volume: taken back under the mount");
            detach::withdraw_own(steps, other, Intent::WithdrawSecond, on_other).await?;
        }
    }
    Ok(())
}

/// Why nothing is done although an export is missing.
fn stuck(serving: Exported, other: Option<Exported>, holder: Holder) -> Option<String> {
    let other = other?;
    if serving.here && other.here {
        return None;
    }
    let why = match (serving.elsewhere || other.elsewhere, holder) {
        (true, _) => "it is exported to somebody else, too",
        (false, Holder::Another) => "another host has had the volume since",
        (false, Holder::Unknown) if other.here => {
            "the array that serves does not tell whether this host was the last to have the volume"
        }
        (false, _) => "it is not exported to this host",
    };
    Some(why.to_owned())
}

/// Who mounted the volume last, as the array that serves has it.
async fn holder(inner: &Inner, array: &Array, vv: &VvName) -> Result<Holder, Cause> {
    let found = array.showvv(VvQuery::Name(vv)).await?;
    let comment = found.first().map(|vv| known::judge(inner, array, vv));
    Ok(match comment {
        Some(Ok(comment)) if is_holder(comment.held.as_ref(), &inner.machine) => Holder::Us,
        Some(Ok(comment)) if comment.held.is_some() => Holder::Another,
        _ => Holder::Unknown,
    })
}
