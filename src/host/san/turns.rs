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

use super::{iscsi::Unheard, records::NodeRecords};
use crate::{
    host::HostError,
    model::{Made, TargetPort, Wwn},
};

/// What all transports of one process share: one machine has one set of devices, and of records.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    volumes: Mutex<HashMap<Wwn, Volume>>,
    ports: Mutex<HashMap<IscsiPort, Arc<Port>>>,
    records: Arc<dyn NodeRecords>,
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
    pub turn: Turn<Unheard>,
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
    /// Nothing is going on yet; these records were made before. A process that is gone may have been killed in a login.
    pub fn new(records: Arc<dyn NodeRecords>) -> Self {
        let made = records.all().into_iter();
        let ports = made
            .filter(|record| record.made != Made::HalfRecord)
            .map(|record| {
                let port = Port {
                    turn: Turn::new(Some(Instant::now())),
                    ..Port::default()
                };
                ((record.iqn, record.portal), Arc::new(port))
            });
        Self(Arc::new(Shared {
            volumes: Mutex::default(),
            ports: Mutex::new(ports.collect()),
            records,
        }))
    }

    pub(super) fn records(&self) -> &dyn NodeRecords {
        &*self.0.records
    }

    /// Waits for one's turn with a volume.
    ///
    /// # Errors
    /// [`HostError::Deadline`].
    pub(super) async fn volume(
        &self,
        wwn: &Wwn,
        deadline: Instant,
    ) -> Result<OwnedMutexGuard<u64>, HostError> {
        let turn = open(&self.0.volumes)
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
        open(&self.0.ports).entry(port.clone()).or_default().clone()
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
        let mut volumes = open(&self.0.volumes);
        volumes.entry(wwn.clone()).or_default().ports.extend(ports);
    }

    /// The ports a volume was attached by, as far as this process knows. They are forgotten.
    pub(super) fn forget(&self, wwn: &Wwn) -> BTreeSet<IscsiPort> {
        let mut volumes = open(&self.0.volumes);
        let volume = volumes.get_mut(wwn);
        volume
            .map(|v| std::mem::take(&mut v.ports))
            .unwrap_or_default()
    }
}
