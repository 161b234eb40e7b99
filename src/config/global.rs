//! What holds for the whole plugin: the keys of `[DEFAULT]` that belong to no array.

use std::{path::PathBuf, time::Duration};

use log::LevelFilter;

use super::{
    section::{Origin, Report, Section},
    values::{absolute_path, checked, choice, duration, size},
};
use crate::model::Namespace;

const MIB: u64 = 1 << 20;
/// Where volumes are mounted, below the state directory.
const MOUNTS: &str = "mounts";
const DAY: u64 = 24 * 60 * 60;

/// Settings of the plugin itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// Keeps several Docker clusters on one array apart.
    pub namespace: Namespace,
    /// What the engine allows for Mount and Create, 3 s to 1 h.
    pub engine_timeout: Duration,
    /// What must survive a reboot.
    pub state_dir: PathBuf,
    /// Where volumes are mounted.
    pub mount_prefix: PathBuf,
    /// What need not survive a reboot.
    pub run_dir: PathBuf,
    /// Where the engine finds the plugin.
    pub socket: PathBuf,
    /// Where transcripts are written.
    pub transcript_dir: PathBuf,
    /// Bytes, 64 KiB to 10 GiB.
    pub transcript_max_size: u64,
    /// 1 h to 3650 days.
    pub transcript_max_age: Duration,
    /// Where an administrator overrides reading patterns.
    pub template_dir: PathBuf,
    /// How much is logged.
    pub logging: LevelFilter,
}

impl Global {
    /// Puts command line flags before the file. Where volumes are mounted moves along with the state directory if it is in its usual
    /// place below it.
    pub fn put_first(&mut self, socket: Option<PathBuf>, state_dir: Option<PathBuf>) {
        if let Some(socket) = socket {
            self.socket = socket;
        }
        if let Some(state_dir) = state_dir {
            if self.mount_prefix == self.state_dir.join(MOUNTS) {
                self.mount_prefix = state_dir.join(MOUNTS);
            }
            self.state_dir = state_dir;
        }
    }

    pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Option<Self> {
        let levels = [
            ("error", LevelFilter::Error),
            ("warn", LevelFilter::Warn),
            ("info", LevelFilter::Info),
            ("debug", LevelFilter::Debug),
            ("trace", LevelFilter::Trace),
        ];
        let namespace = section.get(report, "namespace", checked(Namespace::new));
        let engine_timeout = section.get(report, "engine_timeout", duration(3, 3600));
        let state_dir = section.get(report, "state_dir", absolute_path);
        let mount_prefix = match (section.own("mount_prefix"), &state_dir) {
            (Some(_), _) => section.get(report, "mount_prefix", absolute_path),
            (None, Some(state_dir)) => {
                let path = state_dir.join(MOUNTS);
                section.note(
                    report,
                    "mount_prefix",
                    format!("{:?}", path.display().to_string()),
                    Origin::BuiltIn,
                );
                Some(path)
            }
            (None, None) => None,
        };
        let run_dir = section.get(report, "run_dir", absolute_path);
        let socket = section.get(report, "socket", absolute_path);
        let transcript_dir = section.get(report, "transcript_dir", absolute_path);
        let transcript_max_size = section.get(
            report,
            "transcript_max_size",
            size(MIB / 16, 10 * 1024 * MIB),
        );
        let transcript_max_age =
            section.get(report, "transcript_max_age", duration(3600, 3650 * DAY));
        let template_dir = section.get(report, "template_dir", absolute_path);
        let logging = section.get(report, "logging", choice(&levels));
        Some(Self {
            namespace: namespace?,
            engine_timeout: engine_timeout?,
            state_dir: state_dir?,
            mount_prefix: mount_prefix?,
            run_dir: run_dir?,
            socket: socket?,
            transcript_dir: transcript_dir?,
            transcript_max_size: transcript_max_size?,
            transcript_max_age: transcript_max_age?,
            template_dir: template_dir?,
            logging: logging?,
        })
    }
}
