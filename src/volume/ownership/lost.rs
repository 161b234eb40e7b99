//! The other side of a take-over: this host has a volume mounted that the array exports to it no more. It is told, and left to whoever
//! uses it: nothing is exported again, and nothing that another host has is touched. Peer Persistence volumes are looked after in
//! `second_export`.

use crate::{
    inform::VvQuery,
    model::{RequestId, Side, VolumeName, Wwn},
    volume::{
        arrays::Login,
        backend::Backend,
        error::Cause,
        exports::{self, Exports},
        inner::Inner,
        known, place, reconcile, second_export, snapshots,
    },
};

/// Looks whether one array still exports what is mounted here from it. Costs two commands, and none while nothing is.
pub(in crate::volume) async fn look(inner: &Inner, request: &RequestId, login: &Login<'_>) {
    let mounted = mounted(inner, login);
    if mounted.is_empty() {
        return;
    }
    let array = login.array().for_request(request);
    let exported = match reconcile::exported_here(&array, login).await {
        Ok(exported) => exported,
        Err(cause) => {
            log::debug!(array = array.label(), cause:% = cause; "whether the array still exports what is mounted is not known");
            return;
        }
    };
    for (backend, side, name, wwn) in mounted {
        let is_exported = exported.contains(&name.vv_name(&inner.namespace));
        if is_exported && inner.handovers.lost(&name).is_none() {
            continue;
        }
        let backend = backend.for_request(request);
        if let Err(cause) = look_at(inner, &backend, side, &name, &wwn).await {
            log::warn!(volume = name.as_str(), cause:% = cause; "whether the array still exports it is not known");
        }
    }
}

/// What is mounted here from one array, by the records of it.
fn mounted(inner: &Inner, login: &Login<'_>) -> Vec<(Backend, Side, VolumeName, Wwn)> {
    let mut found = Vec::new();
    for (name, record) in inner.index.mounts() {
        let Some(volume) = inner.index.get(&name) else {
            continue;
        };
        for (backend, side) in login.backends() {
            let backend = snapshots::on(backend, side, &volume);
            let here = volume.backend == backend.name
                && volume.wwn_on(side) == Some(&record.place.wwn)
                && !second_export::is_wanted(&backend);
            if here {
                found.push((backend, side, name.clone(), record.place.wwn.clone()));
            }
        }
    }
    found
}

/// Certain only under the name's lock, and while no operation is at it.
async fn look_at(
    inner: &Inner,
    backend: &Backend,
    side: Side,
    name: &VolumeName,
    wwn: &Wwn,
) -> Result<(), Cause> {
    let _lock = inner.locks.lock(name).await;
    let place = reconcile::mounted_volume(inner, name)?;
    let is_open = inner.index.open_entries().iter().any(|e| e.name == *name);
    if is_open || place.is_none_or(|place| place.wwn != *wwn) {
        return Ok(());
    }
    let array = backend.on(side);
    let vv = name.vv_name(&inner.namespace);
    let exports = exports::seen(backend, array, &vv).await?;
    let told = exports.told_to();
    if !exports.told().here {
        let found = array.showvv(VvQuery::Name(&vv)).await?;
        let comment = found.first().map(|vv| known::judge(inner, array, vv));
        let holder = match comment {
            Some(Ok(comment)) => comment.held.filter(|held| *held != inner.machine),
            _ => None,
        };
        let why = match (holder, exports) {
            (Some(holder), _) => format!("`{}` has taken it over", holder.name()),
            (None, Exports::Foreign { .. }) => {
                format!("array `{}` exports it to {told}", array.label())
            }
            (None, _) => format!("array `{}` exports it to nobody", array.label()),
        };
        inner.handovers.seen(name, Some(why));
        // Its LUN may be another volume's soon: what is written here must not reach that one.
        inner.paths.forget(name);
        place::leave(backend, array, wwn).await?;
    } else {
        inner.handovers.seen(name, None);
    }
    Ok(())
}
