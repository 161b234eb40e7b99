//! What this machine and the arrays hold of volumes that no record explains: after a lost file, a restart of the machine, or a
//! plugin that died between two lines of its own records.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    host::{self, BlockDevice, MountEntry},
    index::{IndexedVolume, MountPlace},
    inform::{Array, ExportedVv, VlunQuery, VvQuery},
    model::{RequestId, Side, VolumeName, VvName, Wwn},
};

use super::{
    arrays::Login,
    backend::Backend,
    error::{Cause, VolumeError},
    inner::Inner,
    listing::{self, Taken},
    snapshots, unheard, unmount,
};

/// How long looking at a device may take.
pub(super) const LOOKING: Duration = Duration::from_secs(30);
/// The pause after a first failure to ask an array, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// What has become of an array's first listing since the plugin started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstListing {
    /// Two at a time would count what is gone twice.
    OnItsWay,
    /// The array did not answer, or not all on it could be looked at.
    NotWhole,
    Whole,
}

impl FirstListing {
    /// After a listing.
    pub fn note(&mut self, is_whole: bool) {
        match (*self, is_whole) {
            (_, true) => *self = Self::Whole,
            (Self::OnItsWay, false) => *self = Self::NotWhole,
            (Self::NotWhole | Self::Whole, false) => {}
        }
    }
}

/// The volume that the kernel shows mounted under this name, if its device is one of ours.
pub(super) fn mounted_volume(
    inner: &Inner,
    name: &VolumeName,
) -> Result<Option<MountPlace>, Cause> {
    match host::is_mounted(&inner.kernel, &inner.mountpoint(name))? {
        Some(entry) => place(inner, name, &entry),
        None => Ok(None),
    }
}

fn place(
    inner: &Inner,
    name: &VolumeName,
    entry: &MountEntry,
) -> Result<Option<MountPlace>, Cause> {
    let is_it = |device: &BlockDevice| device.number() == entry.device;
    let known = inner.index.get(name);
    let sides = [Side::Source, Side::Peer];
    let known = sides.map(|side| known.as_ref()?.wwn_on(side).cloned());
    for backend in inner.backends.values() {
        let mut device = backend.transport.list()?.into_iter().find(is_it);
        // One that the array took over may have another maker's WWN, and is in no list then.
        for wwn in known.iter().flatten() {
            if device.is_none() {
                device = backend.transport.find(wwn)?.filter(is_it);
            }
        }
        if let Some(device) = device {
            return Ok(Some(MountPlace {
                wwn: device.wwn().clone(),
                device: device.path().to_owned(),
                mountpoint: inner.mountpoint(name),
            }));
        }
    }
    Ok(None)
}

/// Writes down a mount that is there and that no record tells of. The caller holds the name's lock.
pub(super) fn adopt(inner: &Inner, name: &VolumeName) -> Result<(), Cause> {
    if inner.index.mount(name).is_some() {
        return Ok(());
    }
    if let Some(place) = mounted_volume(inner, name)? {
        log::warn!(volume = name.as_str(), wwn = place.wwn.as_str(); "found mounted without a record; adopted");
        inner.index.adopt(name, place)?;
    }
    Ok(())
}

/// Adopts all mounts of volumes that no record tells of. Before any request is answered.
pub(super) fn adopt_all(inner: &Inner) {
    let mounted = match host::mounted_beneath(&inner.kernel, &inner.mount_prefix) {
        Ok(mounted) => mounted,
        Err(error) => {
            log::error!(error:% = error; "cannot see what is mounted");
            return;
        }
    };
    for entry in mounted {
        let name = entry.mountpoint.file_name().and_then(|name| name.to_str());
        let Some(name) = name.and_then(|name| VolumeName::new(name).ok()) else {
            continue;
        };
        // What an unfinished operation mounted is its own to finish, or to undo.
        if has_open_entry(inner, &name) {
            continue;
        }
        if let Err(cause) = adopt(inner, &name) {
            log::warn!(volume = name.as_str(), cause:% = cause; "could not adopt a mount");
        }
    }
}

