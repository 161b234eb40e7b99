//! The volumes that come and go: few names, so that the hosts meet at them.

use serde_json::{Value, json};

use super::rig::arrays::HOME;

/// How a volume is replicated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    ActivePassive,
    PeerPersistence,
}

/// Every name, and how the volume of that name is replicated.
pub const ALL: [(&str, Kind); 7] = [
    ("notes", Kind::Plain),
    ("cache", Kind::Plain),
    ("db1", Kind::ActivePassive),
    ("db2", Kind::ActivePassive),
    ("db3", Kind::ActivePassive),
    ("ledger1", Kind::PeerPersistence),
    ("ledger2", Kind::PeerPersistence),
];

/// The groups.
pub const GROUPS: [(&str, Kind); 2] = [
    ("prod", Kind::ActivePassive),
    ("pair", Kind::PeerPersistence),
];

pub fn kind(name: &str) -> Kind {
    let found = ALL.iter().find(|(known, _)| *known == name);
    found.unwrap().1
}

/// Names of one kind.
pub fn of(kind: Kind) -> impl Iterator<Item = &'static str> {
    ALL.into_iter()
        .filter(move |(_, its)| *its == kind)
        .map(|(name, _)| name)
}

/// What it is created with.
pub fn options(name: &str) -> Value {
    let mut options = match kind(name) {
        Kind::Plain => json!({ "size": "1" }),
        Kind::ActivePassive => {
            json!({ "size": "1", "backend": "mirrored", "replicationGroup": "prod" })
        }
        Kind::PeerPersistence => {
            json!({ "size": "1", "backend": "paired", "replicationGroup": "pair" })
        }
    };
    options["mountConflictDelay"] = "1".into();
    options
}

/// The group of a kind of volumes.
pub fn group(kind: Kind) -> Option<&'static str> {
    let found = GROUPS.iter().find(|(_, its)| *its == kind);
    found.map(|(name, _)| *name)
}

/// A group as an array calls it.
pub fn group_on(array: &str, group: &str) -> String {
    if array == HOME {
        group.to_owned()
    } else {
        format!("{group}.r130512")
    }
}

/// The VV of a volume.
pub fn vv(name: &str) -> String {
    format!("dkv-{name}")
}
