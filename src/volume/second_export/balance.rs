//! What the two arrays export of a volume that is mounted here, and what is done about it.

use crate::{
    index::{JournalEntry, LastRoles, OpKind},
    inform::{Array, VvQuery},
    model::{Comment, RequestId, Side, VolumeName, VvName, Wwn},
    replication::{Exported, Half, Holder, Next},
    volume::{
        backend::Backend,
        detach,
        error::Cause,
        exports::{self, Exports},
        inner::Inner,
        known,
        ownership::{self, last},
        place, reconcile, sides,
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
    /// One was added: its paths are not there yet.
    pub added: bool,
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
    let backend = inner.backend_of(&volume)?.for_request(request);
    let Some(pair) = pair(&backend) else {
        return Ok(None);
    };
    let vv = &volume.vv;
    let new_entry = |acting: &Array| {
        let mut entry = inner.new_entry(request, OpKind::Export, name, &backend);
        let acting = acting.label().to_owned();
        entry.facts.insert("acting".to_owned(), acting);
        entry
    };
    let sides = sides::of_volume(inner, &backend, pair, name, vv, PATIENCE).await;
    let may_be_in_none = match &sides {
        Ok(sides) => {
            let mut both = sides.both().into_iter();
            both.all(|side| matches!(side.half, Half::Absent))
        }
        // One of the arrays says so.
        Err(Cause::NotProven { .. }) => true,
        Err(_) => false,
    };
    if may_be_in_none
        && let Some(sent) = sender(&volume.last_roles)
        && sides::is_in_no_group(&backend, pair, &volume, PATIENCE).await
    {
        let (array, other) = (pair.on(sent), pair.on(sent.other()));
        let entry = new_entry(other);
        let seen = out_of_group(inner, &backend, entry, [array, other]).await?;
        return Ok(Some(seen));
    }
    let sides = sides?;
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
        let mut steps = Steps::begin(&inner.index, &inner.points, new_entry(other)).await?;
        let left = there.exports.foreign();
        ownership::end_pending(inner, &mut steps, [array, other], comment, left).await?;
        steps.finish()?;
        return Ok(None);
    }
    let own = inner.index.mount(name).and_then(|record| record.holds);
    let there_shown = there.as_ref().map(Shown::side);
    let holder = last::holder(&inner.machine, own, here.side(), there_shown);
    let (on_here, on_there) = (
        here.exports.told(),
        there.as_ref().map(|there| there.exports.told()),
    );
    if holder == Holder::Us
        && let Some(holds) = own
        && let (Exports::Ours(export), Some(comment)) = (&here.exports, &here.comment)
    {
        let written = there.as_ref().and_then(|there| there.comment.as_ref());
        if let Some(comment) =
            last::written_again(&inner.machine, holds, comment, written, &export.target)
        {
            let entry = new_entry(array);
            let mut steps = Steps::begin(&inner.index, &inner.points, entry).await?;
            mark_holder(&mut steps, array, &comment).await;
            steps.finish()?;
        }
    }
    let mut next = second.next(on_here, on_there, holder, had_serving);
    let mut seen = Seen {
        by: Vec::new(),
        missing: missing(&second).or_else(|| stuck(on_here, on_there, holder)),
        has_serving: on_here.here,
        added: false,
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
        // Where an export is added, or the one that leads elsewhere is.
        let acting = match next {
            Next::AddServing => array,
            _ => other,
        };
        let mut steps = Steps::begin(&inner.index, &inner.points, new_entry(acting)).await?;
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
        if !steps.is_in_doubt() {
            steps.finish()?;
        }
        seen.added = matches!(next, Next::AddSecond | Next::AddServing);
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

/// The side whose copy is the volume once it is in no group: the one that sent last, where both said so. After a failover both may call
/// themselves primary: then nobody but a person knows.
fn sender(last: &LastRoles) -> Option<Side> {
    let [source, peer] = [last.source?, last.peer?];
    match (source.is_primary(), peer.is_primary()) {
        (true, false) => Some(Side::Source),
        (false, true) => Some(Side::Peer),
        _ => None,
    }
}

/// Somebody took the volume out of its group by hand, and left both copies: two volumes that go their own ways, under one WWN. A host that
/// has both takes them for one, and reads and writes now here, now there. It keeps the one that sent last, and nothing else is done: which
/// of them counts, whoever parted them knows.
async fn out_of_group(
    inner: &Inner,
    backend: &Backend,
    entry: JournalEntry,
    [array, other]: [&Array; 2],
) -> Result<Seen, Cause> {
    let here = in_time(array, look_at(inner, backend, array, &entry.vv)).await?;
    let there = in_time(other, look_at(inner, backend, other, &entry.vv)).await?;
    let [has_sender, beside] = [&here, &there].map(|shown| shown.exports.told().here);
    // Under another WWN it is another device, which this machine does not mix up with the first.
    let withdraw = has_sender && beside && here.wwn == there.wwn;
    if withdraw {
        log::error!(volume = entry.name.as_str(), kept = array.label(), other = other.label();
            "the volume is in no remote copy group any more, and both arrays export their own copy under one WWN");
        inner.paths.forget(&entry.name);
        let mut steps = Steps::begin(&inner.index, &inner.points, entry).await?;
        let (next, shown) = (Next::WithdrawSecond, [Some(here), Some(there)]);
        carry_out(inner, backend, &mut steps, next, [array, other], shown).await?;
        if !steps.is_in_doubt() {
            steps.finish()?;
        }
    }
    let mut by = Vec::new();
    by.extend(has_sender.then(|| array.label().to_owned()));
    by.extend((beside && !withdraw).then(|| other.label().to_owned()));
    let why = || "the volume has been taken out of its remote copy group".to_owned();
    Ok(Seen {
        missing: (by.len() < 2).then(why),
        by,
        has_serving: has_sender,
        added: false,
    })
}

/// What one array shows of a volume.
struct Shown {
    exports: Exports,
    wwn: Wwn,
    comment: Option<Comment>,
}

impl Shown {
    fn side(&self) -> last::Side<'_> {
        last::Side {
            comment: self.comment.as_ref(),
            exports_here: self.exports.told().here,
        }
    }
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
            "the comments do not tell whether this host was the last to have the volume: stop the containers that use it, and start them again"
        }
        _ if !serving.here => "the array that serves does not export it to this host any more",
        _ => "it is not exported",
    };
    Some(why.to_owned())
}
