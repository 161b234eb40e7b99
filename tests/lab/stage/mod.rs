//! What the scenarios of volumes find in their machine: two arrays whose ports are iSCSI targets of its kernel, the plugin as
//! README.md's unit starts it, iscsid, multipathd, and an engine with an image `box`.

mod arrays;
mod engine;
mod leftovers;
mod plugin;

use std::time::Duration;

use crate::{machine::Machine, run::Scene};

pub use arrays::{AMBER, Array, BIRCH, Port};
pub use plugin::Replication;

/// For a mount, an unmount, a create, or two of them: a `docker run --rm` is a Mount, which the engine gives 120 s, and an Unmount,
/// which it gives 60 s, and a container between them. Everything has its own deadlines, which are shorter.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// For an engine that has just been started until its containers run: it mounts their volumes first, and may have to end what the
/// engine before it left.
pub const STARTED: Duration = Duration::from_secs(400);

pub struct Stage {
    pub machine: Machine,
}

impl Scene for Stage {
    fn set(group: &'static str) -> Self {
        let stage = Self {
            machine: Machine::set(group),
        };
        stage.set_arrays();
        stage
            .machine
            .ok("systemctl --quiet enable --now iscsid multipathd");
        stage.set_plugin();
        stage.set_engine();
        stage
    }

    fn last_words(&self) -> String {
        let units = ["arrays", "hpe3par-docker", "iscsid", "multipathd", "docker"];
        let named = units.map(|unit| format!("-u {unit}")).join(" ");
        // As much as can be had: the machine may be the one that failed.
        let journal = self.machine.try_run(&format!(
            "journalctl --no-pager -q -n 150 -o short-monotonic {named}; dmesg | tail -n 40; multipathd show topology; \
             iscsiadm -m session; grep mapper /proc/self/mountinfo"
        ));
        format!("{}\n--- its journal\n{journal}", self.machine.last_words())
    }
}

impl Stage {
    /// Copies a program of this build into the machine.
    fn install(&self, program: &str) {
        let built = std::path::Path::new(program);
        let name = built.file_name().unwrap();
        let stripped = self.machine.share().join(name);
        let strip = std::process::Command::new("strip")
            .arg("-o")
            .args([&stripped, &built.to_owned()])
            .status();
        assert!(strip.unwrap().success());
        let name = name.to_str().unwrap();
        self.machine
            .ok(&format!("install /share/{name} /usr/bin/{name}"));
        std::fs::remove_file(stripped).unwrap();
    }
}
