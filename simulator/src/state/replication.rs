//! What an array holds of remote copy.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Words that the array prints, each a value of its own; written and dumped as the array spells them.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$each])* #[serde(rename = $word)] $value,)*
        }

        impl $name {
            /// As the array spells it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// Role of one side of a group: which way data go now, and whether that is against the natural direction.
    Role {
        /// Sends, as it naturally does.
        Primary = "Primary",
        /// Sends, though it naturally receives.
        PrimaryRev = "Primary-Rev",
        /// Receives, as it naturally does.
        Secondary = "Secondary",
        /// Receives, though it naturally sends.
        SecondaryRev = "Secondary-Rev",
    }
}

impl Role {
    /// Does this side send?
    pub fn sends(self) -> bool {
        matches!(self, Self::Primary | Self::PrimaryRev)
    }

    /// Do data go against the natural direction?
    pub fn is_reversed(self) -> bool {
        matches!(self, Self::PrimaryRev | Self::SecondaryRev)
    }

    /// The role after a turn.
    #[must_use]
    pub fn turned(self, turn: Turn) -> Self {
        match (self, turn) {
            (Self::Primary, Turn::Both) | (Self::PrimaryRev, Turn::Current) => Self::Secondary,
            (Self::Secondary, Turn::Both) | (Self::SecondaryRev, Turn::Current) => Self::Primary,
            (Self::PrimaryRev, Turn::Both) | (Self::Primary, Turn::Current) => Self::SecondaryRev,
            (Self::SecondaryRev, Turn::Both) | (Self::Secondary, Turn::Current) => Self::PrimaryRev,
            (Self::Primary, Turn::Natural) => Self::PrimaryRev,
            (Self::PrimaryRev, Turn::Natural) => Self::Primary,
            (Self::Secondary, Turn::Natural) => Self::SecondaryRev,
            (Self::SecondaryRev, Turn::Natural) => Self::Secondary,
        }
    }
}

/// Which direction changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    /// That in which data go now; the natural one stays, so `-Rev` comes or goes.
    Current,
    /// The natural one; data go on as before.
    Natural,
    /// Both: the sides change places.
    Both,
}

words! {
    /// Status column of a group.
    GroupStatus {
        /// Was told to start.
        Starting = "Starting",
        /// Sends or receives.
        Started = "Started",
        /// Was told to stop, see the switch `stops_slowly`.
        Stopping = "Stopping",
        /// Does neither.
        Stopped = "Stopped",
        /// Peer Persistence: a primary that cannot know whether the other side took over; hosts get no data.
        Failsafe = "Failsafe",
    }
}

words! {
    /// Mode column of a group.
    Mode {
        /// Every write at once.
        Sync = "Sync",
        /// Once a period.
        Periodic = "Periodic",
        /// A stream behind the writes; not on 10.x.
        Async = "Async",
    }
}

words! {
    /// SyncStatus column of a volume, without a percentage.
    SyncStatus {
        /// Never copied.
        New = "New",
        /// Taken as equal.
        NewPreSynced = "New-PreSynced",
        /// A snapshot tells what to copy first.
        NewSyncFromSnap = "New-SyncFromSnap",
        /// Being copied.
        Syncing = "Syncing",
        /// Equal, or as of the last period.
        Synced = "Synced",
        /// A first copy was interrupted.
        NotSynced = "NotSynced",
        /// Was equal when the group stopped.
        Stopped = "Stopped",
    }
}

words! {
    /// `setrcopygroup` operations that tasks carry out, as they are typed.
    Takeover {
        /// The receiving side takes over.
        Failover = "failover",
        /// After a failover: the former primary receives.
        Recover = "recover",
        /// After a failover: back to the natural direction.
        Restore = "restore",
        /// The sides change places.
        Reverse = "reverse",
        /// The sides change places while hosts work on.
        Switchover = "switchover",
        /// Ends `Failsafe`.
        Override = "override",
    }
}

impl Takeover {
    /// The operation that is typed so.
    pub fn of(word: &str) -> Option<Self> {
        [
            Self::Failover,
            Self::Recover,
            Self::Restore,
            Self::Reverse,
            Self::Switchover,
            Self::Override,
        ]
        .into_iter()
        .find(|what| what.word() == word)
    }
}

/// An operation that a task carries out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Which.
    pub what: Takeover,
    /// Task on this array.
    pub task: u32,
    /// Seconds (virtual time) at which it takes effect. Not part of a dump.
    pub due: i64,
    /// `-nostart`: groups stay stopped afterwards.
    pub nostart: bool,
    /// `-nosync`: the copies are taken as equal afterwards.
    pub nosync: bool,
    /// `-nosnap`: the next synchronisation copies everything.
    pub nosnap: bool,
    /// `-local`: only on this array.
    pub local: bool,
    /// What a `reverse` turns.
    pub turn: Turn,
    /// A `restore` of a periodic group has sent what was written since the last period.
    #[serde(default)]
    pub sent_last: bool,
}

