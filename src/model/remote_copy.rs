//! Words of remote copy.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::UnknownWord;

/// One of the two arrays of a replication-enabled backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The backend's own array.
    Source,
    /// The array of its `replication_device`.
    Peer,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Source, Self::Peer];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Peer,
            Self::Peer => Self::Source,
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident, $what:literal, { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl FromStr for $type {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { what: $what, text: text.to_owned() }),
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}

words!(
    /// Role of a group on one array, as `showrcopy` prints it. `Rev`: the natural direction is reversed.
    Role, "role", {
        /// Serves hosts.
        Primary = "Primary",
        /// Receives.
        Secondary = "Secondary",
        /// Serves hosts after a failover.
        PrimaryRev = "Primary-Rev",
        /// Receives after a recover.
        SecondaryRev = "Secondary-Rev",
    }
);

impl Role {
    /// Primary or Primary-Rev.
    pub fn is_primary(self) -> bool {
        matches!(self, Self::Primary | Self::PrimaryRev)
    }

    /// True while the natural direction is reversed.
    pub fn is_reversed(self) -> bool {
        matches!(self, Self::PrimaryRev | Self::SecondaryRev)
    }
}

words!(
    /// Status of a group on one array.
    GroupStatus, "group status", {
        /// Made, never started.
        New = "New",
        /// On the way to Started.
        Starting = "Starting",
        /// Replicating; on a secondary only: ready to receive.
        Started = "Started",
        /// On the way to Stopped.
        Stopping = "Stopping",
        /// Not replicating.
        Stopped = "Stopped",
        /// Peer Persistence: this side gave up serving.
        Failsafe = "Failsafe",
    }
);

words!(
    /// State of a remote copy target.
    TargetStatus, "target status", {
        /// Usable.
        Ready = "ready",
        /// No link works.
        Failed = "failed",
        /// On the way to failed.
        Failing = "failing",
        /// Never used.
        New = "new",
    }
);

words!(
    /// State of a remote copy link.
    LinkStatus, "link status", {
        /// Works.
        Up = "Up",
        /// Does not.
        Down = "Down",
        /// On the way up.
        Starting = "Starting",
        /// Never used.
        New = "New",
    }
);

/// Replication mode of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// `synchronous` in hpe.conf, `sync` on the command line, `Sync` in listings.
    Sync,
    /// `asynchronous`, `periodic`, `Periodic`.
    Periodic,
    /// `streaming`, `async`, `Async`.
    Async,
}

impl Mode {
    /// As `creatercopygroup` takes it.
    pub fn cli(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Periodic => "periodic",
            Self::Async => "async",
        }
    }

    /// As hpe.conf says it.
    pub fn conf(self) -> &'static str {
        match self {
            Self::Sync => "synchronous",
            Self::Periodic => "asynchronous",
            Self::Async => "streaming",
        }
    }
}

impl FromStr for Mode {
    type Err = UnknownWord;
    /// Reads the word of a listing.
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "Sync" => Ok(Self::Sync),
            "Periodic" => Ok(Self::Periodic),
            "Async" => Ok(Self::Async),
            _ => Err(UnknownWord {
                what: "replication mode",
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sync => "Sync",
            Self::Periodic => "Periodic",
            Self::Async => "Async",
        })
    }
}

/// Synchronisation of one volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String")]
#[serde(try_from = "String")]
pub enum SyncStatus {
    /// Admitted, never started.
    New,
    /// Admitted as already equal.
    NewPreSynced,
    /// Admitted from a snapshot.
    NewSyncFromSnap,
    /// Being copied; the percentage when the array says it.
    Syncing(Option<u8>),
    /// Equal (or, periodic, equal as of the last period).
    Synced,
    /// The copy was interrupted.
    NotSynced,
    /// The group is stopped.
    Stopped,
    /// Could not be synchronised.
    Stale,
}

impl FromStr for SyncStatus {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let unknown = || UnknownWord {
            what: "sync status",
            text: text.to_owned(),
        };
        Ok(match text {
            "New" => Self::New,
            "New-PreSynced" => Self::NewPreSynced,
            "New-SyncFromSnap" => Self::NewSyncFromSnap,
            "Syncing" => Self::Syncing(None),
            "Synced" => Self::Synced,
            "NotSynced" => Self::NotSynced,
            "Stopped" => Self::Stopped,
            "Stale" => Self::Stale,
            _ => {
                let percent = text
                    .strip_prefix("Syncing (")
                    .and_then(|rest| rest.strip_suffix("%)"))
                    .and_then(|n| n.parse::<u8>().ok())
                    .filter(|n| *n <= 100)
                    .ok_or_else(unknown)?;
                Self::Syncing(Some(percent))
            }
        })
    }
}

impl TryFrom<String> for SyncStatus {
    type Error = UnknownWord;
    fn try_from(text: String) -> Result<Self, UnknownWord> {
        text.parse()
    }
}

impl From<SyncStatus> for String {
    fn from(status: SyncStatus) -> String {
        status.to_string()
    }
}

impl fmt::Display for SyncStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syncing(Some(percent)) => write!(f, "Syncing ({percent}%)"),
            Self::Syncing(None) => f.write_str("Syncing"),
            Self::New => f.write_str("New"),
            Self::NewPreSynced => f.write_str("New-PreSynced"),
            Self::NewSyncFromSnap => f.write_str("New-SyncFromSnap"),
            Self::Synced => f.write_str("Synced"),
            Self::NotSynced => f.write_str("NotSynced"),
            Self::Stopped => f.write_str("Stopped"),
            Self::Stale => f.write_str("Stale"),
        }
    }
}

words!(
    /// A policy this plugin sets or looks for. Others are read as text and left alone.
    Policy, "policy", {
        /// Start again by itself when the links return.
        AutoRecover = "auto_recover",
        /// Peer Persistence: the secondary takes over by itself.
        AutoFailover = "auto_failover",
        /// Peer Persistence: ALUA states follow the roles.
        PathManagement = "path_management",
        /// Primera and later: both sides serve.
        ActiveActive = "active_active",
    }
);
