//! The volume service: what the Docker side calls.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    host::{self, BlockDevice, HostError, Kernel, Transport},
    index::{Index, IndexError, JournalEntry, MountRecord, OpKind},
    model::{
        BackendName, CreateVolume, Format, MountId, Namespace, OperationId, RequestId, VolumeName,
        Wwn,
    },
};

use tokio::sync::watch;

use super::{
    BackendDescription, BackendState, BackendStatus, Listed, Lookup, UserError, Volumes,
    at_work::AtWork,
    backend::Backend,
    cleaning, create,
    error::{Cause, VolumeError},
    given_out::GivenOut,
    kill_points::KillPoints,
    lookup, mount,
    news::News,
    reconcile, recover, refresh, remove,
    running::{Joinable, Locks, Running},
    steps::{self, Intent},
    unmount,
};

/// How often the arrays are listed, give or take a sixth.
const LISTING: Duration = Duration::from_secs(60);
/// How long umount(2) may take: it writes what is not written yet.
const UNMOUNTING: Duration = Duration::from_secs(50);
/// How long a mount that nobody heard of is kept for a second try.
const ABANDONED: Duration = Duration::from_secs(60);

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// All backends.
    pub backends: Vec<Backend>,
    /// Index, journal and mounts.
    pub index: Index,
    /// This machine's short name, as in operation ids.
    pub machine: String,
    /// `namespace` of hpe.conf.
    pub namespace: Namespace,
    /// `mount_prefix` of hpe.conf.
    pub mount_prefix: PathBuf,
    /// A directory of the plugin's own, where a new filesystem is mounted for a moment.
    pub scratch: PathBuf,
    /// The kernel's tables.
    pub kernel: Kernel,
    /// Where tests may end the plugin.
    pub points: KillPoints,
}

/// The volume service. Clones are the same service.
#[derive(Debug, Clone)]
pub struct Service(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    backends: BTreeMap<BackendName, Backend>,
    pub index: Index,
    pub kernel: Kernel,
    pub machine: String,
    pub namespace: Namespace,
    pub mount_prefix: PathBuf,
    pub scratch: PathBuf,
    pub points: KillPoints,
    /// Told when the arrays may hold exports to this machine that no record explains.
    pub unexplained: watch::Sender<()>,
    pub locks: Locks<VolumeName>,
    /// By the array on which groups are changed. Two of this plugin's cycles of stop, admit and start must not cross.
    pub group_locks: Locks<String>,
    pub at_work: AtWork,
    running: Running,
    health: Mutex<HashMap<BackendName, BackendState>>,
    /// Volumes removed here lately.
    removed: Mutex<HashMap<VolumeName, jiff::Timestamp>>,
    given_out: GivenOut,
    pub news: News,
}

impl Inner {
    pub fn backend(&self, name: &BackendName) -> Result<&Backend, Cause> {
        self.backends
            .get(name)
            .ok_or_else(|| Cause::NoSuchBackend(name.clone()))
    }

    /// The backends, gathered by array and login: another login may see other volumes of the same array.
    pub fn arrays(&self) -> Vec<Vec<&Backend>> {
        let mut arrays: Vec<Vec<&Backend>> = Vec::new();
        for backend in self.backends.values() {
            match arrays
                .iter_mut()
                .find(|same| same[0].array.is_same_login(&backend.array))
            {
                Some(same) => same.push(backend),
                None => arrays.push(vec![backend]),
            }
        }
        arrays
    }

    /// The backends on the same array as this one that log in to it as somebody else.
    pub fn other_logins(&self, than: &Backend) -> impl Iterator<Item = &Backend> {
        self.backends.values().filter(|backend| {
            backend.array.label() == than.array.label() && !backend.array.is_same_login(&than.array)
        })
    }

