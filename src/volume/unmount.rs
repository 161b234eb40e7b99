//! Unmounting a volume from this machine.

use std::path::Path;

use crate::{
    host,
    index::OpKind,
    model::{MountId, RequestId, Side, VolumeName, Wwn},
};

use super::{
    backend::Backend,
    detach,
    error::{Cause, VolumeError},
    inner::Inner,
    lookup, reconcile,
    steps::Steps,
};

/// Counts one user less; with the last one the volume leaves this machine. Unknown volumes and ids are no error: an Unmount may
/// come twice, or for a mount that never was.
pub(super) async fn unmount(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    id: &MountId,
) -> Result<(), VolumeError> {
    let _lock = inner.locks.lock(name).await;
    let left = inner
        .write("one user less", |index| {
            index.mount_ref_drop(name, id.as_str())
        })
        .map_err(|cause| VolumeError::clean(name, cause))?;
    if left > 0 {
        return Ok(());
    }
    release(inner, request, name).await
}

/// Takes the volume off this machine, if it is on it. The caller holds the name's lock.
pub(super) async fn release(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), VolumeError> {
    if inner.mounted(name).is_none() && inner.index.mount(name).is_none() {
        return Ok(());
    }
    let wwn = here(inner, name).map_err(|cause| VolumeError::clean(name, cause))?;
    match lookup::backend_of(inner, request, name).await {
        Ok(Some(backend)) => {
            let side = side_of(inner, name, wwn.as_ref());
            take_off(inner, request, &backend, side, name, wwn).await
        }
        // Whatever is not known of its array, this machine can be left, and must be: the engine does not ask again.
        Ok(None) => without_array(inner, name, wwn, &Cause::NoSuchVolume).await,
        Err(cause) => without_array(inner, name, wwn, &cause).await,
    }
}

/// As [`release`], for a volume that the engine says nobody uses: whatever is counted, the kernel decides. False, and nothing
/// is changed, if somebody uses it. The caller holds the name's lock.
pub(super) async fn release_if_unused(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<bool, VolumeError> {
    let Some(mountpoint) = inner.mounted(name) else {
        return Ok(true);
    };
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    if used_elsewhere(inner, name, &mountpoint)
        .await
        .map_err(clean)?
    {
        return Ok(false);
    }
    match release(inner, request, name).await {
        Ok(()) => Ok(true),
        Err(error) if inner.mounted(name).is_some() => {
            log::info!(volume = name.as_str(), error:% = error; "still in use");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// True if the device is also mounted under another path than the volume's own (a container has it under its own), or
/// something is built on it.
pub(super) async fn used_elsewhere(
    inner: &Inner,
    name: &VolumeName,
    mountpoint: &Path,
) -> Result<bool, Cause> {
    let Some(wwn) = here(inner, name)? else {
        return Ok(false);
    };
    let Some((_, device)) = inner.attached(&wwn)? else {
        return Ok(false);
    };
    let entry = host::is_mounted(&inner.kernel, mountpoint)?;
    let own = |path: &Path| entry.as_ref().is_some_and(|entry| entry.mountpoint == path);
    let busy = host::busy(&inner.kernel, &device, reconcile::LOOKING).await?;
    Ok(busy.is_some_and(|busy| {
        !busy.stacked.is_empty()
            || busy.mounts.iter().any(|path| !own(path))
            || busy.holders.iter().any(|holder| !own(&holder.mountpoint))
    }))
}

/// Which VV is, or was last, mounted here under this name: the kernel knows best, then the record, then the index.
pub(super) fn here(inner: &Inner, name: &VolumeName) -> Result<Option<Wwn>, Cause> {
    if let Some(place) = reconcile::mounted_volume(inner, name)? {
        return Ok(Some(place.wwn));
    }
    if let Some(record) = inner.index.mount(name) {
        return Ok(Some(record.place.wwn));
    }
    let Some(volume) = inner.index.get(name) else {
        return Ok(None);
    };
    for wwn in volume.wwns() {
        if inner.attached(wwn)?.is_some() {
            return Ok(Some(wwn.clone()));
        }
    }
    let first = volume.wwns().next();
    Ok(first.cloned())
}

/// The array on which a VV with this WWN is the volume, as far as this machine knows: the backend's own, unless it is the copy's.
pub(super) fn side_of(inner: &Inner, name: &VolumeName, wwn: Option<&Wwn>) -> Side {
    let known = inner.index.get(name);
    let is_copy = known.is_some_and(|volume| {
        wwn.is_some() && volume.copy_wwn.as_ref() == wwn && volume.wwn.as_ref() != wwn
    });
    if is_copy { Side::Peer } else { Side::Source }
}

/// Unmounts, detaches and withdraws the export from one array, journalled. The caller holds the name's lock.
pub(super) async fn take_off(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    side: Side,
    name: &VolumeName,
    wwn: Option<Wwn>,
) -> Result<(), VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let mut entry = inner.new_entry(request, OpKind::Unmount, name, backend);
    if let Some(wwn) = &wwn {
        entry.facts.insert("wwn".to_owned(), wwn.to_string());
    }
    if let Some(pair) = &backend.pair {
        let acting = pair.on(side).label().to_owned();
        entry.facts.insert("acting".to_owned(), acting);
    }
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match detach::everything(inner, backend, &mut steps).await {
        Ok(()) => {
            gone(inner, name, wwn.as_ref()).map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), request = request.as_str(); "unmounted");
            Ok(())
        }
        // The data are safe and the engine does not ask again: what is left is journalled, and done when the array answers or the
        // device is free.
        Err(cause) if inner.mounted(name).is_none() => {
            gone(inner, name, wwn.as_ref()).map_err(clean)?;
            log::warn!(volume = name.as_str(), cause:% = cause; "unmounted; the rest of the detach is pending");
            Ok(())
        }
        Err(cause) => Err(clean(cause)),
    }
}

/// The mount is gone; a record of another copy's is not this one's.
pub(super) fn gone(inner: &Inner, name: &VolumeName, wwn: Option<&Wwn>) -> Result<(), Cause> {
    inner.paths.forget(name);
    let record = inner.index.mount(name).map(|record| record.place.wwn);
    if wwn.is_none() || record.is_none() || record.as_ref() == wwn {
        inner.write("no mount", |index| index.unmounted(name))?;
    }
    Ok(())
}

/// Leaves this machine without its array, which is not known. Nothing is journalled: nobody could act on it. The export is found
/// again when the array is.
async fn without_array(
    inner: &Inner,
    name: &VolumeName,
    wwn: Option<Wwn>,
    why: &Cause,
) -> Result<(), VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    match detach::from_this_machine(inner, name, wwn.as_ref()).await {
        Ok(()) => {
            inner.index.unmounted(name).map_err(|e| clean(e.into()))?;
            log::warn!(volume = name.as_str(), why:% = why; "unmounted; its export stays until its array is known again");
            inner.unexplained.send_replace(());
            Ok(())
        }
        // The record stays, without a user: it is tried again.
        Err(cause) if inner.mounted(name).is_none() => {
            log::warn!(volume = name.as_str(), cause:% = cause, why:% = why; "unmounted; its device is still there");
            Ok(())
        }
        Err(cause) => Err(clean(cause)),
    }
}
