//! The volume service: what the Docker side calls.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    host::Kernel,
    index::Index,
    model::{CreateVolume, Machine, MountId, Namespace, NewSize, RequestId, VolumeName},
};

use super::{
    BackendDescription, BackendState, BackendStatus, Grown, Listed, Lookup, Overview, Progress,
    PromoteLeave, Promoted, UserError, Volumes,
    backend::Backend,
    cleaning, copying, create,
    error::VolumeError,
    grow, growth,
    inner::Inner,
    kill_points::KillPoints,
    left_locks,
    listing::{self, Taken},
    lookup, mount, overview, ownership, paths, promote,
    reconcile::{self, FirstListing},
    remove,
    running::Joinable,
    second_export, unheard, unmount,
};

/// How often the arrays are listed, give or take a sixth.
const LISTING: Duration = Duration::from_secs(60);

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    /// All backends.
    pub backends: Vec<Backend>,
    /// Index, journal and mounts.
    pub index: Index,
    /// This machine, as in operation ids.
    pub machine: Machine,
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

impl Service {
    /// The service, before any array was contacted.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner::new(parts)))
    }

    /// What it is behind its clones.
    pub(super) fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.0)
    }

    /// What decides which options a volume may have.
    pub fn descriptions(&self) -> Vec<BackendDescription> {
        self.0
            .backends
            .values()
            .map(|backend| BackendDescription {
                name: backend.name.clone(),
                array: backend.array.label().to_owned(),
                peer: backend.pair.as_ref().map(|p| p.peer.label().to_owned()),
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
        tokio::spawn(second_export::run(Arc::clone(&self.0)));
        tokio::spawn(paths::run(Arc::clone(&self.0)));
        tokio::spawn(copying::run(Arc::clone(&self.0)));
        for array in 0..self.0.arrays().len() {
            let (first, first_listing) = watch::channel(FirstListing::OnItsWay);
            tokio::spawn(reconcile::run(Arc::clone(&self.0), array, first_listing));
            let service = self.clone();
            tokio::spawn(async move {
                let mut trouble = None;
                loop {
                    trouble = service.list_array(array, trouble, &first).await;
                    let jitter = rand::random_range(0..LISTING.as_secs() / 3);
                    let pause = LISTING - LISTING / 6 + Duration::from_secs(jitter);
                    tokio::time::sleep(pause).await;
                }
            });
        }
    }

    /// Every volume that is known, on one line. Arrays with groups of them are asked how those are.
    pub async fn overview(&self, request: &RequestId) -> Vec<Overview> {
        overview::all(&self.0, request).await
    }

    /// Makes a volume larger; it goes on whatever becomes of the caller.
    ///
    /// # Errors
    /// Whatever stands in the way, and what became of the steps before.
    pub async fn grow(
        &self,
        request: RequestId,
        name: VolumeName,
        to: NewSize,
        progress: Progress,
    ) -> Result<Grown, UserError> {
        let inner = Arc::clone(&self.0);
        let volume = name.clone();
        in_a_task(&name, async move {
            let _at_work = inner.at_work.enter(&volume, &request);
            Box::pin(grow::grow(&inner, &request, &volume, to, &progress)).await
        })
        .await
    }

    /// Puts a snapshot's data back into its volume, or only looks whether that can be done; it goes on whatever becomes of the caller.
    ///
    /// # Errors
    /// Whatever stands in the way, and what became of the steps before.
    pub async fn promote(
        &self,
        request: RequestId,
        snapshot: VolumeName,
        leave: PromoteLeave,
        progress: Progress,
    ) -> Result<Promoted, UserError> {
        let inner = Arc::clone(&self.0);
        let name = snapshot.clone();
        in_a_task(&snapshot, async move {
            let _at_work = inner.at_work.enter(&name, &request);
            let work = promote::promote(&inner, &request, &name, leave, &progress);
            Box::pin(work).await
        })
        .await
    }

    /// Lists one array. Gives what was in the way, as of the last time.
    async fn list_array(
        &self,
        array: usize,
        last_trouble: Option<String>,
        first: &watch::Sender<FirstListing>,
    ) -> Option<String> {
        let arrays = self.0.arrays();
        let login = arrays.get(array)?;
        let request = RequestId::random();
        let result = listing::list(&self.0, &request, login).await;
        let is_whole = matches!(&result, Ok(listing) if listing.taken == Taken::All);
        first.send_modify(|first| first.note(is_whole));
        if let Ok(listing) = &result {
            self.0.listed.send_replace(());
            growth::after_listing(&self.0);
            ownership::lost::look(&self.0, &request, login, &listing.hidden).await;
            left_locks::after_listing(&self.0, array, &listing.groups);
        }
        for backend in &login.own {
            let why = match &result {
                Ok(listing) => listing.hidden.get(&backend.name).cloned(),
                Err(cause) => Some(cause.to_string()),
            };
            let state = why.map_or(BackendState::Ready, BackendState::Failed);
            self.0.set_health(&backend.name, state);
        }
        let label = login.array().label();
        match &result {
            Err(cause) if cause.is_unreachable() => {
                self.0.news.not_reached(label, cause.to_string());
            }
            _ => self.0.news.reached(label),
        }
        // What is only a peer is in no list of backends.
        let trouble = result.err().map(|cause| cause.to_string());
        if login.own.is_empty() && trouble != last_trouble {
            let array = login.array().label();
            match &trouble {
                Some(why) => log::warn!(array = array, why = why.as_str(); "peer cannot be listed"),
                None => log::info!(array = array; "peer is listed again"),
            }
        }
        trouble
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
                // Boxed, as there is a depth to which the compiler goes.
                Box::pin(create::create(&inner, &request, &volume))
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
                Box::pin(remove::remove(&inner, &request, &volume))
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
            let mounted = Box::pin(mount::mount(&inner, &request, &volume, &id)).await;
            if mounted.is_ok() {
                unheard::answering(&inner, &request, &volume, &id);
            }
            mounted
        })
        .await
    }

    fn mount_abandoned(&self, request: RequestId, name: VolumeName, id: MountId) {
        unheard::hung_up(&self.0, &request, &name, &id);
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
            Box::pin(unmount::unmount(&inner, &request, &volume, &id)).await
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

    async fn made_as(
        &self,
        request: RequestId,
        name: VolumeName,
    ) -> Result<Option<CreateVolume>, UserError> {
        lookup::made_as(&self.0, &request, &name).await
    }

    fn list(&self) -> Vec<Listed> {
        lookup::list(&self.0)
    }

    fn backends(&self) -> Vec<BackendStatus> {
        let health = self.0.health.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.0.open_changes();
        let configured = self.0.backends.values().map(|backend| BackendStatus {
            name: backend.name.clone(),
            replication: backend.pair.as_ref().map(|pair| pair.wants.mode),
            state: health
                .get(&backend.name)
                .cloned()
                .unwrap_or(BackendState::Starting),
            unfinished: open.remove(&backend.name).unwrap_or_default(),
        });
        let mut all: Vec<BackendStatus> = configured.collect();
        all.extend(open.into_iter().map(|(name, unfinished)| BackendStatus {
            name,
            replication: None,
            state: BackendState::Failed("not in hpe.conf any more".to_owned()),
            unfinished,
        }));
        all
    }

    fn engine_started(&self) {
        if let Err(error) = self.0.index.engine_restarted() {
            log::warn!(error:% = error; "could not mark the mounts as inherited");
        }
    }
}