    /// One backend of each login to each array but this one's.
    pub fn other_arrays(&self, than: &Backend) -> Vec<&Backend> {
        self.arrays()
            .into_iter()
            .map(|backends| backends[0])
            .filter(|backend| backend.array.label() != than.array.label())
            .collect()
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

    /// What is mounted under the volume's mountpoint is the volume.
    pub fn check_device(&self, name: &VolumeName, wwn: Option<&Wwn>) -> Result<(), Cause> {
        let mountpoint = self.mountpoint(name);
        let record = self.index.mount(name).map(|record| record.place.wwn);
        let Some(wwn) = wwn.or(record.as_ref()) else {
            return Ok(());
        };
        let attached = self.attached(wwn)?;
        let mounted = host::is_mounted(&self.kernel, &mountpoint)?;
        match (attached, mounted) {
            (Some((_, device)), Some(mounted)) if device.number() == mounted.device => Ok(()),
            (_, mounted) => Err(HostError::OtherMount {
                found: mounted
                    .map(|m| m.source.display().to_string())
                    .unwrap_or_default(),
                mountpoint,
            }
            .into()),
        }
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
            facts: BTreeMap::new(),
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
        self.given_out.note(name, id);
        Ok(())
    }

    /// One user less: the one that an unfinished mount or unmount was about.
    pub fn drop_user_of(&self, entry: &JournalEntry) -> Result<(), Cause> {
        let Some(id) = entry.facts.get("id") else {
            return Ok(());
        };
        let counts = |record: MountRecord| record.references_without(id) < record.references();
        if self.index.mount(&entry.name).is_some_and(counts) {
            self.write("one user less", |index| {
                index.mount_ref_drop(&entry.name, id)
            })?;
        }
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
            self.write("no volume", |index| index.remove(name, &volume.wwn))?;
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

    /// Ends what is open before a mount, which goes on from wherever a pending unmount has got to: a device that is still in use, or an
    /// export that is still there, is what it wants.
    pub async fn clean_up_before_mount(
        &self,
        request: &RequestId,
        name: &VolumeName,
    ) -> Result<(), Cause> {
        let pending = self.pending_unmounts(name);
        for unmount in &pending {
            self.drop_user_of(unmount)?;
            if Intent::Withdraw.is_in(unmount) {
                self.wait_out_earlier_session(unmount).await?;
            }
        }
        self.end_entries(request, name, |entry| {
            !pending.iter().any(|unmount| unmount.op == entry.op)
        })
        .await
    }

    /// An export that an earlier run of the plugin was withdrawing may still be taken from under a new mount.
    async fn wait_out_earlier_session(&self, unmount: &JournalEntry) -> Result<(), Cause> {
        let array = &self.backend(&unmount.backend)?.array;
        match steps::earlier_session(&self.index, array).await? {
            None => Ok(()),
            Some(session) => Err(Cause::Unfinished {
                kind: unmount.kind.to_string(),
                op: unmount.op.to_string(),
                why: steps::may_still_run(array, &session),
            }),
        }
    }

    /// Unmounts of this name that are not complete, and of which no command may still be running.
    pub fn pending_unmounts(&self, name: &VolumeName) -> Vec<JournalEntry> {
        let in_doubt =
            |entry: &JournalEntry| entry.facts.get("doubt").is_some_and(|d| !d.is_empty());
        let mut entries = self.index.open_entries();
        entries.retain(|e| e.name == *name && e.kind == OpKind::Unmount && !in_doubt(e));
        entries
    }

    /// Ends what an earlier operation on this name left open. The caller holds the name's lock.
    pub async fn clean_up_after(
        &self,
        request: &RequestId,
        name: &VolumeName,
    ) -> Result<(), Cause> {
        self.end_entries(request, name, |_| true).await
    }

    async fn end_entries(
        &self,
        request: &RequestId,
        name: &VolumeName,
        which: impl Fn(&JournalEntry) -> bool,
    ) -> Result<(), Cause> {
        for entry in self.index.open_entries() {
            if entry.name != *name || !which(&entry) {
                continue;
            }
            let (kind, op) = (entry.kind.to_string(), entry.op.to_string());
            recover::entry(self, request, entry)
                .await
                .map_err(|cause| Cause::Unfinished {
                    kind,
                    op,
                    why: cause.to_string(),
                })?;
        }
        Ok(())
    }

    fn set_health(&self, backend: &BackendName, state: BackendState) {
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

impl Service {
    /// The service, before any array was contacted.
    pub fn new(parts: Parts) -> Self {
        let backends: BTreeMap<BackendName, Backend> = parts
            .backends
            .into_iter()
            .map(|backend| (backend.name.clone(), backend))
            .collect();
        Self(Arc::new(Inner {
            backends,
            index: parts.index,
            kernel: parts.kernel,
            scratch: parts.scratch,
            machine: parts.machine,
            namespace: parts.namespace,
            mount_prefix: parts.mount_prefix,
            points: parts.points,
            unexplained: watch::Sender::default(),
            locks: Locks::default(),
            group_locks: Locks::default(),
            at_work: AtWork::default(),
            running: Running::default(),
            health: Mutex::default(),
            removed: Mutex::default(),
            given_out: GivenOut::default(),
            news: News::default(),
        }))
    }

    /// What decides which options a volume may have.
    pub fn descriptions(&self) -> Vec<BackendDescription> {
        self.0
            .backends
            .values()
            .map(|backend| BackendDescription {
                name: backend.name.clone(),
                cpgs: backend.cpgs.clone(),
                snap_cpgs: if backend.snap_cpgs.is_empty() {
                    backend.cpgs.clone()
                } else {
                    backend.snap_cpgs.clone()
                },
                replication: backend.pair.is_some(),
                cpg_map_sources: backend
                    .pair
                    .as_ref()
                    .map(|pair| pair.wants.cpg_map.keys().cloned().collect())
                    .unwrap_or_default(),
            })
            .collect()
    }

    /// Starts what runs beside the requests: cleaning up after an earlier run, and the listings. Ends with the runtime.
    pub fn start(&self) {
        reconcile::adopt_all(&self.0);
        tokio::spawn(cleaning::run(Arc::clone(&self.0)));
        for array in 0..self.0.arrays().len() {
            tokio::spawn(reconcile::run(Arc::clone(&self.0), array));
            let service = self.clone();
            tokio::spawn(async move {
                loop {
                    service.list_array(array).await;
                    let jitter = rand::random_range(0..LISTING.as_secs() / 3);
                    let pause = LISTING - LISTING / 6 + Duration::from_secs(jitter);
                    tokio::time::sleep(pause).await;
                }
            });
        }
    }

    async fn list_array(&self, array: usize) {
        let arrays = self.0.arrays();
        let Some(backends) = arrays.get(array) else {
            return;
        };
        let request = RequestId::random();
        let listed = refresh::listing(&self.0, &request, backends).await;
        let state = match &listed {
            Ok(()) => BackendState::Ready,
            Err(cause) => BackendState::Failed(cause.to_string()),
        };
        for backend in backends {
            self.0.set_health(&backend.name, state.clone());
            match &listed {
                Err(cause) if cause.is_unreachable() => {
                    self.0.news.not_reached(&backend.name, cause.to_string());
                }
                _ => self.0.news.reached(&backend.name),
            }
        }
    }
}

/// A task that goes on whatever becomes of the caller.
async fn in_a_task<T: Send + 'static>(
    volume: &VolumeName,
    work: impl Future<Output = Result<T, VolumeError>> + Send + 'static,
) -> Result<T, UserError> {
    match tokio::spawn(work).await {
        Ok(done) => done.map_err(|error| {
            log::warn!(volume = volume.as_str(), error:% = error; "failed");
            UserError::from(error)
        }),
        Err(panic) => {
            log::error!(volume = volume.as_str(); "internal error: {panic}");
            Err(UserError {
                message: format!("volume `{volume}`: internal error"),
                hint: Some("see the plugin's log".to_owned()),
            })
        }
    }
}

impl Volumes for Service {
    async fn create(&self, request: RequestId, volume: CreateVolume) -> Result<(), UserError> {
        let inner = Arc::clone(&self.0);
        let what = Joinable::Create(Box::new(volume.clone()));
        let name = volume.name.clone();
        self.0
            .running
            .join_or_start(&name, what, move || async move {
                let _at_work = inner.at_work.enter(&volume.name, &request);
                create::create(&inner, &request, &volume)
                    .await
                    .map_err(UserError::from)
            })
            .await
    }

    async fn remove(&self, request: RequestId, name: VolumeName) -> Result<(), UserError> {
        let inner = Arc::clone(&self.0);
        let volume = name.clone();
        self.0
            .running
            .join_or_start(&name, Joinable::Remove, move || async move {
                let _at_work = inner.at_work.enter(&volume, &request);
                remove::remove(&inner, &request, &volume)
                    .await
                    .map_err(UserError::from)
            })
            .await
    }

    async fn mount(
        &self,
        request: RequestId,
        name: VolumeName,
        id: MountId,
    ) -> Result<PathBuf, UserError> {
        let inner = Arc::clone(&self.0);
        let volume = name.clone();
        in_a_task(&name, async move {
            let _at_work = inner.at_work.enter(&volume, &request);
            mount::mount(&inner, &request, &volume, &id).await
        })
        .await
    }

    fn mount_abandoned(&self, request: RequestId, name: VolumeName, id: MountId) {
        let inner = Arc::clone(&self.0);
        let watch = inner.given_out.watch(&name, &id);
        tokio::spawn(async move {
            tokio::time::sleep(ABANDONED).await;
            if watch.is_given_out_again() {
                return;
            }
            log::warn!(volume = name.as_str(), request = request.as_str(); "nobody came for this mount, taking it back");
            if let Err(error) = unmount::unmount(&inner, &request, &name, &id).await {
                log::warn!(volume = name.as_str(), error:% = error; "could not take it back");
            }
        });
    }

    async fn unmount(
        &self,
        request: RequestId,
        name: VolumeName,
        id: MountId,
    ) -> Result<(), UserError> {
        let inner = Arc::clone(&self.0);
        let volume = name.clone();
        in_a_task(&name, async move {
            let _at_work = inner.at_work.enter(&volume, &request);
            unmount::unmount(&inner, &request, &volume, &id).await
        })
        .await
    }

    fn waits_for(&self, name: &VolumeName) -> Option<String> {
        let requests = self.0.at_work.on(name);
        let commands = requests.iter().flat_map(|request| {
            self.0.backends.values().flat_map(move |backend| {
                let peer = backend.pair.iter().map(|pair| &pair.peer);
                std::iter::once(&backend.array)
                    .chain(peer)
                    .filter_map(move |array| array.waits_for(request))
            })
        });
        commands.map(|at| at.to_string()).next()
    }

    fn path(&self, name: &VolumeName) -> Option<PathBuf> {
        self.0.mounted(name)
    }

    async fn get(&self, request: RequestId, name: VolumeName) -> Result<Lookup, UserError> {
        let inner = Arc::clone(&self.0);
        Ok(lookup::get(&inner, &request, &name).await)
    }

    fn list(&self) -> Vec<Listed> {
        lookup::list(&self.0)
    }

    fn backends(&self) -> Vec<BackendStatus> {
        let health = self.0.health.lock().unwrap_or_else(PoisonError::into_inner);
        self.0
            .backends
            .values()
            .map(|backend| BackendStatus {
                name: backend.name.clone(),
                replication: backend.pair.as_ref().map(|pair| pair.wants.mode),
                state: health
                    .get(&backend.name)
                    .cloned()
                    .unwrap_or(BackendState::Starting),
            })
            .collect()
    }

    fn engine_started(&self) {
        if let Err(error) = self.0.index.engine_restarted() {
            log::warn!(error:% = error; "could not mark the mounts as inherited");
        }
    }
}
