//! Which volumes are mounted on this machine, and for whom.
//!
//! The engine sends one id several times, forgets to unmount after a crash, and uses an old id again (docker cp sends Mount
//! and Unmount with the id of the running container): array fact 26. So ids are counted, counts from before a restart of the
//! engine are *inherited*, and whether a device may really go is decided by the kernel, never by these counts alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use crate::model::{Holds, VolumeName, Wwn};

/// Where a volume is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountPlace {
    /// WWN of the VV that serves it: on Active/Passive after a failover, not the one at home.
    pub wwn: Wwn,
    /// The block device.
    pub device: PathBuf,
    /// The directory the engine is told.
    pub mountpoint: PathBuf,
}

/// A mounted volume and who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountRecord {
    /// Where.
    #[serde(flatten)]
    pub place: MountPlace,
    /// The engine's mount ids, and how often each was sent.
    pub refs: BTreeMap<String, u32>,
    /// Ids from before the engine restarted: the next Mount with one of them is the old one again, not a further one.
    pub inherited: BTreeSet<String>,
    /// How many of an id's were counted by this process and not yet answered.
    #[serde(default)]
    pub unanswered: BTreeMap<String, u32>,
    /// How many of an id's the engine may not know of: nobody took the answer, or the plugin died before it had certainly left. The
    /// next Mount with that id is this one again, not a further one.
    #[serde(default)]
    pub unheard: BTreeMap<String, u32>,
    /// Found mounted without a record of who asked.
    pub adopted: bool,
    /// What this machine counted when it came to have a Peer Persistence volume: a comment that says otherwise may lag behind, and the
    /// array that has the right one may be away.
    #[serde(default)]
    pub holds: Option<Holds>,
}

impl MountRecord {
    fn new(place: MountPlace, adopted: bool) -> Self {
        Self {
            place,
            refs: BTreeMap::new(),
            inherited: BTreeSet::new(),
            unanswered: BTreeMap::new(),
            unheard: BTreeMap::new(),
            adopted,
            holds: None,
        }
    }

    /// All references together.
    pub fn references(&self) -> u64 {
        self.refs.values().map(|count| u64::from(*count)).sum()
    }

    /// The references that would remain without one of this id's.
    pub fn references_without(&self, id: &str) -> u64 {
        self.references() - u64::from(self.refs.get(id).is_some_and(|count| *count > 0))
    }

    /// True if a user was counted since the engine last started, that it knows of.
    pub fn has_live_references(&self) -> bool {
        self.refs
            .iter()
            .any(|(id, count)| *count > of(&self.unheard, id) && !self.inherited.contains(id))
    }

    /// True if there are references, and the engine may know of none of them.
    pub fn all_unheard(&self) -> bool {
        let unheard = |(id, count): (&String, &u32)| *count <= of(&self.unheard, id);
        self.references() > 0 && self.refs.iter().all(unheard)
    }

    fn add(&mut self, id: &str) {
        let was_inherited = self.inherited.remove(id);
        let was_unheard = take_one(&mut self.unheard, id);
        *self.unanswered.entry(id.to_owned()).or_insert(0) += 1;
        let count = self.refs.entry(id.to_owned()).or_insert(0);
        if !(was_inherited || was_unheard) || *count == 0 {
            *count = count.saturating_add(1);
        }
    }

    fn drop_one(&mut self, id: &str) {
        let Some(count) = self.refs.get_mut(id) else {
            return;
        };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.refs.remove(id);
            self.inherited.remove(id);
        }
        self.no_more_than_refs();
    }

    fn no_more_than_refs(&mut self) {
        for some in [&mut self.unanswered, &mut self.unheard] {
            some.retain(|id, count| {
                *count = (*count).min(of(&self.refs, id));
                *count > 0
            });
        }
    }

    fn answered(&mut self, id: &str) {
        take_one(&mut self.unanswered, id);
    }

    fn unheard(&mut self, id: &str) {
        if take_one(&mut self.unanswered, id) {
            *self.unheard.entry(id.to_owned()).or_insert(0) += 1;
        }
    }
}

fn of(counts: &BTreeMap<String, u32>, id: &str) -> u32 {
    counts.get(id).copied().unwrap_or(0)
}

/// False if there is none.
fn take_one(counts: &mut BTreeMap<String, u32>, id: &str) -> bool {
    let Some(count) = counts.get_mut(id).filter(|count| **count > 0) else {
        return false;
    };
    *count -= 1;
    if *count == 0 {
        counts.remove(id);
    }
    true
}

/// What mounts.json holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Mounts {
    version: u64,
    pub(super) boot_id: String,
    pub(super) volumes: BTreeMap<VolumeName, MountRecord>,
}

impl Mounts {
    pub(super) const VERSION: u64 = 1;

    pub(super) fn new(boot_id: String) -> Self {
        Self {
            version: Self::VERSION,
            boot_id,
            volumes: BTreeMap::new(),
        }
    }

    /// Writes down where a volume is mounted. References to the same device stay; those to another one are void.
    pub(super) fn put(&mut self, name: &VolumeName, place: MountPlace, adopted: bool) {
        match self.volumes.get_mut(name) {
            Some(record) if record.place.wwn == place.wwn => record.place = place,
            _ => {
                self.volumes
                    .insert(name.clone(), MountRecord::new(place, adopted));
            }
        }
    }

    /// `None` if the volume has no mount here.
    pub(super) fn add(&mut self, name: &VolumeName, id: &str) -> Option<u64> {
        let record = self.volumes.get_mut(name)?;
        record.add(id);
        Some(record.references())
    }

    /// What remains.
    pub(super) fn drop_one(&mut self, name: &VolumeName, id: &str) -> u64 {
        let Some(record) = self.volumes.get_mut(name) else {
            return 0;
        };
        record.drop_one(id);
        record.references()
    }

    pub(super) fn engine_restarted(&mut self) {
        for record in self.volumes.values_mut() {
            for (id, count) in &mut record.refs {
                // A docker cp that was under way died with the engine.
                *count = (*count).min(1);
                record.inherited.insert(id.clone());
            }
            record.no_more_than_refs();
        }
    }

    pub(super) fn answered(&mut self, name: &VolumeName, id: &str) {
        if let Some(record) = self.volumes.get_mut(name) {
            record.answered(id);
        }
    }

    pub(super) fn unheard(&mut self, name: &VolumeName, id: &str) {
        if let Some(record) = self.volumes.get_mut(name) {
            record.unheard(id);
        }
    }

    pub(super) fn heard(&mut self, name: &VolumeName) {
        if let Some(record) = self.volumes.get_mut(name) {
            record.unheard.clear();
        }
    }

    /// What an earlier process had not answered, nobody may have heard of.
    pub(super) fn plugin_restarted(&mut self) {
        for record in self.volumes.values_mut() {
            for (id, count) in std::mem::take(&mut record.unanswered) {
                *record.unheard.entry(id).or_insert(0) += count;
            }
            record.no_more_than_refs();
        }
    }
}
