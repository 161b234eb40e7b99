//! Unmounting a volume from this machine.

use std::collections::BTreeMap;

use crate::{
    index::{JournalEntry, OpKind},
    model::{MountId, OperationId, RequestId, VolumeName},
};

use super::{
    detach,
    error::{Cause, VolumeError},
    service::Inner,
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

/// Takes the volume off this machine. The caller holds the name's lock.
pub(super) async fn release(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let Some(volume) = inner.index.get(name) else {
        return Ok(());
    };
    let record = inner.index.mount(name);
    if inner.mounted(name).is_none() && record.is_none() {
        return Ok(());
    }
    let backend = inner
        .backend(&volume.backend)
        .map_err(clean)?
        .for_request(request);
    let entry = JournalEntry {
        op: OperationId {
            machine: inner.machine.clone(),
            request: request.clone(),
        },
        kind: OpKind::Unmount,
        name: name.clone(),
        backend: backend.name.clone(),
        vv: volume.vv.clone(),
        started: inner.now(),
        steps: Vec::new(),
        facts: BTreeMap::from([("wwn".to_owned(), volume.wwn.to_string())]),
        request: serde_json::Value::Null,
    };
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match detach::everything(inner, &backend, &mut steps, Some(&volume.wwn)).await {
        Ok(()) => {
            inner
                .write("no mount", |index| index.unmounted(name))
                .map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), request = request.as_str(); "unmounted");
            Ok(())
        }
        // The data are safe and the engine does not ask again (array fact 26): what is left is journalled, and done when the
        // array answers or the device is free.
        Err(cause) if inner.mounted(name).is_none() => {
            inner
                .write("no mount", |index| index.unmounted(name))
                .map_err(clean)?;
            log::warn!(volume = name.as_str(), cause:% = cause; "unmounted; the rest of the detach is pending");
            Ok(())
        }
        Err(cause) => Err(clean(cause)),
    }
}
