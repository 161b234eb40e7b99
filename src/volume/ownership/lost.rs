//! The other side of a take-over: this host has a volume mounted that the array exports to it no more. It is told, and left to whoever
//! uses it: nothing is exported again, and nothing that another host has is touched. Peer Persistence volumes are looked after in
//! `second_export`.
//!
//! What was lost is lost until it is unmounted, also if somebody exports it here again, unless nobody else has had it in between: what is
//! mounted here knows nothing of what others wrote, and would write over it.

use std::collections::BTreeMap;

use crate::{
    inform::{Array, VvQuery},
    model::{BackendName, Comment, Machine, RequestId, Side, VolumeName, VvName, Wwn},
    volume::{
        arrays::Login,
        backend::Backend,
        error::Cause,
        exports::{self, Exports},
        inner::Inner,
        known, place, reconcile, second_export, snapshots,
    },
};

/// Looks whether one array still exports what is mounted here from it. Costs two commands, and none while nothing is. `hidden`: the
/// backends of which the array may show nothing to this login, and why that is believed. What it does not show is not lost then.
pub(in crate::volume) async fn look(
    inner: &Inner,
    request: &RequestId,
    login: &Login<'_>,
    hidden: &BTreeMap<BackendName, String>,
) {
    let mounted = mounted(inner, login, hidden);
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
            inner.paths.is_called(&name, None);
            continue;
        }
        let backend = backend.for_request(request);
        if let Err(cause) = look_at(inner, &backend, side, &name, &wwn).await {
            log::warn!(volume = name.as_str(), cause:% = cause; "whether the array still exports it is not known");
        }
    }
}

/// What is mounted here from one array, by the records of it.
fn mounted(
    inner: &Inner,
    login: &Login<'_>,
    hidden: &BTreeMap<BackendName, String>,
) -> Vec<(Backend, Side, VolumeName, Wwn)> {
    let mut found = Vec::new();
    for (name, record) in inner.index.mounts() {
        let Some(volume) = inner.index.get(&name) else {
            continue;
        };
        for (backend, side) in login.backends() {
            let backend = snapshots::on(backend, side, &volume);
            let here = volume.backend == backend.name
                && !hidden.contains_key(&backend.name)
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
    let was_lost = inner.handovers.lost(name).is_some();
    let why = if !exports.told().here {
        if !was_lost && is_renamed(inner, backend, array, name, wwn).await? {
            return Ok(());
        }
        let found = array.showvv(VvQuery::Name(&vv)).await?;
        let comment = found.first().map(|vv| known::judge(inner, array, vv));
        let holder = match comment {
            Some(Ok(comment)) => comment.held.filter(|held| *held != inner.machine),
            _ => None,
        };
        Some(match (holder, exports) {
            (Some(holder), _) => format!("`{}` has taken it over", holder.name()),
            (None, Exports::Foreign { .. }) => {
                format!("array `{}` exports it to {told}", array.label())
            }
            (None, _) => format!("array `{}` exports it to nobody", array.label()),
        })
    } else if was_lost {
        why_not_ours(inner, array, &vv, wwn).await?
    } else {
        None
    };
    let is_lost = why.is_some();
    inner.handovers.seen(name, why);
    if is_lost {
        // Its LUN may be another volume's soon: what is written here must not reach that one. Nor the volume itself, if it is exported
        // here again after another host has had it: the kernel may have found its paths without being asked.
        inner.paths.forget(name);
        place::leave(backend, array, wwn).await?;
    }
    Ok(())
}

/// The array exports the VV to this machine under another name: somebody has renamed it under whoever uses it. Its paths are as good as
/// before, and its LUN is nobody else's.
async fn is_renamed(
    inner: &Inner,
    backend: &Backend,
    array: &Array,
    name: &VolumeName,
    wwn: &Wwn,
) -> Result<bool, Cause> {
    let own = exports::seen_by_wwn(backend, array, wwn).await?;
    let Some(export) = own.first() else {
        return Ok(false);
    };
    let vv = export.vv.to_string();
    if inner.paths.is_called(name, Some(&vv)) {
        log::warn!(volume = name.as_str(), array = array.label(), vv = vv.as_str(), wwn = wwn.as_str();
            "mounted here, and its VV was given another name: left as it is, and no other host finds it");
    }
    Ok(true)
}

/// Why what is mounted here may not be what the VV holds by now: its comment names another host as the last that had it.
///
/// # Errors
/// What keeps the array from being asked; [`Cause::NotKnown`] if it has no such VV.
pub(in crate::volume) async fn why_not_ours(
    inner: &Inner,
    array: &Array,
    vv: &VvName,
    wwn: &Wwn,
) -> Result<Option<String>, Cause> {
    let found = array.showvv(VvQuery::Name(vv)).await?;
    let Some(found) = found.first().filter(|found| found.wwn == *wwn) else {
        return Err(Cause::NotKnown(format!(
            "array `{}` has no VV `{vv}` with the WWN {wwn}",
            array.label()
        )));
    };
    // The copy of an array that takes no comment on it names nobody.
    if found.comment.is_none() {
        return Ok(None);
    }
    let comment = known::judge(inner, array, found)?;
    Ok(had_since(&inner.machine, &comment))
}

/// Without Peer Persistence nobody counts the holders. The one that is named came last: it was written before it mounted the volume, and this
/// machine is named again only by a mount of its own, for which what is mounted here has to go first.
fn had_since(us: &Machine, comment: &Comment) -> Option<String> {
    let another = comment.held.as_ref().filter(|held| !held.may_be(us))?;
    Some(format!(
        "another host has had it since: `{}`",
        another.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HostName;

    #[test]
    fn it_is_still_ours_unless_its_comment_names_another_machine() {
        let machine = |id| Machine::new(&HostName::new("node").unwrap(), id);
        let held = |by: Option<Machine>| {
            let text = "dk1/ns=/name=db1/home=130512/op=maker.1/state=ready/origin=blank/fmt=done";
            let mut comment = Comment::parse(text).unwrap();
            comment.held = by;
            comment
        };
        let us = machine("m1");
        let asked = |by: Option<Machine>| had_since(&us, &held(by));
        assert_eq!(asked(Some(machine("m1"))), None);
        let another = asked(Some(machine("m2")));
        assert_eq!(
            another.as_deref(),
            Some("another host has had it since: `node`")
        );
        // Nobody is named who is certainly another one.
        assert_eq!(asked(Machine::parse("node")), None);
        assert_eq!(asked(None), None);
    }
}
