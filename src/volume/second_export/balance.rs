//! What the two arrays export of a volume that is mounted here, and what is done about it.

use crate::{
    index::{JournalEntry, OpKind},
    inform::{Array, VvQuery},
    model::{Comment, RequestId, VolumeName, VvName, Wwn},
    replication::{Exported, Half, Holder, Next},
    volume::{
        backend::Backend,
        detach,
        error::Cause,
        exports::{self, Exports},
        inner::Inner,
        known, ownership, paths, place, reconcile, sides,
        steps::{Intent, Steps},
    },
};

use super::{PATIENCE, add, in_time, mark_holder, missing, pair};

/// What was seen of a mounted volume.
pub(super) struct Seen {
    /// The arrays that export it to this machine.
    pub by: Vec<String>,
    /// Why one of them does not.
    pub missing: Option<String>,
    /// The array that serves exports it to this machine.
    pub has_serving: bool,
}

/// Looks, and does what is to be done. Nothing if the volume is not mounted any more, or an operation is at it. The caller holds the
/// name's lock.
pub(super) async fn look(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    had_serving: bool,
) -> Result<Option<Seen>, Cause> {
    let Some(volume) = inner.index.get(name) else {
        return Ok(None);
    };
    if reconcile::mounted_volume(inner, name)?.is_none() {
        return Ok(None);
    }
    // What an earlier operation left on an array that was away is in nobody's way.
    let is_at_it = |entry: &JournalEntry| entry.name == *name && !detach::leaves_this_alone(entry);
    if inner.index.open_entries().iter().any(is_at_it) {
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
    let here = in_time(array, look_at(inner, &backend, array, vv)).await?;
    let there = match sides.on(serving.other()).half {
        Half::Seen(_) => Some(in_time(other, look_at(inner, &backend, other, vv)).await?),
        Half::Absent | Half::Unreadable { .. } => None,
    };
    if let (Some(there), Some(comment)) = (&there, &here.comment)
        && comment.pending.is_some()
        && comment.held.as_ref() == Some(&inner.machine)
    {
        // Before this array exports it to anybody again.
        let mut entry = inner.new_entry(request, OpKind::Export, name, &backend);
        let acting = other.label().to_owned();
        entry.facts.insert("acting".to_owned(), acting);
        let mut steps = Steps::begin(&inner.index, &inner.points, entry).await?;
        let left = there.exports.foreign();
        ownership::end_pending(inner, &mut steps, [array, other], comment, left).await?;
        steps.finish()?;
        return Ok(None);
    }
    let own = inner.second_exports.of(name).and_then(|kept| kept.since());
    let holder = holder(inner, [Some(&here), there.as_ref()], own);
    let (on_here, on_there) = (
        here.exports.told(),
        there.as_ref().map(|there| there.exports.told()),
    );
    let mut next = second.next(on_here, on_there, holder, had_serving);
    let mut seen = Seen {
        by: Vec::new(),
        missing: missing(&second).or_else(|| stuck(on_here, on_there, holder)),
        has_serving: on_here.here,
    };
    seen.by
        .extend(on_here.here.then(|| array.label().to_owned()));
    let beside = on_there.is_some_and(|there| there.here);
    seen.by.extend(beside.then(|| other.label().to_owned()));
    if let (Next::AddSecond | Next::AddServing, Some(there)) = (next, &there)
        && there.wwn != here.wwn
    {
        next = Next::Nothing;
        seen.missing = Some(format!(
            "the copy there has WWN {}, and the volume {}",
            there.wwn, here.wwn
        ));
    }
    if next != Next::Nothing {
        let mut entry = inner.new_entry(request, OpKind::Export, name, &backend);
        // Where an export is added, or the one that leads elsewhere is.
        let acting = match next {
            Next::AddServing => array.label().to_owned(),
            _ => other.label().to_owned(),
        };
        entry.facts.insert("acting".to_owned(), acting);
        let mut steps = Steps::begin(&inner.index, &inner.points, entry).await?;
        // However it ends: what the arrays show is another thing then.
        inner.paths.forget(name);
        carry_out(
            inner,
            &backend,
            &mut steps,
            next,
            [array, other],
            [Some(here), there],
        )
        .await?;
        if steps
            .entry()
            .facts
            .get("doubt")
            .is_none_or(String::is_empty)
        {
            steps.finish()?;
        }
        if matches!(next, Next::AddSecond | Next::AddServing)
            && let Err(cause) = paths::complete(inner, request, name).await
        {
            log::warn!(volume = name.as_str(), cause:% = cause; "exported, and not all paths are there yet");
        }
        let both = [array, other].map(|array| array.label().to_owned());
        seen.by = match next {
            Next::CutOff => Vec::new(),
            Next::WithdrawSecond => seen
                .by
                .into_iter()
                .filter(|by| by != other.label())
                .collect(),
            Next::AddSecond | Next::AddServing | Next::Nothing => both.to_vec(),
        };
        seen.has_serving = seen.by.iter().any(|by| by == array.label());
    }
    if seen.by.len() == 2 {
        seen.missing = None;
    }
    Ok(Some(seen))
}

/// What one array shows of a volume.
struct Shown {
    exports: Exports,
    wwn: Wwn,
    comment: Option<Comment>,
}

async fn look_at(
    inner: &Inner,
    backend: &Backend,
    array: &Array,
    vv: &VvName,
) -> Result<Shown, Cause> {
    let found = array.showvv(VvQuery::Name(vv)).await?;
    let found = found.into_iter().next().ok_or(Cause::NoSuchVolume)?;
    Ok(Shown {
        exports: exports::seen(backend, array, vv).await?,
        comment: known::judge(inner, array, &found).ok(),
        wwn: found.wwn,
    })
}

/// Adds an export at the LUN of the one that is there, or takes some back. An outcome that is not known stays in the journal.
async fn carry_out(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    next: Next,
    [serving, other]: [&Array; 2],
    [here, there]: [Option<Shown>; 2],
) -> Result<(), Cause> {
    let volume = steps.entry().name.clone();
    let intent = Intent::WithdrawSecond;
    match (next, here, there) {
        (Next::AddSecond, Some(here), Some(there)) => {
            // Before the export: when the arrays change places, that comment is the one that counts.
            if let (Some(comment), Some(_)) = (&here.comment, &there.comment) {
                mark_holder(steps, other, comment).await;
            }
            let at = here.exports.own().first().map(|template| template.lun);
            add(inner, backend, steps, other, at).await?;
        }
        (Next::AddServing, _, Some(there)) => {
            log::warn!(volume = volume.as_str(), array = serving.label();
                "the arrays have changed places, and this host has the paths of the other one only");
            let at = there.exports.own().first().map(|template| template.lun);
            add(inner, backend, steps, serving, at).await?;
        }
        (Next::WithdrawSecond, _, Some(there)) => {
            log::warn!(volume = volume.as_str(), array = other.label();
                "the export of the array that does not serve leads to other data, or another host has the volume: taken back under the mount");
            // With a path left, the export stays for now: its LUN must not become another volume's.
            place::leave(backend, other, &there.wwn).await?;
            detach::withdraw_own(steps, other, intent, there.exports).await?;
        }
        (Next::CutOff, here, there) => {
            log::error!(volume = volume.as_str();
                "another host has had the volume since it was mounted here: this host is cut off");
            if let Some(here) = here {
                leave_anyway(backend, serving, &here.wwn).await;
                detach::withdraw_own(steps, serving, intent, here.exports).await?;
            }
            if let Some(there) = there {
                leave_anyway(backend, other, &there.wwn).await;
                detach::withdraw_own(steps, other, intent, there.exports).await?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// As [`place::leave`], where the export must go in any case: another host has the volume.
async fn leave_anyway(backend: &Backend, array: &Array, wwn: &Wwn) {
    if let Err(cause) = place::leave(backend, array, wwn).await {
        log::warn!(array = array.label(), cause:% = cause; "paths to this array stay for now");
    }
}

/// Why an export is missing although both arrays show one volume.
fn stuck(serving: Exported, other: Option<Exported>, holder: Holder) -> Option<String> {
    let other = other?;
    if serving.here && other.here && holder != Holder::Another {
        return None;
    }
    let why = match (holder, serving.elsewhere, other.elsewhere) {
        (Holder::Another, ..) => "another host has had the volume since",
        (_, true, _) => "the array that serves exports it to somebody else",
        (_, false, true) => "the array that does not serve exports it to somebody else",
        (Holder::Unknown, false, false) if serving.here => {
            "the comments do not tell whether this host was the last to have the volume"
        }
        _ if !serving.here => "the array that serves does not export it to this host any more",
        _ => "it is not exported",
    };
    Some(why.to_owned())
}

/// Who mounted the volume last: the latest that either array has written down. Not known while it is being taken from this machine.
fn holder(inner: &Inner, shown: [Option<&Shown>; 2], own: Option<u64>) -> Holder {
    let comments = || {
        shown
            .iter()
            .flatten()
            .filter_map(|shown| shown.comment.as_ref())
    };
    if comments().any(|comment| comment.pending.as_ref() == Some(&inner.machine))
        && comments().all(|comment| comment.held.as_ref() == Some(&inner.machine))
    {
        return Holder::Unknown;
    }
    let comments = shown.into_iter().flatten();
    let marks = comments.filter_map(|shown| {
        let comment = shown.comment.as_ref()?;
        Some((comment.since, comment.held.as_ref()?))
    });
    let mut marks: Vec<_> = marks.collect();
    // What another host had before this one is no news, wherever it still stands.
    marks.extend(own.map(|since| (Some(since), &inner.machine)));
    let Some(latest) = marks.iter().map(|(since, _)| *since).max() else {
        return Holder::Unknown;
    };
    let of_latest = || marks.iter().filter(|(since, _)| *since == latest);
    match (
        of_latest().all(|(_, held)| **held == inner.machine),
        of_latest().any(|(_, held)| **held == inner.machine),
    ) {
        (true, _) => Holder::Us,
        (false, true) => Holder::Unknown,
        (false, false) => Holder::Another,
    }
}
