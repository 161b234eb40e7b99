//! What a user asks for with `docker volume create`, checked and typed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    BackendName, CpgName, FsMode, FsOwner, FsType, GroupName, Size, UnknownWord, VolumeName,
};

/// How a VV takes space.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provisioning {
    /// `-tpvv`.
    #[default]
    Thin,
    /// No option on 3.x; gone on Primera and later.
    Full,
    /// `-tdvv` (3.2.x), `-dedup` (3.3.1), `-reduce` (4.x and later).
    Dedup,
}

impl Provisioning {
    /// All of them, as they are written.
    pub const WORDS: [&'static str; 3] = ["thin", "full", "dedup"];
}

impl FromStr for Provisioning {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "thin" => Ok(Self::Thin),
            "full" => Ok(Self::Full),
            "dedup" => Ok(Self::Dedup),
            _ => Err(UnknownWord {
                what: "provisioning (thin, full, dedup)",
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Provisioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thin => "thin",
            Self::Full => "full",
            Self::Dedup => "dedup",
        })
    }
}

/// A create request after all options were checked. `None` means: not given, take the backend's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateVolume {
    /// Docker's name.
    pub name: VolumeName,
    /// `DEFAULT` when not given.
    pub backend: BackendName,
    /// 100 GiB when not given.
    pub size: Size,
    /// Thin when not given.
    pub provisioning: Provisioning,
    /// A CPG of the backend's list.
    pub cpg: Option<CpgName>,
    /// A snapshot CPG of the backend's list.
    pub snap_cpg: Option<CpgName>,
    /// Seconds to wait for another host, 30 when not given.
    pub mount_conflict_delay: u32,
    /// Set on the root directory once, after mkfs.
    pub fs_owner: Option<FsOwner>,
    /// Set on the root directory once, after mkfs.
    pub fs_mode: Option<FsMode>,
    /// Made at the first mount.
    pub fs_type: FsType,
    /// The remote copy group to join or to make.
    pub replication_group: Option<GroupName>,
}

impl CreateVolume {
    /// Default of `size`.
    pub const DEFAULT_SIZE: Size = Size::from_gib(100);
    /// Default of `mountConflictDelay`, in seconds.
    pub const DEFAULT_MOUNT_CONFLICT_DELAY: u32 = 30;

    /// The options in which `self` and `other` differ, as `size: 10 GiB, not 20 GiB`; empty when they ask for the same.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        fn show<T: fmt::Display>(value: Option<&T>) -> String {
            value.map_or_else(|| "not given".to_owned(), ToString::to_string)
        }
        let mut found = Vec::new();
        let mut compare = |option: &str, is: String, asked: String| {
            if is != asked {
                found.push(format!("{option}: {is}, not {asked}"));
            }
        };
        compare(
            "backend",
            self.backend.to_string(),
            other.backend.to_string(),
        );
        compare("size", self.size.to_string(), other.size.to_string());
        compare(
            "provisioning",
            self.provisioning.to_string(),
            other.provisioning.to_string(),
        );
        compare("cpg", show(self.cpg.as_ref()), show(other.cpg.as_ref()));
        compare(
            "snapcpg",
            show(self.snap_cpg.as_ref()),
            show(other.snap_cpg.as_ref()),
        );
        compare(
            "mountConflictDelay",
            self.mount_conflict_delay.to_string(),
            other.mount_conflict_delay.to_string(),
        );
        compare(
            "fsOwner",
            show(self.fs_owner.as_ref()),
            show(other.fs_owner.as_ref()),
        );
        compare(
            "fsMode",
            show(self.fs_mode.as_ref()),
            show(other.fs_mode.as_ref()),
        );
        compare(
            "fsType",
            self.fs_type.to_string(),
            other.fs_type.to_string(),
        );
        compare(
            "replicationGroup",
            show(self.replication_group.as_ref()),
            show(other.replication_group.as_ref()),
        );
        found
    }
}
