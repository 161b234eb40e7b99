//! The backend against a kernel in memory, driven by what a person types.

mod fake;
mod handing_over;
mod showing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Lio;
use crate::Description;
use crate::commands::{Call, Environment, run_line};
use crate::state::World;
use crate::{data, remote_copy};
use fake::{Fake, Node};

const IQN: &str = "iqn.2024-01.org.example:web1";
const OTHER_IQN: &str = "iqn.2024-01.org.example:web2";

/// Arrays, data and kernel.
struct Bench {
    world: World,
    now: i64,
    data: tempfile::TempDir,
    kernel: Fake,
    lio: Lio,
}

impl Bench {
    /// The arrays of the example for the lab.
    fn new() -> Self {
        let description =
            Description::from_toml(include_str!("../../../examples/lab.toml")).unwrap();
        let data = tempfile::tempdir().unwrap();
        let kernel = Fake::default();
        let lio = on(&kernel, data.path());
        let mut bench = Self {
            world: description.world(),
            now: 1_700_000_000,
            data,
            kernel,
            lio,
        };
        bench.settle();
        bench
    }

    /// What is typed, carried out and followed. Gives the answer.
    fn ask(&mut self, array: &str, line: &str) -> String {
        let answer = self.type_in(array, line);
        self.settle();
        answer
    }

    fn type_in(&mut self, array: &str, line: &str) -> String {
        let mut call = Call {
            world: &mut self.world,
            array,
            user: "3paradm",
            session: 1,
            args: &[],
            now: self.now,
            environment: Environment::default(),
            confirmed: true,
        };
        let answer = run_line(&mut call, line);
        answer.stdout + &answer.stderr
    }

    fn quiet(&mut self, array: &str, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.ask(array, line), "", "{line}");
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        remote_copy::tick(&mut self.world, self.now);
        self.settle();
    }

    /// As the engine does it.
    fn try_to_settle(&mut self) -> std::io::Result<()> {
        let withdrawn = self.lio.withdraw(&self.world);
        data::settle(&mut self.world, self.data.path()).unwrap();
        withdrawn.and(self.lio.settle(&self.world))
    }

    fn settle(&mut self) {
        self.try_to_settle().unwrap();
    }

    /// A Peer Persistence volume `v1` of 256 MiB, in step, at LUN 1 of a host on both arrays.
    fn with_peer_persistence(mut self) -> Self {
        self.quiet(
            "north",
            &[
                "createvv -tpvv -snp_cpg gold gold v1 256",
                "creatercopygroup -usr_cpg gold to-south:silver -snp_cpg gold to-south:silver pp to-south:sync",
                "setrcopygroup pol path_management pp",
                "setrcopygroup pol auto_failover pp",
                "admitrcopyvv -createvv v1 pp to-south:v1",
                "startrcopygroup pp",
            ],
        );
        self.pass(10);
        for array in ["north", "south"] {
            self.quiet(array, &[&format!("createhost -iscsi h1 {IQN}")]);
            self.ask(array, "createvlun v1 1 h1");
        }
        self
    }

    /// What an initiator sees at a port: LUN → (last 12 digits of the serial, ALUA state, loop device), if it can log in.
    fn seen(&self, target: &str, initiator: &str) -> BTreeMap<u32, (String, String, String)> {
        let state = self.kernel.state();
        let group = target_place(target);
        let text = |path: PathBuf| match state.nodes.get(&path) {
            Some(Node::Attribute(value)) => value.clone(),
            other => panic!("{}: {other:?}", path.display()),
        };
        let link = |directory: &Path| {
            state.nodes.iter().find_map(|(path, node)| match node {
                Node::Link(to) if path.parent() == Some(directory) => Some(to.clone()),
                _ => None,
            })
        };
        let acl = group.join("acls").join(initiator);
        let mut seen = BTreeMap::new();
        for path in state.nodes.keys() {
            let lun = path.file_name().unwrap().to_str().unwrap();
            let Some(lun) = lun
                .strip_prefix("lun_")
                .filter(|_| path.parent() == Some(&acl))
            else {
                continue;
            };
            let disk = link(&link(path).unwrap()).unwrap();
            let serial = text(disk.join("wwn/vpd_unit_serial"));
            let state = text(disk.join("alua/array/alua_access_state"));
            let at = serial.len() - 12;
            let device = text(disk.join("udev_path"));
            seen.insert(
                lun.parse().unwrap(),
                (serial[at..].to_owned(), state, device),
            );
        }
        seen
    }

    /// ALUA state and loop device of LUN 1 at the first port of each array.
    fn both(&self) -> [(String, String); 2] {
        [NORTH[0], SOUTH[0]].map(|target| {
            let (_, state, device) = self.seen(target, IQN)[&1].clone();
            (state, device)
        })
    }
}

const NORTH: [&str; 2] = [
    "iqn.2000-05.com.3pardata:20210002ac01ffff",
    "iqn.2000-05.com.3pardata:21210002ac01ffff",
];
const SOUTH: [&str; 2] = [
    "iqn.2000-05.com.3pardata:20210002ac020000",
    "iqn.2000-05.com.3pardata:21210002ac020000",
];

fn on(kernel: &Fake, data: &Path) -> Lio {
    Lio::on(
        Box::new(kernel.clone()),
        data.to_owned(),
        BTreeMap::default(),
    )
}

fn target_place(target: &str) -> PathBuf {
    Path::new("/sys/kernel/config/target/iscsi")
        .join(target)
        .join("tpgt_1")
}

/// Where in the log the first line that holds all these words is.
fn at(log: &[String], words: &[&str]) -> usize {
    let found = log
        .iter()
        .position(|line| words.iter().all(|word| line.contains(word)));
    found.unwrap_or_else(|| panic!("no {words:?} in {log:#?}"))
}