/// What became of a failover on the side that took over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailoverStage {
    /// There was none, or it is over.
    #[default]
    None,
    /// The other side still takes itself for the primary.
    TakenOver,
    /// It copies back, and with `auto_synchronize` something is to be done at the end of that.
    CopyingBack,
}

/// At this instant two volumes hold the same data: the first is to be copied over the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// System name of the array that sends, and its VV.
    pub from: (String, String),
    /// System name of the array that receives, and its VV.
    pub to: (String, String),
    /// From this instant hosts have them as one (Peer Persistence), even if the two have parted again since.
    pub joins: bool,
}

/// Hosts that had one volume on two arrays go on at the second: the file they have open becomes its data, and the first
/// keeps what it had when the two lost each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// System name of the array that served, and its VV.
    pub from: (String, String),
    /// System name of the array that serves now, and its VV.
    pub to: (String, String),
}

/// A remote copy target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Id on this array.
    pub id: u32,
    /// This array's name for the other.
    pub name: String,
    /// System name of the other array.
    pub array: String,
    /// `ready`, `failed`.
    pub status: String,
    /// Policies, `mirror_config` by default.
    pub policies: Vec<String>,
    /// Sending links: local port, peer address, up.
    pub links: Vec<Link>,
    /// Quorum witness, if any.
    pub witness: Option<String>,
}

/// A sending link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Local port, `N:S:P`.
    pub port: String,
    /// Peer address.
    pub address: String,
    /// Works.
    pub up: bool,
}

/// A remote copy group, as one array sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Id on this array.
    pub id: u32,
    /// Name on this array.
    pub name: String,
    /// Name on the peer.
    pub peer_name: String,
    /// This array's target.
    pub target: String,
    /// Role of this side.
    pub role: Role,
    /// Whether it copies.
    pub status: GroupStatus,
    /// How it copies.
    pub mode: Mode,
    /// Period in seconds; 0 is none.
    pub period: u32,
    /// Policies.
    pub policies: Vec<String>,
    /// Local and remote user CPG given at creation.
    pub usr_cpg: Option<(String, String)>,
    /// Local and remote snapshot CPG given at creation.
    pub snp_cpg: Option<(String, String)>,
    /// Domain, if any.
    pub domain: Option<String>,
    /// Replicated volumes, in the order they were admitted.
    pub volumes: Vec<Replicated>,
    /// Has it ever been started.
    pub ever_started: bool,
    /// The next start copies, in periodic mode too: direction or mode changed since everything was equal last.
    #[serde(default)]
    pub copies_at_start: bool,
    /// It stopped because the links or the peer went away; `auto_recover` starts it again when they are back.
    #[serde(default)]
    pub stopped_by_links: bool,
    /// Peer Persistence: a primary that was off or isolated, and has not seen since whether the other side took over.
    #[serde(default)]
    pub in_doubt: bool,
    /// What became of a failover to this side.
    #[serde(default)]
    pub failover: FailoverStage,
    /// What a task of this array is about to do with the group.
    #[serde(default)]
    pub operation: Option<Operation>,
    /// Peer Persistence: seconds (virtual time) at which it is decided who serves. Not part of a dump.
    #[serde(default)]
    pub decide_at: Option<i64>,
    /// Seconds (virtual time) at which Starting becomes Started, or Stopping Stopped. Not part of a dump.
    #[serde(default)]
    pub started_at: Option<i64>,
    /// Seconds (virtual time) of the next periodic synchronisation. Not part of a dump.
    #[serde(default)]
    pub next_sync: Option<i64>,
}

/// A volume in a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Replicated {
    /// VV here.
    pub local: String,
    /// VV on the peer.
    pub remote: String,
    /// How far it is copied.
    pub sync: SyncStatus,
    /// Seconds (virtual time) at which a running synchronisation began. Not part of a dump.
    #[serde(default)]
    pub syncing_since: Option<i64>,
    /// Seconds (virtual time) at which a running synchronisation ends. Not part of a dump.
    pub synced_at: Option<i64>,
    /// Seconds (virtual time) of the last synchronisation. Not part of a dump.
    pub last_sync: Option<i64>,
    /// Peer Persistence: equal to the other side when that stopped serving, so that hosts can go on here.
    #[serde(default)]
    pub hosts_wait: bool,
    /// Snapshot from which the next synchronisation sends differences only.
    #[serde(default)]
    pub resync_snapshot: Option<String>,
    /// Sets by which it was admitted, here and on the peer.
    #[serde(default)]
    pub sets: Option<(String, String)>,
}

impl Replicated {
    /// Equal to the other side, or as of the last period.
    pub fn is_synced(&self) -> bool {
        self.sync == SyncStatus::Synced
    }
}
