//! Whether a mount that nobody heard of was asked for again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::model::{MountId, VolumeName};

type Key = (VolumeName, MountId);

/// The mounts that somebody watches. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct GivenOut(Arc<Mutex<HashMap<Key, Watched>>>);

#[derive(Debug, Default)]
struct Watched {
    watchers: u32,
    given_out: u64,
}

/// Looks whether one mount is given out again, for as long as it lives.
#[derive(Debug)]
pub(super) struct Watch {
    all: GivenOut,
    key: Key,
    before: u64,
}

impl GivenOut {
    fn watched(&self) -> MutexGuard<'_, HashMap<Key, Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A mount was given out. Only those that somebody watches are counted.
    pub fn note(&self, name: &VolumeName, id: &MountId) {
        if let Some(watched) = self.watched().get_mut(&(name.clone(), id.clone())) {
            watched.given_out += 1;
        }
    }

    /// Watches a mount from now on.
    pub fn watch(&self, name: &VolumeName, id: &MountId) -> Watch {
        let key = (name.clone(), id.clone());
        let mut all = self.watched();
        let watched = all.entry(key.clone()).or_default();
        watched.watchers += 1;
        Watch {
            all: self.clone(),
            key,
            before: watched.given_out,
        }
    }
}

impl Watch {
    /// True if the mount was given out since.
    pub fn is_given_out_again(&self) -> bool {
        let all = self.all.watched();
        all.get(&self.key)
            .is_some_and(|watched| watched.given_out != self.before)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = self.all.watched();
        if let Some(watched) = all.get_mut(&self.key) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                all.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_watches_is_kept() {
        let all = GivenOut::default();
        let name = VolumeName::new("db1").unwrap();
        let id = |text: &str| MountId::new(text).unwrap();
        for n in 0..100 {
            all.note(&name, &id(&format!("c{n}")));
        }
        assert!(all.watched().is_empty());

        let first = all.watch(&name, &id("c1"));
        assert!(!first.is_given_out_again(), "before it is not again");
        all.note(&name, &id("c2"));
        assert!(!first.is_given_out_again(), "another id");
        all.note(&name, &id("c1"));
        assert!(first.is_given_out_again());

        let second = all.watch(&name, &id("c1"));
        assert!(!second.is_given_out_again());
        drop(first);
        all.note(&name, &id("c1"));
        assert!(second.is_given_out_again());
        drop(second);
        assert!(all.watched().is_empty());
    }
}