/// Volumes with a mount record that nobody is known to use and no operation explains. One that was adopted has users nobody wrote
/// down.
pub(super) fn unused(inner: &Inner) -> Vec<VolumeName> {
    inner
        .index
        .mounts()
        .into_iter()
        .filter(|(name, record)| {
            let unknown = record.all_unheard() && inner.unheard.is_due(name);
            (record.references() == 0 || unknown) && !record.adopted && !has_open_entry(inner, name)
        })
        .map(|(name, _)| name)
        .collect()
}

/// Ends an Unmount that died between counting and its first line in the journal, and a Mount that the engine may not have heard
/// of. The caller holds the name's lock.
pub(super) async fn release_unused(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), VolumeError> {
    if !unused(inner).contains(name) {
        return Ok(());
    }
    if inner
        .index
        .mount(name)
        .is_some_and(|record| record.references() > 0)
    {
        unheard::judge(inner, request, name).await
    } else {
        log::info!(volume = name.as_str(), request = request.as_str(); "mounted, and nobody uses it: released");
        unmount::release(inner, request, name).await
    }
}

/// Takes back what one array still exports to this machine though it is not mounted from there: once when the plugin has started,
/// and whenever an export may have been left that is in no journal. An array that does not answer is asked again.
pub(super) async fn run(inner: Arc<Inner>, array: usize, first: watch::Receiver<FirstListing>) {
    let mut unexplained = inner.unexplained.subscribe();
    let mut listed = inner.listed.subscribe();
    loop {
        let mut pause = PAUSES.0;
        while let Err(cause) = sweep(&inner, array, &first, pause > PAUSES.0).await {
            log::debug!(cause:% = cause; "what an array exports to this machine is not known yet");
            if tokio::time::timeout(pause, listed.changed()).await.is_err() {
                pause = (pause * 2).min(PAUSES.1);
            }
        }
        if unexplained.changed().await.is_err() {
            return;
        }
    }
}

/// Only what is listed can be recognised. At the start a listing is on its way; `list` is for when that has failed.
async fn sweep(
    inner: &Inner,
    array: usize,
    first: &watch::Receiver<FirstListing>,
    list: bool,
) -> Result<(), Cause> {
    let arrays = inner.arrays();
    let Some(login) = arrays.get(array) else {
        return Ok(());
    };
    let request = RequestId::random();
    let label = login.array().label();
    let seeded = login.own.iter().all(|own| inner.index.seeded(&own.name));
    // An index that is older than this run knows the volumes; which copies there are it may not.
    let mut is_known = seeded && login.copies.is_empty();
    let mut exported = BTreeSet::new();
    if is_known {
        exported = exported_here(&login.array().for_request(&request), login).await?;
        is_known = exported.iter().all(|vv| is_recognised(inner, login, vv));
    }
    if !is_known {
        let first = *first.borrow();
        if first != FirstListing::Whole {
            if first == FirstListing::OnItsWay || !list {
                return Err(Cause::NotKnown(format!(
                    "the volumes on array `{label}` are not listed yet"
                )));
            }
            if let Taken::Some = listing::list(inner, &request, login).await?.taken {
                return Err(Cause::NotKnown(format!(
                    "not all volumes on array `{label}` could be looked at: some are being worked on"
                )));
            }
        }
        exported = exported_here(&login.array().for_request(&request), login).await?;
    }
    for volume in inner.index.list() {
        for (backend, side) in login.backends() {
            let Some(wwn) = volume
                .wwn_on(side)
                .filter(|_| volume.backend == backend.name)
            else {
                continue;
            };
            if exported.contains(&volume.vv) || backend.transport.find(wwn)?.is_some() {
                let backend = snapshots::on(backend, side, &volume);
                let exported = exported.contains(&volume.vv);
                take_back(inner, login, &backend, side, &volume, wwn, exported).await?;
            }
        }
    }
    Ok(())
}

/// False for a VV that may be a volume's and cannot be told from another one of its name: the index knows a volume that was found by
/// its copy without the WWN that it has on its own array.
fn is_recognised(inner: &Inner, login: &Login<'_>, vv: &VvName) -> bool {
    if !vv.is_ours(&inner.namespace) {
        return true;
    }
    let volumes = inner.index.list().into_iter();
    volumes.filter(|volume| volume.vv == *vv).any(|volume| {
        let mut backends = login.backends();
        backends
            .any(|(backend, side)| backend.name == volume.backend && volume.wwn_on(side).is_some())
    })
}

