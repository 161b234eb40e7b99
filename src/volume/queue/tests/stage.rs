//! The whole service on simulated arrays in memory, on a clock that stands still unless everybody waits.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use hpe3par_sim::{Control, Description, Simulator, commands::Environment, words};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    host::{Kernel, Simulated, Transport},
    index::Index,
    inform::{
        Array,
        in_memory::{self, Book, Sent},
    },
    model::*,
    replication::{Pair, Wants},
    volume::{Backend, KillPoints, Parts, Service, UserError, Volumes},
};

pub const HOME: &str = "amber";
pub const PEER: &str = "birch";
/// An operation of another host.
pub const OTHERS: &str = "host9@0a1b2c.00000009";

/// A machine with a plugin.
pub struct Host {
    dir: TempDir,
    service: Arc<Service>,
    arrays: [Array; 2],
}

pub struct Stage {
    _simulator: Simulator,
    pub control: Control,
    pub host: Host,
    book: Book,
}

/// A cycle as the arrays saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub stopped: Instant,
    /// Seconds from the stop to each admission and dismissal, as they were given to a session.
    pub turns: Vec<f64>,
    /// The same for the start; none if the group was not started again.
    pub started: Option<f64>,
}

fn description(latency_ms: u64) -> String {
    let array = |name: &str, id: u32, serial: &str, peer: &str, net: u32| {
        format!(
            r#"
[[array]]
name = "{name}"
id = {id}
serial = "{serial}"
latency_ms = {latency_ms}
[[array.user]]
name = "dockervol"
password = "none"
role = "edit"
[[array.cpg]]
name = "ssd_r5"
free_gib = 4000
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
            other = 3 - net
        )
    };
    format!(
        "factor = 1.0\n{}{}",
        array(HOME, 130_512, "CZ3940AMB1", PEER, 1),
        array(PEER, 130_777, "CZ3940BIR1", HOME, 2)
    )
}

impl Stage {
    /// A group with another volume in it, Started and Synced.
    pub async fn with_others() -> Self {
        let stage = Self::set(100).await;
        stage.create("other").await.unwrap();
        stage.at_rest().await;
        stage
    }

    /// Each command takes so many milliseconds.
    pub async fn set(latency_ms: u64) -> Self {
        let description = Description::from_toml(&description(latency_ms)).unwrap();
        let simulator = Simulator::start(description).await.unwrap();
        let control = simulator.control();
        let book = Book::default();
        Self {
            _simulator: simulator,
            host: Host::new("host1", &control, &book),
            control,
            book,
        }
    }

    /// What an administrator types.
    pub async fn types(&self, array: &str, line: &str) -> String {
        let seat = self.control.sit_down(array, "dockervol").unwrap();
        let words = words::split(line).unwrap().remove(0);
        let mut environment = Environment::default();
        let answer = seat.carry_out(&words, &mut environment, true).await.answer;
        answer.stdout + &answer.stderr
    }

    /// Another machine with a plugin, at the same arrays.
    pub fn another_host(&self) -> Host {
        Host::new("host2", &self.control, &self.book)
    }

    /// Another host has taken the lock of the group, so many seconds ago by the array's clock.
    pub async fn others_lock(&self, ago: i64) {
        self.lock_on(HOME, "prod", "dkl1", ago, "").await;
    }

    /// As [`Stage::others_lock`], of any kind, on either array.
    pub async fn lock_on(&self, array: &str, group: &str, kind: &str, ago: i64, more: &str) {
        let then = jiff::Timestamp::from_second(self.control.now() - ago).unwrap();
        let then = then.strftime("%Y-%m-%d%%20%H:%M:%S");
        let comment = format!("{kind}/op={OTHERS}/at={then}/zone=UTC%20%28UTC%29{more}");
        let line = format!("createvvset -comment {comment} dkl-{group}");
        assert_eq!(self.types(array, &line).await, "");
    }

    pub async fn create(&self, name: &str) -> Result<(), UserError> {
        self.host.create(name, 1).await
    }

