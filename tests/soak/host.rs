//! A machine: a plugin in a mount namespace of its own, and what an engine there remembers.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    rig::{
        arrays::{Arrays, Machine},
        plugin::{Plugin, Reply},
    },
    stage::Namespace,
    volumes,
};

/// What the engine is said to allow, in hpe.conf.
const ENGINE_LIMIT: Duration = Duration::from_secs(20);

/// One of the two.
pub struct Host {
    // In this order: the plugin ends before the namespace that it runs in.
    pub plugin: Plugin,
    namespace: Namespace,
    pub machine: Machine,
    /// Who uses which volume, as far as the engine was told: by the id of the mount, a file that is open in it.
    users: BTreeMap<(&'static str, String), Option<File>>,
    asked: usize,
}

impl Host {
    pub fn set(arrays: &Arrays, name: &str) -> Self {
        let machine = arrays.machine(name);
        machine.configure(&format!(
            "engine_timeout = \"{}s\"\ncommand_timeout = \"5s\"\nssh_conn_timeout = \"8s\"",
            ENGINE_LIMIT.as_secs()
        ));
        machine.add_paired();
        let namespace = Namespace::new(&machine.dir);
        let plugin = start(&machine, &namespace);
        Self {
            plugin,
            namespace,
            machine,
            users: BTreeMap::new(),
            asked: 0,
        }
    }

    pub fn name(&self) -> &str {
        &self.machine.name
    }

    /// The plugin dies, if it has not yet, and starts again.
    pub fn restart(&mut self) {
        self.plugin.kill();
        self.plugin = start(&self.machine, &self.namespace);
    }

    /// The id of a mount that is to be asked for.
    pub fn next_id(&mut self) -> String {
        self.asked += 1;
        format!("{}-c{}", self.machine.name, self.asked)
    }

    /// Does anybody here use it?
    pub fn uses(&self, volume: &str) -> bool {
        self.users.keys().any(|(name, _)| *name == volume)
    }

    /// Has a container here something open in it?
    pub fn is_open(&self, volume: &str) -> bool {
        let mut users = self.users.iter();
        users.any(|((name, _), file)| *name == volume && file.is_some())
    }

    /// A container begins to use it, as the engine was told that it may: the kernel knows of it, too.
    pub fn open(&self, volume: &str) -> Option<File> {
        File::open(self.inside(volume)).ok()
    }

    /// The engine remembers who uses it.
    pub fn begins(&mut self, volume: &'static str, id: &str, file: Option<File>) {
        assert!(file.is_some(), "{}: {volume} is not there", self.name());
        self.users.insert((volume, id.to_owned()), file);
    }

    /// A container ends that uses it, and with it what it has open. Gives the id to unmount.
    pub fn ends(&mut self, volume: &'static str) -> Option<String> {
        let id = self
            .users
            .keys()
            .find(|(name, _)| *name == volume)
            .map(|(_, id)| id.clone())?;
        self.users.remove(&(volume, id.clone()));
        Some(id)
    }

    /// It was not unmounted: the engine still has it to do.
    pub fn still_has(&mut self, volume: &'static str, id: &str) {
        self.users.insert((volume, id.to_owned()), None);
    }

    /// The WWN of what the kernel has mounted as this volume.
    pub fn mounted(&self, volume: &str) -> Option<String> {
        let at = self.machine.mountpoint(volume).display().to_string();
        let mounts = mounts(&self.namespace.mountinfo());
        mounts
            .into_iter()
            .find(|mount| mount.at == at)
            .map(|mount| mount.wwn)
    }

    /// What is mounted from a volume of the arrays: mountpoints.
    pub fn all_mounted(&self) -> Vec<String> {
        let ours = self.machine.dir.display().to_string();
        let mounts = mounts(&self.namespace.mountinfo());
        mounts
            .into_iter()
            .map(|mount| mount.at)
            .filter(|at| at.starts_with(&ours))
            .collect()
    }

    /// Where the arrays' exports to this machine appear, under the name of each array.
    pub fn exports(&self) -> PathBuf {
        self.machine.dir.parent().unwrap().join("exports")
    }

    /// Can it read and write the volume on this array now?
    pub fn reaches(&self, array: &str, wwn: &str) -> bool {
        reaches(&self.exports(), array, self.name(), wwn)
    }

    pub fn mountinfo(&self) -> PathBuf {
        self.namespace.root().parent().unwrap().join("mountinfo")
    }

    /// The root of a volume, as it is seen from outside of the namespace.
    fn inside(&self, volume: &str) -> PathBuf {
        let at = self.machine.mountpoint(volume);
        self.namespace.root().join(at.strip_prefix("/").unwrap())
    }

