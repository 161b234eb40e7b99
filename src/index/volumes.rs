//! The volumes this machine knows of, as last seen on the arrays.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    BackendName, CreateVolume, Format, GroupName, State, SystemId, VolumeName, VvId, VvName, Wwn,
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
    /// Its WWN at home; with the name it is the key.
    pub wwn: Wwn,
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
    /// Complete listings since then without it.
    pub missed: u32,
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

    /// Counts one complete listing of a backend, begun at `begun`. `busy` volumes (mounted or being worked on here) are
    /// counted, but never dropped. Returns whether the file needs writing, and what was dropped.
    pub(super) fn note_listing(
        &mut self,
        backend: &BackendName,
        begun: Timestamp,
        listed: &BTreeSet<(VvName, Wwn)>,
        busy: impl Fn(&IndexedVolume) -> bool,
    ) -> (bool, Vec<IndexedVolume>) {
        let mut durable = false;
        let mut gone = Vec::new();
        for volume in self.volumes.values_mut().filter(|v| v.backend == *backend) {
            if listed.contains(&(volume.vv.clone(), volume.wwn.clone())) {
                durable |= volume.missed != 0;
                volume.missed = 0;
                volume.seen = volume.seen.max(begun);
            } else if volume.seen <= begun {
                // Seen later than the listing was begun: the listing may be too old to show it.
                volume.missed = volume.missed.saturating_add(1);
                durable = true;
                if volume.missed >= MISSES && !busy(volume) {
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
