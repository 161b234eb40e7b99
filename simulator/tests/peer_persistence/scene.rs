//! Two arrays with a Peer Persistence group, and a host that has its volume on both.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use hpe3par_sim::commands::Answer;
use hpe3par_sim::description::Exports;
use hpe3par_sim::state::Release;
use hpe3par_sim::{Control, Description, Simulator};
use serde_json::Value;

pub const NORTH: &str = "par-north";
pub const SOUTH: &str = "par-south";

/// The group, as each array calls it.
pub const HERE: &str = "g1";
pub const THERE: &str = "g1.r131071";

/// The releases that differ in what Peer Persistence does.
pub const RELEASES: [Release; 2] = [Release::V331, Release::V1050];

/// What HPE's plugin and this repository's plugin set, and `auto_recover`.
pub const USUAL: [&str; 3] = ["auto_failover", "path_management", "auto_recover"];

/// The arrays, for which time passes only when a test says so.
pub struct Scene {
    pub control: Control,
    pub release: Release,
    dir: tempfile::TempDir,
    /// Ends with the scene.
    _simulator: Simulator,
}

/// What a host has open: whatever becomes of the export, it reads and writes this.
pub struct Device(File);

/// For each WWN that hosts see: which array shows it, and which file it leads to.
pub type Seen = BTreeMap<String, Vec<(&'static str, u64)>>;

impl Scene {
    /// A group `g1` of one volume `v1`, made in the north with these policies, exported from both arrays to the host `h1`, started
    /// and Synced.
    pub async fn set(release: Release, policies: &[&str]) -> Self {
        let scene = Self::stopped(release, policies).await;
        scene.types(NORTH, "startrcopygroup g1").await;
        scene.pass(60);
        scene
    }

    /// The same, never started.
    pub async fn stopped(release: Release, policies: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pair.toml"));
        let mut description = Description::from_toml(&text.unwrap()).unwrap();
        description.factor = 1e-6;
        description.data_dir = Some(dir.path().join("data"));
        description.exports_dir = Some(dir.path().join("exports"));
        description.exports = Exports::Simulated;
        for array in &mut description.arrays {
            array.ssh_port = 0;
            array.latency_ms = 0;
            array.release = release;
        }
        let simulator = Simulator::start(description).await.unwrap();
        let scene = Self {
            control: simulator.control(),
            release,
            dir,
            _simulator: simulator,
        };
        let (vv, group) = scene.snapshot_cpgs();
        scene
            .types(NORTH, &format!("createvv -tpvv {vv} gold_r6 v1 1g"))
            .await;
        scene
            .types(
                NORTH,
                &format!(
                    "creatercopygroup -usr_cpg gold_r6 to-south:silver_r6 {group} g1 to-south:sync"
                ),
            )
            .await;
        for policy in policies {
            scene
                .types(NORTH, &format!("setrcopygroup pol {policy} g1"))
                .await;
        }
        scene
            .types(NORTH, "admitrcopyvv -createvv v1 g1 to-south:v1")
            .await;
        for array in [NORTH, SOUTH] {
            let host = "createhost -iscsi -persona 2 h1 iqn.2005-03.org.open-iscsi:sim-host1";
            scene.types(array, host).await;
            scene.types(array, "createvlun v1 7 h1").await;
        }
        scene
    }

    /// Options of `createvv` and `creatercopygroup`: 10.x knows no snapshot CPGs.
    pub fn snapshot_cpgs(&self) -> (&'static str, &'static str) {
        match self.release {
            Release::V1050 => ("", ""),
            Release::V322 | Release::V331 => {
                ("-snp_cpg gold_r6", "-snp_cpg gold_r6 to-south:silver_r6")
            }
        }
    }

    /// What a person types, whatever the array says.
    pub async fn tries(&self, array: &str, line: &str) -> Answer {
        let user = "3paradm";
        self.control
            .type_in(array, user, line)
            .await
            .unwrap_or_else(|error| Answer {
                stderr: format!("{error}\n"),
                status: 255,
                ..Answer::default()
            })
    }

    /// What a person types, and is not refused.
    #[track_caller]
    pub fn types<'a>(
        &'a self,
        array: &'a str,
        line: &'a str,
    ) -> impl Future<Output = String> + use<'a> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.tries(array, line).await;
            let fine = answer.status == 0 && answer.stderr.is_empty() && answer.question.is_none();
            assert!(fine, "{caller}: {array}: {line}: {answer:?}");
            answer.stdout
        }
    }

    /// What a person types and is refused with these words; nothing has changed then.
    #[track_caller]
    pub fn refused<'a>(
        &'a self,
        array: &'a str,
        line: &'a str,
        words: &'a str,
    ) -> impl Future<Output = ()> + use<'a> {
        let caller = std::panic::Location::caller();
        async move {
            let before = self.control.dump();
            let answer = self.tries(array, line).await;
            assert!(
                answer.status == 1 && answer.stderr.contains(words),
                "{caller}: {array}: {line}: {answer:?}"
            );
            assert_eq!(self.control.dump(), before, "{caller}: {line}");
        }
    }

    pub fn pass(&self, seconds: u32) {
        self.control.advance(seconds);
    }

    /// Status and role on both arrays.
    pub fn roles(&self) -> String {
        let dump = self.control.dump();
        let word = |array: &str, group: &str| {
            let half = &dump[array]["groups"][group];
            let word = |field: &str| half[field].as_str().unwrap_or("none").to_owned();
            format!("{} {}", word("status"), word("role"))
        };
        format!("{} | {}", word(NORTH, HERE), word(SOUTH, THERE))
    }

    /// Is `v1` in the group?
    pub fn is_member(&self) -> bool {
        let dump = self.control.dump();
        let volumes = &dump[NORTH]["groups"][HERE]["volumes"];
        let mut volumes = volumes.as_array().into_iter().flatten();
        volumes.any(|volume| volume["local"] == "v1")
    }

    /// The file with the data of `v1` on an array.
    fn data(&self, array: &str) -> PathBuf {
        let dump = self.control.dump();
        let vv: &Value = &dump[array]["vvs"]["v1"];
        let name = format!("{}-{}.img", vv["id"], vv["wwn"].as_str().unwrap());
        self.dir.path().join("data").join(array).join(name)
    }

    /// A byte of what an array has of `v1`, whether or not a host sees it.
    pub fn holds(&self, array: &str, at: u64) -> u8 {
        let mut byte = [0];
        let file = File::open(self.data(array)).unwrap();
        file.read_exact_at(&mut byte, at).unwrap();
        byte[0]
    }

    /// The same on both arrays.
    pub fn hold(&self, at: u64) -> [u8; 2] {
        [NORTH, SOUTH].map(|array| self.holds(array, at))
    }

    /// On which of the two arrays the host sees `v1`.
    pub fn visible(&self) -> [bool; 2] {
        self.control.dump();
        [NORTH, SOUTH].map(|array| self.export(array).is_some())
    }

    /// The export of `v1` on an array, if it is there.
    fn export(&self, array: &str) -> Option<PathBuf> {
        let host = self.dir.path().join("exports").join(array).join("h1");
        let mut links = fs::read_dir(host).ok()?.map(|link| link.unwrap().path());
        links.find(|link| {
            let name = link.file_name().unwrap().to_str().unwrap();
            name.starts_with("7.")
        })
    }

    /// The host opens `v1` by its export on an array.
    #[track_caller]
    pub fn opens(&self, array: &str) -> Device {
        let export = self
            .export(array)
            .unwrap_or_else(|| panic!("no export on {array}"));
        let file = fs::OpenOptions::new().read(true).write(true).open(export);
        Device(file.unwrap())
    }

    /// Every export there is.
    pub fn seen(&self) -> Seen {
        let mut seen = Seen::new();
        for array in [NORTH, SOUTH] {
            let hosts = fs::read_dir(self.dir.path().join("exports").join(array));
            for host in hosts.into_iter().flatten() {
                for link in fs::read_dir(host.unwrap().path()).unwrap() {
                    let link = link.unwrap();
                    let name = link.file_name().into_string().unwrap();
                    let (_, wwn) = name.split_once('.').unwrap();
                    let file = fs::metadata(link.path()).unwrap().ino();
                    seen.entry(wwn.to_owned()).or_default().push((array, file));
                }
            }
        }
        seen
    }
}

impl Device {
    pub fn writes(&self, at: u64, byte: u8) {
        self.0.write_all_at(&[byte], at).unwrap();
    }

    pub fn reads(&self, at: u64) -> u8 {
        let mut byte = [0];
        self.0.read_exact_at(&mut byte, at).unwrap();
        byte[0]
    }

    /// Is it what this array has of `v1`?
    pub fn is_on(&self, scene: &Scene, array: &str) -> bool {
        self.file() == fs::metadata(scene.data(array)).unwrap().ino()
    }

    /// The file that it is.
    pub fn file(&self) -> u64 {
        self.0.metadata().unwrap().ino()
    }
}
