//! What is written down of an option, and what all that were given come to.

use std::fmt;

use crate::model::{
    BackendName, CpgName, FsMode, FsOwner, FsType, GroupName, Hours, ImportPolicy, Provisioning,
    ScheduleFrequency, ScheduleName, SetName, Size, SnapshotPrefix, VolumeName, VvName,
};

use super::{CLONE_OF, IMPORT_VOL, VIRTUAL_COPY_OF};

/// One option.
pub(in crate::docker) struct OptionSpec {
    /// As it is typed; upper and lower case count.
    pub name: &'static str,
    /// The form of its value.
    pub value: &'static str,
    /// What counts when it is not given.
    pub default: &'static str,
    /// Where it may be given.
    pub place: Place,
    /// One sentence for people.
    pub help: &'static str,
    /// The version of the plugin that has it first.
    pub since: &'static str,
    /// Reads a value that is not empty, or says what is wrong with it.
    pub read: fn(&mut Given, &str) -> Result<(), String>,
}

/// What is asked for, by the option that says from what it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::docker) enum Kind {
    /// None of them: an empty volume.
    New,
    /// `virtualCopyOf`.
    Snapshot,
    /// `cloneOf`.
    Clone,
    /// `importVol`.
    Import,
}

impl Kind {
    /// All kinds.
    pub(super) const ALL: &'static [Self] = &[Self::New, Self::Snapshot, Self::Clone, Self::Import];
    /// What has space of its own.
    pub(super) const OWN_SPACE: &'static [Self] = &[Self::New, Self::Clone];
    /// What is a volume of its own.
    pub(super) const OWN_VOLUME: &'static [Self] = &[Self::New, Self::Clone, Self::Import];

    /// The option that asks for it; none for an empty volume.
    pub fn option(self) -> Option<&'static str> {
        match self {
            Self::New => None,
            Self::Snapshot => Some(VIRTUAL_COPY_OF),
            Self::Clone => Some(CLONE_OF),
            Self::Import => Some(IMPORT_VOL),
        }
    }

    /// In the plural, for the help.
    fn told(self) -> &'static str {
        match self {
            Self::New => "new volumes",
            Self::Snapshot => "snapshots",
            Self::Clone => "clones",
            Self::Import => "imports",
        }
    }
}

/// Where an option may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::docker) enum Place {
    /// With these kinds of volumes.
    With(&'static [Kind]),
    /// Only, and always, on a backend with a `replication_device`; never with a snapshot.
    ReplicatedBackend,
    /// Instead of a volume: whatever else is given is not looked at.
    Alone,
}

impl Place {
    /// True if it may be given when this is asked for.
    pub fn is_with(self, kind: Kind) -> bool {
        match self {
            Self::With(kinds) => kinds.contains(&kind),
            Self::ReplicatedBackend => Kind::OWN_VOLUME.contains(&kind),
            Self::Alone => true,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::With(Kind::ALL) => f.write_str("any volume"),
            Self::With(kinds) => {
                let told: Vec<&str> = kinds.iter().map(|kind| kind.told()).collect();
                f.write_str(&told.join(", "))
            }
            Self::ReplicatedBackend => f.write_str(
                "mandatory on a backend with `replication_device`, refused on others and with snapshots",
            ),
            Self::Alone => f.write_str("alone; nothing is created"),
        }
    }
}

/// The options that were given and could be read, before they are compared with each other and with hpe.conf.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::docker) struct Given {
    pub size: Option<Size>,
    pub provisioning: Option<Provisioning>,
    pub cpg: Option<CpgName>,
    pub snap_cpg: Option<CpgName>,
    pub backend: Option<BackendName>,
    pub mount_conflict_delay: Option<u32>,
    pub fs_owner: Option<FsOwner>,
    pub fs_mode: Option<FsMode>,
    pub fs_type: Option<FsType>,
    pub replication_group: Option<GroupName>,
    pub compression: Option<bool>,
    pub flash_cache: Option<bool>,
    pub qos: Option<SetName>,
    pub virtual_copy_of: Option<VolumeName>,
    pub expiration: Option<Hours>,
    pub retention: Option<Hours>,
    pub snapshot_both: Option<bool>,
    pub schedule_name: Option<AskedSchedule>,
    pub schedule_frequency: Option<ScheduleFrequency>,
    pub snapshot_prefix: Option<SnapshotPrefix>,
    pub schedule_expiration: Option<Hours>,
    pub schedule_retention: Option<Hours>,
    pub clone_of: Option<VolumeName>,
    pub import: Option<VvName>,
    pub import_policy: Option<ImportPolicy>,
}

/// What a schedule is to be called.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::docker) enum AskedSchedule {
    /// `auto`: after its snapshot.
    Auto,
    /// So.
    Named(ScheduleName),
}
