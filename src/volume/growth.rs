//! A VV that somebody has grown on its array: its device and its filesystem on this machine follow, at the next mount, or while it is
//! mounted, when a listing shows it. That they cannot keeps nobody from the volume: it is tried again, and told.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    host::{self, BlockDevice, Export, HostError, Transport},
    model::{Change, FsType, Size, VolumeName, Wwn},
};

use super::{Here, error::Cause, inner::Inner};

/// How long a filesystem may take to grow while a container waits for it.
const AT_MOUNT: Duration = Duration::from_secs(15);
/// How long it may take beside the containers that use it. An Unmount waits for it.
const MOUNTED: Duration = Duration::from_secs(50);

/// How far the volumes that are mounted here are. Nothing is kept over a restart: they are looked at again.
#[derive(Debug, Default)]
pub(super) struct Growth(Mutex<HashMap<Wwn, Known>>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    /// What its array listed last.
    listed: Option<Size>,
    /// The size of the device, in bytes, when its filesystem was seen to fill it.
    filled: Option<u64>,
    /// Why that failed the last time, for people.
    why_not: Option<String>,
    /// Somebody sees to it.
    at_work: bool,
}

impl Known {
    /// True if something is to be done about a device of so many bytes.
    fn is_due(&self, device: u64) -> bool {
        let grown = self.listed.is_some_and(|size| size.bytes() > device);
        !self.at_work && (grown || self.filled != Some(device))
    }
}

impl Growth {
    fn all(&self) -> MutexGuard<'_, HashMap<Wwn, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A listing shows a VV.
    pub fn listed(&self, wwn: &Wwn, size: Size) {
        self.all().entry(wwn.clone()).or_default().listed = Some(size);
    }

    /// Why the filesystem of a volume that is mounted here is smaller than its VV, if that is known.
    pub fn why_not(&self, wwn: &Wwn) -> Option<String> {
        self.all().get(wwn)?.why_not.clone()
    }

    fn of(&self, wwn: &Wwn) -> Known {
        self.all().get(wwn).cloned().unwrap_or_default()
    }

    /// Somebody begins to see to a volume.
    fn begin(&self, wwn: &Wwn) {
        self.all().entry(wwn.clone()).or_default().at_work = true;
    }

    /// True if that is done: it has not grown again since this was what its array listed.
    fn is_done(&self, wwn: &Wwn, listed: Option<Size>) -> bool {
        let mut all = self.all();
        let known = all.entry(wwn.clone()).or_default();
        known.at_work = known.listed != listed;
        !known.at_work
    }

    fn forget_others(&self, mounted: &BTreeSet<Wwn>) {
        self.all().retain(|wwn, _| mounted.contains(wwn));
    }

    /// What became of a try, by the size of the device.
    fn note(&self, name: &VolumeName, wwn: &Wwn, done: Result<u64, HostError>) {
        let mut all = self.all();
        let known = all.entry(wwn.clone()).or_default();
        match done {
            Ok(bytes) => (known.filled, known.why_not) = (Some(bytes), None),
            Err(error) => {
                let hint = error.hint().map(|hint| format!(" ({hint})"));
                let why = format!("{error}{}", hint.unwrap_or_default());
                // Once: it is tried again every minute.
                if known.why_not.as_ref() != Some(&why) {
                    log::warn!(volume = name.as_str(), wwn = wwn.as_str(), why = why.as_str(); "volume has grown, and its filesystem has not");
                }
                (known.filled, known.why_not) = (None, Some(why));
            }
        }
    }
}

/// A device that is still attached from before its VV grew takes its size. Whether it may be used is the attach's to decide.
pub(super) async fn before_attach(transport: &Transport, export: &Export) {
    let stale = |device: &BlockDevice| device.bytes() < export.size.bytes();
    if let Ok(Some(device)) = transport.find(&export.wwn)
        && stale(&device)
        && let Err(error) = transport.resize(&export.wwn, export.size).await
    {
        log::warn!(wwn = export.wwn.as_str(), error:% = error; "the device does not take the size of its volume");
    }
}

/// The filesystem of a device that has just been mounted is made as large as that. The caller holds the name's lock.
pub(super) async fn after_mount(
    inner: &Inner,
    name: &VolumeName,
    device: &BlockDevice,
    kind: FsType,
) {
    let done = filesystem(inner, name, device, kind, AT_MOUNT).await;
    inner.growth.note(name, device.wwn(), done);
}

/// A VV has grown this moment: what is mounted of it here follows. The caller holds the name's lock.
pub(super) async fn at_once(inner: &Inner, name: &VolumeName, size: Size) -> Result<Here, Cause> {
    let Some(record) = inner.index.mount(name) else {
        return Ok(Here::NotMounted);
    };
    let wwn = record.place.wwn;
    inner.growth.listed(&wwn, size);
    match follow(inner, name, &wwn, Some(size)).await.transpose() {
        None => Ok(Here::NotMounted),
        Some(done) => {
            inner.growth.note(name, &wwn, done);
            Ok(inner
                .growth
                .why_not(&wwn)
                .map_or(Here::Follows, Here::Smaller))
        }
    }
}

