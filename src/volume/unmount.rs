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
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let one_less = || {
        inner.write("one user less", |index| {
            index.mount_ref_drop(name, id.as_str())
        })
    };
    let record = inner.index.mount(name);
    let is_last = record
        .as_ref()
        .is_none_or(|record| record.references_without(id.as_str()) == 0);
    let volume = inner.index.get(name).filter(|_| is_last);
    let Some(volume) = volume else {
        one_less().map_err(clean)?;
        return Ok(());
    };
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
        facts: BTreeMap::from([
            ("id".to_owned(), id.to_string()),
            ("wwn".to_owned(), volume.wwn.to_string()),
        ]),
        request: serde_json::Value::Null,
    };
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    // Only now, that it is written down what follows from it: the engine does not ask again.
    one_less().map_err(clean)?;
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
