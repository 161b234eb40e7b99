//! Cleaning up after a plugin that died, and after an array that was not there: every open journal entry ends complete or
//! undone.

use crate::{
    index::{JournalEntry, OpKind},
    inform::VvQuery,
    model::{Comment, RequestId, State},
};

use super::{
    backend::Backend,
    create, detach,
    error::{Aftermath, Cause},
    known, mount, remove,
    service::Inner,
    steps::Steps,
};

/// Ends one open entry. The caller holds the name's lock.
pub(super) async fn entry(
    inner: &Inner,
    request: &RequestId,
    entry: JournalEntry,
) -> Result<(), Cause> {
    let backend = inner.backend(&entry.backend)?.for_request(request);
    log::info!(volume = entry.name.as_str(), op:% = entry.op, kind:% = entry.kind; "cleaning up");
    let _cycle = match (&backend.pair, entry.kind) {
        (Some(_), OpKind::Create | OpKind::Remove) => Some(
            inner
                .group_locks
                .lock(&backend.array.label().to_owned())
                .await,
        ),
        _ => None,
    };
    let steps = Steps::resume(&inner.index, &inner.points, entry);
    match steps.entry().kind {
        OpKind::Create => finished_or_undone(inner, &backend, steps).await,
        OpKind::Remove => remove::resume(inner, &backend, steps).await,
        OpKind::Mount => {
            // The entry is closed before the engine is answered: it does not know of this user.
            inner.drop_user_of(steps.entry())?;
            if inner.has_users(&steps.entry().name) {
                return steps.finish();
            }
            left(mount::undo(inner, &backend, steps).await)
        }
        OpKind::Unmount => finish_unmount(inner, &backend, steps).await,
    }
}

/// A create whose volume says `ready` is complete; any other is undone.
async fn finished_or_undone(inner: &Inner, backend: &Backend, steps: Steps) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    {
        let found = steps
            .look("vv", backend.array.showvv(VvQuery::Name(&entry.vv)))
            .await?;
        let comment = found
            .first()
            .and_then(|vv| vv.comment.as_deref())
            .and_then(|text| Comment::parse(text).ok())
            .filter(|comment| comment.name == entry.name);
        let others = comment
            .as_ref()
            .is_some_and(|comment| comment.op != entry.op);
        if others && comment.as_ref().is_some_and(|c| c.state != State::Ready) {
            // The create was complete, and somebody is at the volume by now: nothing of it is this operation's any more.
            return steps.finish();
        }
        // Ready: complete, and maybe in use already, with another operation in its comment.
        if let (Some(vv), Some(comment)) = (found.first(), comment)
            && comment.state == State::Ready
        {
            let asked: Option<crate::model::CreateVolume> =
                serde_json::from_value(entry.request.clone()).ok();
            let group = asked
                .as_ref()
                .and_then(|asked| asked.replication_group.clone());
            let mut volume = known::volume(inner, backend, vv, &comment, group);
            if let Some(asked) = asked {
                volume.options = crate::model::CreateVolume {
                    cpg: volume.options.cpg,
                    snap_cpg: volume.options.snap_cpg,
                    ..asked
                };
            }
            inner.write("volume", |index| index.put(volume))?;
            return steps.finish();
        }
    }
    left(create::undo(backend, steps).await)
}

async fn finish_unmount(inner: &Inner, backend: &Backend, mut steps: Steps) -> Result<(), Cause> {
    let name = steps.entry().name.clone();
    inner.drop_user_of(steps.entry())?;
    if inner.has_users(&name) {
        return steps.finish();
    }
    detach::everything(inner, backend, &mut steps, None).await?;
    inner.write("no mount", |index| index.unmounted(&name))?;
    steps.finish()
}

fn left(aftermath: Aftermath) -> Result<(), Cause> {
    match aftermath {
        Aftermath::Left { what, why } => {
            Err(Cause::NotKnown(format!("still there: {what} ({why})")))
        }
        Aftermath::Unchanged | Aftermath::Undone(_) => Ok(()),
    }
}
