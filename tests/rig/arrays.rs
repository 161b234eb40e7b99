//! One or two simulated arrays, and the hpe.conf of a machine that uses them.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hpe3par_sim::{Control, Description, Simulator};
use serde_json::Value;
use tempfile::TempDir;

/// The array that backends are on.
pub const HOME: &str = "amber";
/// Its remote copy target.
pub const PEER: &str = "birch";
/// The login of the plugin.
pub const LOGIN: &str = "dockervol";
/// Its password. It must not be found in anything the plugin writes.
pub const PASSWORD: &str = "correct-horse-battery";

/// Running arrays and a directory for everything about them.
pub struct Arrays {
    pub dir: TempDir,
    pub simulator: Simulator,
    pub control: Control,
}

/// The two arrays, and what is between them.
pub fn description(dir: &Path) -> String {
    let array = |name: &str, id: u32, serial: &str, peer: &str, net: &str| {
        format!(
            r#"
[[array]]
name = "{name}"
id = {id}
serial = "{serial}"
latency_ms = 0
auth_rejection_ms = 20
[[array.user]]
name = "{LOGIN}"
password = "{PASSWORD}"
role = "edit"
[[array.user]]
name = "watcher"
password = "{PASSWORD}"
role = "browse"
[[array.cpg]]
name = "ssd_r5"
free_gib = 4000
[[array.cpg]]
name = "ssd_r6"
free_gib = 4000
[[array.port]]
position = "0:2:1"
protocol = "iscsi"
ip = "10.40.{net}.11"
[[array.port]]
position = "0:3:1"
protocol = "rcip"
ip = "10.41.{net}.11"
[[array.target]]
name = "to-{peer}"
array = "{peer}"
[[array.target.links]]
port = "0:3:1"
address = "10.41.{other}.11"
"#,
            other = 3 - net.parse::<u32>().unwrap()
        )
    };
    format!(
        "factor = 20.0\nexports = \"simulated\"\ndata_dir = \"{0}/data\"\nexports_dir = \"{0}/exports\"\n{1}{2}",
        dir.display(),
        array(HOME, 130_512, "CZ3940AMB1", PEER, "1"),
        array(PEER, 130_777, "CZ3940BIR1", HOME, "2"),
    )
}

/// The same arrays with a later InForm OS.
pub fn later(description: &str) -> String {
    description.replace("latency_ms = 0", "release = \"10.5.0\"\nlatency_ms = 0")
}

/// Address of the quorum witness, in hpe.conf and at the arrays.
const WITNESS: &str = "198.51.100.9";

/// The same arrays with a quorum witness, as Peer Persistence wants it.
pub fn witnessed(description: &str) -> String {
    let links = "[[array.target.links]]";
    description.replace(links, &format!("witness = \"{WITNESS}\"\n{links}"))
}

/// hpe.conf with Peer Persistence in place of Active/Passive.
pub fn persistent(conf: &str) -> String {
    let mode = "replication_mode = \"synchronous\"";
    assert!(conf.contains(mode));
    conf.replace(mode, &format!("{mode}\nquorum_witness_ip = \"{WITNESS}\""))
}

impl Arrays {
    /// Starts both.
    pub async fn start() -> Self {
        Self::start_with(|toml| toml).await
    }

    /// Starts both, after a change to their description.
    pub async fn start_with(change: impl FnOnce(String) -> String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let toml = change(description(dir.path()));
        let simulator = Simulator::start(Description::from_toml(&toml).unwrap())
            .await
            .unwrap();
        let control = simulator.control();
        Self {
            dir,
            simulator,
            control,
        }
    }

    /// Every array as it is now: what "nothing changed" compares.
    pub fn dump(&self) -> Value {
        self.control.dump()
    }

    /// What a storage administrator does: logs in to an array and types a command. Gives what it printed.
    pub async fn type_in(&self, array: &str, line: &str) -> String {
        let address = self.simulator.address(array);
        let line = line.to_owned();
        let type_it = move || {
            use std::io::Read;
            let mut session = ssh2::Session::new().unwrap();
            session.set_timeout(10_000);
            session.set_tcp_stream(std::net::TcpStream::connect(address).unwrap());
            session.handshake().unwrap();
            session.userauth_password(LOGIN, PASSWORD).unwrap();
            let mut channel = session.channel_session().unwrap();
            channel
                .handle_extended_data(ssh2::ExtendedData::Merge)
                .unwrap();
            channel.exec(&line).unwrap();
            channel.send_eof().unwrap();
            let mut printed = String::new();
            channel.read_to_string(&mut printed).unwrap();
            printed
        };
        tokio::task::spawn_blocking(type_it).await.unwrap()
    }

