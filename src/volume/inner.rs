//! What every operation on volumes shares: backends, index, locks, and what the kernel says of this machine.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    host::{self, BlockDevice, HostError, Kernel, Transport},
    index::{Index, IndexError, IndexedVolume, JournalEntry, OpKind},
    model::{
        BackendName, Format, Machine, MountId, Namespace, OperationId, RequestId, Side, VolumeName,
        Wwn,
    },
};

use crate::replication::GroupSides;

use super::{
    BackendState,
    at_work::AtWork,
    backend::Backend,
    copying::{self, Copies},
    error::Cause,
    growth::Growth,
    host_object::HostObjects,
    kill_points::KillPoints,
    news::News,
    ownership::Handovers,
    paths::Paths,
    queue::Queues,
    reconcile,
    running::{Locks, Running},
    second_export::Keeping,
    service::Parts,
    snapshots,
    unheard::Unheard,
};

/// How long umount(2) may take: it writes what is not written yet.
const UNMOUNTING: Duration = Duration::from_secs(50);

/// What the service is, behind its clones.
#[derive(Debug)]
pub(super) struct Inner {
    pub backends: BTreeMap<BackendName, Backend>,
    pub index: Index,
    pub kernel: Kernel,
    pub machine: Machine,
    pub namespace: Namespace,
    pub mount_prefix: PathBuf,
    pub scratch: PathBuf,
    pub points: KillPoints,
    /// Told when the arrays may hold exports to this machine that no record explains.
    pub unexplained: watch::Sender<()>,
    /// Told when an array has been listed.
    pub listed: watch::Sender<()>,
    pub locks: Locks<VolumeName>,
    /// Held while one volume of a listing goes into the index: two listings are not in each other's way.
    pub taking_in: Mutex<()>,
    /// Of remote copy groups.
    pub queues: Queues,
    pub at_work: AtWork,
    pub running: Running,
    pub health: Mutex<HashMap<BackendName, BackendState>>,
    /// Volumes removed here lately.
    removed: Mutex<HashMap<VolumeName, jiff::Timestamp>>,
    pub unheard: Unheard,
    pub news: News,
    pub second_exports: Keeping,
    pub paths: Paths,
    pub growth: Growth,
    pub handovers: Handovers,
    pub host_objects: HostObjects,
    pub copies: Copies,
}

impl Inner {
    /// Before any array was contacted.
    pub fn new(parts: Parts) -> Self {
        let backends: BTreeMap<BackendName, Backend> = parts
            .backends
            .into_iter()
            .map(|backend| (backend.name.clone(), backend))
            .collect();
        Self {
            backends,
            index: parts.index,
            kernel: parts.kernel,
            scratch: parts.scratch,
            machine: parts.machine,
            namespace: parts.namespace,
            mount_prefix: parts.mount_prefix,
            points: parts.points,
            unexplained: watch::Sender::default(),
            listed: watch::Sender::default(),
            locks: Locks::default(),
            taking_in: Mutex::default(),
            queues: Queues::default(),
            at_work: AtWork::default(),
            running: Running::default(),
            health: Mutex::default(),
            removed: Mutex::default(),
            unheard: Unheard::new(),
            news: News::default(),
            second_exports: Keeping::default(),
            paths: Paths::default(),
            growth: Growth::default(),
            handovers: Handovers::default(),
            host_objects: HostObjects::default(),
            copies: Copies::default(),
        }
    }

    pub fn backend(&self, name: &BackendName) -> Result<&Backend, Cause> {
        self.backends
            .get(name)
            .ok_or_else(|| Cause::NoSuchBackend(name.clone()))
    }

    /// The backend of a volume; of a snapshot, and of a clone on its way on the peer, the array that has it, by itself.
    ///
    /// # Errors
    /// [`Cause::BackendLeft`] if hpe.conf does not say any more where it is.
    pub fn backend_of(&self, volume: &IndexedVolume) -> Result<Backend, Cause> {
        let left = || Cause::BackendLeft(volume.backend.clone());
        let backend = self.backends.get(&volume.backend).ok_or_else(left)?;
        let side = snapshots::side(self, backend, volume).or_else(|| copying::side(volume));
        Ok(match side {
            Some(side) => backend.alone(side),
            None => backend.clone(),
        })
    }

    /// The backend of an operation, as it was when that began.
    pub fn backend_of_entry(&self, entry: &JournalEntry) -> Result<Backend, Cause> {
        let backend = self.backend(&entry.backend)?;
        Ok(match snapshots::side_of_entry(entry) {
            Some(side) => snapshots::alone_of_entry(backend, side, entry)?,
            None => backend.clone(),
        })
    }

    /// Now, by this machine's clock.
    pub fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    pub fn mountpoint(&self, name: &VolumeName) -> PathBuf {
        self.mount_prefix.join(name.as_str())
    }

    /// Where the volume is mounted on this machine, by the kernel's own table.
    pub fn mounted(&self, name: &VolumeName) -> Option<PathBuf> {
        let mountpoint = self.mountpoint(name);
        match host::is_mounted(&self.kernel, &mountpoint) {
            Ok(entry) => entry.map(|_| mountpoint),
            Err(error) => {
                // Not knowing is answered as "mounted": nothing is then removed, and nothing mounted over it.
                log::error!(volume = name.as_str(), error:% = error; "the kernel's mount table cannot be read");
                Some(mountpoint)
            }
        }
    }

