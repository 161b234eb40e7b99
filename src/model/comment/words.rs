//! How far a volume, its data and its filesystem are.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::{GroupName, Side, Size, TaskId};

/// How far a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A create is running, or died; it belongs to the maker in `op`.
    Making,
    /// A clone whose data are on their way. It has no host yet; its maker finishes it.
    Copying,
    /// Usable.
    Ready,
    /// A remove is running, or died.
    Removing,
}

impl State {
    /// True for what is a volume to Docker.
    pub fn is_there(self) -> bool {
        matches!(self, Self::Copying | Self::Ready)
    }
}

/// Where the data came from. mkfs is only ever thinkable on `Blank`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Made empty by this plugin.
    Blank,
    /// Anything else: a copy, an import.
    Data,
}

/// How far the filesystem is, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Never touched.
    No,
    /// mkfs may have begun; nothing was ever mounted from this array.
    Doing,
    /// There is a filesystem.
    Done,
}

macro_rules! word {
    ($type:ident { $($variant:ident = $word:literal),+ }) => {
        impl $type {
            pub(super) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
            pub(super) fn read(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

word!(State { Making = "making", Copying = "copying", Ready = "ready", Removing = "removing" });
word!(Origin { Blank = "blank", Data = "data" });
word!(Format { No = "no", Doing = "doing", Done = "done" });

/// What a clone is to be when all its data are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Becomes {
    /// So large, or larger; at least what it is copied from.
    pub size: Size,
    /// In this group, as the array on which it is made calls it.
    pub group: Option<GroupName>,
    /// The task that copies, if it is known: only that tells that all data are there.
    pub task: Option<TaskId>,
}

impl Becomes {
    /// The group by its name on the backend's own array. `made_on`: which of the backend's arrays the clone is on.
    pub fn group_at_home(&self, made_on: Side) -> Option<GroupName> {
        let group = self.group.as_ref()?;
        match (made_on, group.made_by()) {
            (Side::Peer, Some((name, _))) => Some(name),
            _ => Some(group.clone()),
        }
    }
}
