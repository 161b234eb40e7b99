//! `docker volume create`: the way through. Whatever is under the name already is in `existing`, the steps in `making`, those of
//! replication in `admission`, and how they are taken back in `undo`.

mod admission;
mod clone;
mod complete;
mod existing;
mod former_copy;
mod import;
mod inherited;
mod join_again;
mod making;
pub(super) mod ready_on_copy;
mod snapshot;
mod undo;

use crate::{
    index::{JournalEntry, OpKind},
    inform::Refusal,
    model::{CreateVolume, RequestId, Side, Source},
};

use super::{
    backend::Backend,
    error::{Aftermath, Cause, VolumeError},
    groups,
    inner::Inner,
    known::Known,
    queue::GroupKey,
    recover,
    snapshots::{self, SnapshotError},
    steps::Steps,
    taken::{self, Asked},
};

use existing::Still;

pub use inherited::Inherited;

pub(super) use complete::{NotCompleted, complete, settle};
pub(super) use snapshot::{is_complete, settle_retained};
pub(super) use undo::{put_in_order, remove_vv, take_back, undo, where_it_is_now};

/// Makes the volume, or finds that it is there already as asked.
pub(super) async fn create(
    inner: &Inner,
    request: &RequestId,
    asked: &CreateVolume,
) -> Result<(), VolumeError> {
    create_for(inner, request, asked, Asked::Import).await
}

