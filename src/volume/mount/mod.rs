//! Mounting a volume on this machine, from the array that serves it.

mod mounted_already;
mod other_copy;

use std::{path::PathBuf, time::Duration};

use tokio::time::Instant;

use crate::{
    host::{self, BlockDevice, Export, MountAs},
    index::{MountPlace, OpKind},
    inform::{Vv, VvKind, VvQuery, VvState},
    model::{Comment, Holds, MountId, RequestId, State, VolumeName},
};

use super::{
    backend::Backend,
    copying, detach,
    error::{Aftermath, Cause, VolumeError},
    format, groups, growth,
    inner::Inner,
    known, lookup,
    ownership::{self, Claim},
    place,
    second_export::{self, Kept},
    serving::{self, Serving},
    snapshots,
    steps::{Intent, Steps},
    unmount,
};

/// How long a device may take to appear.
const DEVICE: Duration = Duration::from_secs(60);
/// How long mount(2) may take: it may have to replay a journal.
const MOUNTING: Duration = Duration::from_secs(60);

/// Mounts the volume, or counts one more user of a mount that is there. The kernel's own tables decide which it is.
pub(super) async fn mount(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    id: &MountId,
) -> Result<PathBuf, VolumeError> {
    copying::wait_a_little(inner, name).await;
    let _lock = inner.locks.lock(name).await;
    if inner.mounted(name).is_some()
        && let Some(mountpoint) = mounted_already::use_it(inner, request, name, id).await?
    {
        return Ok(mountpoint);
    }
    match anew(inner, request, name, id).await {
        // Somebody let the other array serve in the middle of it. Nothing is left of the first attempt.
        Err(VolumeError {
            cause: Cause::RolesChanged(group),
            aftermath: Aftermath::Undone(_),
            ..
        }) => {
            log::info!(volume = name.as_str(), group = group.as_str(), request = request.as_str();
                "another array serves by now: mounted from that");
            anew(inner, request, name, id).await
        }
        other => other,
    }
}

/// Brings the volume to this machine, from the array that serves it now. The caller holds the name's lock.
async fn anew(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    id: &MountId,
) -> Result<PathBuf, VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let backend = lookup::backend_of(inner, request, name).await;
    let Some(backend) = backend.map_err(clean)? else {
        inner.clean_up_after(request, name).await.map_err(clean)?;
        return Err(clean(Cause::NoSuchVolume));
    };
    let backend = snapshots::used_from(inner, request, backend, name)
        .await
        .map_err(clean)?;
    let vv = name.vv_name(&inner.namespace);
    copying::check_ready(inner, &backend, name)
        .await
        .map_err(clean)?;
    let from = serving::find(inner, &backend, name, &vv)
        .await
        .map_err(clean)?;
    inner
        .clean_up_before_mount(request, name, Some(&from.array))
        .await
        .map_err(clean)?;
    other_copy::clear(inner, request, &backend, name, &from)
        .await
        .map_err(clean)?;

    let pending = inner.pending_unmounts(name, Some(&from.array));
    let mut entry = inner.new_entry(request, OpKind::Mount, name, &backend);
    entry.facts.insert("id".to_owned(), id.to_string());
    if backend.pair.is_some() {
        let acting = from.array.label().to_owned();
        entry.facts.insert("acting".to_owned(), acting);
    }
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match bring_here(inner, &backend, &from, &mut steps).await {
        Ok((place, exported, holds, export)) => {
            inner
                .write("mount", |index| index.mounted(name, place))
                .map_err(clean)?;
            if let Some(holds) = holds {
                inner
                    .write("holder", |index| index.held(name, holds))
                    .map_err(clean)?;
            }
            if let Some(exported) = exported {
                second_export::overtake(inner, steps.entry()).map_err(clean)?;
                second_export::hand_over_doubt(inner, &backend, &mut steps)
                    .await
                    .map_err(clean)?;
                inner.second_exports.note(name, exported);
            }
            inner.paths.note(name, export);
            inner.count_mount(name, id).map_err(clean)?;
            inner.take_over(&pending).map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), array = from.array.label(), request = request.as_str(); "mounted");
            Ok(inner.mountpoint(name))
        }
        Err(cause) => {
            let aftermath = undo(inner, &backend, steps).await;
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}

