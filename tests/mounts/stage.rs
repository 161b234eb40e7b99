//! A machine in a mount and pid namespace of its own, with the plugin in it and arrays beside it. No engine: the tests send what
//! an engine sends.
#![allow(dead_code)] // Each test program uses its part.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::json;

use crate::rig::{
    arrays::{Arrays, Machine},
    engine::until,
    needs::{Need, met},
    plugin::Plugin,
};

/// A mount and pid namespace. With its first process everything in it ends.
pub struct Namespace {
    holder: Child,
    inside: u32,
}

impl Namespace {
    pub fn new(dir: &Path) -> Self {
        let up = dir.join("up");
        let script = format!(
            "mount --make-rprivate / && touch {} && trap : CHLD && while :; do sleep 3600 & wait; done",
            up.display()
        );
        let holder = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("the namespace", || up.exists());
        let id = holder.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let inside = children.split_whitespace().next().unwrap().parse().unwrap();
        Self { holder, inside }
    }

    /// The words to put before a command that is to run inside.
    pub fn words(&self) -> Vec<String> {
        ["nsenter", "-t", &self.inside.to_string(), "-m", "-p"]
            .map(str::to_owned)
            .to_vec()
    }

    /// How the files of the namespace are reached from outside.
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.inside))
    }

    /// Its table of mounts.
    pub fn mountinfo(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/mountinfo", self.inside)).unwrap()
    }

    fn command(&self, line: &str) -> Command {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["sh", "-c", line]);
        command
    }

    /// Runs a shell line inside, which must succeed; gives what it printed.
    #[track_caller]
    pub fn sh(&self, line: &str) -> String {
        let output = self.command(line).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts a process that sits in a directory until it is killed.
    pub fn sit_in(&self, directory: &str) -> Child {
        // Without the pid namespace nsenter does not fork: what is killed is the process itself.
        let child = Command::new("nsenter")
            .args(["-t", &self.inside.to_string(), "-m", "sh", "-c"])
            .arg(format!("cd {directory} && exec sleep 600"))
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let cwd = format!("/proc/{}/cwd", child.id());
        until("the process in the directory", || {
            std::fs::read_link(&cwd).is_ok_and(|at| at == Path::new(directory))
        });
        child
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Everything a test of this program stands on.
pub struct Stage {
    // Fields are dropped in this order: the plugin before the namespace that it runs in.
    pub plugin: Plugin,
    pub namespace: Namespace,
    pub machine: Machine,
    pub arrays: Arrays,
}

impl Stage {
    /// Sets it up, unless the machine lacks something.
    pub async fn set(test: &str) -> Option<Self> {
        Self::set_on(test, |toml| toml).await
    }

    /// As [`Stage::set`], after a change to the description of the arrays.
    pub async fn set_on(test: &str, change: impl FnOnce(String) -> String) -> Option<Self> {
        Self::set_with(test, change, |conf| conf).await
    }

    /// As [`Stage::set_on`], after a change to hpe.conf as well.
    pub async fn set_with(
        test: &str,
        change: impl FnOnce(String) -> String,
        configure: impl FnOnce(String) -> String,
    ) -> Option<Self> {
        let programs = ["unshare", "nsenter", "losetup", "mkfs.ext4", "pkill"];
        let mut needs = vec![Need::Root];
        needs.extend(programs.map(Need::Program));
        if !met(test, &needs) {
            return None;
        }
        let arrays = Arrays::start_with(change).await;
        let machine = arrays.machine("host1");
        let conf = std::fs::read_to_string(machine.conf()).unwrap();
        std::fs::write(machine.conf(), configure(conf)).unwrap();
        let namespace = Namespace::new(&machine.dir);
        let plugin = Plugin::start_with(&machine, &namespace.words(), &[]);
        Some(Self {
            plugin,
            namespace,
            machine,
            arrays,
        })
    }

    /// Ends the plugin as `kill -9` does.
    pub fn kill(&mut self) {
        self.plugin.kill();
    }

    /// Starts the plugin again.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// Starts the plugin again, with more environment.
    pub fn start_with(&mut self, environment: &[(&str, String)]) {
        self.plugin = Plugin::start_with(&self.machine, &self.namespace.words(), environment);
    }

    /// Makes a volume of 1 GiB on the plain backend.
    pub async fn create(&self, name: &str) {
        self.plugin.create(name, json!({ "size": "1" })).await.ok();
    }

    /// Where, in the namespace, the kernel has something mounted whose mountpoint ends like this.
    pub fn mountpoints(&self, end: &str) -> Vec<String> {
        let table = self.namespace.sh("cat /proc/self/mountinfo");
        let places = table.lines().filter_map(|line| line.split(' ').nth(4));
        places
            .filter(|place| place.ends_with(end))
            .map(str::to_owned)
            .collect()
    }

    /// True while the volume is mounted.
    pub fn mounted(&self, volume: &str) -> bool {
        !self.mountpoints(&format!("/{volume}")).is_empty()
    }

    /// The loop devices of this machine's volumes.
    pub fn devices(&self) -> Vec<String> {
        let ours = self.arrays.dir.path().display().to_string();
        let list = self
            .namespace
            .sh("losetup --list --noheadings --output NAME,BACK-FILE");
        list.lines()
            .filter(|line| line.contains(&ours))
            .map(|line| line.split_whitespace().next().unwrap().to_owned())
            .collect()
    }

    /// True while an array exports something.
    pub fn exported(&self) -> bool {
        self.arrays
            .dump()
            .to_string()
            .matches("\"vluns\":[]")
            .count()
            < 2
    }

    /// Nothing of any volume is on this machine, and no array exports one to it.
    pub fn is_clear(&self) -> bool {
        self.devices().is_empty() && !self.exported()
    }

    /// Operations in the journal.
    pub fn journal(&self) -> usize {
        let entries = std::fs::read_dir(self.machine.dir.join("state/journal")).unwrap();
        entries.count()
    }

    pub fn mounts_json(&self) -> std::path::PathBuf {
        self.machine.dir.join("run/mounts.json")
    }

    pub fn index_json(&self) -> std::path::PathBuf {
        self.machine.dir.join("state/index.json")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // After a failure: no loop device of a test outlives it.
        self.plugin.kill();
        let ours = self.arrays.dir.path().display();
        let unmount = format!("grep -o ' {ours}[^ ]*' /proc/self/mountinfo | xargs -r umount");
        let _ = self.namespace.command(&unmount).status();
        for device in self.devices() {
            let _ = Command::new("losetup").args(["--detach", &device]).status();
        }
    }
}
