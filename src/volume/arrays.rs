//! Every array that hpe.conf names, by login: the backends' own ones and their peers.

use std::collections::BTreeMap;

use crate::{
    inform::Array,
    model::{BackendName, RequestId, Side, SystemId},
    replication::Pair,
};

use super::{backend::Backend, inner::Inner};

/// One login to one array: another login may see other volumes of it.
#[derive(Debug, Clone)]
pub(super) struct Login<'a> {
    /// A backend by which the array is asked, and which of its two arrays it is.
    by: (&'a Backend, Side),
    /// The backends whose own array it is.
    pub own: Vec<&'a Backend>,
    /// The backends whose peer it is.
    pub copies: Vec<&'a Backend>,
}

impl<'a> Login<'a> {
    fn new(backend: &'a Backend, side: Side) -> Self {
        let mut login = Self {
            by: (backend, side),
            own: Vec::new(),
            copies: Vec::new(),
        };
        login.add(backend, side);
        login
    }

    fn add(&mut self, backend: &'a Backend, side: Side) {
        match side {
            Side::Source => self.own.push(backend),
            Side::Peer => self.copies.push(backend),
        }
    }

    /// The array.
    pub fn array(&self) -> &'a Array {
        let (backend, side) = self.by;
        backend.on(side)
    }

    /// The backend by which the array is asked, with its commands tied to one request.
    pub fn asked_by(&self, request: &RequestId) -> (Backend, Side) {
        let (backend, side) = self.by;
        (backend.for_request(request), side)
    }

    /// True if it takes part in replication, by what hpe.conf says.
    pub fn replicates(&self) -> bool {
        self.pairs().next().is_some() || !self.copies.is_empty()
    }

    /// The backends that have volumes or copies on it, and which of the two.
    pub fn backends(&self) -> impl Iterator<Item = (&'a Backend, Side)> {
        let own = self.own.iter().map(|backend| (*backend, Side::Source));
        own.chain(self.copies.iter().map(|backend| (*backend, Side::Peer)))
    }

    /// The replication-enabled backends whose own array it is.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a Backend, &'a Pair)> {
        let own = self.own.iter();
        own.filter_map(|backend| Some((*backend, backend.pair.as_ref()?)))
    }

    /// True if it is the peer of this backend, by the login that hpe.conf has for it.
    pub fn has_copies_of(&self, backend: &Backend) -> bool {
        self.copies.iter().any(|other| other.name == backend.name)
    }

    /// True if the array is asked by this login.
    pub fn is_of(&self, array: &Array) -> bool {
        self.array().is_same_login(array)
    }
}

impl Inner {
    /// The arrays, by login; those that are some backend's own come first. Always in the same order.
    pub fn arrays(&self) -> Vec<Login<'_>> {
        let mut arrays: Vec<Login<'_>> = Vec::new();
        for side in Side::BOTH {
            for backend in self.backends.values() {
                if side == Side::Peer && backend.pair.is_none() {
                    continue;
                }
                match arrays
                    .iter_mut()
                    .find(|login| login.is_of(backend.on(side)))
                {
                    Some(login) => login.add(backend, side),
                    None => arrays.push(Login::new(backend, side)),
                }
            }
        }
        arrays
    }

    /// The login by which an array is asked that hpe.conf names.
    pub fn login(&self, array: &Array) -> Option<Login<'_>> {
        self.arrays().into_iter().find(|login| login.is_of(array))
    }

    /// The peers of the backends whose own array is asked by this login.
    pub fn peers_of(&self, login: &Login<'_>) -> Vec<Login<'_>> {
        let own = |backend: &&'_ Backend| login.own.iter().any(|own| own.name == backend.name);
        let mut arrays = self.arrays();
        arrays.retain(|peer| peer.copies.iter().any(own));
        arrays
    }

    /// The backends that have volumes or copies on an array, whoever they log in as, and which of the two.
    pub fn all_on(&self, array: &Array) -> impl Iterator<Item = (&Backend, Side)> {
        let label = array.label().to_owned();
        let arrays = self.arrays().into_iter();
        arrays
            .filter(move |login| login.array().label() == label)
            .flat_map(|login| login.backends().collect::<Vec<_>>())
    }

    /// One backend of each login to each array but this one's. What is only somebody's peer has no volumes of its own.
    pub fn other_arrays(&self, than: &Backend) -> Vec<&Backend> {
        let arrays = self.arrays().into_iter();
        arrays
            .filter(|login| login.array().label() != than.array.label())
            .filter_map(|login| login.own.first().copied())
            .collect()
    }

    /// The system ids of the backends' own arrays, as far as they are known: of those that could be asked since the plugin started, and
    /// by the volumes that were seen there. `peer` is the array whose copies this is for: what was made on it tells of no other.
    pub fn source_ids(&self, peer: SystemId) -> BTreeMap<BackendName, SystemId> {
        let mut ids = BTreeMap::new();
        for volume in self.index.list() {
            if volume.wwn.is_some() && volume.home != peer {
                ids.insert(volume.backend, volume.home);
            }
        }
        for backend in self.backends.values() {
            let same = |other: &&Backend| other.array.label() == backend.array.label();
            let mut on_it = self.backends.values().filter(same);
            if let Some(id) = on_it.find_map(Backend::known_id) {
                ids.insert(backend.name.clone(), id);
            }
        }
        ids
    }
}
