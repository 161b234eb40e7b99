//! What can go wrong on this machine.

use std::{io, path::PathBuf, time::Duration};

use super::{Busy, CommandReport};
use crate::model::{FsType, Lun, TargetPort, Wwn};

/// Why something could not be done on this machine. Nothing was changed unless the variant says so.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A program is not installed.
    #[error("`{0}` is not installed on this machine")]
    ToolMissing(&'static str),
    /// A program said no.
    #[error("{0}")]
    Command(CommandReport),
    /// Something took too long. It may have happened, or may still happen.
    #[error("{what} did not end within {} s", after.as_secs())]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        after: Duration,
    },
    /// The kernel said no.
    #[error("could not {doing} `{path}`: {source}", path = path.display())]
    Io {
        /// For example `read`.
        doing: &'static str,
        /// Which file, directory or device.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file of the kernel that this release does not understand.
    #[error("`{path}` holds a line that is not understood: `{line}`", path = path.display())]
    Unrecognised {
        /// Which file.
        path: PathBuf,
        /// The line.
        line: String,
    },
    /// The array exported a volume, and no device appeared.
    #[error("no device for WWN `{wwn}` appeared at `{path}`", path = path.display())]
    NoDevice {
        /// The volume.
        wwn: Wwn,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A device has another size than the array says.
    #[error("`{device}` has {found} bytes, the array says {expected}", device = device.display())]
    WrongSize {
        /// Which device.
        device: PathBuf,
        /// Bytes, as the array says.
        expected: u64,
        /// Bytes, as the kernel says.
        found: u64,
    },
    /// A device is not, or no longer, the volume it is taken for.
    #[error("`{device}` is not WWN `{wwn}`: {found}", device = device.display())]
    WrongDevice {
        /// Which device or file.
        device: PathBuf,
        /// What it should be.
        wwn: Wwn,
        /// What it is.
        found: String,
    },
    /// Two arrays show different data under one WWN.
    #[error("arrays `{}` and `{}` show different data under WWN {wwn}", arrays[0], arrays[1])]
    TwoCopies {
        /// The volume.
        wwn: Wwn,
        /// The arrays.
        arrays: [String; 2],
    },
    /// A device or mountpoint is in use.
    #[error("`{path}` is in use: {by}", path = path.display())]
    InUse {
        /// Which device or mountpoint.
        path: PathBuf,
        /// By whom, as far as the kernel tells.
        by: Box<Busy>,
    },
    /// A device that was to be formatted is not empty, or not provably so.
    #[error("`{device}` (WWN `{wwn}`) is not empty: {found}; it was not formatted", device = device.display())]
    NotEmpty {
        /// Which device.
        device: PathBuf,
        /// Which volume.
        wwn: Wwn,
        /// What is on it.
        found: String,
    },
    /// A filesystem that is damaged, or may be. It is not mounted, and nothing was repaired.
    #[error("the {kind} filesystem on `{device}` (WWN `{wwn}`) is not mounted: {found}", device = device.display())]
    Unsound {
        /// Which device.
        device: PathBuf,
        /// Which volume.
        wwn: Wwn,
        /// The filesystem that should be on it.
        kind: FsType,
        /// What was found.
        found: String,
    },
    /// Something that is to be written to cannot be.
    #[error("`{path}` is read-only: {why}", path = path.display())]
    ReadOnly {
        /// Which device or mountpoint.
        path: PathBuf,
        /// Who says so, for people.
        why: String,
    },
    /// The kernel does not mount one filesystem from two devices.
    #[error("the {kind} filesystem on `{device}` (WWN `{wwn}`) is mounted on this machine already, from another device", device = device.display())]
    MountedTwin {
        /// Which device.
        device: PathBuf,
        /// Which volume.
        wwn: Wwn,
        /// The filesystem.
        kind: FsType,
    },
    /// The kernel lacks a filesystem.
    #[error("this machine's kernel has no {kind}, which is on `{device}`", device = device.display())]
    NoFilesystem {
        /// What it lacks.
        kind: FsType,
        /// Which device has it.
        device: PathBuf,
    },
    /// Something else is mounted where a volume belongs.
    #[error("`{found}` is mounted on `{mountpoint}`", mountpoint = mountpoint.display())]
    OtherMount {
        /// The directory.
        mountpoint: PathBuf,
        /// What is mounted there.
        found: String,
    },
    /// This machine has no name by which an array could know it.
    #[error("this machine has no {of}: {but}")]
    NoInitiator {
        /// What is missing, for example `iSCSI initiator name`.
        of: &'static str,
        /// Where it was looked for, and what is there.
        but: String,
    },
    /// A daemon that everything depends on does not answer.
    #[error("`{daemon}` does not answer: {but}")]
    DaemonDown {
        /// `iscsid` or `multipathd`.
        daemon: &'static str,
        /// What was seen.
        but: String,
    },
    /// An array does not let this machine log in.
    #[error("{port} refuses this machine's CHAP name or secret")]
    WrongChap {
        /// Where.
        port: TargetPort,
    },
    /// CHAP is wanted, and what iscsiadm's record of a port says is not what the plugin would say. The record is not the plugin's, and
    /// stays as it is.
    #[error("iscsiadm's record of {port}, which this plugin did not make, {but}")]
    ForeignRecord {
        /// Where.
        port: TargetPort,
        /// What is wrong with it.
        but: ForeignRecord,
    },
    /// None of an array's iSCSI ports can be logged in to.
    #[error("no iSCSI session to any port of `{array}`: {}", why.join("; "))]
    NoSession {
        /// The array.
        array: String,
        /// Each port, and what happened there.
        why: Vec<String>,
    },
    /// No Fibre Channel port of an array is seen by this machine.
    #[error(
        "this machine sees none of the Fibre Channel ports of `{array}`: {}",
        listed(ports)
    )]
    NoRemotePort {
        /// The array.
        array: String,
        /// The ports that were looked for.
        ports: Vec<TargetPort>,
    },
    /// The array is reached, the volume does not show there.
    #[error(
        "no path to WWN `{wwn}` appeared at LUN {lun} of `{array}`{}",
        because(why)
    )]
    NoPath {
        /// The volume.
        wwn: Wwn,
        /// The array that serves it.
        array: String,
        /// Where it should be.
        lun: Lun,
        /// What went wrong on the way.
        why: Vec<String>,
    },
    /// There are paths, and dm-multipath made no map of them.
    #[error("dm-multipath made no map of WWN `{wwn}` of {}{}", paths.join(", "), because(why))]
    NoMap {
        /// The volume.
        wwn: Wwn,
        /// Its paths, for example `sdc`.
        paths: Vec<String>,
        /// What went wrong on the way.
        why: Vec<String>,
    },
    /// The device of a former volume is where a new one should appear, and it is in use.
    #[error("`{device}` was {was} and leads to another volume by now, and it is in use: {by}", device = device.display())]
    StaleInUse {
        /// The path, for example `/dev/sdc`.
        device: PathBuf,
        /// What it was.
        was: String,
        /// By whom.
        by: Box<Busy>,
    },
    /// Where a volume should be, another one is, and it is what the kernel takes it for: the LUN is not the volume's, or not any more.
    #[error("at LUN {lun} where WWN `{wwn}` should be is `{device}`: {found}", device = device.display())]
    WrongLun {
        /// The volume that was looked for.
        wwn: Wwn,
        /// Where.
        lun: Lun,
        /// The disk that is there.
        device: PathBuf,
        /// What it is.
        found: String,
    },
    /// A map without paths keeps what is written to it, and cannot be removed.
    #[error("map `{map}` could not be removed within {} s", after.as_secs())]
    FlushHangs {
        /// Which map.
        map: String,
        /// For how long it was waited.
        after: Duration,
    },
    /// A record of a port would not be known as the plugin's later.
    #[error(
        "that this plugin makes iscsiadm's record of port {port} could not be written down: {why}"
    )]
    NotWrittenDown {
        /// The port.
        port: TargetPort,
        /// What the disk said.
        why: String,
    },
    /// An action reported success and the kernel's tables do not show it.
    #[error("{what} reported success, but {but}")]
    NotProven {
        /// What was done.
        what: String,
        /// What the kernel shows instead.
        but: String,
    },
}

