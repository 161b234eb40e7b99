//! Which requests work on a volume: for the error that has to say what an unfinished one waits for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::model::{RequestId, VolumeName};

/// The requests at work, by volume. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct AtWork(Arc<Mutex<HashMap<VolumeName, Vec<RequestId>>>>);

impl AtWork {
    /// The request works on the volume, or waits for its turn, until the value is dropped.
    pub fn enter(&self, name: &VolumeName, request: &RequestId) -> Entered {
        self.all()
            .entry(name.clone())
            .or_default()
            .push(request.clone());
        Entered {
            all: self.clone(),
            name: name.clone(),
            request: request.clone(),
        }
    }

    /// The requests at work on a volume; the first is the one that the others wait for.
    pub fn on(&self, name: &VolumeName) -> Vec<RequestId> {
        self.all().get(name).cloned().unwrap_or_default()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<VolumeName, Vec<RequestId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request at work.
#[derive(Debug)]
pub(super) struct Entered {
    all: AtWork,
    name: VolumeName,
    request: RequestId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut all = self.all.all();
        let Some(requests) = all.get_mut(&self.name) else {
            return;
        };
        requests.retain(|request| *request != self.request);
        if requests.is_empty() {
            all.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_leave_are_forgotten() {
        let (one, other) = (RequestId::random(), RequestId::random());
        let name = VolumeName::new("db1").unwrap();
        let at_work = AtWork::default();
        let first = at_work.enter(&name, &one);
        let second = at_work.enter(&name, &other);
        assert_eq!(at_work.on(&name), [one, other.clone()]);
        drop(first);
        assert_eq!(at_work.on(&name), [other]);
        drop(second);
        assert!(at_work.all().is_empty());
    }
}
