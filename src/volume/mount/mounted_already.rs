//! A Mount of what is mounted here already: one user more, unless another array serves the volume by now.

use std::{path::PathBuf, time::Duration};

use crate::{
    host,
    model::{MountId, RequestId, Side, VolumeName},
    volume::{
        backend::Backend,
        error::{Cause, VolumeError},
        inner::Inner,
        reconcile, sides, unheard, unmount,
    },
};

/// How long each array may take to say who serves. What is mounted is mounted, whether or not they say it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Counts one user more. Nothing, if the mount went away meanwhile: it was of a mount that nobody heard of, or it was the copy that no
/// longer serves and nobody used it.
pub(super) async fn use_it(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    id: &MountId,
) -> Result<Option<PathBuf>, VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let wwn = reconcile::mounted_volume(inner, name).map_err(clean)?;
    let side = unmount::side_of(inner, name, wwn.map(|place| place.wwn).as_ref());
    let volume = inner.index.get(name);
    let backend = volume.and_then(|volume| inner.backend_of(&volume).ok());
    let array = backend.as_ref().map(|backend| backend.on(side));
    let cleaned = inner.clean_up_before_mount(request, name, array).await;
    if inner.mounted(name).is_none() {
        return Ok(None);
    }
    cleaned.map_err(clean)?;
    inner.check_device(name).map_err(clean)?;
    if let Some(backend) = &backend
        && let Some(now) = served_by(inner, &backend.for_request(request), name).await
        && now != side
    {
        let old = Cause::MountedFromOther {
            array: backend.on(side).label().to_owned(),
            serving: backend.on(now).label().to_owned(),
        };
        return release_or(inner, name, old).await;
    }
    if let Some(why) = cut_off(inner, name) {
        return release_or(inner, name, Cause::CutOff { why }).await;
    }
    if let Err(error) = host::must_be_writable(&inner.kernel, &inner.mountpoint(name)) {
        return release_or(inner, name, error.into()).await;
    }
    let pending = inner.pending_unmounts(name, array);
    unheard::confirm(inner, name).await;
    inner.count_mount(name, id).map_err(clean)?;
    inner.take_over(&pending).map_err(clean)?;
    Ok(Some(inner.mountpoint(name)))
}

/// What is mounted must not be used any more: released if nobody does, and refused otherwise.
async fn release_or(
    inner: &Inner,
    name: &VolumeName,
    why: Cause,
) -> Result<Option<PathBuf>, VolumeError> {
    // Users that an engine before this one counted may be gone with it: the kernel knows.
    let counted = inner
        .index
        .mount(name)
        .is_some_and(|record| record.has_live_references());
    // An operation of its own: what cannot be taken back from a dead array stays in the journal beside this mount.
    let own = RequestId::random();
    if counted || !unmount::release_if_unused(inner, &own, name).await? {
        return Err(VolumeError::clean(name, why));
    }
    log::warn!(volume = name.as_str(), why:% = why; "nobody uses what is mounted: released");
    Ok(None)
}

/// Why no array exports the volume to this machine any more, if that was seen.
fn cut_off(inner: &Inner, name: &VolumeName) -> Option<String> {
    if let Some(why) = inner.handovers.lost(name) {
        return Some(why);
    }
    let kept = inner.second_exports.of(name)?;
    kept.cut_off().map(str::to_owned)
}

/// The side that serves the volume, if that is certain.
async fn served_by(inner: &Inner, backend: &Backend, name: &VolumeName) -> Option<Side> {
    let pair = backend
        .pair
        .as_ref()
        .filter(|pair| !pair.wants.peer_persistence)?;
    let vv = name.vv_name(&inner.namespace);
    let sides = sides::of_volume(inner, backend, pair, name, &vv, PATIENCE).await;
    let serving = sides.ok()?.serving(pair.wants.lone_primary);
    serving.ok().map(|serving| serving.side)
}
