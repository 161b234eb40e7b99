//! Taking a device off this machine, and what a mount did back (the only safe order: filesystem, device, export).

use crate::{
    host,
    inform::VvQuery,
    model::{VolumeName, VvName, Wwn},
};

use super::{
    backend::Backend,
    error::Cause,
    exports::{self, Exports},
    inner::Inner,
    steps::{Intent, Steps},
};

/// Detaches the device of a VV, if there is one.
pub(super) async fn device(steps: &mut Steps, backend: &Backend, vv: &VvName) -> Result<(), Cause> {
    let found = steps
        .look("vv", backend.array.showvv(VvQuery::Name(vv)))
        .await?;
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
    inner.unmount_here(&mountpoint).await?;
    if let Some(wwn) = wwn {
        host::end_preparing(&inner.kernel, wwn, &inner.scratch).await?;
        if let Some((transport, _)) = inner.attached(wwn)? {
            transport.detach(wwn).await?.into_inner();
        }
    }
    host::remove_mountpoint(&inner.kernel, &mountpoint)?;
    Ok(())
}

/// Unmounts, detaches and withdraws: everything a mount did. Each part is looked for first, so it can be done again.
pub(super) async fn everything(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    wwn: Option<&Wwn>,
) -> Result<(), Cause> {
    if let Some(doubt) = steps.doubt(backend).await? {
        return Err(Cause::NotKnown(doubt));
    }
    let entry = steps.entry().clone();
    let mountpoint = inner.mountpoint(&entry.name);
    let known = wwn
        .cloned()
        .or_else(|| entry.facts.get("wwn").and_then(|wwn| wwn.parse().ok()));
    if let Some(wwn) = &known {
        host::end_preparing(&inner.kernel, wwn, &inner.scratch).await?;
    }
    if inner.mounted(&entry.name).is_some() {
        steps
            .local(Intent::Unmount, inner.unmount_here(&mountpoint))
            .await?;
    }
    if let Some(wwn) = &known {
        by_wwn(steps, backend, wwn).await?;
    }
    // Only now: removing the directory also takes the mount from every other namespace that has a copy of it (array fact 36).
    host::remove_mountpoint(&inner.kernel, &mountpoint)?;
    // Whoever sees another host withdraws its own export, and only that.
    let own = match exports::look(steps, backend, &entry.vv).await? {
        Exports::None => Vec::new(),
        Exports::Ours(template) => vec![template],
        Exports::Foreign { own, .. } => own,
    };
    for template in &own {
        exports::withdraw(steps, backend, template).await?;
    }
    Ok(())
}
