//! The plugin, started as README.md says, and its configuration.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{
    AMBER, Array, BIRCH, PATIENCE, Stage,
    arrays::{LOGIN, PASSWORD, WITNESS},
};

/// Where administrators look for the configuration.
const FOLDER: &str = "/etc/hpedockerplugin";

/// How a volume is replicated.
#[derive(Debug, Clone, Copy)]
pub enum Replication {
    /// Backend `DEFAULT`: not at all.
    None,
    /// Backend `mirrored`: Active/Passive.
    ActivePassive,
    /// Backend `paired`: Peer Persistence.
    PeerPersistence,
}

impl Replication {
    fn options(self, group: &str) -> String {
        match self {
            Self::None => String::new(),
            Self::ActivePassive => format!("-o backend=mirrored -o replicationGroup={group}"),
            Self::PeerPersistence => format!("-o backend=paired -o replicationGroup={group}"),
        }
    }
}

impl Stage {
    pub(super) fn set_plugin(&self) {
        self.install(env!("CARGO_BIN_EXE_hpe3par-docker"));
        self.machine
            .write(&format!("{FOLDER}/password"), &format!("{PASSWORD}\n"));
        self.machine
            .write(&format!("{FOLDER}/known_hosts"), &self.host_keys());
        self.configure("");
        self.machine
            .write("/etc/systemd/system/hpe3par-docker.service", &unit());
        let start = "systemctl --quiet enable --now hpe3par-docker";
        let outcome = self.machine.run(start, PATIENCE);
        assert_eq!(outcome.status, 0, "{}", self.log());
    }

    /// Writes hpe.conf, with further keys for every backend.
    pub fn configure(&self, more: &str) {
        let backend = format!(
            "{}hpe3par_cpg = [\"ssd_r6\"]\nprotocol = \"iscsi\"\n{more}\n",
            access(AMBER)
        );
        let replicated = |name: &str, witness: &str| {
            format!(
                "[{name}]\n{backend}\n[{name}.replication_device]\nbackend_id = \"to-{}\"\n\
                 replication_mode = \"synchronous\"\n{witness}cpg_map = {{ ssd_r6 = \"ssd_r6\" }}\n{}\n",
                BIRCH.name,
                access(BIRCH)
            )
        };
        let conf = format!(
            "[DEFAULT]\n{backend}\n{}{}",
            replicated("mirrored", ""),
            replicated("paired", &format!("quorum_witness_ip = \"{WITNESS}\"\n"))
        );
        self.machine.write(&format!("{FOLDER}/hpe.conf"), &conf);
    }

    /// Stops it, and starts it anew.
    pub fn restart_plugin(&self) {
        let outcome = self
            .machine
            .run("systemctl restart hpe3par-docker", PATIENCE);
        assert_eq!(outcome.status, 0, "{}", self.log());
    }

    /// What it wrote to the journal since the machine booted.
    pub fn log(&self) -> String {
        // It says much, and the machine's disk is slow.
        let outcome = self.machine.run(
            "journalctl --no-pager -q -b -o cat -u hpe3par-docker",
            PATIENCE,
        );
        assert_eq!(outcome.status, 0, "{}", outcome.said());
        outcome.stdout
    }

    /// `docker volume create`.
    pub fn create(&self, name: &str, replication: Replication, group: &str) {
        let options = replication.options(group);
        self.docker(&format!("volume create -d hpe -o size=1 {options} {name}"));
    }

    /// How many paths of how many `docker volume inspect` tells of, for each array.
    #[track_caller]
    fn usable(&self, volume: &str) -> Vec<String> {
        let said = self.docker(&format!(
            "volume inspect -f \"{{{{json .Status.paths}}}}\" {volume}"
        ));
        let paths: Value = serde_json::from_str(&said).unwrap();
        let arrays = paths
            .as_object()
            .into_iter()
            .flat_map(|paths| paths.values());
        arrays
            .map(|of| of["usable"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Waits until that is what it tells: what cannot be read anew at once is shown as it was last seen.
    #[track_caller]
    pub fn until_usable(&self, volume: &str, expected: &[&str]) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let usable = self.usable(volume);
            if usable == expected {
                return;
            }
            assert!(Instant::now() < patience, "{usable:?}");
            std::thread::sleep(Duration::from_secs(2));
        }
    }

    /// Waits until the map of a volume that is mounted here has so many paths on which I/O goes.
    #[track_caller]
    pub fn until_paths(&self, volume: &str, paths: usize) {
        // Everything that a map is made of, from the mount: `multipathd show paths` has a line a path.
        let line = format!(
            "map=$(findmnt -n -o SOURCE /var/lib/hpe3par-docker/mounts/{volume}) && map=$(basename $(readlink -f $map)) && \
             multipathd show paths raw format '%m %t' | grep -c \"^$(cat /sys/block/$map/dm/name) active\" | grep -x {paths}"
        );
        self.machine
            .until(&format!("{paths} paths of {volume}"), &line, PATIENCE);
    }
}

/// How the plugin reaches an array.
fn access(array: Array) -> String {
    format!(
        "san_ip = \"127.0.0.1\"\nsan_ssh_port = {}\nsan_login = \"{LOGIN}\"\nsan_password_file = \"{FOLDER}/password\"\n",
        array.ssh_port
    )
}

/// The unit that README.md shows, with a log that says more.
fn unit() -> String {
    let readme = include_str!("../../../README.md");
    let from = readme.find("[Unit]").unwrap();
    let unit = readme[from..].split("```").next().unwrap();
    let service = "[Service]\n";
    assert!(unit.contains(service) && unit.contains("ExecStart=/usr/bin/hpe3par-docker serve"));
    unit.replace(service, &format!("{service}Environment=RUST_LOG=debug\n"))
}