async fn bring_here(
    inner: &Inner,
    backend: &Backend,
    from: &Serving,
    steps: &mut Steps,
) -> Result<(MountPlace, Option<Kept>, Option<Holds>, Export), Cause> {
    let array = &from.array;
    let name = steps.entry().name.clone();
    // The identity is read from the serving array at every mount.
    let (found, comment) = ready(inner, from, steps).await?;
    if let Some(known) = inner.index.get(&name)
        && let Some(was) = known.wwn_on(from.side).filter(|was| **was != found.wwn)
    {
        return Err(Cause::other_identity(array, &found, was));
    }
    steps.record(&[("wwn", found.wwn.as_str())])?;
    inner.note_wwn(&name, from.side, &found.wwn)?;

    let Claim {
        template,
        second,
        vv: found,
        mut comment,
        taken_from,
    } = ownership::claim(inner, backend, from, steps, found, comment).await?;
    let system = &from.system.name;
    let serving = place::of(inner, backend, from.side, steps, system, &template).await?;
    let second_place = match &second {
        Some(second) => second.place(inner, backend, steps).await?,
        None => None,
    };
    let export = Export {
        serving,
        second: second_place,
        wwn: found.wwn.clone(),
        size: found.size,
    };
    growth::before_attach(&backend.transport, &export).await;
    let device: BlockDevice = steps
        .local(
            Intent::Attach,
            backend.transport.attach(&export, Instant::now() + DEVICE),
        )
        .await?;
    // Only now, as whoever takes it from a host looks for its paths.
    ownership::still_ours(inner, from, steps, &template).await?;
    // Whoever mounts it from the other array after a failover looks for paths to this one.
    from.still_serves(inner, backend, steps).await?;
    let fs_type =
        format::filesystem(inner, backend, from, steps, &found, &mut comment, &device).await?;
    if let Some(second) = &second {
        second.mark_holder(steps, &comment).await;
    }
    let mountpoint = inner.mountpoint(&name);
    steps
        .local(
            Intent::Mount,
            host::mount(
                &inner.kernel,
                &device,
                &mountpoint,
                fs_type,
                mount_as(&found, &comment),
                MOUNTING,
            ),
        )
        .await?
        .into_inner();
    growth::after_mount(inner, &name, &device, fs_type).await;
    let place = MountPlace {
        wwn: found.wwn,
        device: device.path().to_owned(),
        mountpoint,
    };
    let holds = second.as_ref().and(comment.holds);
    let kept = second.map(|second| second.kept(inner, &name, array));
    inner
        .handovers
        .mounted(&name, taken_from.as_ref(), inner.now());
    Ok((place, kept, holds, export))
}

/// What was copied has the filesystem of what it was copied from, which may be mounted here, too.
fn mount_as(vv: &Vv, comment: &Comment) -> MountAs {
    if comment.of.is_some() || vv.kind == VvKind::VirtualCopy {
        MountAs::Twin
    } else {
        MountAs::Volume
    }
}

/// The VV on the serving array and its comment, if it may be mounted.
pub(super) async fn ready(
    inner: &Inner,
    from: &Serving,
    steps: &Steps,
) -> Result<(Vv, Comment), Cause> {
    let vv = &steps.entry().vv;
    let found = steps
        .look("vv", from.array.showvv(VvQuery::Name(vv)))
        .await?;
    let name = &steps.entry().name;
    let gone =
        || snapshots::expired(inner, name, &from.array).map_or(Cause::NoSuchVolume, Cause::from);
    let found = found.into_iter().next().ok_or_else(gone)?;
    let comment = match known::judge(inner, &from.array, &found) {
        Err(cause) => {
            known::copy_without_comment(inner, from.side, &found, &steps.entry().op).ok_or(cause)?
        }
        Ok(comment) => comment,
    };
    match comment.state {
        State::Ready => match found.state {
            VvState::CopyFailed | VvState::Promoting => Err(Cause::HalfWritten {
                array: from.array.label().to_owned(),
                vv: found.name,
                state: found.state,
            }),
            VvState::Normal | VvState::Other(_) => Ok((found, comment)),
        },
        State::Copying => {
            let look = copying::look(&inner.points, &from.array, vv).await?;
            let (found, progress) = look.ok_or(Cause::NoSuchVolume)?;
            Err(copying::not_ready(&comment, &found, &progress))
        }
        State::Making | State::Removing => Err(Cause::busy(&inner.machine, &comment)),
    }
}

async fn take_back(inner: &Inner, backend: &Backend, steps: &mut Steps) -> Result<(), Cause> {
    detach::everything(inner, backend, steps).await?;
    unmount::gone(
        inner,
        &steps.entry().name,
        detach::wwn_of(steps.entry()).as_ref(),
    )
}

/// Takes back what an unfinished mount did.
pub(super) async fn undo(inner: &Inner, backend: &Backend, mut steps: Steps) -> Aftermath {
    if steps.entry().steps.is_empty() {
        return steps.close(Aftermath::Unchanged);
    }
    match take_back(inner, backend, &mut steps).await {
        Ok(()) => steps.close(Aftermath::Undone(vec![
            "the export and the device".to_owned(),
        ])),
        Err(cause) => {
            log::error!(volume = steps.entry().name.as_str(), cause:% = cause; "could not undo a mount");
            Aftermath::Left {
                what: format!(
                    "the export of `{}` on array `{}` to this host",
                    steps.entry().vv,
                    groups::acting_array(steps.entry(), backend).label()
                ),
                why: cause.to_string(),
            }
        }
    }
}
