//! What is told of volumes that changed hands: which this host took over, and which it lost. Nothing is decided by it after a restart.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::model::{Machine, VolumeName};

/// Of the volumes that are mounted here.
#[derive(Debug, Default)]
pub(in crate::volume) struct Handovers {
    taken: Mutex<HashMap<VolumeName, String>>,
    lost: Mutex<HashMap<VolumeName, String>>,
}

fn all(map: &Mutex<HashMap<VolumeName, String>>) -> MutexGuard<'_, HashMap<VolumeName, String>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handovers {
    /// The volume has just been mounted, perhaps after it was taken from another host.
    pub fn mounted(&self, name: &VolumeName, from: Option<&Machine>, at: jiff::Timestamp) {
        all(&self.lost).remove(name);
        match from {
            Some(from) => {
                let told = format!("from `{}` at {at:.0}", from.name());
                all(&self.taken).insert(name.clone(), told);
            }
            None => {
                all(&self.taken).remove(name);
            }
        }
    }

    /// The array exports the volume to this machine no more, and why; or it does.
    pub fn seen(&self, name: &VolumeName, lost: Option<String>) {
        let mut all = all(&self.lost);
        match lost {
            Some(why) => {
                if all.get(name) != Some(&why) {
                    log::error!(volume = name.as_str(), why = why.as_str(); "mounted here, and lost");
                }
                all.insert(name.clone(), why);
            }
            None => {
                if all.remove(name).is_some() {
                    log::info!(volume = name.as_str(); "exported to this host again, or not mounted any more");
                }
            }
        }
    }

    /// From whom, and when, a volume was taken over by the mount that is there.
    pub fn taken(&self, name: &VolumeName) -> Option<String> {
        all(&self.taken).get(name).cloned()
    }

    /// Why a volume that is mounted here is of no use any more.
    pub fn lost(&self, name: &VolumeName) -> Option<String> {
        all(&self.lost).get(name).cloned()
    }
}
