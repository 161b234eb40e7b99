//! A remove that did not come to its end: taken back, or, after a crash, gone on with.

use crate::{
    index::JournalEntry,
    inform::VvQuery,
    model::{Side, Source, State},
    replication::{Acting, Change},
    volume::{
        backend::Backend,
        create::put_in_order,
        error::{Aftermath, Cause},
        group_lock, groups,
        inner::Inner,
        mark::{self, Mark},
        queue::Coming,
        service_levels::python,
        snapshots,
        steps::{Intent, Steps},
    },
};

use super::{acting, finish_removal, marks, release};

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
                what: left(backend, steps.entry()),
                why: cause.to_string(),
            },
        }
    } else if steps.must_be_still(backend).await.is_ok() {
        steps.close(Aftermath::Unchanged)
    } else {
        Aftermath::Left {
            what: "an export that was being withdrawn".to_owned(),
            why: "the command may still be running".to_owned(),
        }
    })
}

/// What may be left of it, for people.
fn left(backend: &Backend, entry: &JournalEntry) -> String {
    let array = groups::acting_array(entry, backend).label();
    let vv = format!(
        "VV `{}` on array `{array}`, marked as being removed",
        entry.vv
    );
    match python::left(entry) {
        Some(set) if Intent::RemoveVv.is_in(entry) => {
            format!("{vv}, or VV set `{set}`, in which it was alone")
        }
        _ => vv,
    }
}

/// True if there is nothing to take back any more: the VV is gone.
async fn try_back_out(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    undone: &mut Vec<String>,
) -> Result<bool, Cause> {
    steps.must_be_still(backend).await?;
    let array = groups::acting_array(steps.entry(), backend).clone();
    if release::is_under_way(steps.entry()) && !release::taken_again(steps, backend).await? {
        return Ok(true);
    }
    let mark = mark::read(steps, &array).await?;
    // Before that step everything else was seen to be gone.
    let last = Intent::RemoveVv.is_in(steps.entry()) && !steps.is_resumed();
    if last && matches!(mark, Mark::Gone) {
        python::remove_left(steps, &backend.array).await?;
        return Ok(true);
    }
    let acting = acting(steps, backend);
    // After a dismissal that the look before did not show yet, too: the next remove finds no group any more. Without the lock nothing is
    // done: another host has it, and the group.
    if let Some(acting) = &acting
        && group_lock::is_ours(steps, acting).await?
    {
        let ours = matches!(&mark, Mark::Own(comment) if comment.group_is_ours);
        let back = Change::TakeBack(None);
        let ordered = put_in_order(inner, backend, coming, steps, acting, back, ours).await;
        undone.append(&mut steps.undone());
        ordered?;
    }
    if matches!(mark, Mark::Gone) {
        // Its copy may be all that is left of what is to be given back.
        if release::is_one(steps.entry()) {
            release::give_back(inner, backend, steps).await?;
        } else {
            marks::remove_rest(steps, backend).await?;
            python::remove_left(steps, &backend.array).await?;
            super::remove_left_schedule(inner, steps, &array).await?;
        }
        return Ok(true);
    }
    if let Some(acting) = &acting
        && is_removing(&mark)
    {
        // Another host whose mark this one has written over may be about to dismiss the volume. It looks at the mark again under the lock:
        // when the lock is free, it either has dismissed it, which shows now, or never will.
        group_lock::until_free_of_others(steps, acting).await?;
        // A volume that lost its copy is not what was asked for: it stays marked, and the next `docker volume rm` goes on.
        if !still_replicated(steps, acting).await? {
            return match mark::read(steps, &array).await? {
                Mark::Own(_) => Err(Cause::Half(
                    "the volume has lost its copy and stays marked as being removed; `docker volume rm` goes on with it",
                )),
                // Another host goes on with it.
                Mark::Gone | Mark::Others(_) => Ok(false),
            };
        }
    }
    if marks::take_back(steps, backend, undone).await? {
        let name = steps.entry().name.clone();
        inner.write("schedule", |index| {
            index.change(&name, |volume| {
                if let Source::Snapshot(snapshot) = &mut volume.options.source {
                    snapshot.schedule = None;
                    snapshot.scheduled = None;
                }
            })
        })?;
    }
    Ok(false)
}

