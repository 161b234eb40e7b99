//! Taking a device off this machine, and what a mount did back (the only safe order: filesystem, device, export).

use crate::{
    host,
    index::{JournalEntry, OpKind},
    inform::{Array, ExportTarget, VvQuery},
    model::{VolumeName, VvName, Wwn},
};

use super::{
    backend::Backend,
    error::Cause,
    exports::{self, Exports},
    groups, host_object,
    inner::Inner,
    reconcile, second_export,
    steps::{Intent, Steps},
    unmount,
};

/// The fact that the volume has left this machine, and only its export may be there still. Whatever is mounted under its name later is
/// somebody else's to take off.
const LEFT_HERE: &str = "left here";

/// Detaches the device of a VV of one array, if there is one.
pub(super) async fn device(
    steps: &mut Steps,
    backend: &Backend,
    array: &Array,
    vv: &VvName,
) -> Result<(), Cause> {
    let found = steps.look("vv", array.showvv(VvQuery::Name(vv))).await?;
    match found.first() {
        Some(found) => by_wwn(steps, backend, &found.wwn).await,
        None => Ok(()),
    }
}

async fn by_wwn(steps: &mut Steps, backend: &Backend, wwn: &Wwn) -> Result<(), Cause> {
    if backend.transport.find(wwn)?.is_some() {
        steps
            .local(Intent::Detach, backend.transport.detach(wwn))
            .await?
            .into_inner();
    }
    Ok(())
}

/// The part that needs no array: filesystem and device. For a volume whose backend is not known, or cannot be.
pub(super) async fn from_this_machine(
    inner: &Inner,
    name: &VolumeName,
    wwn: Option<&Wwn>,
) -> Result<(), Cause> {
    let mountpoint = inner.mountpoint(name);
    let mounted = reconcile::mounted_volume(inner, name)?;
    let other_copy = mounted.is_some_and(|place| wwn.is_some_and(|wwn| place.wwn != *wwn));
    if !other_copy {
        inner.unmount_here(&mountpoint).await?;
    }
    if let Some(wwn) = wwn {
        host::end_preparing(&inner.kernel, wwn, &inner.scratch).await?;
        if let Some((transport, _)) = inner.attached(wwn)? {
            transport.detach(wwn).await?.into_inner();
        }
    }
    if !other_copy {
        host::remove_mountpoint(&inner.kernel, &mountpoint)?;
    }
    Ok(())
}

/// Unmounts, detaches and withdraws: everything a mount did. Each part is looked for first, so it can be done again.
pub(super) async fn everything(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
) -> Result<(), Cause> {
    second_export::hand_over_doubt(inner, backend, steps).await?;
    steps.must_be_still(backend).await?;
    let entry = steps.entry().clone();
    if !entry.facts.contains_key(LEFT_HERE) {
        this_machine(inner, backend, steps).await?;
    }
    if second_export::is_wanted(backend) {
        let (fact, yes) = left_here();
        steps.record(&[(&fact, &yes)])?;
        second_export::withdraw(inner, backend, steps).await?;
    }
    let array = groups::acting_array(&entry, backend);
    withdraw_by_wwn(backend, steps, array).await?;
    let exports = exports::look(steps, backend, array, &entry.vv).await?;
    withdraw_and_tidy(inner, backend, steps, array, Intent::Withdraw, exports).await
}

/// Another host may have released the volume while it was exported: then the export is to be found under the VV's old name, or, if that host
/// has seen it there, under its own again. What an administrator has exported to this machine since is left alone, as far as its LUN tells.
async fn withdraw_by_wwn(backend: &Backend, steps: &mut Steps, array: &Array) -> Result<(), Cause> {
    let entry = steps.entry();
    let Some(wwn) = wwn_of(entry).filter(|_| Intent::Export.is_in(entry)) else {
        return Ok(());
    };
    let look = array.showvv(VvQuery::Name(&entry.vv));
    let found = steps.look("vv", look).await?;
    if found.first().is_some_and(|vv| vv.wwn == wwn) {
        return Ok(());
    }
    let lun = exports::lun_of(steps.entry());
    let mut own = exports::own_by_wwn(steps, backend, array, &wwn).await?;
    own.retain(|template| lun.is_none_or(|lun| template.lun == lun));
    for template in own {
        exports::withdraw(steps, Intent::Withdraw, array, &template).await?;
    }
    Ok(())
}

