//! Two arrays that replicate to each other, and a person at their command line.
#![allow(dead_code)]

use hpe3par_sim::commands::{Answer, Call, Environment, run_line};
use hpe3par_sim::passing;
use hpe3par_sim::state::{Array, Cpg, Link, Port, PortProtocol, Release, Target, User, World};

pub const IQN: &str = "iqn.2024-01.org.example:web1";
pub const WWPN: &str = "2100001B32000001";

/// The arrays and the virtual time.
pub struct Desk {
    pub world: World,
    pub now: i64,
}

impl Desk {
    pub fn new(release: Release) -> Self {
        let mut world = World::default();
        for (name, id, other, target, net) in [
            ("north", 4101, "south", "to_south", 1),
            ("south", 4102, "north", "to_north", 2),
        ] {
            world
                .arrays
                .insert(name.into(), array(name, id, release, (other, target), net));
        }
        Self {
            world,
            now: 1_700_000_000,
        }
    }

    /// Runs a line on an array as a user that may change things.
    pub fn ask(&mut self, array: &str, line: &str) -> Answer {
        self.ask_as(array, "admin1", line, false)
    }

    /// The same with `y` to every question.
    pub fn yes(&mut self, array: &str, line: &str) -> Answer {
        self.ask_as(array, "admin1", line, true)
    }

    pub fn ask_as(&mut self, array: &str, user: &str, line: &str, confirmed: bool) -> Answer {
        passing::tick(&mut self.world, self.now);
        let now = self.now;
        let mut call = Call {
            world: &mut self.world,
            array,
            user,
            session: 1,
            args: &[],
            now,
            environment: Environment::default(),
            confirmed,
        };
        run_line(&mut call, line)
    }

    /// Runs lines on `north` that must be silent.
    pub fn quiet(&mut self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.ask("north", line), Answer::default(), "{line}");
        }
    }

    /// The same with lines written for 3.x.
    pub fn prepare(&mut self, lines: &[&str]) {
        for line in lines {
            let line = self.taken(line);
            self.quiet(&[&line]);
        }
    }

    /// A line written for 3.x as these arrays take it: 10.x knows no snapshot CPG.
    pub fn taken(&mut self, line: &str) -> String {
        let later = self.array("north").release == Release::V1050;
        let mut taken = Vec::new();
        let mut rest = line.split(' ').peekable();
        while let Some(word) = rest.next() {
            if later && word == "-snp_cpg" {
                rest.next();
                rest.next_if(|word| word.contains(':'));
            } else {
                taken.push(word);
            }
        }
        taken.join(" ")
    }

    /// Runs a line that must be refused without any effect, and gives the words.
    pub fn refused(&mut self, array: &str, line: &str) -> String {
        let before = self.world.clone();
        let answer = self.ask(array, line);
        assert_eq!(answer.status, 1, "{line}: {answer:?}");
        assert!(answer.question.is_none(), "{line}: {answer:?}");
        assert_eq!(before, self.world, "{line} changed something");
        answer.stdout + &answer.stderr
    }

    /// Column of a listing, read from its CSV form.
    pub fn column(&mut self, array: &str, line: &str, head: &str) -> Vec<String> {
        let answer = self.ask(array, &format!("{line} -csvtable"));
        assert_eq!(answer.status, 0, "{line}: {answer:?}");
        column(&answer.stdout, head)
    }

    pub fn array(&mut self, name: &str) -> &mut Array {
        self.world.arrays.get_mut(name).unwrap()
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        passing::tick(&mut self.world, self.now);
    }
}

/// Cells under a head, to the line of dashes or the end.
pub fn column(text: &str, head: &str) -> Vec<String> {
    let mut lines = text
        .lines()
        .skip_while(|line| !line.split(',').any(|cell| bare(cell) == head));
    let at = lines
        .next()
        .and_then(|line| line.split(',').position(|cell| bare(cell) == head))
        .unwrap_or_else(|| panic!("no column {head} in {text}"));
    lines
        .take_while(|line| !line.is_empty() && !line.starts_with("---"))
        .map(|line| line.split(',').nth(at).unwrap_or_default().to_owned())
        .collect()
}

fn bare(cell: &str) -> &str {
    cell.trim().trim_matches('-')
}

fn array(name: &str, id: u32, release: Release, (other, target): (&str, &str), net: u8) -> Array {
    let cpg = |id, name: &str, ssd, domain: Option<&str>| Cpg {
        id,
        name: name.into(),
        domain: domain.map(Into::into),
        free_mib: 1 << 20,
        ssd,
    };
    let port = |position: &str, protocol, ip: Option<String>| Port {
        position: position.into(),
        protocol,
        state: "ready".into(),
        ip,
        address: "2FF70002AC000001".into(),
        iqn: None,
        cut: false,
    };
    let rcip = |net: u8, at: u8| Some(format!("198.51.{net}.{at}"));
    let link = |at: u8| Link {
        port: format!("{}:3:1", at - 1),
        address: format!("198.51.{}.{at}", 3 - net),
        up: true,
    };
    let licences = [
        "Compression",
        "Deduplication",
        "Remote Copy",
        "Thin Provisioning",
        "Virtual Copy",
        "Virtual Lock",
    ];
    Array {
        name: name.into(),
        id,
        up: true,
        release,
        licenses: licences.map(str::to_owned).to_vec(),
        time_zone: "Europe/Berlin".into(),
        cpgs: vec![
            cpg(0, "fast", true, None),
            cpg(1, "slow", false, None),
            cpg(2, "law", true, Some("law")),
        ],
        ports: vec![
            port("0:1:1", PortProtocol::Fc, None),
            port("1:1:1", PortProtocol::Fc, None),
            port("0:2:1", PortProtocol::Iscsi, rcip(9, net)),
            port("0:3:1", PortProtocol::Rcip, rcip(net, 1)),
            port("1:3:1", PortProtocol::Rcip, rcip(net, 2)),
        ],
        users: [("admin1", "edit"), ("looker", "browse")]
            .map(|(name, role)| User {
                name: name.into(),
                password: None,
                public_keys: Vec::new(),
                role: role.into(),
            })
            .to_vec(),
        remote_copy: true,
        targets: vec![Target {
            id: 3 + u32::from(net),
            name: target.into(),
            array: other.into(),
            status: "ready".into(),
            policies: vec!["mirror_config".into()],
            links: vec![link(1), link(2)],
            witness: None,
        }],
        ..Array::default()
    }
}
