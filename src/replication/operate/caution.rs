//! What to know before the first command.

use std::fmt;

use crate::{
    inform::RcVolume,
    model::{Role, SyncStatus, VvName},
};

/// How far a volume's copy is, as one array shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    /// The volume, by its name there.
    pub vv: VvName,
    /// How far.
    pub sync: SyncStatus,
    /// When it was equal last, as the array writes it; none in a started synchronous group, and if it never was.
    pub last_sync: Option<String>,
}

impl From<&RcVolume> for AsOf {
    fn from(volume: &RcVolume) -> Self {
        Self {
            vv: volume.local.clone(),
            sync: volume.sync,
            last_sync: volume.last_sync.clone(),
        }
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.vv, self.sync)?;
        match &self.last_sync {
            Some(time) => write!(f, ", last sync {time}"),
            None => Ok(()),
        }
    }
}

/// A list for people.
pub(super) fn listed<T: fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join("; ")
}

/// What to know before the first command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caution {
    /// Nobody can see whether the other array still serves hosts.
    MakeSureItIsOff {
        /// The array that cannot be asked.
        array: String,
        /// Why not.
        why: String,
    },
    /// What the array that takes over has.
    HasWhatWasCopied {
        /// That array.
        array: String,
        /// Of each volume.
        volumes: Vec<AsOf>,
    },
    /// Never complete: the plugin will not mount it.
    NeverComplete {
        /// The array that takes over.
        array: String,
        /// These volumes.
        volumes: Vec<VvName>,
    },
    /// Both arrays are there, and the group is stopped: some writes may be on one only.
    NothingSinceTheStop {
        /// The array that served.
        array: String,
        /// The group is replicating again if this is typed on it; none if the links are not up.
        start: Option<String>,
    },
    /// `auto_synchronize`.
    CopiesBackByItself {
        /// The array that is overwritten.
        array: String,
    },
    /// The arrays are about to do it by themselves (`auto_synchronize`).
    ByThemselves,
    /// Streaming: the last seconds may be missing.
    LastSecondsOfStream {
        /// The array that served.
        array: String,
    },
    /// Periodic: what comes after the last copy is lost unless it is waited for.
    WaitForTheLastCopy {
        /// The times that must be later then.
        volumes: Vec<AsOf>,
    },
    /// A former primary in Failsafe: hosts are logged in and get nothing.
    InFailsafe {
        /// The array.
        array: String,
    },
    /// What hosts of a Peer Persistence group see of it, nobody tells.
    PathsChange {
        /// How many hosts have paths.
        hosts: usize,
    },
    /// A switchover was expected to happen by itself, and did not.
    NoAutomaticFailover {
        /// The array that takes over.
        array: String,
    },
    /// Without `auto_failover` nothing happens by itself.
    OnlyByHand {
        /// The array that takes over.
        array: String,
    },
    /// `auto_failover` without `path_management`.
    MayTakeOverByItself {
        /// The array that takes over.
        array: String,
    },
    /// The quorum witness is not seen, or nobody knows.
    WitnessNotSeen {
        /// The array.
        array: String,
        /// What it shows.
        words: String,
    },
    /// One array gave up, and the other one did not take over.
    NobodyServes {
        /// The array that gave up.
        array: String,
        /// The other one.
        other: String,
        /// What it says.
        role: Role,
    },
    /// One array gave up, and hosts are to go on at the other.
    GaveUp {
        /// The array that gave up.
        array: String,
        /// The one that takes over.
        other: String,
    },
    /// Failsafe ends by itself when the arrays see each other.
    EndsFailsafeByItself {
        /// The array that gave up.
        array: String,
    },
    /// Nobody here knows why.
    StoppedBySomebody,
}