/// As [`withdraw_own`], with the host object, if that was the last export to it.
pub(super) async fn withdraw_and_tidy(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    array: &Array,
    intent: Intent,
    exports: Exports,
) -> Result<(), Cause> {
    let own = exports.own();
    for template in &own {
        exports::withdraw(steps, intent, array, template).await?;
    }
    let host = match own.first().map(|template| template.target.clone()) {
        Some(ExportTarget::Host(host)) => Some(host),
        // Made, and then nothing could be exported to it.
        _ if Intent::MakeHost.is_in(steps.entry()) => {
            let hosts = steps.look("hosts", array.showhost()).await?;
            host_object::our_host(backend, array, &hosts)?
        }
        _ => None,
    };
    if let Some(host) = host {
        host_object::remove_unused(&inner.host_objects, steps, backend, array, &host).await?;
    }
    Ok(())
}

/// Filesystem and device.
async fn this_machine(inner: &Inner, backend: &Backend, steps: &mut Steps) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    let mountpoint = inner.mountpoint(&entry.name);
    let wwn = wwn_of(&entry);
    if let Some(wwn) = &wwn {
        host::end_preparing(&inner.kernel, wwn, &inner.scratch).await?;
    }
    // After a failover the other copy may be mounted by now: that is not this operation's.
    let other_copy = is_of_another_copy(inner, &entry)?;
    if !other_copy && inner.mounted(&entry.name).is_some() {
        steps
            .local(Intent::Unmount, inner.unmount_here(&mountpoint))
            .await?;
    }
    if let Some(wwn) = &wwn {
        by_wwn(steps, backend, wwn).await?;
    }
    if !other_copy {
        // Only now: removing the directory also takes the mount from every other namespace that has a copy of it (array fact 36).
        host::remove_mountpoint(&inner.kernel, &mountpoint)?;
    }
    Ok(())
}

/// Takes the exports to this machine back, of all that an array showed. Whoever sees another host withdraws its own export, and only
/// that.
pub(super) async fn withdraw_own(
    steps: &mut Steps,
    array: &Array,
    intent: Intent,
    exports: Exports,
) -> Result<(), Cause> {
    for template in &exports.own() {
        exports::withdraw(steps, intent, array, template).await?;
    }
    Ok(())
}

/// The fact that the volume has left this machine.
pub(super) fn left_here() -> (String, String) {
    (LEFT_HERE.to_owned(), "yes".to_owned())
}

/// True if the operation has taken the volume off this machine, and no command of its own may still be running: whatever is mounted or
/// exported since is not its business.
pub(super) fn leaves_this_alone(entry: &JournalEntry) -> bool {
    let in_doubt = entry
        .facts
        .get("doubt")
        .is_some_and(|doubt| !doubt.is_empty());
    entry.facts.contains_key(LEFT_HERE) && !in_doubt
}

/// True if the operation has taken the volume off this machine, and it is mounted again since.
pub(super) fn is_overtaken(inner: &Inner, entry: &JournalEntry) -> Result<bool, Cause> {
    let left = entry.facts.contains_key(LEFT_HERE) && entry.kind != OpKind::Export;
    Ok(left && reconcile::mounted_volume(inner, &entry.name)?.is_some())
}

/// The WWN that a mount or an unmount is about, as far as it got to know it.
pub(super) fn wwn_of(entry: &JournalEntry) -> Option<Wwn> {
    entry.facts.get("wwn").and_then(|wwn| wwn.parse().ok())
}

/// True if what is mounted under the volume's name is certainly not what a mount or an unmount is about, but the copy on the other array.
pub(super) fn is_of_another_copy(inner: &Inner, entry: &JournalEntry) -> Result<bool, Cause> {
    let Some(mounted) = reconcile::mounted_volume(inner, &entry.name)? else {
        return Ok(false);
    };
    if let Some(wwn) = wwn_of(entry) {
        return Ok(mounted.wwn != wwn);
    }
    // It never got to know its WWN: then the array tells.
    let side = unmount::side_of(inner, &entry.name, Some(&mounted.wwn));
    let backend = inner.backend_of_entry(entry);
    let other = |backend: Backend| {
        groups::acting_array(entry, &backend).label() != backend.on(side).label()
    };
    Ok(backend.is_ok_and(other))
}
