//! `docker volume create`: the way through. Whatever is under the name already is in `existing`, the steps in `making`, those of
//! replication in `admission`, and how they are taken back in `undo`.

mod admission;
mod existing;
mod making;
mod undo;

use crate::{
    index::{JournalEntry, OpKind},
    inform::Refusal,
    model::{CreateVolume, RequestId},
};

use super::{
    error::{Aftermath, Cause, VolumeError},
    inner::Inner,
    known::Known,
    queue::GroupKey,
    steps::Steps,
};

pub(super) use undo::{put_in_order, remove_vv, undo};

/// Makes the volume, or finds that it is there already as asked.
pub(super) async fn create(
    inner: &Inner,
    request: &RequestId,
    asked: &CreateVolume,
) -> Result<(), VolumeError> {
    let name = &asked.name;
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    inner.clean_up_after(request, name).await.map_err(clean)?;
    if let Some(known) = inner.index.get(name)
        && existing::still_there(inner, request, &known)
            .await
            .map_err(clean)?
    {
        return existing::same_or_error(&known.options, asked).map_err(clean);
    }
    let backend = inner
        .backend(&asked.backend)
        .map_err(clean)?
        .for_request(request);
    existing::check_other_arrays(inner, request, &backend, asked)
        .await
        .map_err(clean)?;

    let identity = backend
        .identity()
        .await
        .map_err(|e| clean(e.into()))?
        .clone();
    let entry = JournalEntry {
        request: serde_json::to_value(asked).unwrap_or_default(),
        ..inner.new_entry(request, OpKind::Create, name, &backend)
    };
    let vv = entry.vv.clone();

    match existing::look(inner, request, &backend, &vv, asked)
        .await
        .map_err(clean)?
    {
        Known::Absent => {}
        Known::Ours(vv, comment) => {
            let taken = existing::take_over(inner, request, &backend, asked, &vv, &comment).await;
            return taken.map_err(clean);
        }
    }

    // Whoever leads the group's next cycle waits for this one, if that does not take long.
    let mut coming = inner.queues.nobody_yet();
    if let (Some(group), Some(_)) = (&asked.replication_group, &backend.pair) {
        coming.announce(GroupKey::new(identity.system.id, group));
    }
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    let made = making::make(inner, &backend, &identity, &mut coming, &mut steps, asked).await;
    match made {
        Ok(volume) => {
            inner
                .write("volume", |index| index.put(volume))
                .map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), vv = vv.as_str(), request = request.as_str(); "created");
            Ok(())
        }
        Err(cause) => {
            let aftermath = undo(inner, &backend, &mut coming, steps).await;
            drop(coming);
            // The VV's name is the lock: another host was faster, and perhaps with the same in mind. Or its copy was, which has no
            // comment yet.
            let beaten = match &cause {
                Cause::Array(error) => error.refusal() == Some(Refusal::Exists),
                Cause::ForeignVv { .. } => true,
                _ => false,
            };
            if beaten
                && !matches!(aftermath, Aftermath::Left { .. })
                && let Known::Ours(vv, comment) =
                    existing::look(inner, request, &backend, &vv, asked)
                        .await
                        .map_err(clean)?
            {
                let taken =
                    existing::take_over(inner, request, &backend, asked, &vv, &comment).await;
                return taken.map_err(clean);
            }
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}