    /// A host has its paths, as one that is switched on has.
    pub fn log_in(&self, host: &str) {
        let initiator = format!("iqn.2026-01.test.machines:{host}");
        for array in [HOME, PEER] {
            self.control.login(array, &initiator, &["0:2:1"]).unwrap();
        }
    }

    /// A host is switched off.
    pub fn log_out(&self, host: &str) {
        let initiator = format!("iqn.2026-01.test.machines:{host}");
        for array in [HOME, PEER] {
            self.control.logout(array, &initiator).unwrap();
        }
    }

    /// A fresh machine that uses these arrays: its own state, its own initiator.
    pub fn machine(&self, name: &str) -> Machine {
        let dir = self.dir.path().join(name);
        std::fs::create_dir_all(dir.join("plugins")).unwrap();
        let hosts: String = [HOME, PEER]
            .iter()
            .map(|array| self.simulator.host_key_line(array) + "\n")
            .collect();
        std::fs::write(dir.join("known_hosts"), hosts).unwrap();
        let password = dir.join("password");
        std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
        let machine = Machine {
            name: name.to_owned(),
            home_port: self.simulator.address(HOME).port(),
            peer_port: self.simulator.address(PEER).port(),
            exports: self.dir.path().join("exports"),
            dir,
        };
        machine.configure("");
        machine
    }
}

/// A machine with a plugin.
#[derive(Debug, Clone)]
pub struct Machine {
    pub name: String,
    pub dir: PathBuf,
    exports: PathBuf,
    home_port: u16,
    peer_port: u16,
}

impl Machine {
    pub fn conf(&self) -> PathBuf {
        self.dir.join("hpe.conf")
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.join("plugins/hpe.sock")
    }

    pub fn transcripts(&self) -> PathBuf {
        self.dir.join("transcripts")
    }

    pub fn mountpoint(&self, volume: &str) -> PathBuf {
        self.dir.join("state/mounts").join(volume)
    }

    /// Operations that are begun and not ended.
    pub fn open_entries(&self) -> usize {
        let journal = std::fs::read_dir(self.dir.join("state/journal"));
        let entries = journal.into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(".json"))
            .count()
    }

    /// Waits until the plugin has listed the arrays for the first time, and has looked for exports that nothing explains. It does not
    /// again for the next 50 s.
    pub async fn listed_once(&self, arrays: &Arrays) {
        let listed = || {
            let text = std::fs::read_to_string(self.dir.join("state/index.json"));
            let index: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
            let seeded = index["seeded"].as_array().is_some_and(|all| all.len() >= 2);
            let swept = |array| {
                let log = arrays.control.log(Some(array));
                log.iter().any(|command| command.line == "showhost -d")
            };
            seeded && swept(HOME) && swept(PEER)
        };
        let patience = Instant::now() + Duration::from_secs(60);
        while !listed() {
            assert!(Instant::now() < patience, "the first listing did not come");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Writes hpe.conf: a plain backend `DEFAULT` and a replicated one `mirrored`, with further keys for `[DEFAULT]`.
    pub fn configure(&self, default: &str) {
        let dir = self.dir.display();
        let access = |port: u16| {
            format!(
                r#"san_ip = "127.0.0.1"
san_ssh_port = {port}
san_login = "{LOGIN}"
san_password_file = "{dir}/password"
"#
            )
        };
        let backend = format!(
            r#"{access}hpe3par_cpg = ["ssd_r5", "ssd_r6"]
protocol = "simulated"
simulated_dir = "{exports}"
simulated_host = "{name}"
simulated_initiator = "iqn.2026-01.test.machines:{name}"
simulated_machine_id = "{name}"
"#,
            access = access(self.home_port),
            exports = self.exports.display(),
            name = self.name,
        );
        let conf = format!(
            r#"[DEFAULT]
ssh_hosts_key_file = "{dir}/known_hosts"
state_dir = "{dir}/state"
run_dir = "{dir}/run"
socket = "{socket}"
transcript_dir = "{dir}/transcripts"
template_dir = "{dir}/templates"
{default}
{backend}
[mirrored]
{backend}
[mirrored.replication_device]
backend_id = "to-{PEER}"
replication_mode = "synchronous"
cpg_map = {{ ssd_r5 = "ssd_r5", ssd_r6 = "ssd_r6" }}
{peer}"#,
            socket = self.socket().display(),
            peer = access(self.peer_port),
        );
        std::fs::write(self.conf(), conf).unwrap();
    }

    /// Adds to hpe.conf a backend `paired`, of Peer Persistence between the arrays of `mirrored`.
    pub fn add_paired(&self) {
        let mut conf = std::fs::read_to_string(self.conf()).unwrap();
        let mirrored = &conf[conf.find("[mirrored]").unwrap()..];
        let paired = persistent(&mirrored.replace("[mirrored", "[paired"));
        conf += &format!("\n{paired}");
        std::fs::write(self.conf(), conf).unwrap();
    }
}