/// True if the VV is in its group, and its copy is on the other array.
async fn still_replicated(steps: &Steps, acting: &Acting) -> Result<bool, Cause> {
    let vv = &steps.entry().vv;
    let now = steps
        .look("group", acting.array.showrcopy_group(&acting.group))
        .await?;
    let copy = steps
        .look("copy", acting.other.showvv(VvQuery::Name(vv)))
        .await?;
    Ok(now.is_some_and(|group| group.holds(vv)) && !copy.is_empty())
}

/// Goes on with a remove that an earlier run of the plugin left: what is marked as being removed, on both arrays, is removed. Any other is
/// taken back.
pub(in crate::volume) async fn resume(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> Result<(), Cause> {
    steps.must_be_still(backend).await?;
    if !Intent::MarkRemoving.is_in(steps.entry()) {
        return steps.finish();
    }
    let name = steps.entry().name.clone();
    let array = groups::acting_array(steps.entry(), backend).clone();
    let mut mark = mark::read(&steps, &array).await?;
    if release::is_under_way(steps.entry()) && !is_removing(&mark) {
        release::give_back(inner, backend, &mut steps).await?;
        snapshots::gone(inner, &name, backend)?;
        return steps.finish();
    }
    let locked = match acting(&steps, backend) {
        Some(acting) => group_lock::is_ours(&steps, &acting).await?,
        None => false,
    };
    if locked || is_removing(&mark) {
        follow_roles(backend, &mut steps).await?;
        let array = groups::acting_array(steps.entry(), backend).clone();
        mark = mark::read(&steps, &array).await?;
    }
    let elsewhere = match acting(&steps, backend) {
        Some(acting) if is_removing(&mark) => may_be_used_elsewhere(&steps, &acting).await?,
        _ => false,
    };
    if elsewhere {
        log::warn!(volume = name.as_str(), vv = steps.entry().vv.as_str(), op:% = steps.entry().op;
            "the copy is not marked as being removed, and may have been used since: the remove is taken back");
    }
    if let Mark::Own(comment) = &mark
        && is_removing(&mark)
        && !elsewhere
        && (release::is_one(steps.entry()) || !release::is_to_be_kept(comment))
    {
        let comment = comment.clone();
        finish_removal(inner, backend, coming, &mut steps, &comment).await?;
        snapshots::gone(inner, &name, backend)?;
    } else if try_back_out(inner, backend, coming, &mut steps, &mut Vec::new()).await? {
        // It was taken back, and perhaps not on the copy; or it belongs to somebody else by now, or is gone.
        snapshots::gone(inner, &name, backend)?;
    }
    steps.finish()
}

/// True if the volume is replicated still, and its copy does not carry the mark: that was not written, or the array takes none on a
/// secondary (array fact 17). Nothing kept anybody from using it there, if the group was failed over since; then what is here by now is what
/// was written there.
async fn may_be_used_elsewhere(steps: &Steps, acting: &Acting) -> Result<bool, Cause> {
    let vv = &steps.entry().vv;
    let look = acting.array.showrcopy_group(&acting.group);
    let now = steps.look("group", look).await?;
    if !now.is_some_and(|group| group.holds(vv)) {
        return Ok(false);
    }
    Ok(match mark::read(steps, &acting.other).await? {
        Mark::Gone => false,
        copy => !is_removing(&copy),
    })
}

fn is_removing(mark: &Mark) -> bool {
    matches!(mark, Mark::Own(comment) if comment.state == State::Removing)
}

/// The group may have changed its direction since the operation was interrupted: it goes on where that is Primary now. A stop under the
/// lock on the other array has become a matter of whoever changed the roles.
async fn follow_roles(backend: &Backend, steps: &mut Steps) -> Result<(), Cause> {
    let (Some(pair), Some(before)) = (&backend.pair, acting(steps, backend)) else {
        return Ok(());
    };
    let Some(at_home) = groups::name_at_home(steps.entry()) else {
        return Ok(());
    };
    let Some(now) = groups::moved(steps, backend, pair, &at_home, &before).await? else {
        return Ok(());
    };
    if release::is_one(steps.entry()) {
        groups::must_be_at_home(steps, backend, Side::Source, &now)?;
    }
    group_lock::release(steps, &before).await?;
    groups::remember(steps, &now, &at_home)
}
