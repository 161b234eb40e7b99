//! The volumes this machine knows of, as last seen on the arrays.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    BackendName, CreateVolume, Format, GroupName, Role, ScheduleName, Side, Source, State,
    SystemId, VolumeName, VvId, VvName, Wwn,
};

/// One volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedVolume {
    /// Docker's name.
    pub name: VolumeName,
    /// The backend it was made on.
    pub backend: BackendName,
    /// The VV at home.
    pub vv: VvName,
    /// Its WWN on the backend's own array; with the name it is the key. Unknown while only the copy has been seen.
    pub wwn: Option<Wwn>,
    /// The WWN of the copy on the peer, if there is one and it has been seen.
    #[serde(default)]
    pub copy_wwn: Option<Wwn>,
    /// The roles of its group when they were last seen.
    #[serde(default)]
    pub last_roles: LastRoles,
    /// Its id on the array at home.
    pub vv_id: VvId,
    /// What the user asked for.
    pub options: CreateVolume,
    /// When it was made; only known if it was made from here.
    #[serde(default, with = "super::moment::known")]
    pub created: Option<Timestamp>,
    /// How far its filesystem is.
    pub format: Format,
    /// How far the volume is.
    pub state: State,
    /// The remote copy group it is in.
    pub group: Option<GroupName>,
    /// System id of the array it is at home on.
    pub home: SystemId,
    /// The detail for `docker volume inspect`, as last seen.
    pub status: serde_json::Value,
    /// When an array last showed it.
    #[serde(with = "super::moment")]
    pub seen: Timestamp,
    /// Complete listings of the backend's own array in a row without it.
    pub missed: u32,
    /// Complete listings of the peer in a row without its copy.
    #[serde(default)]
    pub copy_missed: u32,
}

/// The roles of a group on both arrays when they were last seen. Two are equal if the roles are.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct LastRoles {
    /// On the backend's own array.
    pub source: Option<Role>,
    /// On the peer.
    pub peer: Option<Role>,
    /// When they were seen, if that was in this run: a listing that took its time must not bring back what has changed since.
    #[serde(skip)]
    seen: [Option<Timestamp>; 2],
}

impl PartialEq for LastRoles {
    fn eq(&self, other: &Self) -> bool {
        (self.source, self.peer) == (other.source, other.peer)
    }
}

impl Eq for LastRoles {}

impl LastRoles {
    /// Takes note of a role that was seen just now; none tells nothing.
    pub fn note(&mut self, side: Side, seen: Option<Role>) {
        self.note_listed(side, seen, Timestamp::now());
    }

    /// Takes note of a role that was asked for at a moment, unless it was seen since; none tells nothing.
    pub fn note_listed(&mut self, side: Side, seen: Option<Role>, asked: Timestamp) {
        let Some(role) = seen else { return };
        let (last, at) = self.on(side);
        if at.is_none_or(|at| at <= asked) {
            (*last, *at) = (Some(role), Some(asked));
        }
    }

    /// Of each side what was seen last.
    pub(super) fn merge(&mut self, mut other: Self) {
        for side in Side::BOTH {
            let (role, at) = other.on(side);
            match (*role, *at) {
                (role, Some(at)) => self.note_listed(side, role, at),
                (role, None) => {
                    let (last, _) = self.on(side);
                    *last = last.or(role);
                }
            }
        }
    }

    fn on(&mut self, side: Side) -> (&mut Option<Role>, &mut Option<Timestamp>) {
        let [source, peer] = &mut self.seen;
        match side {
            Side::Source => (&mut self.source, source),
            Side::Peer => (&mut self.peer, peer),
        }
    }
}

impl IndexedVolume {
    /// The WWN on one of the arrays, if it is known.
    pub fn wwn_on(&self, side: Side) -> Option<&Wwn> {
        match side {
            Side::Source => self.wwn.as_ref(),
            Side::Peer => self.copy_wwn.as_ref(),
        }
    }

    /// What was asked for, as far as the arrays tell it.
    pub fn made_as(&self) -> CreateVolume {
        let group = self.group.clone();
        CreateVolume {
            replication_group: group.or_else(|| self.options.replication_group.clone()),
            ..self.options.clone()
        }
    }

    /// Forgets the VV on one of the arrays, which is gone.
    pub fn drop_wwn(&mut self, side: Side) {
        match side {
            Side::Source => self.wwn = None,
            Side::Peer => self.copy_wwn = None,
        }
        if let Source::Snapshot(snapshot) = &mut self.options.source {
            snapshot.both = false;
        }
    }

