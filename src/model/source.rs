//! What a new volume is made from, and how long a snapshot is kept.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    Hours, ScheduleFrequency, ScheduleName, SnapshotPrefix, UnknownWord, VolumeName, VvName,
};

/// What a volume is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Nothing: it is empty.
    #[default]
    Blank,
    /// Another volume, as it is at one instant; shares its space with it.
    Snapshot(Box<SnapshotOf>),
    /// All data of another volume, in space of its own.
    Clone {
        /// Docker's name of the other volume.
        of: VolumeName,
    },
    /// A VV that is on the array already, and not this plugin's.
    Import {
        /// What it is called until then.
        vv: VvName,
        /// What becomes of it when the volume is removed.
        policy: ImportPolicy,
    },
}

impl Source {
    /// The volume that a snapshot or a clone is made of.
    pub fn of(&self) -> Option<&VolumeName> {
        match self {
            Self::Snapshot(snapshot) => Some(&snapshot.of),
            Self::Clone { of } => Some(of),
            Self::Blank | Self::Import { .. } => None,
        }
    }

    /// The snapshot, if it is one.
    pub fn snapshot(&self) -> Option<&SnapshotOf> {
        match self {
            Self::Snapshot(snapshot) => Some(snapshot),
            _ => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("an empty volume"),
            Self::Snapshot(snapshot) => write!(f, "a snapshot of `{}`", snapshot.of),
            Self::Clone { of } => write!(f, "a clone of `{of}`"),
            Self::Import { vv, .. } => write!(f, "the VV `{vv}`"),
        }
    }
}

/// What a snapshot is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotOf {
    /// Docker's name of the volume.
    pub of: VolumeName,
    /// The array removes it after this time.
    pub expiration: Option<Hours>,
    /// Nobody can remove it before this time.
    pub retention: Option<Hours>,
    /// Taken on both arrays at the same instant.
    #[serde(default)]
    pub both: bool,
    /// The array's name for the schedule by which it takes further ones, for as long as this one is there.
    #[serde(default)]
    pub schedule: Option<ScheduleName>,
    /// What that schedule is. Not known of one that was made elsewhere.
    #[serde(default)]
    pub scheduled: Option<Schedule>,
}

/// Snapshots that an array takes by itself. They are no Docker volumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// When, by the array's clock.
    pub frequency: ScheduleFrequency,
    /// What the names of its snapshots begin with.
    pub prefix: SnapshotPrefix,
    /// The array removes each after this time; without one they are kept until somebody removes them.
    pub expiration: Option<Hours>,
    /// Nobody can remove them before this time.
    pub retention: Option<Hours>,
}

/// What `docker volume rm` does to a volume that was imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImportPolicy {
    /// It gets its old name back, and its data stay.
    #[default]
    Release,
    /// It is removed like any other volume.
    Own,
}

impl FromStr for ImportPolicy {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "release" => Ok(Self::Release),
            "own" => Ok(Self::Own),
            _ => Err(UnknownWord {
                what: "way to remove an imported volume (release, own)",
                text: text.chars().take(80).collect(),
            }),
        }
    }
}

impl fmt::Display for ImportPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Release => "release",
            Self::Own => "own",
        })
    }
}