/// Why iscsiadm's record of a port, which somebody else made, is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForeignRecord {
    /// It has no CHAP name, or another one.
    #[error("does not log in with this machine's CHAP name")]
    OtherName,
    /// The array did not take what it has.
    #[error("has a CHAP name or secret, or none, that the array refuses")]
    Refused,
}

impl HostError {
    /// This machine has no Fibre Channel port, so no array could know it.
    pub fn no_fc_port() -> Self {
        Self::NoInitiator {
            of: "Fibre Channel port",
            but: "`/sys/class/fc_host` shows none".to_owned(),
        }
    }

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
            Self::ToolMissing(tool) => {
                let package = match *tool {
                    "mkfs.ext4" | "dumpe2fs" | "resize2fs" => "e2fsprogs",
                    "mkfs.xfs" | "xfs_growfs" => "xfsprogs",
                    "losetup" => "mount or util-linux",
                    "iscsiadm" => "open-iscsi or iscsi-initiator-utils",
                    "multipath" | "multipathd" => "multipath-tools or device-mapper-multipath",
                    "scsi_id" => "udev",
                    _ => "util-linux",
                };
                format!("install the package {package}")
            }
            Self::Deadline { .. } => {
                "look for processes in state D (`ps axo pid,stat,comm`) and for lost paths to the array; it is safe to try again"
                    .to_owned()
            }
            Self::NoDevice { .. } => {
                "check that the volume is exported to this machine and that a path to the array is up".to_owned()
            }
            Self::WrongSize { .. } | Self::WrongDevice { .. } => {
                "a stale device of a former volume: see that nothing uses it, remove it, then try again".to_owned()
            }
            Self::TwoCopies { .. } => {
                "the sides of its remote copy group have parted: `hpe3par-docker group list` shows how both arrays see it".to_owned()
            }
            Self::InUse { path, by } if by.names_nobody() => format!(
                "an unmount, or an mkfs, has not ended: what it writes waits for a path to the array, or for `no_path_retry` (see `multipath -ll` and `dmesg`); try again when `{}` is free",
                path.display()
            ),
            Self::InUse { path, .. } => format!("stop what uses it (`fuser -vm {}` names it), then try again", path.display()),
            Self::NotEmpty { .. } => {
                "if nobody needs what is on it, remove the volume and create it again; nothing here ever overwrites data".to_owned()
            }
            Self::OtherMount { mountpoint, .. } => {
                format!("see what it is with `findmnt {}` and unmount it if it does not belong there", mountpoint.display())
            }
            Self::Io { source, .. } if source.raw_os_error() == Some(nix::libc::EIO) => {
                "the device cannot be read: look at the paths to the array and at `dmesg`".to_owned()
            }
            Self::Unsound { kind, .. } => {
                let check = match kind {
                    FsType::Ext4 => "e2fsck",
                    FsType::Xfs => "xfs_repair",
                };
                format!(
                    "this plugin repairs nothing: with the volume mounted nowhere, export its VV to one machine by hand and look at it there \
                     with `{check} -n DEVICE`, which changes nothing; take a snapshot of the VV before `{check} DEVICE` repairs it"
                )
            }
            Self::ReadOnly { .. } => {
                "look at `dmesg`, and whether the array exports the volume for writing and serves it".to_owned()
            }
            Self::MountedTwin { wwn, .. } => {
                format!("a copy, clone or snapshot of WWN `{wwn}` is mounted here: unmount that first")
            }
            Self::NoFilesystem { kind, .. } => format!("load the kernel's module (`modprobe {kind}`)"),
            Self::Command(report) if report.command.starts_with("resize2fs ") && report.code == Some(1) => {
                "the kernel grows an ext4 only for a process with the capability CAP_SYS_RESOURCE, and none that it has found errors in"
                    .to_owned()
            }
            Self::NoInitiator { of, .. } if of.starts_with("iSCSI") => {
                "write `InitiatorName=` and a name of its own into it (`iscsi-iname` makes one), restart iscsid, then the plugin"
                    .to_owned()
            }
            Self::NoInitiator { .. } => {
                "check the host bus adapters, their drivers and their cables: `cat /sys/class/fc_host/host*/port_state`".to_owned()
            }
            Self::DaemonDown { daemon, .. } => format!("start it, and at every boot: `systemctl enable --now {daemon}`"),
            Self::WrongChap { .. } => {
                "somebody has set another CHAP secret on this machine's host object: take it away on the array (`sethost removechap HOST`), and the next \
                 mount sets this machine's own"
                    .to_owned()
            }
            Self::ForeignRecord { port, .. } => {
                let record = match port {
                    TargetPort::Iscsi { iqn, portal } => format!("-T {iqn} -p {portal} "),
                    TargetPort::Fc { .. } => String::new(),
                };
                format!(
                    "the plugin leaves such a record as it is: remove it (`iscsiadm -m node {record}-o delete`), and the next mount makes one \
                     of the plugin's own, with what CHAP there is to be"
                )
            }
            Self::NoSession { .. } => {
                "check addresses, routes and firewalls between this machine and the array's iSCSI ports (TCP port 3260)".to_owned()
            }
            Self::NoRemotePort { .. } => {
                "check cables and zoning: this machine's ports and the array's have to be in one zone".to_owned()
            }
            Self::NoPath { .. } => {
                "check on the array that the volume is exported to this machine (`showvlun -a`) and that its ports are up".to_owned()
            }
            Self::NoMap { .. } => {
                "look at `multipathd show config` (blacklist, find_multipaths) and at multipathd's log".to_owned()
            }
            Self::StaleInUse { .. } => {
                "stop what uses it at once: what is written there reaches another volume; then try again".to_owned()
            }
            Self::WrongLun { .. } => {
                "the export has changed since the array was asked: it is safe to try again; `showvlun -a` tells what is at which LUN"
                    .to_owned()
            }
            Self::FlushHangs { map, .. } => format!(
                "all its paths may be lost while it queues: see `multipath -ll {map}` and processes in state D; it is safe to try again"
            ),
            Self::Command(_)
            | Self::Io { .. }
            | Self::Unrecognised { .. }
            | Self::NotWrittenDown { .. }
            | Self::NotProven { .. } => return None,
        })
    }
}

fn listed(ports: &[TargetPort]) -> String {
    let ports: Vec<String> = ports.iter().map(TargetPort::to_string).collect();
    ports.join(", ")
}

fn because(why: &[String]) -> String {
    if why.is_empty() {
        String::new()
    } else {
        format!(": {}", why.join("; "))
    }
}
