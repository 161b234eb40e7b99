//! A remove that did not come to its end: taken back, or, after a crash, gone on with.

use crate::{
    inform::VvQuery,
    model::{Comment, State},
    replication::{Acting, Change},
    volume::{
        backend::Backend,
        create::put_in_order,
        error::{Aftermath, Cause},
        group_lock, groups,
        inner::Inner,
        queue::Coming,
        steps::{Intent, Steps},
    },
};

use super::{acting, finish_removal, mark_both};

/// What became of a remove that failed.
pub(super) enum BackedOut {
    /// Its last step has taken place after all.
    Gone(Box<Steps>),
    /// It was taken back, as far as that was possible.
    Back(Aftermath),
}

/// A remove that failed: its group runs again, and the volume is usable again if its VV was not touched yet.
pub(super) async fn back_out(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> BackedOut {
    BackedOut::Back(if Intent::MarkRemoving.is_in(steps.entry()) {
        let mut undone = steps.undone();
        match try_back_out(inner, backend, coming, &mut steps, &mut undone).await {
            Ok(true) => return BackedOut::Gone(Box::new(steps)),
            Ok(false) => steps.close(Aftermath::Undone(undone)),
            Err(cause) => Aftermath::Left {
                what: format!("VV `{}`, marked as being removed", steps.entry().vv),
                why: cause.to_string(),
            },
        }
    } else if let Ok(None) = steps.doubt(backend).await {
        steps.close(Aftermath::Unchanged)
    } else {
        Aftermath::Left {
            what: "an export that was being withdrawn".to_owned(),
            why: "the command may still be running".to_owned(),
        }
    })
}

/// True if there is nothing to take back any more: the VV is gone.
async fn try_back_out(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<bool, Cause> {
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let entry = steps.entry().clone();
    let array = groups::acting_array(&entry, backend);
    let found = steps
        .look("vv", array.showvv(VvQuery::Name(&entry.vv)))
        .await?;
    // Before that step everything else was seen to be gone.
    if found.is_empty() && Intent::RemoveVv.is_in(&entry) {
        return Ok(true);
    }
    let comment = found
        .first()
        .and_then(|vv| vv.comment.as_deref())
        .and_then(|text| Comment::parse(text).ok())
        .filter(|comment| comment.op == entry.op);
    let acting = acting(steps, backend);
    // After a dismissal that the look before did not show yet, too: the next remove finds no group any more. Without the lock nothing is
    // done: another host has it, and the group.
    if let Some(acting) = &acting
        && group_lock::is_ours(steps, acting).await?
    {
        let ours = comment.as_ref().is_some_and(|c| c.group_is_ours);
        let back = Change::TakeBack(None);
        let ordered = put_in_order(inner, backend, coming, steps, acting, back, ours).await;
        undone.append(&mut steps.undone());
        ordered?;
    }
    // A volume that lost its copy is not what was asked for: it stays marked, and the next `docker volume rm` goes on.
    if Intent::Dismiss.is_in(&entry) && !still_replicated(steps, acting.as_ref()).await? {
        return Err(Cause::Half(
            "the volume has lost its copy and stays marked as being removed; `docker volume rm` goes on with it",
        ));
    }
    if let Some(mut comment) = comment {
        comment.state = State::Ready;
        mark_both(steps, backend, Intent::MarkReady, &comment).await?;
        undone.push("the volume is usable again".to_owned());
    }
    Ok(false)
}

/// True if the VV is in its group, and its copy is on the other array.
async fn still_replicated(steps: &Steps, acting: Option<&Acting>) -> Result<bool, Cause> {
    let Some(acting) = acting else {
        return Ok(true);
    };
    let vv = &steps.entry().vv;
    let now = steps
        .look("group", acting.array.showrcopy_group(&acting.group))
        .await?;
    let copy = steps
        .look("copy", acting.other.showvv(VvQuery::Name(vv)))
        .await?;
    Ok(now.is_some_and(|group| group.holds(vv)) && !copy.is_empty())
}

/// Goes on with a remove that an earlier run of the plugin left: what is marked as being removed is removed.
pub(in crate::volume) async fn resume(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> Result<(), Cause> {
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let entry = steps.entry().clone();
    let array = groups::acting_array(&entry, backend);
    let found = steps
        .look("vv", array.showvv(VvQuery::Name(&entry.vv)))
        .await?;
    let comment = found
        .first()
        .and_then(|vv| vv.comment.as_deref())
        .map(Comment::parse);
    match comment {
        Some(Ok(comment)) if comment.state == State::Removing && comment.op == entry.op => {
            let ours = comment.group_is_ours;
            finish_removal(inner, backend, coming, &mut steps, ours).await?;
            inner.forget(&entry.name)?;
        }
        // It was taken back, and perhaps not on the copy.
        Some(Ok(comment)) if comment.state == State::Ready && comment.op == entry.op => {
            mark_both(&mut steps, backend, Intent::MarkReady, &comment).await?;
        }
        Some(_) => {}
        None => inner.forget(&entry.name)?,
    }
    steps.finish()
}
