//! The options of `docker volume create`, each written down once: this table reads them, explains them in `-o help` and
//! makes docs/options.md.

mod spec;
mod values;

use crate::model::{
    BackendName, CpgName, GroupName, ScheduleName, SetName, Size, VolumeName, VvName,
};

pub(super) use spec::{AskedSchedule, Given, Kind, OptionSpec, Place};
use values::{keep, keep_hours, seconds, yes_or_no};

/// Names the schedule of a snapshot.
pub(in crate::docker) const SCHEDULE_NAME: &str = "scheduleName";
/// What has no meaning without a schedule.
pub(in crate::docker) const OF_A_SCHEDULE: [&str; 4] =
    ["scheduleFrequency", "snapshotPrefix", "expHrs", "retHrs"];
/// What has none with one.
pub(in crate::docker) const NOT_WITH_A_SCHEDULE: [&str; 3] =
    ["expirationHours", "retentionHours", "snapshotBoth"];
/// Asks for a snapshot.
pub(in crate::docker) const VIRTUAL_COPY_OF: &str = "virtualCopyOf";
/// Asks for a clone.
pub(in crate::docker) const CLONE_OF: &str = "cloneOf";
/// Asks for an import.
pub(in crate::docker) const IMPORT_VOL: &str = "importVol";
/// Name of the option that asks for help.
pub(in crate::docker) const HELP: &str = "help";
/// Its value that asks for the backends.
pub(in crate::docker) const HELP_BACKENDS: &str = "backends";

