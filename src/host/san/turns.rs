//! Who may do what, one after the other: attaching and detaching one volume, logging in to and out of one port.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::{Mutex as Turn, OwnedMutexGuard},
    time::{Instant, timeout_at},
};

use crate::{
    host::HostError,
    model::{TargetPort, Wwn},
};

/// What all transports of one process share: one machine has one set of devices.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    volumes: Arc<Mutex<HashMap<Wwn, Volume>>>,
    ports: Arc<Mutex<HashMap<IscsiPort, Arc<Port>>>>,
}

/// An iSCSI port of an array.
pub(super) type IscsiPort = (String, SocketAddr);

#[derive(Debug, Default)]
struct Volume {
    /// Counts how often it was attached or detached: who comes late sees that the world has changed.
    turn: Arc<Turn<u64>>,
    /// The ports it was attached by.
    ports: BTreeSet<IscsiPort>,
}

/// A port and its session.
#[derive(Debug, Default)]
pub(super) struct Port {
    /// Whoever logs in or out has it.
    pub turn: Turn<()>,
    wanted: AtomicUsize,
}

impl Port {
    /// Somebody is about to look for a volume there, and needs the session to stay.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) > 0
    }
}

/// Keeps sessions from being logged out of.
#[derive(Debug)]
pub(super) struct Wanting(Vec<Arc<Port>>);

impl Drop for Wanting {
    fn drop(&mut self) {
        for port in &self.0 {
            port.wanted.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The iSCSI ports among ports.
pub(super) fn iscsi_ports<'a>(
    ports: impl IntoIterator<Item = &'a TargetPort>,
) -> BTreeSet<IscsiPort> {
    let ports = ports.into_iter();
    ports
        .filter_map(|port| match port {
            TargetPort::Iscsi { iqn, portal } => Some((iqn.clone(), *portal)),
            TargetPort::Fc { .. } => None,
        })
        .collect()
}

impl Turns {
    /// Waits for one's turn with a volume.
    ///
    /// # Errors
    /// [`HostError::Deadline`].
    pub(super) async fn volume(
        &self,
        wwn: &Wwn,
        deadline: Instant,
    ) -> Result<OwnedMutexGuard<u64>, HostError> {
        let turn = open(&self.volumes)
            .entry(wwn.clone())
            .or_default()
            .turn
            .clone();
        let begun = Instant::now();
        timeout_at(deadline, turn.lock_owned())
            .await
            .map_err(|_| HostError::Deadline {
                what: format!("attaching or detaching WWN `{wwn}`, begun earlier,"),
                after: deadline.saturating_duration_since(begun),
            })
    }

    pub(super) fn port(&self, port: &IscsiPort) -> Arc<Port> {
        open(&self.ports).entry(port.clone()).or_default().clone()
    }

    /// From now on until what it gives is dropped.
    pub(super) fn want(&self, ports: &BTreeSet<IscsiPort>) -> Wanting {
        let ports: Vec<_> = ports.iter().map(|port| self.port(port)).collect();
        for port in &ports {
            port.wanted.fetch_add(1, Ordering::SeqCst);
        }
        Wanting(ports)
    }

    /// Writes down by which ports a volume is attached.
    pub(super) fn remember(&self, wwn: &Wwn, ports: BTreeSet<IscsiPort>) {
        let mut volumes = open(&self.volumes);
        volumes.entry(wwn.clone()).or_default().ports.extend(ports);
    }

    /// The ports a volume was attached by, as far as this process knows. They are forgotten.
    pub(super) fn forget(&self, wwn: &Wwn) -> BTreeSet<IscsiPort> {
        let mut volumes = open(&self.volumes);
        let volume = volumes.get_mut(wwn);
        volume
            .map(|v| std::mem::take(&mut v.ports))
            .unwrap_or_default()
    }
}
