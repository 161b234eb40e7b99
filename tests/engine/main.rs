//! A real Docker engine, the plugin as a process, simulated arrays over real SSH, loop devices, filesystems, containers.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;

mod clones;
#[allow(dead_code)] // Here nobody asks what there is.
#[path = "../imports/process.rs"]
mod process;

mod crashes;
mod failover;
mod growing;
mod imports;
mod peer_persistence;
mod plain;
mod refused;
mod replicated;
mod snapshots;
mod unreachable;

use rig::{
    arrays::{Arrays, Machine},
    engine::{Engine, until},
    needs::{Need, met},
    plugin::Plugin,
};

/// Everything a test of this program stands on.
struct Stage {
    // Fields are dropped in this order: the plugin before the engine's namespace that it runs in.
    plugin: Plugin,
    engine: Engine,
    machine: Machine,
    arrays: Arrays,
}

impl Stage {
    /// Sets it up, unless the machine lacks something.
    async fn set(test: &str) -> Option<Self> {
        Self::set_with(test, &[]).await
    }

    async fn set_with(test: &str, engine_options: &[&str]) -> Option<Self> {
        Self::set_on(test, engine_options, |arrays| arrays, |_, conf| conf).await
    }

    /// Sets it up after a change to the description of the arrays, and one to hpe.conf.
    async fn set_on(
        test: &str,
        engine_options: &[&str],
        describe: impl FnOnce(String) -> String,
        configure: impl FnOnce(&Arrays, String) -> String,
    ) -> Option<Self> {
        let programs = [
            "dockerd",
            "docker",
            "unshare",
            "nsenter",
            "losetup",
            "mkfs.ext4",
            "busybox",
            "pgrep",
        ];
        let mut needs = vec![Need::Root];
        needs.extend(programs.map(Need::Program));
        if !met(test, &needs) {
            return None;
        }
        let arrays = Arrays::start_with(describe).await;
        let machine = arrays.machine("host1");
        let conf = std::fs::read_to_string(machine.conf()).unwrap();
        std::fs::write(machine.conf(), configure(&arrays, conf)).unwrap();
        let engine = Engine::start(&machine, engine_options);
        let plugin = Plugin::start_with(&machine, &engine.inside(), &[]);
        Some(Self {
            plugin,
            engine,
            machine,
            arrays,
        })
    }

    /// Ends the plugin as `kill -9` does, and starts it again.
    fn restart_plugin(&mut self) {
        self.plugin.kill();
        self.plugin = Plugin::start_with(&self.machine, &self.engine.inside(), &[]);
    }

    /// `docker volume create -d hpe …`.
    fn create(&self, name: &str, options: &[&str]) {
        self.engine.ok(&self.creating(name, options));
    }

    fn creating<'a>(&self, name: &'a str, options: &[&'a str]) -> Vec<&'a str> {
        let mut words = vec!["volume", "create", "-d", "hpe", "--name", name];
        for option in options {
            words.extend(["-o", option]);
        }
        words
    }

    /// Runs a shell line in a container that has the volume at /data.
    fn run(&self, volume: &str, line: &str) -> String {
        let mount = format!("{volume}:/data");
        self.engine.ok(&[
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            &mount,
            "--volume-driver",
            "hpe",
            "box",
            "sh",
            "-c",
            line,
        ])
    }

    /// Starts a container that goes on until it is stopped.
    fn start(&self, container: &str, volume: &str) {
        let mount = format!("{volume}:/data");
        self.engine.ok(&[
            "run",
            "-d",
            "--name",
            container,
            "--network",
            "none",
            "--stop-timeout",
            "1",
            "-v",
            &mount,
            "--volume-driver",
            "hpe",
            "box",
            "sh",
            "-c",
            "while :; do sleep 1; done",
        ]);
    }

    /// Runs a shell line in a running container.
    fn exec(&self, container: &str, line: &str) -> String {
        self.engine.ok(&["exec", container, "sh", "-c", line])
    }

    fn inspect(&self, volume: &str) -> serde_json::Value {
        let text = self.engine.ok(&["volume", "inspect", volume]);
        let list: serde_json::Value = serde_json::from_str(&text).unwrap();
        list[0].clone()
    }

    /// True while the kernel, in the engine's namespace, has the volume mounted.
    fn mounted(&self, volume: &str) -> bool {
        let words = self.engine.inside();
        let table = std::process::Command::new(&words[0])
            .args(&words[1..])
            .args(["cat", "/proc/self/mountinfo"])
            .output()
            .unwrap();
        let at = self.machine.mountpoint(volume).display().to_string();
        String::from_utf8_lossy(&table.stdout)
            .lines()
            .any(|line| line.split(' ').nth(4) == Some(at.as_str()))
    }

    /// True while an array exports something.
    fn exported(&self) -> bool {
        let dump = self.arrays.dump().to_string();
        !dump.contains("\"vluns\":[]") || dump.matches("\"vluns\":[]").count() < 2
    }

    /// Waits until a group is in this role and status on an array, and all in it is in step.
    fn until_group(&self, array: &str, group: &str, role: &str, status: &str) {
        until(
            &format!("{group} as {role} and {status} on {array}"),
            || {
                let now = &self.arrays.dump()[array]["groups"][group];
                let synced =
                    |volume: &serde_json::Value| volume["sync"] == "Synced" || status != "Started";
                now["role"] == role
                    && now["status"] == status
                    && now["volumes"]
                        .as_array()
                        .is_some_and(|all| all.iter().all(synced))
            },
        );
    }
}
