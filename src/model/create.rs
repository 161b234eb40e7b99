//! What a user asks for with `docker volume create`, checked and typed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    BackendName, CpgName, FsMode, FsOwner, FsType, GroupName, SetName, Size, Source, UnknownWord,
    VolumeName,
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
    /// 100 GiB when not given; that of its volume for a snapshot, at least that for a clone. Not looked at for an import, whose size
    /// the array tells.
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
    /// Whether the array compresses it. A snapshot is what its volume is.
    #[serde(default)]
    pub compression: Option<bool>,
    /// Whether reads of it are kept in the array's flash cache.
    #[serde(default)]
    pub flash_cache: Option<bool>,
    /// A VV set with a QoS rule, which it joins.
    #[serde(default)]
    pub qos: Option<SetName>,
    /// What it is made from.
    #[serde(default)]
    pub source: Source,
}

impl CreateVolume {
    /// Default of `size`.
    pub const DEFAULT_SIZE: Size = Size::from_gib(100);
    /// Default of `mountConflictDelay`, in seconds.
    pub const DEFAULT_MOUNT_CONFLICT_DELAY: u32 = 30;

    /// An empty volume of which nothing else was asked.
    pub fn new(name: VolumeName, backend: BackendName) -> Self {
        Self {
            name,
            backend,
            size: Self::DEFAULT_SIZE,
            provisioning: Provisioning::default(),
            cpg: None,
            snap_cpg: None,
            mount_conflict_delay: Self::DEFAULT_MOUNT_CONFLICT_DELAY,
            fs_owner: None,
            fs_mode: None,
            fs_type: FsType::default(),
            replication_group: None,
            compression: None,
            flash_cache: None,
            qos: None,
            source: Source::Blank,
        }
    }

    /// This request, where `is` stands for what was not asked for, or is not this request's to choose: what a snapshot or an
    /// import is like, its volume or the array decides.
    #[must_use]
    pub fn filled_from(&self, is: &Self) -> Self {
        let mut filled = self.clone();
        fn fill<T: Clone>(asked: &mut Option<T>, is: &Option<T>) {
            if asked.is_none() {
                asked.clone_from(is);
            }
        }
        fill(&mut filled.cpg, &is.cpg);
        fill(&mut filled.snap_cpg, &is.snap_cpg);
        fill(&mut filled.compression, &is.compression);
        fill(&mut filled.flash_cache, &is.flash_cache);
        fill(&mut filled.qos, &is.qos);
        if matches!(self.source, Source::Snapshot(_) | Source::Import { .. }) {
            filled.size = is.size;
            filled.provisioning = is.provisioning;
            filled.fs_type = is.fs_type;
            filled.fs_owner = is.fs_owner;
            filled.fs_mode = is.fs_mode;
        }
        filled
    }

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
        compare(
            "compression",
            show(self.compression.as_ref()),
            show(other.compression.as_ref()),
        );
        compare(
            "flash-cache",
            show(self.flash_cache.as_ref()),
            show(other.flash_cache.as_ref()),
        );
        compare(
            "qos-name",
            show(self.qos.as_ref()),
            show(other.qos.as_ref()),
        );
        compare(
            "made from",
            self.source.to_string(),
            other.source.to_string(),
        );
        if let (Source::Snapshot(is), Source::Snapshot(asked)) = (&self.source, &other.source) {
            compare(
                "expirationHours",
                show(is.expiration.as_ref()),
                show(asked.expiration.as_ref()),
            );
            compare(
                "retentionHours",
                show(is.retention.as_ref()),
                show(asked.retention.as_ref()),
            );
            compare("snapshotBoth", is.both.to_string(), asked.both.to_string());
            compare(
                "scheduleName",
                show(is.schedule.as_ref()),
                show(asked.schedule.as_ref()),
            );
            // Of one that was taken elsewhere only the schedule's name is known.
            if let (Some(is), Some(asked)) = (&is.scheduled, &asked.scheduled) {
                compare(
                    "scheduleFrequency",
                    is.frequency.fields().join(" "),
                    asked.frequency.fields().join(" "),
                );
                compare(
                    "snapshotPrefix",
                    is.prefix.to_string(),
                    asked.prefix.to_string(),
                );
                compare(
                    "expHrs",
                    show(is.expiration.as_ref()),
                    show(asked.expiration.as_ref()),
                );
                compare(
                    "retHrs",
                    show(is.retention.as_ref()),
                    show(asked.retention.as_ref()),
                );
            }
        }
        if let (Source::Import { policy: is, .. }, Source::Import { policy: asked, .. }) =
            (&self.source, &other.source)
        {
            compare("importPolicy", is.to_string(), asked.to_string());
        }
        found
    }
}
