//! The copy on the array that does not serve: it must not be on this machine when the other one is.

use crate::{
    host,
    inform::VvQuery,
    model::{RequestId, VolumeName},
    volume::{
        backend::Backend, error::Cause, exports, inner::Inner, reconcile, serving::Serving, unmount,
    },
};

/// Takes the other copy off this machine, and its export back. An array that cannot be asked keeps its export for now: that is in the
/// journal, or found when the array is back.
///
/// # Errors
/// [`Cause::OldCopyInUse`] if somebody here still has it.
pub(super) async fn clear(
    inner: &Inner,
    request: &RequestId,
    backend: &Backend,
    name: &VolumeName,
    from: &Serving,
) -> Result<(), Cause> {
    let Some(pair) = &backend.pair else {
        return Ok(());
    };
    let side = from.side.other();
    let array = pair.on(side);
    if pair.wants.peer_persistence {
        // It is one volume, with one device. What an earlier mount or unmount left there ends first; the export itself is the mount's own
        // to keep or to take back.
        if from.other_answers {
            inner.end_elsewhere(request, name, array).await;
        }
        return Ok(());
    }
    let known = inner.index.get(name);
    let mut wwn = known.and_then(|volume| volume.wwn_on(side).cloned());
    let mut here = false;
    if let Some(wwn) = &wwn
        && let Some((_, device)) = inner.attached(wwn)?
    {
        // Where its array died under a container, the kernel may still be ending what was unmounted.
        let busy = host::busy_for_good(&inner.kernel, &device, reconcile::LOOKING);
        if let Some(by) = busy.await? {
            return Err(Cause::OldCopyInUse {
                array: array.label().to_owned(),
                vv: name.vv_name(&inner.namespace),
                by: format!("this host ({by})"),
            });
        }
        here = true;
    }
    if from.other_answers {
        inner.end_elsewhere(request, name, array).await;
        let vv = name.vv_name(&inner.namespace);
        let own = exports::seen(backend, array, &vv).await?.own();
        if !own.is_empty() {
            here = true;
            let found = array.showvv(VvQuery::Name(&vv)).await?;
            wwn = found.first().map(|found| found.wwn.clone()).or(wwn);
        }
    }
    if !from.other_answers {
        // What it may export to this machine, unknown to the journal, is looked for when it is back.
        inner.unexplained.send_replace(());
    }
    if here {
        log::info!(volume = name.as_str(), array = array.label(), request = request.as_str();
            "the copy on the array that does not serve is still exported to this machine: taken back");
        // An operation of its own: what is left of it stays in the journal beside the mount's.
        let own = RequestId::random();
        if let Err(error) = unmount::take_off(inner, &own, backend, side, name, wwn).await {
            log::warn!(error:% = error; "not taken back yet");
        }
    }
    Ok(())
}
