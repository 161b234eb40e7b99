//! Which commands are on their way, for whoever asks what a request waits for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::RequestId;

/// The commands of one array that have no answer yet, in the order they were given. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Underway(Arc<Mutex<Vec<Entry>>>);

/// Its address tells it from an equal one.
type Entry = Arc<(RequestId, String)>;

impl Underway {
    /// The command is on its way until the value is dropped.
    pub(super) fn begin(&self, request: &RequestId, command: &str) -> Begun {
        let entry = Arc::new((request.clone(), command.to_owned()));
        self.entries().push(Arc::clone(&entry));
        Begun {
            all: self.clone(),
            entry,
        }
    }

    /// The first command of this request that has no answer yet.
    pub(super) fn first(&self, request: &RequestId) -> Option<String> {
        let entries = self.entries();
        let found = entries.iter().find(|entry| entry.0 == *request);
        found.map(|entry| entry.1.clone())
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A command on its way.
#[derive(Debug)]
pub(super) struct Begun {
    all: Underway,
    entry: Entry,
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.all
            .entries()
            .retain(|entry| !Arc::ptr_eq(entry, &self.entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_command_of_a_request_is_told_until_it_ends() {
        let (one, other) = (RequestId::random(), RequestId::random());
        let underway = Underway::default();
        let outer = underway.begin(&one, "removevv a");
        let inner = underway.begin(&one, "showuserconn");
        let again = underway.begin(&one, "showuserconn");
        let _elsewhere = underway.begin(&other, "showvv");
        assert_eq!(underway.first(&one).as_deref(), Some("removevv a"));
        drop(inner);
        drop(outer);
        assert_eq!(underway.first(&one).as_deref(), Some("showuserconn"));
        drop(again);
        assert_eq!(underway.first(&one), None);
        assert_eq!(underway.first(&other).as_deref(), Some("showvv"));
    }
}