    /// Waits until nothing is copied any more, and forgets what was sent until then.
    pub async fn at_rest(&self) {
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!self.control.dump().to_string().contains("\"Syncing\""));
        self.forget();
    }

    /// Opens the book anew.
    pub fn forget(&self) {
        self.book.lock().unwrap().clear();
    }

    /// How many commands are in it.
    pub fn commands(&self) -> usize {
        self.book.lock().unwrap().len()
    }

    /// Everything of these at once. Gives what failed.
    pub async fn at_once(&self, each: impl IntoIterator<Item = Asked>) -> Vec<UserError> {
        let mut tasks = JoinSet::new();
        for one in each {
            tasks.spawn(one);
        }
        let all = tasks.join_all().await;
        all.into_iter().filter_map(Result::err).collect()
    }

    /// Commands of a kind that were given to a session since the book was opened.
    pub fn sent(&self, command: &str) -> Vec<Sent> {
        let book = self.book.lock().unwrap();
        let is = |sent: &&Sent| sent.line.split(' ').next() == Some(command);
        book.iter().filter(is).cloned().collect()
    }

    /// The cycles of stop and start, in order. Two never cross.
    pub fn cycles(&self) -> Vec<Seen> {
        let mut cycles: Vec<Seen> = Vec::new();
        for sent in self.book.lock().unwrap().iter() {
            let since = |cycle: &Seen| sent.at.duration_since(cycle.stopped).as_secs_f64();
            match sent.line.split(' ').next().unwrap() {
                "stoprcopygroup" => {
                    let last = cycles.last();
                    assert!(last.is_none_or(|last| last.started.is_some()), "they cross");
                    cycles.push(Seen {
                        stopped: sent.at,
                        turns: Vec::new(),
                        started: None,
                    });
                }
                "admitrcopyvv" | "dismissrcopyvv" => {
                    if let Some(cycle) = cycles.last_mut() {
                        assert!(cycle.started.is_none(), "not stopped: {}", sent.line);
                        let after = since(cycle);
                        cycle.turns.push(after);
                    }
                }
                "startrcopygroup" => {
                    if let Some(cycle) = cycles.last_mut() {
                        let after = since(cycle);
                        cycle.started = Some(after);
                    }
                }
                _ => {}
            }
        }
        cycles
    }

    /// The group runs on both arrays with these volumes and no others, each of which is ready there, and has no lock.
    #[track_caller]
    pub fn assert_consistent(&self, volumes: impl IntoIterator<Item = String>) {
        let mut expected: Vec<String> = volumes.into_iter().map(|v| format!("dkv-{v}")).collect();
        expected.sort();
        let dump = self.control.dump();
        for (array, group) in [(HOME, "prod"), (PEER, "prod.r130512")] {
            let ours = |things: &Value| -> Vec<String> {
                let keys = things.as_object().unwrap().keys();
                keys.filter(|key| key.starts_with("dk")).cloned().collect()
            };
            assert_eq!(ours(&dump[array]["vvs"]), expected, "VVs on {array}");
            assert_eq!(ours(&dump[array]["vv_sets"]), [""; 0], "sets on {array}");
            for vv in &expected {
                let comment = dump[array]["vvs"][vv]["comment"].as_str().unwrap();
                assert!(comment.contains("/state=ready/"), "{array}: {comment}");
            }
            let group = &dump[array]["groups"][group];
            let members = group["volumes"].as_array().into_iter().flatten();
            let mut members: Vec<&str> = members.map(|m| m["local"].as_str().unwrap()).collect();
            members.sort_unstable();
            assert_eq!(members, expected, "members on {array}");
            if expected.is_empty() {
                assert!(group.is_null(), "{array}: {group}");
            } else {
                assert_eq!(group["status"], "Started", "{array}");
            }
        }
        assert_eq!(self.host.open_entries(), 0);
    }
}

pub fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("vol{n:02}")).collect()
}

/// A request on its way.
pub type Asked = std::pin::Pin<Box<dyn Future<Output = Result<(), UserError>> + Send>>;

