//! Taking back what an unfinished create did.

use crate::{
    index::{JournalEntry, OpKind},
    inform::{Array, Vv, VvKind, VvQuery},
    model::{Comment, SetName, State, VvName},
    replication::{Acting, Action, Change},
    volume::{
        backend::Backend,
        error::{Aftermath, Cause},
        group_lock, groups,
        inner::Inner,
        queue::{self, Coming, GROUP_IS_OURS, Site},
        service_levels,
        snapshots::{self, schedules},
        steps::{Intent, Seen, Steps},
        taken::NotTaken,
    },
};

use super::{clone, complete, import};

/// Takes back what an unfinished create may have done. Only what provably belongs to the operation is touched: the VV by the
/// operation in its comment, the copy by the WWN that was read when it was made, the group if this plugin made it and nothing
/// else is in it.
pub(in crate::volume) async fn undo(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> Aftermath {
    let mut undone = steps.undone();
    let result = try_undo(inner, backend, coming, &mut steps, &mut undone).await;
    match result {
        Ok(()) => steps.close(Aftermath::Undone(undone)),
        Err(cause) => {
            let entry = steps.entry();
            let what = left(backend, entry, &undone);
            log::error!(volume = entry.name.as_str(), op:% = entry.op, cause:% = cause; "could not undo a create");
            Aftermath::Left {
                what: what.join(", "),
                why: cause.to_string(),
            }
        }
    }
}

/// As [`undo`], of a create that an earlier run of the plugin, or an earlier attempt, left open.
///
/// # Errors
/// [`NotTaken::Lost`] if what was imported is nowhere; [`Cause::NotKnown`] with what is left.
pub(in crate::volume) async fn take_back(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> Result<(), Cause> {
    let mut undone = steps.undone();
    match try_undo(inner, backend, coming, &mut steps, &mut undone).await {
        Ok(()) => steps.finish(),
        Err(
            cause @ Cause::NotTaken {
                why: NotTaken::Lost { .. },
                ..
            },
        ) => Err(cause),
        Err(cause) => {
            let entry = steps.entry();
            let what = left(backend, entry, &undone).join(", ");
            log::error!(volume = entry.name.as_str(), op:% = entry.op, cause:% = cause; "could not undo a create");
            Err(Cause::NotKnown(format!("still there: {what} ({cause})")))
        }
    }
}

/// True if only the copy is the operation's own: what was imported, or copied, was there before, and stays.
fn keeps_its_vv(entry: &JournalEntry) -> bool {
    import::is_one(entry) || entry.kind == OpKind::Completion
}

/// True if the operation may have made its VV.
fn has_made_vv(entry: &JournalEntry) -> bool {
    Intent::MakeVv.is_in(entry)
        || Intent::TakeSnapshot.is_in(entry)
        || Intent::StartCopy.may_have_happened(entry)
}

/// What may be left on the arrays, for people. What was taken back is not.
fn left(backend: &Backend, entry: &JournalEntry, undone: &[String]) -> Vec<String> {
    let array = groups::acting_array(entry, backend).label();
    let mut what = Vec::new();
    if import::is_one(entry) {
        what.push(import::left(entry, backend));
    }
    if has_made_vv(entry) && !undone.iter().any(|u| u.starts_with("VV")) {
        what.push(format!("VV `{}` on array `{array}`", entry.vv));
    }
    let acting = backend
        .pair
        .as_ref()
        .and_then(|pair| groups::recall(entry, pair));
    if Intent::MakeSchedule.may_have_happened(entry)
        && !undone.iter().any(|u| u.starts_with("schedule"))
    {
        what.push(format!("perhaps its schedule on array `{array}`"));
    }
    let Some(acting) = acting else { return what };
    let group = &acting.group;
    if Intent::Admit.is_in(entry) {
        what.push(format!(
            "perhaps its copy on array `{}`",
            acting.other.label()
        ));
    }
    let removed = Action::Remove(group.clone()).to_string();
    if Intent::MakeGroup.may_have_happened(entry) && !undone.contains(&removed) {
        what.push(format!("remote copy group `{group}`, which it made"));
    } else if Intent::StopGroup.may_have_happened(entry) {
        what.push(format!("perhaps remote copy group `{group}`, stopped"));
    }
    if Intent::LockGroup.is_in(entry) {
        let set = SetName::lock_of(group);
        what.push(format!("perhaps VV set `{set}`, the lock of the group"));
    }
    what
}

async fn try_undo(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    if import::is_one(&entry) {
        return import::try_undo(inner, backend, coming, steps, undone).await;
    }
    if !has_made_vv(&entry) && !Intent::MakeSchedule.is_in(&entry) {
        return Ok(());
    }
    steps.must_be_still(backend).await?;
    let array = groups::acting_array(&entry, backend);
    schedules::undo(steps, array, undone).await?;
    let vv = &entry.vv;
    let found = steps.look("vv", array.showvv(VvQuery::Name(vv))).await?;
    let first = found.first();
    // A copy has no comment at first.
    let bare = match first {
        Some(vv) => clone::is_left(steps, array, vv).await?,
        None => false,
    };
    let ours = bare || first.is_some_and(|vv| is_of(steps, vv));
    // Whatever was not seen of that: it is there for every host, and one may have it.
    if first.is_some_and(|vv| is_ready(steps, vv)) {
        return Err(Cause::NotKnown(format!("VV `{vv}` says that it is ready")));
    }
    out_of_group(inner, backend, coming, steps, ours, undone).await?;
    if ours {
        if let Some(vv) = first {
            snapshots::must_not_be_retained(inner, array, vv).await?;
        }
        remove_twin(inner, steps, undone).await?;
        service_levels::undo(steps, array, vv, undone).await?;
    }
    // A dismissal in the other direction has taken it along.
    let found = steps.look("vv", array.showvv(VvQuery::Name(vv))).await?;
    let as_before =
        |vv: &Vv| bare && vv.comment.is_none() && first.is_some_and(|f| f.wwn == vv.wwn);
    if ours
        && found
            .first()
            .is_some_and(|vv| is_of(steps, vv) || as_before(vv))
    {
        if Intent::StartCopy.is_in(&entry) {
            clone::end(steps, array).await?;
        }
        remove_vv(steps, array, vv).await?;
    }
    if ours {
        undone.push(format!("VV `{vv}` removed"));
    }
    Ok(())
}

/// After a create that failed: true if the VV says that it is complete all the same.
pub(super) async fn says_ready(backend: &Backend, steps: &Steps) -> bool {
    if !Intent::MarkReady.is_in(steps.entry()) {
        return false;
    }
    let array = groups::acting_array(steps.entry(), backend);
    let look = array.showvv(VvQuery::Name(&steps.entry().vv));
    let found = steps.look("vv", look).await;
    found.is_ok_and(|found| found.first().is_some_and(|vv| is_ready(steps, vv)))
}

/// True if it says that this operation has completed it.
fn is_ready(steps: &Steps, vv: &Vv) -> bool {
    let comment = vv.comment.as_deref().map(Comment::parse);
    let ready = |comment: &Comment| comment.state == State::Ready;
    // A snapshot says so from the start, and that line is about its twin.
    Intent::MarkReady.is_in(steps.entry())
        && !Intent::TakeSnapshot.is_in(steps.entry())
        && is_of(steps, vv)
        && comment.is_some_and(|comment| comment.as_ref().is_ok_and(ready))
}

/// Takes back what the one command took on the other array.
async fn remove_twin(
    inner: &Inner,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    let Some(other) = snapshots::twin_array(inner, &entry)? else {
        return Ok(());
    };
    let vv = &entry.vv;
    let found = steps.look("twin", other.showvv(VvQuery::Name(vv))).await?;
    let Some(twin) = found.first() else {
        return Ok(());
    };
    // Without a comment, while the one on the array that took it carries the operation: it is of the same command.
    if !is_of(steps, twin) && (twin.comment.is_some() || twin.kind != VvKind::VirtualCopy) {
        return Ok(());
    }
    steps
        .act(Intent::RemoveCopy, other.removevv(vv), || gone(&other, vv))
        .await?;
    undone.push(format!(
        "snapshot `{vv}` on array `{}` removed",
        other.label()
    ));
    Ok(())
}

/// Out of the group, into which it may have been admitted, and the copy gone.
pub(super) async fn out_of_group(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    ours: bool,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let acting = backend
        .pair
        .as_ref()
        .and_then(|pair| groups::recall(steps.entry(), pair));
    let Some(acting) = &acting else {
        return Ok(());
    };
    let left = leave_group(inner, backend, coming, steps, acting, ours).await;
    undone.append(&mut steps.undone());
    if left? {
        remove_copy(steps, acting, undone).await?;
    }
    Ok(())
}

/// True if the comment says that the operation made it. What it took was there before.
fn is_of(steps: &Steps, vv: &Vv) -> bool {
    let comment = vv.comment.as_deref().map(Comment::parse);
    matches!(comment, Some(Ok(comment)) if comment.op == steps.entry().op && (comment.was.is_none() || import::is_one(steps.entry())))
}

/// Out of the group again, in a cycle with all others that wait. Without one where that can be seen: nobody else puts this VV there.
/// True if it may have been in.
pub(super) async fn leave_group(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    acting: &Acting,
    ours: bool,
) -> Result<bool, Cause> {
    let entry = steps.entry().clone();
    let group_is_ours =
        Intent::MakeGroup.may_have_happened(&entry) || entry.facts.contains_key(GROUP_IS_OURS);
    let may_have_admitted = ours && Intent::Admit.is_in(&entry);
    // What this operation stopped is started only while the lock is still its own: once another host has taken that away, it has started
    // the group, and who stopped it since is a person.
    let acting = &where_it_is_now(backend, steps, acting).await?;
    if may_have_admitted && keeps_its_vv(&entry) {
        groups::must_be_at_home(steps, backend, complete::side(&entry), acting)?;
    }
    let held = group_lock::is_ours(steps, acting).await?;
    if !held && !may_have_admitted && !group_is_ours {
        coming.leave();
        return Ok(false);
    }
    let look = acting.array.showrcopy_group(&acting.group);
    let now = steps.look("group", look).await?;
    let is_in = may_have_admitted && now.as_ref().is_some_and(|group| group.holds(&entry.vv));
    let is_left = group_is_ours && now.is_some_and(|group| group.volumes.is_empty());
    if held || is_in || is_left {
        let back = Change::TakeBack(may_have_admitted.then(|| entry.vv.clone()));
        put_in_order(inner, backend, coming, steps, acting, back, group_is_ours).await?;
    }
    coming.leave();
    Ok(may_have_admitted)
}

/// The group may have changed its direction since the operation was interrupted. What it made is still where it was made.
pub(in crate::volume) async fn where_it_is_now(
    backend: &Backend,
    steps: &mut Steps,
    before: &Acting,
) -> Result<Acting, Cause> {
    let at_home = groups::name_at_home(steps.entry());
    let (Some(pair), Some(at_home), true) = (&backend.pair, at_home, steps.is_resumed()) else {
        return Ok(before.clone());
    };
    match groups::moved(steps, backend, pair, &at_home, before).await {
        Ok(Some(now)) => {
            group_lock::release(steps, before).await?;
            Ok(now)
        }
        Ok(None) => Ok(before.clone()),
        // Where that cannot be seen, whoever is asked for the change decides.
        Err(cause) => {
            log::warn!(volume = steps.entry().name.as_str(), group = before.group.as_str(), cause:% = cause;
                "it is not known whether the group has changed its roles since");
            Ok(before.clone())
        }
    }
}

/// What an operation left of a group, in a cycle with all others that wait.
pub(in crate::volume) async fn put_in_order(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    acting: &Acting,
    change: Change,
    group_is_ours: bool,
) -> Result<(), Cause> {
    let at_home = groups::name_at_home(steps.entry());
    let (Some(pair), Some(group_at_home)) = (&backend.pair, at_home) else {
        return Ok(());
    };
    let site = Site {
        namespace: &inner.namespace,
        backend,
        pair,
        acting,
        group_at_home: &group_at_home,
    };
    queue::change(coming, steps, &site, change, group_is_ours)
        .await
        .map(drop)
}

/// What a dismissal left of the copy, because the other array was away. It is ours by what was read right after it was made.
pub(super) async fn remove_copy(
    steps: &mut Steps,
    acting: &Acting,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    let other = &acting.other;
    let found = steps.look("copy", other.showvv(VvQuery::Name(&vv))).await?;
    let Some(copy) = found.first() else {
        return Ok(());
    };
    let recorded = |key: &str, is: &str| steps.entry().facts.get(key).is_some_and(|was| was == is);
    let recognised =
        recorded("copy wwn", copy.wwn.as_str()) && recorded("copy id", &copy.id.to_string());
    if !recognised && !is_of(steps, copy) {
        log::error!(vv = vv.as_str(), array = other.label(), wwn = copy.wwn.as_str();
            "nothing proves that this VV is the copy this operation made: left alone");
        undone.push(format!(
            "VV `{vv}` on array `{}` left alone, because nothing proves that it is the copy",
            other.label()
        ));
        return Ok(());
    }
    steps
        .act(Intent::RemoveCopy, other.removevv(&vv), || gone(other, &vv))
        .await?;
    undone.push(format!("copy `{vv}` removed"));
    Ok(())
}

/// `removevv`, and the listing that shows it gone.
pub(in crate::volume) async fn remove_vv(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
) -> Result<(), Cause> {
    steps
        .act(Intent::RemoveVv, array.removevv(vv), || gone(array, vv))
        .await
}

async fn gone(array: &Array, vv: &VvName) -> Result<Seen<()>, crate::inform::ArrayError> {
    Ok(if array.showvv(VvQuery::Name(vv)).await?.is_empty() {
        Seen::Done(())
    } else {
        Seen::NotDone(format!("VV `{vv}` is still on array `{}`", array.label()))
    })
}
