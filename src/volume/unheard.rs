//! Mounts that were counted and that no engine may know of: its answer never left, or nobody was there to take it.
//!
//! The engine sends no Unmount for a Mount it never heard of, and does not ask for it again with the same id. So such a user holds
//! the volume for a while only, and after that for as long as the kernel shows the device in use.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::model::{MountId, RequestId, VolumeName};

use super::{error::VolumeError, inner::Inner, unmount};

/// How long a mount is kept of which the engine certainly did not hear.
const HUNG_UP: Duration = Duration::from_secs(60);
/// How long one is kept that the engine may have heard of, before the plugin died. It brings all volumes of a container before it
/// uses the first, and may take two minutes for each.
const DIED: Duration = Duration::from_secs(5 * 60);
/// By then an answer has left. One that took longer is judged by the kernel, like the others.
const LEFT: Duration = Duration::from_secs(1);

/// Which answers are on their way, and when a volume without known users is looked at.
#[derive(Debug)]
pub(super) struct Unheard {
    on_their_way: Mutex<HashSet<RequestId>>,
    due: Mutex<HashMap<VolumeName, Instant>>,
    /// For the volumes that are not in `due`: found at the start.
    due_since_start: Instant,
    hung_up: Duration,
    left: Duration,
}

impl Unheard {
    pub fn new() -> Self {
        let patience = shortened();
        Self {
            on_their_way: Mutex::default(),
            due: Mutex::default(),
            due_since_start: Instant::now() + patience.unwrap_or(DIED),
            hung_up: patience.unwrap_or(HUNG_UP),
            left: patience.unwrap_or(LEFT),
        }
    }

    fn on_their_way(&self) -> MutexGuard<'_, HashSet<RequestId>> {
        self.on_their_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn due(&self) -> MutexGuard<'_, HashMap<VolumeName, Instant>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True once nobody is waited for any more.
    pub fn is_due(&self, name: &VolumeName) -> bool {
        *self.due().get(name).unwrap_or(&self.due_since_start) <= Instant::now()
    }

    fn wait(&self, name: &VolumeName) {
        self.due()
            .insert(name.clone(), Instant::now() + self.hung_up);
    }
}

/// `HPE3PAR_DOCKER_PATIENCE_MS`, in place of all three: a test waits neither for minutes nor for luck. A release build does not look.
fn shortened() -> Option<Duration> {
    if !cfg!(debug_assertions) {
        return None;
    }
    let milliseconds = std::env::var("HPE3PAR_DOCKER_PATIENCE_MS").ok()?;
    Some(Duration::from_millis(milliseconds.parse().ok()?))
}

/// The answer to a Mount is about to leave. Unless [`hung_up`] says that nobody takes it, its user is one that the engine knows.
pub(super) fn answering(inner: &Arc<Inner>, request: &RequestId, name: &VolumeName, id: &MountId) {
    inner.unheard.on_their_way().insert(request.clone());
    let (inner, request) = (Arc::clone(inner), request.clone());
    let (name, id) = (name.clone(), id.clone());
    tokio::spawn(async move {
        tokio::time::sleep(inner.unheard.left).await;
        if inner.unheard.on_their_way().remove(&request)
            && let Err(error) = inner.index.mount_answered(&name, id.as_str())
        {
            // Then it is judged by the kernel, should the plugin die.
            log::warn!(volume = name.as_str(), error:% = error; "could not write down that a mount was answered");
        }
    });
}

/// Nobody took the answer to a Mount.
pub(super) fn hung_up(inner: &Inner, request: &RequestId, name: &VolumeName, id: &MountId) {
    if !inner.unheard.on_their_way().remove(request) {
        return;
    }
    inner.unheard.wait(name);
    if let Err(error) = inner.index.mount_unheard(name, id.as_str()) {
        log::warn!(volume = name.as_str(), error:% = error; "could not write down that a mount was not heard of");
    }
    log::warn!(volume = name.as_str(), request = request.as_str(), wait_s = inner.unheard.hung_up.as_secs();
        "mounted, and the engine did not wait for the answer: taken back unless somebody uses it");
}

/// One user of whom it is not known whether the engine heard of it, and the device is in use: it did. Before a further Mount of
/// that id, which would otherwise be taken for the same. The caller holds the name's lock.
pub(super) async fn confirm(inner: &Inner, name: &VolumeName) {
    let alone = |name| {
        let record = inner.index.mount(name);
        record.is_some_and(|record| record.references() == 1 && record.all_unheard())
    };
    let Some(mountpoint) = inner.mounted(name).filter(|_| alone(name)) else {
        return;
    };
    match unmount::used_elsewhere(inner, name, &mountpoint).await {
        Ok(false) => {}
        Ok(true) => {
            if let Err(error) = inner.index.mount_heard(name) {
                log::warn!(volume = name.as_str(), error:% = error; "could not write down that a mount is in use");
            }
            log::info!(volume = name.as_str(); "in use: the engine heard of this mount");
        }
        Err(cause) => {
            log::warn!(volume = name.as_str(), cause:% = cause; "whether the device is in use is not known");
        }
    }
}

/// Takes a mount back that no engine may know of, if the kernel shows nobody who uses it. The caller holds the name's lock.
pub(super) async fn judge(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), VolumeError> {
    confirm(inner, name).await;
    let undecided = |inner: &Inner| inner.index.mount(name).is_some_and(|r| r.all_unheard());
    if !undecided(inner) {
        return Ok(());
    }
    let released = if inner.mounted(name).is_some() {
        unmount::release_if_unused(inner, request, name)
            .await
            .map(|_| ())
    } else {
        unmount::release(inner, request, name).await
    };
    if undecided(inner) {
        inner.unheard.wait(name);
    } else if released.is_ok() {
        log::warn!(volume = name.as_str(), request = request.as_str(); "nobody came for this mount: taken back");
    }
    released
}
