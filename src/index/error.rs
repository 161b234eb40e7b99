//! What can go wrong with the local index.

use std::{io, path::PathBuf};

use crate::model::{OperationId, VolumeName};

/// Why the index could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The disk said no.
    #[error("could not {doing} `{path}`: {source}", path = path.display())]
    Io {
        /// For example `write`.
        doing: &'static str,
        /// Which file or directory.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A value that JSON cannot carry.
    #[error("could not encode `{path}`: {source}", path = path.display())]
    Encode {
        /// Which file.
        path: PathBuf,
        /// What serde said.
        source: serde_json::Error,
    },
    /// Another plugin holds the lock.
    #[error("another plugin{} uses `{path}`", pid.map(|pid| format!(", pid {pid},")).unwrap_or_default(), path = lock.display())]
    AlreadyRunning {
        /// The process, if it wrote its id down.
        pid: Option<u32>,
        /// The lock file.
        lock: PathBuf,
    },
    /// Written by a later release, which may know things this one would destroy.
    #[error("`{path}` has format {found}, this release knows {known}", path = path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The version in it.
        found: u64,
        /// The version this release writes.
        known: u64,
    },
    /// A file with a secret that others can read.
    #[error("`{path}` holds a secret, and its mode {mode:o} lets others read it", path = path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// An operation was begun twice.
    #[error("operation `{0}` is already in the journal")]
    OperationOpen(OperationId),
    /// An operation that was never begun, or is finished.
    #[error("operation `{0}` is not in the journal")]
    NoOperation(OperationId),
    /// Another VV took the name while the old one is still mounted here.
    #[error(
        "volume `{name}` is known with WWN `{known}` and mounted here, but has WWN `{given}` now"
    )]
    OtherVolume {
        /// Docker's name.
        name: VolumeName,
        /// The WWNs of the one mounted here.
        known: String,
        /// Those of the one that was to take its place.
        given: String,
    },
    /// A reference to a volume that has no mount record.
    #[error("volume `{0}` has no mount on this machine")]
    NotMounted(VolumeName),
}

impl IndexError {
    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.into(),
            source,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "free space on that filesystem; nothing was changed".to_owned()
            }
            Self::Io { .. } => {
                "check that the directory exists, is writable for root and that its disk is healthy".to_owned()
            }
            Self::AlreadyRunning { .. } => {
                "stop the other one, or give this one its own `state_dir` and `run_dir`".to_owned()
            }
            Self::Newer { .. } => {
                "start the later release again, or move the file away: the volumes are then read from the arrays".to_owned()
            }
            Self::Exposed { path, .. } => format!(
                "if nobody has read it, `chmod 600 {path}`; otherwise remove it, and `sethost removechap` this machine's host object on the arrays: a new secret is made",
                path = path.display()
            ),
            Self::OtherVolume { .. } => {
                "stop the containers that use it on this machine, then try again".to_owned()
            }
            Self::Encode { .. } | Self::OperationOpen(_) | Self::NoOperation(_) | Self::NotMounted(_) => {
                return None;
            }
        })
    }
}
