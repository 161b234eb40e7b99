//! The options of `docker volume create`, each written down once: this table reads them, explains them in `-o help` and
//! makes docs/options.md.

use std::fmt;

use crate::model::{BackendName, CpgName, FsMode, FsOwner, FsType, GroupName, Provisioning, Size};

/// Longest `mountConflictDelay`, in seconds.
const MAX_MOUNT_CONFLICT_DELAY: u32 = 600;

/// One option.
pub(super) struct OptionSpec {
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

/// Where an option may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// With every volume.
    Any,
    /// Only, and always, on a backend with a `replication_device`.
    ReplicatedBackend,
    /// Instead of a volume: whatever else is given is not looked at.
    Alone,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any volume",
            Self::ReplicatedBackend => {
                "mandatory on a backend with `replication_device`, refused on others"
            }
            Self::Alone => "alone; nothing is created",
        })
    }
}

/// The options that were given and could be read, before they are compared with each other and with hpe.conf.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
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
}

/// Name of the option that asks for help.
pub(super) const HELP: &str = "help";
/// Its value that asks for the backends.
pub(super) const HELP_BACKENDS: &str = "backends";

/// All options, in the order in which they are explained.
pub(super) static OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "size",
        value: "whole GiB, 1 to 16384",
        default: "100",
        place: Place::Any,
        help: "Size of the volume",
        since: "0.1",
        read: |given, text| keep(&mut given.size, Size::parse_gib(text)),
    },
    OptionSpec {
        name: "provisioning",
        value: "thin, full or dedup",
        default: "thin",
        place: Place::Any,
        help: "How the volume takes space on the array; newer arrays have no full, some no dedup",
        since: "0.1",
        read: |given, text| keep(&mut given.provisioning, text.parse()),
    },
    OptionSpec {
        name: "cpg",
        value: "a CPG of the backend's hpe3par_cpg",
        default: "the first of them",
        place: Place::Any,
        help: "Where the volume's data is kept; with replicationGroup the CPG must be in cpg_map too",
        since: "0.1",
        read: |given, text| keep(&mut given.cpg, CpgName::new(text)),
    },
    OptionSpec {
        name: "snapcpg",
        value: "a CPG of the backend's hpe3par_snapcpg",
        default: "the first of them",
        place: Place::Any,
        help: "Where the data of the volume's snapshots is kept",
        since: "0.1",
        read: |given, text| keep(&mut given.snap_cpg, CpgName::new(text)),
    },
    OptionSpec {
        name: "backend",
        value: "a section of hpe.conf",
        default: "DEFAULT",
        place: Place::Any,
        help: "The array, and how it replicates; `-o help=backends` lists them",
        since: "0.1",
        read: |given, text| keep(&mut given.backend, BackendName::new(text)),
    },
    OptionSpec {
        name: "mountConflictDelay",
        value: "whole seconds, 0 to 600",
        default: "30",
        place: Place::Any,
        help: "How long a mount waits for another host to let go of the volume; keep it below the engine's own limit",
        since: "0.1",
        read: |given, text| keep(&mut given.mount_conflict_delay, seconds(text)),
    },
    OptionSpec {
        name: "fsOwner",
        value: "uid:gid, two numbers",
        default: "0:0",
        place: Place::Any,
        help: "Owner of the volume's root directory, set once when the filesystem is made",
        since: "0.1",
        read: |given, text| keep(&mut given.fs_owner, text.parse()),
    },
    OptionSpec {
        name: "fsMode",
        value: "octal, for example 0755",
        default: "what mkfs leaves",
        place: Place::Any,
        help: "Permissions of the volume's root directory, set once when the filesystem is made",
        since: "0.1",
        read: |given, text| keep(&mut given.fs_mode, text.parse()),
    },
    OptionSpec {
        name: "fsType",
        value: "ext4 or xfs",
        default: "ext4",
        place: Place::Any,
        help: "Filesystem that is made at the first mount",
        since: "0.1",
        read: |given, text| keep(&mut given.fs_type, text.parse()),
    },
    OptionSpec {
        name: "replicationGroup",
        value: "a remote copy group, at most 22 characters",
        default: "none",
        place: Place::ReplicatedBackend,
        help: "The volume joins this group and is copied to the second array; a group that does not exist is created",
        since: "0.1",
        read: |given, text| keep(&mut given.replication_group, GroupName::for_create(text)),
    },
    OptionSpec {
        name: HELP,
        value: "nothing, or backends",
        default: "none",
        place: Place::Alone,
        help: "Prints this text, or the backends and their state",
        since: "0.1",
        // Answered before any option is read.
        read: |_, _| Ok(()),
    },
];

fn keep<T, E: fmt::Display>(slot: &mut Option<T>, read: Result<T, E>) -> Result<(), String> {
    *slot = Some(read.map_err(|error| error.to_string())?);
    Ok(())
}

fn seconds(text: &str) -> Result<u32, String> {
    Some(text)
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|seconds| *seconds <= MAX_MOUNT_CONFLICT_DELAY)
        .ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            format!("`{shown}` is not a number of seconds from 0 to {MAX_MOUNT_CONFLICT_DELAY}")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_names_are_unique_and_every_option_is_explained() {
        for (n, option) in OPTIONS.iter().enumerate() {
            assert!(
                OPTIONS[..n].iter().all(|other| other.name != option.name),
                "{}",
                option.name
            );
            assert!(
                !option.help.is_empty() && !option.help.ends_with('.'),
                "{}",
                option.name
            );
        }
    }

    #[test]
    fn a_delay_is_whole_seconds_up_to_ten_minutes() {
        assert_eq!(seconds("0"), Ok(0));
        assert_eq!(seconds("600"), Ok(600));
        for bad in ["", "601", "-1", "+1", "1.5", "5s", "99999999999"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
