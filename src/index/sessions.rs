//! The sessions this machine has at the arrays.
//!
//! A command that was on its way when the plugin died goes on at the array, and so does its session. Whoever cleans up afterwards
//! has to know which sessions those are: until they have ended, what they are at may still take effect.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Session ids by the array's name in messages.
pub(super) type ByArray = BTreeMap<String, BTreeSet<String>>;

/// What sessions.json holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sessions {
    version: u64,
    /// Opened, by this process or one before it, and not known to have ended.
    pub(super) open: ByArray,
}

impl Sessions {
    pub(super) const VERSION: u64 = 1;

    pub(super) fn new() -> Self {
        Self {
            version: Self::VERSION,
            open: ByArray::new(),
        }
    }
}

pub(super) fn add(sessions: &mut ByArray, array: &str, id: &str) -> bool {
    sessions
        .entry(array.to_owned())
        .or_default()
        .insert(id.to_owned())
}

pub(super) fn take(sessions: &mut ByArray, array: &str, id: &str) -> bool {
    let Some(ids) = sessions.get_mut(array) else {
        return false;
    };
    let was_there = ids.remove(id);
    if ids.is_empty() {
        sessions.remove(array);
    }
    was_there
}