/// As [`create`]; an adoption may take what an import leaves to it.
pub(super) async fn create_for(
    inner: &Inner,
    request: &RequestId,
    asked: &CreateVolume,
    by: Asked,
) -> Result<(), VolumeError> {
    let name = &asked.name;
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    inner.clean_up_after(request, name).await.map_err(clean)?;
    let mut was_changing = None;
    if let Some(known) = inner.index.get(name) {
        match existing::still_there(inner, request, &known)
            .await
            .map_err(clean)?
        {
            Still::There => return existing::same_or_error(&known, asked).map_err(clean),
            Still::Changing(_) => was_changing = Some(known),
            Still::Gone => {}
        }
    }
    let backend = inner
        .backend(&asked.backend)
        .map_err(clean)?
        .for_request(request);
    let original = match &asked.source {
        Source::Snapshot(snapshot) => Some(
            snapshots::original(inner, &backend, asked, snapshot)
                .await
                .map_err(clean)?,
        ),
        _ => None,
    };
    // A snapshot is taken where its volume is served.
    let backend = match &original {
        Some(original) => original.backend.clone(),
        None => backend,
    };
    let old = import::taken_by(asked);
    if let Some(old) = old {
        taken::name(old, by, asked.replication_group.as_ref())
            .map_err(|why| clean(taken::not_taken(&backend.array, old, why)))?;
    }
    existing::check_other_arrays(inner, request, &backend, asked)
        .await
        .map_err(clean)?;

    let identity = backend
        .identity()
        .await
        .map_err(|e| clean(e.into()))?
        .clone();
    let mut entry = JournalEntry {
        request: serde_json::to_value(asked).unwrap_or_default(),
        ..inner.new_entry(request, OpKind::Create, name, &backend)
    };
    if let (Asked::Adoption, Some(group)) = (by, &asked.replication_group) {
        taken::note_leaves(&mut entry, group);
    }
    let vv = entry.vv.clone();

    let (on, found) = under_the_name(inner, request, &backend, asked)
        .await
        .map_err(clean)?;
    match found {
        Known::Absent => {
            // What another host removed is gone by now; or it is on an array that has not been looked at here.
            if let Some(known) = was_changing {
                match existing::still_there(inner, request, &known)
                    .await
                    .map_err(clean)?
                {
                    Still::There => return existing::same_or_error(&known, asked).map_err(clean),
                    Still::Changing(comment) => {
                        return Err(clean(Cause::busy(&inner.machine, &comment)));
                    }
                    Still::Gone => {}
                }
            }
        }
        Known::Ours(vv, comment) => {
            let taken = existing::take_over(inner, request, &on, asked, &vv, &comment).await;
            return taken.map_err(clean);
        }
    }

    if let Some(old) = old {
        import::put_in_order(inner, request, &backend, asked, old)
            .await
            .map_err(clean)?;
    }
    // Whoever leads the group's next cycle waits for this one, if that does not take long.
    let mut coming = inner.queues.nobody_yet();
    if let (Some(group), Some(_)) = (&asked.replication_group, &backend.pair) {
        coming.announce(GroupKey::new(identity.system.id, group));
    }
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    let made = match (&asked.source, &original) {
        (Source::Snapshot(snapshot), Some(original)) => {
            snapshot::take(inner, &identity, &mut steps, asked, snapshot, original).await
        }
        _ => making::make(inner, &backend, &identity, &mut coming, &mut steps, asked).await,
    };
    match made {
        Ok(volume) => {
            inner
                .write("volume", |index| index.put(volume))
                .map_err(clean)?;
            steps.finish().map_err(clean)?;
            inner.copies.begun();
            log::info!(volume = name.as_str(), vv = vv.as_str(), request = request.as_str(); "created");
            Ok(())
        }
        Err(cause) => {
            let there = where_it_is_made(&backend, asked, steps.entry(), &cause);
            if undo::says_ready(&backend, &steps).await {
                // Completed, as after a restart.
                let left = steps.entry().clone();
                drop((coming, steps));
                return after_all(inner, request, asked, left, cause).await;
            }
            let aftermath = undo(inner, &backend, &mut coming, steps).await;
            drop(coming);
            // The VV's name is the lock: another host was faster, and perhaps with the same in mind. Or its copy was, which has no
            // comment yet.
            let beaten = match &cause {
                Cause::Array(error) => error.refusal() == Some(Refusal::Exists),
                Cause::ForeignVv { .. } => true,
                // Whoever makes the same snapshot makes its schedule first.
                Cause::Snapshot(SnapshotError::ScheduleExists { as_asked, .. }) => *as_asked,
                _ => false,
            };
            if beaten && matches!(asked.source, Source::Clone { .. }) {
                let marked = clone::until_marked(&there.array, &vv).await;
                marked.map_err(|error| clean(error.into()))?;
            }
            if let Cause::Snapshot(SnapshotError::ScheduleExists { name, .. }) = &cause
                && beaten
            {
                let taken = snapshots::schedules::until_taken(&there.array, name, &vv).await;
                taken.map_err(|error| clean(error.into()))?;
            }
            if beaten && !matches!(aftermath, Aftermath::Left { .. }) {
                let taken = beaten_to_it(inner, request, [&there, &backend], asked).await;
                if taken.map_err(clean)? {
                    return Ok(());
                }
            }
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}

/// The volume says that it is ready, and that was not seen: another host may have it.
async fn after_all(
    inner: &Inner,
    request: &RequestId,
    asked: &CreateVolume,
    left: JournalEntry,
    cause: Cause,
) -> Result<(), VolumeError> {
    let what = format!("VV `{}`, which says that it is ready", left.vv);
    let aftermath = match recover::end(inner, request, left).await {
        Ok(()) if inner.index.get(&asked.name).is_some() => {
            log::warn!(volume = asked.name.as_str(), request = request.as_str(), cause:% = cause;
                "created, although that was not seen at first");
            return Ok(());
        }
        Ok(()) => Aftermath::Undone(Vec::new()),
        Err(why) => Aftermath::Left {
            what,
            why: why.to_string(),
        },
    };
    Err(VolumeError {
        volume: asked.name.clone(),
        cause,
        aftermath,
    })
}

/// What is there already, and where. A clone that was made while the peer served is at home there, and what the backend's own array has of it
/// since it came into its group is its copy.
async fn under_the_name(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    asked: &CreateVolume,
) -> Result<(Backend, Known), Cause> {
    let vv = &asked.name.vv_name(&inner.namespace);
    let mut found = existing::look(inner, request, backend, vv, asked).await;
    let is_clone = matches!(asked.source, Source::Clone { .. });
    // Another host may just have begun to copy, and not have marked it yet.
    if matches!(found, Err(Cause::ForeignVv { .. }))
        && is_clone
        && clone::is_being_made(&backend.array, vv).await?
    {
        clone::until_marked(&backend.array, vv).await?;
        found = existing::look(inner, request, backend, vv, asked).await;
    }
    if matches!(found, Err(Cause::Copy { .. })) && is_clone && backend.pair.is_some() {
        let there = backend.alone(Side::Peer);
        let found = existing::look(inner, request, &there, vv, asked).await?;
        return Ok((there, found));
    }
    Ok((backend.clone(), found?))
}

/// The backend, or the one of its arrays that an operation makes a clone on: that is where the data of its volume are. An operation that
/// found another VV of the name before it knew that has found it there.
fn where_it_is_made(
    backend: &Backend,
    asked: &CreateVolume,
    entry: &JournalEntry,
    cause: &Cause,
) -> Backend {
    let (Source::Clone { .. }, Some(pair)) = (&asked.source, &backend.pair) else {
        return backend.clone();
    };
    let acting = groups::recall(entry, pair).map(|acting| acting.array.label().to_owned());
    let label = acting.or_else(|| match cause {
        Cause::ForeignVv { array, .. } => Some(array.clone()),
        _ => None,
    });
    if label.as_deref() == Some(pair.peer.label()) {
        backend.alone(Side::Peer)
    } else {
        backend.clone()
    }
}

/// Takes over what another host made under the name meanwhile, if there is anything: where it was to be made, or, of a clone that has come
/// into its group since, where that is at home.
async fn beaten_to_it(
    inner: &Inner,
    request: &RequestId,
    [there, at_home]: [&Backend; 2],
    asked: &CreateVolume,
) -> Result<bool, Cause> {
    let vv = asked.name.vv_name(&inner.namespace);
    let mut on = there;
    let mut found = existing::look(inner, request, there, &vv, asked).await;
    if matches!(found, Err(Cause::Copy { .. })) && there.alone_on().is_some() {
        on = at_home;
        found = existing::look(inner, request, at_home, &vv, asked).await;
    }
    let Known::Ours(vv, comment) = found? else {
        return Ok(false);
    };
    existing::take_over(inner, request, on, asked, &vv, &comment).await?;
    Ok(true)
}