    fn file(&self, volume: &str) -> PathBuf {
        self.inside(volume).join("ledger")
    }

    /// What is in the volume's file; none if there is no file.
    pub fn read(&self, volume: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        match std::fs::File::open(self.file(volume)) {
            Ok(mut file) => {
                file.read_to_end(&mut bytes).unwrap();
                Some(bytes)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => panic!("{}: {volume}: {error}", self.name()),
        }
    }

    /// Writes the file and has the kernel confirm that it is on the device.
    pub fn write(&self, volume: &str, bytes: &[u8]) {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.file(volume))
            .unwrap();
        file.write_all(bytes).unwrap();
        file.sync_all().unwrap();
    }

    /// One request, with an answer inside the engine's limit.
    pub async fn ask(&self, what: &str, answer: impl Future<Output = Reply>) -> Reply {
        let begun = Instant::now();
        let reply = tokio::time::timeout(ENGINE_LIMIT, answer).await;
        let reply = reply.unwrap_or_else(|_| panic!("{}: {what}: no answer", self.name()));
        let short = match &reply {
            Reply::Ok(_) => "ok",
            Reply::Err(said) => said,
            Reply::Closed => "closed",
        };
        println!(
            "  {} {what}: {} ms: {short}",
            self.name(),
            begun.elapsed().as_millis()
        );
        reply
    }

    /// The engine stops what uses a volume. True if nothing does any more.
    pub async fn stop_users(&mut self, volume: &'static str) -> bool {
        let mut left = Vec::new();
        while let Some(id) = self.ends(volume) {
            let what = format!("Unmount {volume} {id}");
            let reply = self.ask(&what, self.plugin.unmount(volume, &id)).await;
            if !matches!(reply, Reply::Ok(_)) {
                left.push(id);
            }
        }
        for id in left {
            self.still_has(volume, &id);
        }
        self.mounted(volume).is_none()
    }

    /// Operations that are begun and not ended.
    pub fn unended(&self) -> usize {
        self.machine.open_entries()
    }
}

fn start(machine: &Machine, namespace: &Namespace) -> Plugin {
    let patience = [("HPE3PAR_DOCKER_PATIENCE_MS", "2000".to_owned())];
    tokio::task::block_in_place(|| Plugin::start_with(machine, &namespace.words(), &patience))
}

/// Is there an export through which a host could read and write?
pub fn reaches(exports: &Path, array: &str, host: &str, wwn: &str) -> bool {
    let links = std::fs::read_dir(exports.join(array).join(host));
    let end = format!(".{wwn}");
    links
        .into_iter()
        .flatten()
        .flatten()
        .any(|link| link.file_name().to_string_lossy().ends_with(&end))
}

/// A mount of a volume of an array.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// Of the kernel; another mount at the same place has another.
    pub id: String,
    pub at: String,
    pub wwn: String,
}

/// The mounts of volumes in a table.
pub fn mounts(table: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let mut words = line.split(' ');
        let id = words.next()?;
        let device = words.nth(1)?;
        let at = words.nth(1)?;
        let file = format!("/sys/dev/block/{device}/loop/backing_file");
        let file = std::fs::read_to_string(file).ok()?;
        let file = file.trim_end().trim_end_matches(" (deleted)");
        let (before, wwn) = file.rsplit_once('/')?;
        before.contains("/exports/.attached/").then(|| Mount {
            id: id.to_owned(),
            at: at.to_owned(),
            wwn: wwn.to_owned(),
        })
    };
    table.lines().filter_map(mount).collect()
}

impl Drop for Host {
    fn drop(&mut self) {
        // After a failure: no loop device of a test outlives it.
        self.plugin.kill();
        for (volume, _) in volumes::ALL {
            let at = self.machine.mountpoint(volume).display().to_string();
            let words = self.namespace.words();
            let _ = std::process::Command::new(&words[0])
                .args(&words[1..])
                .args(["umount", "--quiet", &at])
                .stderr(std::process::Stdio::null())
                .status();
        }
        for device in devices(&self.machine) {
            let _ = std::process::Command::new("losetup")
                .args(["--detach", &device])
                .status();
        }
    }
}

/// The loop devices of a machine.
pub fn devices(machine: &Machine) -> Vec<String> {
    let ours = format!(
        "{}/exports/.attached/{}/",
        machine.dir.parent().unwrap().display(),
        machine.name
    );
    let list = std::process::Command::new("losetup")
        .args(["--list", "--noheadings", "--output", "NAME,BACK-FILE"])
        .output()
        .unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let names = list.lines().filter(|line| line.contains(&ours));
    names
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}