    /// Takes note of a VV of it on one of the arrays.
    pub fn note_wwn(&mut self, side: Side, wwn: Wwn) {
        match side {
            Side::Source => self.wwn = Some(wwn),
            Side::Peer => self.copy_wwn = Some(wwn),
        }
    }

    /// All WWNs by which its data can be on this machine.
    pub fn wwns(&self) -> impl Iterator<Item = &Wwn> {
        self.wwn.iter().chain(&self.copy_wwn)
    }

    /// True unless the two are known to be different VVs under one name.
    pub fn may_be(&self, other: &Self) -> bool {
        Side::BOTH
            .into_iter()
            .all(|side| match (self.wwn_on(side), other.wwn_on(side)) {
                (Some(one), Some(two)) => one == two,
                _ => true,
            })
    }

    /// Complete listings of an array in a row without it.
    fn missed_on(&mut self, side: Side) -> &mut u32 {
        match side {
            Side::Source => &mut self.missed,
            Side::Peer => &mut self.copy_missed,
        }
    }

    /// The array that has lost its half, if the other one has not.
    pub fn lost_on(&self) -> Option<Side> {
        let lost = |side: &Side| {
            let missed = match side {
                Side::Source => self.missed,
                Side::Peer => self.copy_missed,
            };
            self.wwn_on(*side).is_some() && missed >= MISSES
        };
        Side::BOTH
            .into_iter()
            .find(lost)
            .filter(|_| !self.is_gone())
    }

    /// The schedule that goes with it, if it is a snapshot with one.
    pub fn schedule(&self) -> Option<&ScheduleName> {
        self.options.source.snapshot()?.schedule.as_ref()
    }

    /// Both arrays were listed without it, or the only one that ever had it was.
    pub fn is_gone(&self) -> bool {
        let gone = |wwn: &Option<Wwn>, missed: u32| wwn.is_none() || missed >= MISSES;
        gone(&self.wwn, self.missed) && gone(&self.copy_wwn, self.copy_missed)
    }
}

/// Complete listings without a volume after which it is believed to be gone. One may have been read while the volume was
/// being made, or failed in a way nobody noticed.
const MISSES: u32 = 2;

/// What index.json holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Catalogue {
    version: u64,
    /// Backends listed completely at least once since this index exists.
    pub(super) seeded: BTreeSet<BackendName>,
    pub(super) volumes: BTreeMap<VolumeName, IndexedVolume>,
    /// Volumes on which this machine has begun to make a filesystem, by the WWN it saw then. Only for these may it go on.
    #[serde(default)]
    pub(super) formatting: BTreeMap<VolumeName, Wwn>,
}

impl Catalogue {
    pub(super) const VERSION: u64 = 1;

    pub(super) fn new() -> Self {
        Self {
            version: Self::VERSION,
            seeded: BTreeSet::new(),
            volumes: BTreeMap::new(),
            formatting: BTreeMap::new(),
        }
    }

    /// Counts one complete listing of an array of a backend, begun at `begun`. `busy` volumes (mounted or being worked on here) are
    /// counted, but never dropped; nor is what has a schedule, which no listing of volumes shows. Returns whether the file needs writing, and what was dropped.
    pub(super) fn note_listing(
        &mut self,
        backend: &BackendName,
        side: Side,
        begun: Timestamp,
        listed: &BTreeSet<(VvName, Wwn)>,
        busy: impl Fn(&IndexedVolume) -> bool,
    ) -> (bool, Vec<IndexedVolume>) {
        let mut durable = false;
        let mut gone = Vec::new();
        for volume in self.volumes.values_mut().filter(|v| v.backend == *backend) {
            let Some(wwn) = volume.wwn_on(side).cloned() else {
                continue;
            };
            if listed.contains(&(volume.vv.clone(), wwn)) {
                durable |= *volume.missed_on(side) != 0;
                *volume.missed_on(side) = 0;
                volume.seen = volume.seen.max(begun);
            } else if volume.seen <= begun {
                // Seen later than the listing was begun: the listing may be too old to show it. Half a volume stays, and is no news.
                let missed = volume.missed_on(side);
                durable |= *missed < MISSES;
                *missed = missed.saturating_add(1);
                if volume.is_gone() && volume.schedule().is_none() && !busy(volume) {
                    gone.push(volume.clone());
                }
            }
        }
        for volume in &gone {
            self.volumes.remove(&volume.name);
        }
        (durable, gone)
    }
}