impl fmt::Display for Caution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeSureItIsOff { array, why } => write!(
                f,
                "array `{array}` cannot be asked from here ({why}): make sure that it is off, or cut off from its hosts; whatever hosts still write to it is lost"
            ),
            Self::HasWhatWasCopied { array, volumes } => {
                write!(f, "array `{array}` shows: {}", listed(volumes))
            }
            Self::NeverComplete { array, volumes } => {
                let names: Vec<String> = volumes.iter().map(|vv| format!("`{vv}`")).collect();
                write!(
                    f,
                    "array `{array}` never had the whole of {}: the plugin will not mount what it has",
                    names.join(", ")
                )
            }
            Self::NothingSinceTheStop {
                array,
                start: Some(line),
            } => write!(
                f,
                "what was written on array `{array}` since the group was stopped is not on the other one; if anything was, type `{line}` there, wait until it is Synced (`group watch`), and ask for this plan again: then nothing is lost"
            ),
            Self::NothingSinceTheStop { array, start: None } => write!(
                f,
                "what was written on array `{array}` since the group was stopped is not on the other one, and is lost"
            ),
            Self::CopiesBackByItself { array } => write!(
                f,
                "the group has `auto_synchronize`: as soon as the arrays reach each other they copy back by themselves, and what array `{array}` has is overwritten without a further command"
            ),
            Self::ByThemselves => f.write_str(
                "the group has `auto_synchronize`: the arrays do this by themselves as soon as they reach each other; type it only if it stays as it is",
            ),
            Self::LastSecondsOfStream { array } => write!(
                f,
                "a streaming group: what hosts wrote last on array `{array}` may still be on its way; how long that takes the array does not tell, so stop the applications well before"
            ),
            Self::WaitForTheLastCopy { volumes } => write!(
                f,
                "a periodic group: the copies are as of their last sync ({}); the first command copies once more, and only when every volume is Synced with a later time is nothing lost",
                listed(volumes)
            ),
            Self::InFailsafe { array } => write!(
                f,
                "hosts are still logged in to array `{array}`; it is in Failsafe and gives them nothing"
            ),
            Self::PathsChange { hosts } => write!(
                f,
                "Peer Persistence: {} logged in; whether every host goes on without an interruption is not known here, look at their multipath",
                if *hosts == 1 {
                    "1 host is".to_owned()
                } else {
                    format!("{hosts} hosts are")
                }
            ),
            Self::NoAutomaticFailover { array } => write!(
                f,
                "Peer Persistence: array `{array}` did not take over by itself, so it did not see the quorum witness, or the copies were not equal; find out which first"
            ),
            Self::OnlyByHand { array } => write!(
                f,
                "Peer Persistence without `auto_failover`: array `{array}` never takes over by itself"
            ),
            Self::MayTakeOverByItself { array } => write!(
                f,
                "the group has `auto_failover` without `path_management`, which belong together: whether array `{array}` takes over by itself is not known, and hosts do not follow it"
            ),
            Self::WitnessNotSeen { array, words } => write!(
                f,
                "array `{array}` does not see the quorum witness ({words}): without it nothing is taken over by itself, and an array that loses the links too gives up serving"
            ),
            Self::NobodyServes { array, other, role } => write!(
                f,
                "array `{array}` saw neither the other one nor the quorum witness and gave up, and array `{other}` is {role}, so no host is served; look at array `{other}` again right before: once it says Primary-Rev, hosts go on there, and this command would make a second primary"
            ),
            Self::GaveUp { array, other } => write!(
                f,
                "array `{array}` gave up serving; what it took between the loss of the links and then is not on array `{other}`, and is lost this way: where hosts reach array `{array}`, `hpe3par-docker group plan override` goes on without a loss; look at array `{array}` again right before, it must still say Failsafe"
            ),
            Self::EndsFailsafeByItself { array } => write!(
                f,
                "the links work: array `{array}` ends Failsafe by itself when it sees that nobody took over; type it only if it stays as it is"
            ),
            Self::StoppedBySomebody => f.write_str(
                "why the group is stopped is not known here: a person, lost links, or a half-done operation",
            ),
        }
    }
}
