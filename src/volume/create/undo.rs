//! Taking back what an unfinished create did.

use crate::{
    index::JournalEntry,
    inform::{Array, Vv, VvQuery},
    model::{Comment, GroupStatus, SetName, VvName},
    replication::{self, Acting, Action, Undoing},
    volume::{
        backend::Backend,
        error::{Aftermath, Cause},
        group_lock, groups,
        steps::{Intent, Seen, Steps},
    },
};

/// Takes back what an unfinished create may have done. Only what provably belongs to the operation is touched: the VV by the
/// operation in its comment, the copy by the WWN that was read when it was made, the group if this operation made it and nothing
/// else is in it.
pub(in crate::volume) async fn undo(backend: &Backend, mut steps: Steps) -> Aftermath {
    let mut undone = Vec::new();
    match try_undo(backend, &mut steps, &mut undone).await {
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

/// What may be left on the arrays, for people. What was taken back is not.
fn left(backend: &Backend, entry: &JournalEntry, undone: &[String]) -> Vec<String> {
    let array = groups::acting_array(entry, backend).label();
    let mut what = Vec::new();
    if Intent::MakeVv.is_in(entry) && !undone.iter().any(|u| u.starts_with("VV")) {
        what.push(format!("VV `{}` on array `{array}`", entry.vv));
    }
    let acting = backend
        .pair
        .as_ref()
        .and_then(|pair| groups::recall(entry, pair));
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
    backend: &Backend,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    if !Intent::MakeVv.is_in(&entry) {
        return Ok(());
    }
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let array = groups::acting_array(&entry, backend);
    let vv = &entry.vv;
    let found = steps.look("vv", array.showvv(VvQuery::Name(vv))).await?;
    let ours = found.first().is_some_and(|vv| is_of(steps, vv));
    let acting = backend
        .pair
        .as_ref()
        .and_then(|pair| groups::recall(&entry, pair));
    if let Some(acting) = &acting {
        leave_group(steps, acting, ours, undone).await?;
    }
    if ours {
        remove_vv(steps, array, vv).await?;
        undone.push(format!("VV `{vv}` removed"));
    }
    Ok(())
}

/// True if the comment says that the operation made it.
fn is_of(steps: &Steps, vv: &Vv) -> bool {
    let comment = vv.comment.as_deref().map(Comment::parse);
    matches!(comment, Some(Ok(comment)) if comment.op == steps.entry().op)
}

/// Out of the group again, under its lock. What this operation stopped is started only while the lock is still its own: once another
/// host has taken that away, it has started the group, and who stopped it since is a person.
async fn leave_group(
    steps: &mut Steps,
    acting: &Acting,
    ours: bool,
    undone: &mut Vec<String>,
) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    let mut undoing = Undoing {
        may_have_made: Intent::MakeGroup.may_have_happened(&entry),
        may_have_stopped: Intent::StopGroup.may_have_happened(&entry),
        may_have_admitted: ours && Intent::Admit.is_in(&entry),
    };
    let held = group_lock::is_ours(steps, acting).await?;
    undoing.may_have_stopped &= held;
    if undoing == Undoing::default() {
        return group_lock::release(steps, acting).await;
    }
    group_lock::take(steps, acting).await?;
    let look = || acting.array.showrcopy_group(&acting.group);
    let now = steps.look("group", look()).await?;
    let plan = replication::plan_undo(now.as_ref(), &entry.vv, undoing);
    let done = groups::carry_out_all(steps, &acting.array, &plan, undone).await;
    if done.is_ok() {
        if undoing.may_have_admitted {
            remove_copy(steps, acting, undone).await?;
        }
        return group_lock::release(steps, acting).await;
    }
    // The others need not wait for what cannot be taken back now.
    let now = steps.look("group", look()).await?;
    if now.is_none_or(|group| group.status == GroupStatus::Started) {
        group_lock::release(steps, acting).await?;
    }
    done
}

/// What a dismissal left of the copy, because the other array was away. It is ours by what was read right after it was made.
async fn remove_copy(
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