impl Host {
    fn new(name: &str, control: &Control, book: &Book) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let arrays = [HOME, PEER].map(|name| in_memory::array(control, name, book));
        let service = Arc::new(service(name, dir.path(), &arrays));
        Self {
            dir,
            service,
            arrays,
        }
    }

    /// Somebody on this host who asks the group's array one thing after the other, for as long as the test runs.
    pub fn keeps_busy(&self) {
        let array = self.arrays[0].clone();
        tokio::spawn(async move {
            loop {
                array.showsys().await.unwrap();
            }
        });
    }

    /// What was left open is tried again from time to time, as in a running plugin.
    pub fn tries_again(&self) {
        self.service.start();
    }

    /// A volume of so many GiB in the group.
    pub fn create(&self, name: &str, gib: u64) -> Asked {
        self.create_by("mirrored", "prod", name, gib)
    }

    /// By another backend, with the group as that backend's own array calls it.
    pub fn create_by(&self, backend: &str, group: &str, name: &str, gib: u64) -> Asked {
        let (name, backend) = (VolumeName::new(name), BackendName::new(backend));
        let asked = CreateVolume {
            size: Size::from_gib(gib),
            replication_group: Some(GroupName::new(group).unwrap()),
            ..CreateVolume::new(name.unwrap(), backend.unwrap())
        };
        let service = Arc::clone(&self.service);
        Box::pin(async move { service.create(RequestId::random(), asked).await })
    }

    pub fn remove(&self, name: &str) -> Asked {
        let service = Arc::clone(&self.service);
        let name = VolumeName::new(name).unwrap();
        Box::pin(async move { service.remove(RequestId::random(), name).await })
    }

    pub fn creates(&self, names: &[String]) -> Vec<Asked> {
        names.iter().map(|name| self.create(name, 1)).collect()
    }

    pub fn removes(&self, names: &[String]) -> Vec<Asked> {
        names.iter().map(|name| self.remove(name)).collect()
    }

    /// Operations that are begun and not ended.
    pub fn open_entries(&self) -> usize {
        let journal = std::fs::read_dir(self.dir.path().join("state/journal")).unwrap();
        let entries = journal.flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().ends_with(".json"))
            .count()
    }
}

/// Two backends: `mirrored` from one array to the other, and `mirrored-back` the other way round.
fn service(name: &str, dir: &Path, arrays: &[Array; 2]) -> Service {
    let host = HostName::new(name).unwrap();
    let cpg = CpgName::new("ssd_r5").unwrap();
    let backend = |name: &str, own: usize, target: &str| {
        let simulated = Simulated::new(
            Kernel::default(),
            &dir.join("exports"),
            host.clone(),
            format!("iqn.2026-01.test:{name}").parse().unwrap(),
        );
        let pair = Pair {
            source: arrays[own].clone(),
            peer: arrays[1 - own].clone(),
            wants: Wants {
                lone_primary: LonePrimary::Mount,
                target: TargetName::new(target).unwrap(),
                mode: Mode::Sync,
                period: None,
                peer_persistence: false,
                cpg_map: BTreeMap::from([(cpg.clone(), cpg.clone())]),
                snap_cpg_map: BTreeMap::new(),
            },
        };
        Backend::new(
            BackendName::new(name).unwrap(),
            arrays[own].clone(),
            Some(pair),
            vec![cpg.clone()],
            Vec::new(),
            Transport::Simulated(simulated.unwrap()),
            host.clone(),
            format!("id-of-{name}"),
        )
    };
    Service::new(Parts {
        backends: vec![
            backend("mirrored", 0, "to-birch"),
            backend("mirrored-back", 1, "to-amber"),
        ],
        index: Index::open(&dir.join("state"), &dir.join("run")).unwrap(),
        machine: Machine::new(&host, &format!("id-of-{name}")),
        namespace: Namespace::default(),
        mount_prefix: dir.join("mounts"),
        scratch: dir.join("scratch"),
        kernel: Kernel::default(),
        points: KillPoints::default(),
    })
}