/// All options, in the order in which they are explained.
pub(in crate::docker) static OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "size",
        value: "whole GiB, 1 to 16384",
        default: "100",
        place: Place::With(Kind::OWN_SPACE),
        help: "Size of the volume",
        since: "0.1",
        read: |given, text| keep(&mut given.size, Size::parse_gib(text)),
    },
    OptionSpec {
        name: "provisioning",
        value: "thin, full or dedup",
        default: "thin",
        place: Place::With(Kind::OWN_SPACE),
        help: "How the volume takes space on the array; newer arrays have no full, some no dedup",
        since: "0.1",
        read: |given, text| keep(&mut given.provisioning, text.parse()),
    },
    OptionSpec {
        name: "cpg",
        value: "a CPG of the backend's hpe3par_cpg",
        default: "the first of them",
        place: Place::With(Kind::OWN_SPACE),
        help: "Where the volume's data is kept; with replicationGroup the CPG must be in cpg_map too",
        since: "0.1",
        read: |given, text| keep(&mut given.cpg, CpgName::new(text)),
    },
    OptionSpec {
        name: "snapcpg",
        value: "a CPG of the backend's hpe3par_snapcpg",
        default: "the first of them",
        place: Place::With(Kind::OWN_SPACE),
        help: "Where the data of the volume's snapshots is kept",
        since: "0.1",
        read: |given, text| keep(&mut given.snap_cpg, CpgName::new(text)),
    },
    OptionSpec {
        name: "backend",
        value: "a section of hpe.conf",
        default: "DEFAULT",
        place: Place::With(Kind::ALL),
        help: "The array, and how it replicates; `-o help=backends` lists them",
        since: "0.1",
        read: |given, text| keep(&mut given.backend, BackendName::new(text)),
    },
    OptionSpec {
        name: "mountConflictDelay",
        value: "whole seconds, 0 to 600",
        default: "30",
        place: Place::With(Kind::ALL),
        help: "How long a mount waits for another host to let go of the volume; keep it below the engine's own limit",
        since: "0.1",
        read: |given, text| keep(&mut given.mount_conflict_delay, seconds(text)),
    },
    OptionSpec {
        name: "fsOwner",
        value: "uid:gid, two numbers",
        default: "0:0",
        place: Place::With(&[Kind::New]),
        help: "Owner of the volume's root directory, set once when the filesystem is made",
        since: "0.1",
        read: |given, text| keep(&mut given.fs_owner, text.parse()),
    },
    OptionSpec {
        name: "fsMode",
        value: "octal, for example 0755",
        default: "what mkfs leaves",
        place: Place::With(&[Kind::New]),
        help: "Permissions of the volume's root directory, set once when the filesystem is made",
        since: "0.1",
        read: |given, text| keep(&mut given.fs_mode, text.parse()),
    },
    OptionSpec {
        name: "fsType",
        value: "ext4 or xfs",
        default: "ext4",
        place: Place::With(&[Kind::New]),
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
        name: "compression",
        value: "true or false",
        default: "what the array does by itself; of a clone: that of its volume",
        place: Place::With(Kind::OWN_SPACE),
        help: "Whether the array compresses the volume: thin or dedup, 16 GiB or more, InForm OS 3.3.1 or later",
        since: "0.1",
        read: |given, text| keep(&mut given.compression, yes_or_no(text)),
    },
    OptionSpec {
        name: "flash-cache",
        value: "true or false",
        default: "what the array does by itself; of a clone: that of its volume",
        place: Place::With(Kind::OWN_VOLUME),
        help: "Whether reads of the volume are kept in the array's flash cache; needs the licence Adaptive Flash Cache",
        since: "0.1",
        read: |given, text| keep(&mut given.flash_cache, yes_or_no(text)),
    },
    OptionSpec {
        name: "qos-name",
        value: "a VV set with a QoS rule",
        default: "none; of a clone: that of its volume",
        place: Place::With(Kind::OWN_VOLUME),
        help: "The volume joins this VV set, so that its rule holds for it; the plugin never makes or changes a rule",
        since: "0.1",
        read: |given, text| keep(&mut given.qos, SetName::new(text)),
    },
    OptionSpec {
        name: VIRTUAL_COPY_OF,
        value: "a volume",
        default: "none",
        place: Place::With(&[Kind::Snapshot]),
        help: "Takes a snapshot of this volume, which can be read and written like a volume",
        since: "0.1",
        read: |given, text| keep(&mut given.virtual_copy_of, VolumeName::new(text)),
    },
    OptionSpec {
        name: "expirationHours",
        value: "whole hours, 1 to 43800",
        default: "never",
        place: Place::With(&[Kind::Snapshot]),
        help: "The array removes the snapshot after this time",
        since: "0.1",
        read: |given, text| keep_hours(&mut given.expiration, text),
    },
    OptionSpec {
        name: "retentionHours",
        value: "whole hours, 1 to 43800",
        default: "none",
        place: Place::With(&[Kind::Snapshot]),
        help: "Nobody can remove the snapshot before this time, and nobody can take that back; needs the Virtual Lock licence",
        since: "0.1",
        read: |given, text| keep_hours(&mut given.retention, text),
    },
    OptionSpec {
        name: "snapshotBoth",
        value: "true or false",
        default: "false",
        place: Place::With(&[Kind::Snapshot]),
        help: "Takes the snapshot on both arrays of a synchronous group at the same instant",
        since: "0.1",
        read: |given, text| keep(&mut given.snapshot_both, yes_or_no(text)),
    },
    OptionSpec {
        name: SCHEDULE_NAME,
        value: "auto, or at most 31 characters",
        default: "none",
        place: Place::With(&[Kind::Snapshot]),
        help: "The array takes further snapshots by itself until this one is removed; they are no Docker volumes",
        since: "0.1",
        read: |given, text| {
            given.schedule_name = Some(if text == "auto" {
                AskedSchedule::Auto
            } else {
                AskedSchedule::Named(ScheduleName::new(text).map_err(|error| error.to_string())?)
            });
            Ok(())
        },
    },
    OptionSpec {
        name: "scheduleFrequency",
        value: "minute hour day month weekday, as cron, or @daily and the like",
        default: "none; needed with scheduleName",
        place: Place::With(&[Kind::Snapshot]),
        help: "When the array takes them, by its own clock; 0 is Sunday",
        since: "0.1",
        read: |given, text| keep(&mut given.schedule_frequency, text.parse()),
    },
    OptionSpec {
        name: "snapshotPrefix",
        value: "at most 15 characters",
        default: "none; needed with scheduleName",
        place: Place::With(&[Kind::Snapshot]),
        help: "What their names on the array begin with; a dot and the time follow",
        since: "0.1",
        read: |given, text| keep(&mut given.snapshot_prefix, text.parse()),
    },
    OptionSpec {
        name: "expHrs",
        value: "whole hours, 1 to 43800",
        default: "never",
        place: Place::With(&[Kind::Snapshot]),
        help: "The array removes each of them after this time",
        since: "0.1",
        read: |given, text| keep_hours(&mut given.schedule_expiration, text),
    },
    OptionSpec {
        name: "retHrs",
        value: "whole hours, 1 to 43800",
        default: "none",
        place: Place::With(&[Kind::Snapshot]),
        help: "Nobody can remove any of them before this time; needs the Virtual Lock licence",
        since: "0.1",
        read: |given, text| keep_hours(&mut given.schedule_retention, text),
    },
    OptionSpec {
        name: CLONE_OF,
        value: "a volume",
        default: "none",
        place: Place::With(&[Kind::Clone]),
        help: "Copies all data of this volume, and is like it where nothing else is given; with size the copy is made larger",
        since: "0.1",
        read: |given, text| keep(&mut given.clone_of, VolumeName::new(text)),
    },
    OptionSpec {
        name: IMPORT_VOL,
        value: "a VV on the backend's array",
        default: "none",
        place: Place::With(&[Kind::Import]),
        help: "Takes this VV, or snapshot, as it is; it gets another name on the array, and its old one back when it is released",
        since: "0.1",
        read: |given, text| keep(&mut given.import, VvName::new(text)),
    },
    OptionSpec {
        name: "importPolicy",
        value: "release or own",
        default: "release",
        place: Place::With(&[Kind::Import]),
        help: "What docker volume rm does: release gives the VV its old name back and destroys nothing, own removes it",
        since: "0.1",
        read: |given, text| keep(&mut given.import_policy, text.parse()),
    },
    OptionSpec {
        name: "manager",
        value: "anything",
        default: "none",
        place: Place::With(Kind::ALL),
        help: "Not looked at: some orchestrators send it",
        since: "0.1",
        read: |_, _| Ok(()),
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
}