    /// What is mounted under the volume's mountpoint is the volume: one of its copies.
    pub fn check_device(&self, name: &VolumeName) -> Result<(), Cause> {
        let mountpoint = self.mountpoint(name);
        let mut wwns: Vec<Wwn> = self
            .index
            .mount(name)
            .map(|record| record.place.wwn)
            .into_iter()
            .collect();
        if let Some(volume) = self.index.get(name) {
            wwns.extend(volume.wwns().cloned());
        }
        if wwns.is_empty() {
            return Ok(());
        }
        let mounted = host::is_mounted(&self.kernel, &mountpoint)?;
        for wwn in &wwns {
            if let (Some((_, device)), Some(mounted)) = (self.attached(wwn)?, &mounted)
                && device.number() == mounted.device
            {
                return Ok(());
            }
        }
        Err(HostError::OtherMount {
            found: mounted
                .map(|m| m.source.display().to_string())
                .unwrap_or_default(),
            mountpoint,
        }
        .into())
    }

    /// Keeps the roles that both arrays showed just now: when one of them cannot be asked, it matters what it was last.
    pub fn note_roles(&self, name: &VolumeName, sides: &GroupSides) -> Result<(), Cause> {
        self.index.change(name, |volume| {
            for side in Side::BOTH {
                volume.last_roles.note(side, sides.role(side));
            }
        })?;
        Ok(())
    }

    /// Keeps the WWN of a copy that was seen on one of the arrays.
    pub fn note_wwn(&self, name: &VolumeName, side: Side, wwn: &Wwn) -> Result<(), Cause> {
        self.index
            .change(name, |volume| volume.note_wwn(side, wwn.clone()))?;
        Ok(())
    }

    /// Writes to the index on behalf of an operation.
    pub fn write<T>(
        &self,
        what: &str,
        write: impl FnOnce(&Index) -> Result<T, IndexError>,
    ) -> Result<T, Cause> {
        Ok(self.points.writing(what, || write(&self.index))?)
    }

    /// The journal entry of an operation that begins now, before its first step.
    pub fn new_entry(
        &self,
        request: &RequestId,
        kind: OpKind,
        name: &VolumeName,
        backend: &Backend,
    ) -> JournalEntry {
        JournalEntry {
            op: OperationId {
                machine: self.machine.clone(),
                request: request.clone(),
            },
            kind,
            name: name.clone(),
            backend: backend.name.clone(),
            vv: name.vv_name(&self.namespace),
            started: self.now(),
            steps: Vec::new(),
            facts: snapshots::facts(backend),
            request: serde_json::Value::Null,
        }
    }

    /// The device of a volume, whichever backend it came by.
    pub fn attached(&self, wwn: &Wwn) -> Result<Option<(&Transport, BlockDevice)>, HostError> {
        for backend in self.backends.values() {
            if let Some(device) = backend.transport.find(wwn)? {
                return Ok(Some((&backend.transport, device)));
            }
        }
        Ok(None)
    }

    /// One more user of a mount, also of one that nobody wrote down.
    pub fn count_mount(&self, name: &VolumeName, id: &MountId) -> Result<(), Cause> {
        reconcile::adopt(self, name)?;
        self.write("one user more", |index| {
            index.mount_ref_add(name, id.as_str())
        })?;
        Ok(())
    }

    pub fn has_users(&self, name: &VolumeName) -> bool {
        self.mounted(name).is_some()
            && self
                .index
                .mount(name)
                .is_some_and(|record| record.references() > 0)
    }

    pub async fn unmount_here(&self, mountpoint: &Path) -> Result<(), HostError> {
        if !host::unmount(&self.kernel, mountpoint, UNMOUNTING)
            .await?
            .is_changed()
        {
            log::info!(mountpoint:% = mountpoint.display(); "was not mounted any more");
        }
        Ok(())
    }

    /// True if the volume was removed here after this moment: a listing begun then may still show it.
    pub fn removed_since(&self, name: &VolumeName, moment: jiff::Timestamp) -> bool {
        let removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        removed.get(name).is_some_and(|at| *at >= moment)
    }

    /// A volume that is certainly gone.
    pub fn forget(&self, name: &VolumeName) -> Result<(), Cause> {
        let now = self.now();
        let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        // No listing takes an hour.
        removed.retain(|_, at| now.duration_since(*at).as_hours() < 1);
        removed.insert(name.clone(), now);
        drop(removed);
        if let Some(volume) = self.index.get(name) {
            self.write("no volume", |index| index.remove(&volume))?;
        }
        Ok(())
    }

    pub fn note_format(&self, name: &VolumeName, format: Format) -> Result<(), Cause> {
        if let Some(mut volume) = self.index.get(name) {
            volume.format = format;
            self.write("volume", |index| index.put(volume))?;
        }
        Ok(())
    }

    /// Every backend has been listed completely once since the index exists.
    pub fn all_seeded(&self) -> bool {
        self.backends
            .keys()
            .all(|backend| self.index.seeded(backend))
    }

    pub fn set_health(&self, backend: &BackendName, state: BackendState) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let before = health.insert(backend.clone(), state.clone());
        if before.as_ref() != Some(&state) {
            match &state {
                BackendState::Ready => log::info!(backend = backend.as_str(); "backend is ready"),
                BackendState::Failed(why) => {
                    log::warn!(backend = backend.as_str(), why = why.as_str(); "backend cannot be used");
                }
                BackendState::Starting => {}
            }
        }
    }
}