/// The VVs that an array exports to this machine, not counting those of VV sets.
pub(super) async fn exported_here(
    array: &Array,
    login: &Login<'_>,
) -> Result<BTreeSet<VvName>, Cause> {
    let mut here = BTreeSet::new();
    for (backend, _) in login.backends() {
        here.extend(backend.transport.initiators());
    }
    let mut exported = BTreeSet::new();
    for host in array.showhost().await? {
        let mine = host
            .paths
            .iter()
            .any(|path| path.initiator.as_ref().is_some_and(|i| here.contains(i)));
        let Some(name) = host.name.filter(|_| mine) else {
            continue;
        };
        let templates = array.showvlun_t(VlunQuery::Host(&name)).await?;
        exported.extend(templates.into_iter().filter_map(|t| match t.vv {
            ExportedVv::One(vv) => Some(vv),
            ExportedVv::Set(_) => None,
        }));
    }
    Ok(exported)
}

/// Takes one VV off this machine, unless something explains that it is here.
async fn take_back(
    inner: &Inner,
    login: &Login<'_>,
    backend: &Backend,
    side: Side,
    volume: &IndexedVolume,
    wwn: &Wwn,
    exported: bool,
) -> Result<(), Cause> {
    let name = &volume.name;
    let _lock = inner.locks.lock(name).await;
    if let Some(why) = explanation(inner, name, wwn) {
        log::debug!(volume = name.as_str(), why = why; "exported to this machine");
        return Ok(());
    }
    let device = backend.transport.find(wwn)?;
    if let Some(device) = &device
        && let Some(by) = host::busy(&inner.kernel, device, LOOKING).await?
    {
        log::warn!(volume = name.as_str(), by:% = by; "not mounted by this plugin, and in use: left as it is");
        return Ok(());
    }
    let request = RequestId::random();
    let backend = backend.for_request(&request);
    let array = backend.on(side);
    // It may have been mounted when the array was asked, and unmounted while the lock was waited for.
    let exported = exported && exported_here(array, login).await?.contains(&volume.vv);
    if !exported && device.is_none() {
        return Ok(());
    }
    // What is exported under the name is this VV, not somebody else's that has taken the name.
    if exported {
        let found = array.showvv(VvQuery::Name(&volume.vv)).await?;
        if found.first().is_none_or(|vv| vv.wwn != *wwn) {
            log::warn!(volume = name.as_str(), vv = volume.vv.as_str(), array = array.label();
                "another VV of this name is exported to this machine: left as it is");
            return Ok(());
        }
    }
    log::info!(volume = name.as_str(), array = array.label(), request = request.as_str(); "exported to this machine and not mounted from there: taken back");
    let wwn = Some(wwn.clone());
    let off = unmount::take_off(inner, &request, &backend, side, name, wwn);
    if let Err(error) = off.await {
        // It is in the journal now, or still exported.
        log::warn!(error:% = error; "not taken back yet");
    }
    Ok(())
}

/// The reason for an export of a VV to this machine, if there is one. The other copy of a volume that is mounted has none. The caller holds
/// the name's lock.
fn explanation(inner: &Inner, name: &VolumeName, wwn: &Wwn) -> Option<&'static str> {
    // What is mounted and cannot be recognised is believed to be this.
    let is_other = |place: Result<Option<MountPlace>, Cause>| matches!(place, Ok(Some(place)) if place.wwn != *wwn);
    if inner.mounted(name).is_some() && !is_other(mounted_volume(inner, name)) {
        return Some("it is mounted");
    }
    let record = inner.index.mount(name);
    if record.is_some_and(|record| record.place.wwn == *wwn) {
        Some("it has a mount record")
    } else if has_open_entry(inner, name) {
        Some("an operation is not finished")
    } else {
        None
    }
}

fn has_open_entry(inner: &Inner, name: &VolumeName) -> bool {
    inner.index.open_entries().iter().any(|e| e.name == *name)
}