/// After a listing: whatever is mounted here and has grown is seen to, each by itself and beside all else.
pub(super) fn after_listing(inner: &Arc<Inner>) {
    let mounts = inner.index.mounts();
    let mounted = mounts.values().map(|record| record.place.wwn.clone());
    inner.growth.forget_others(&mounted.collect());
    for (name, record) in mounts {
        let wwn = record.place.wwn;
        let device = inner.attached(&wwn).ok().flatten();
        let due = |(_, device): (_, BlockDevice)| inner.growth.of(&wwn).is_due(device.bytes());
        if !device.is_some_and(due) {
            continue;
        }
        let inner = Arc::clone(inner);
        inner.growth.begin(&wwn);
        tokio::spawn(async move {
            let _lock = inner.locks.lock(&name).await;
            loop {
                let listed = inner.growth.of(&wwn).listed;
                let done = follow(&inner, &name, &wwn, listed).await;
                if let Some(done) = done.transpose() {
                    inner.growth.note(&name, &wwn, done);
                }
                if inner.growth.is_done(&wwn, listed) {
                    break;
                }
            }
        });
    }
}

/// Device, then filesystem. The size of the device; none if there is nothing that could grow here any more.
async fn follow(
    inner: &Inner,
    name: &VolumeName,
    wwn: &Wwn,
    listed: Option<Size>,
) -> Result<Option<u64>, HostError> {
    let Some((transport, device)) = inner.attached(wwn)? else {
        return Ok(None);
    };
    if let Some(size) = listed.filter(|size| size.bytes() > device.bytes()) {
        transport.resize(wwn, size).await?.into_inner();
    }
    let Some((_, device)) = inner.attached(wwn)? else {
        return Ok(None);
    };
    let entry = host::is_mounted(&inner.kernel, &inner.mountpoint(name))?;
    let writable = entry.filter(|entry| entry.device == device.number() && !entry.is_read_only());
    match writable.and_then(|entry| entry.kind.parse().ok()) {
        None => Ok(None),
        Some(kind) => filesystem(inner, name, &device, kind, MOUNTED)
            .await
            .map(Some),
    }
}

/// The size of the device, which the filesystem fills.
async fn filesystem(
    inner: &Inner,
    name: &VolumeName,
    device: &BlockDevice,
    kind: FsType,
    limit: Duration,
) -> Result<u64, HostError> {
    let mountpoint = inner.mountpoint(name);
    let done = host::grow_filesystem(&inner.kernel, device, &mountpoint, kind, limit).await?;
    if let Change::Changed(bytes) = done {
        log::info!(volume = name.as_str(), device:% = device.path().display(), bytes = bytes; "filesystem has grown");
    }
    Ok(device.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wwn() -> Wwn {
        "60002AC00000000000000A1F0001B2C1".parse().unwrap()
    }

    #[test]
    fn a_volume_is_due_until_its_filesystem_fills_what_the_array_lists() {
        let (growth, name) = (Growth::default(), VolumeName::new("db1").unwrap());
        let gib = |n| Size::from_gib(n).bytes();
        let due = |device| growth.of(&wwn()).is_due(device);
        assert!(due(gib(1)), "nobody has looked since the start");
        growth.note(&name, &wwn(), Ok(gib(1)));
        assert!(!due(gib(1)));
        growth.listed(&wwn(), Size::from_gib(1));
        assert!(!due(gib(1)));
        growth.listed(&wwn(), Size::from_gib(2));
        assert!(due(gib(1)), "the device is to grow");
        assert!(due(gib(2)), "the filesystem is");
        growth.note(&name, &wwn(), Err(HostError::ToolMissing("resize2fs")));
        let why = growth.why_not(&wwn()).unwrap();
        assert!(why.contains("e2fsprogs"), "{why}");
        assert!(due(gib(2)), "it is tried again");
        growth.note(&name, &wwn(), Ok(gib(2)));
        assert!(!due(gib(2)) && growth.why_not(&wwn()).is_none());
        let listed = growth.of(&wwn()).listed;
        growth.begin(&wwn());
        assert!(!due(gib(1)), "once is enough");
        growth.listed(&wwn(), Size::from_gib(3));
        assert!(!growth.is_done(&wwn(), listed), "it has grown meanwhile");
        assert!(!due(gib(2)));
        assert!(growth.is_done(&wwn(), growth.of(&wwn()).listed));
        assert!(due(gib(2)));
        growth.forget_others(&BTreeSet::new());
        assert!(due(gib(2)));
    }
}
