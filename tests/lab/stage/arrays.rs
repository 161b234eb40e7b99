//! The arrays: `hpe3par-sim`, as a unit of the machine that keeps its state over a reboot, as real arrays would.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{PATIENCE, Stage};

/// The array that backends are on.
pub const AMBER: Array = Array {
    name: "amber",
    id: 130_512,
    serial: "CZ3940AMB1",
    ssh_port: 2201,
    net: 1,
};
/// Its remote copy target.
pub const BIRCH: Array = Array {
    name: "birch",
    id: 130_777,
    serial: "CZ3940BIR1",
    ssh_port: 2202,
    net: 2,
};

/// The login of the plugin.
pub const LOGIN: &str = "dockervol";
/// Its password.
pub const PASSWORD: &str = "correct-horse-battery";
/// Address of the quorum witness.
pub const WITNESS: &str = "198.51.100.9";
/// Where the simulator is controlled.
const CONTROL: &str = "/run/arrays.sock";

/// An array of the lab.
#[derive(Debug, Clone, Copy)]
pub struct Array {
    pub name: &'static str,
    pub id: u32,
    serial: &'static str,
    pub ssh_port: u16,
    net: u8,
}

/// An iSCSI port, which both arrays have.
#[derive(Debug, Clone, Copy)]
pub enum Port {
    First,
    Second,
}

impl Port {
    fn position(self) -> &'static str {
        match self {
            Self::First => "0:2:1",
            Self::Second => "1:2:1",
        }
    }
}

impl Array {
    /// How the other array calls a group of this one.
    pub fn name_there(self, group: &str) -> String {
        format!("{group}.r{}", self.id)
    }

    /// LUN 0 is left: the kernel answers for one that is away for a moment what no array says (simulator/FIDELITY.md).
    fn description(self, peer: Self) -> String {
        let Self {
            name,
            id,
            serial,
            ssh_port,
            net,
        } = self;
        let (peer, other) = (peer.name, peer.net);
        format!(
            r#"
[[array]]
name = "{name}"
id = {id}
serial = "{serial}"
ssh_port = {ssh_port}
latency_ms = 0
switches = {{ lun_zero_left = true }}
[[array.user]]
name = "{LOGIN}"
password = "{PASSWORD}"
role = "edit"
[[array.user]]
name = "3paradm"
password = "{PASSWORD}"
role = "super"
[[array.cpg]]
name = "ssd_r6"
free_gib = 4000
[[array.port]]
position = "0:2:1"
protocol = "iscsi"
ip = "10.40.{net}1.11"
[[array.port]]
position = "1:2:1"
protocol = "iscsi"
ip = "10.40.{net}2.11"
[[array.port]]
position = "0:3:1"
protocol = "rcip"
ip = "10.41.{net}.11"
[[array.target]]
name = "to-{peer}"
array = "{peer}"
links = [{{ port = "0:3:1", address = "10.41.{other}.11" }}]
witness = "{WITNESS}"
"#
        )
    }
}

impl Stage {
    pub(super) fn set_arrays(&self) {
        self.install(&simulator());
        let description = format!(
            "factor = 1\nexports = \"lio\"\ndata_dir = \"/var/lib/arrays/data\"\n{}{}",
            AMBER.description(BIRCH),
            BIRCH.description(AMBER)
        );
        self.machine.write("/etc/arrays.toml", &description);
        let unit = format!(
            "[Unit]
Description=Simulated arrays
Before=hpe3par-docker.service docker.service

[Service]
ExecStart=/usr/bin/hpe3par-sim serve --config /etc/arrays.toml --state /var/lib/arrays/state --control {CONTROL}
ExecStartPost=/bin/sh -c 'until hpe3par-sim ctl --control {CONTROL} arrays > /dev/null; do sleep 0.2; done'
TimeoutStartSec=280

[Install]
WantedBy=multi-user.target
"
        );
        self.machine
            .write("/etc/systemd/system/arrays.service", &unit);
        // They take their places in the kernel one after the other. The unit gives up first, and says why.
        let start = "mkdir -p /var/lib/arrays && systemctl --quiet enable --now arrays";
        let outcome = self.machine.run(start, PATIENCE);
        assert_eq!(outcome.status, 0, "{}", outcome.said());
    }

    /// `hpe3par-sim ctl`. Gives what it printed.
    pub fn control(&self, words: &str) -> String {
        self.machine
            .ok(&format!("hpe3par-sim ctl --control {CONTROL} {words}"))
    }

    /// The arrays' lines for known_hosts.
    pub(super) fn host_keys(&self) -> String {
        let arrays: Value = serde_json::from_str(&self.control("arrays")).unwrap();
        let arrays = arrays.as_object().unwrap().values();
        arrays
            .map(|array| format!("{}\n", array["known_hosts"].as_str().unwrap()))
            .collect()
    }

    /// Everything the arrays hold.
    pub fn dump(&self) -> Value {
        serde_json::from_str(&self.control("dump")).unwrap()
    }

    /// What a storage administrator types at an array. Gives what it printed.
    pub fn type_in(&self, array: Array, line: &str) -> String {
        let outcome = self.machine.run(
            &format!(
                "hpe3par-sim cli --control {CONTROL} --array {} -c '{line}'",
                array.name
            ),
            PATIENCE,
        );
        outcome.said()
    }

    /// What an administrator types that an array must do without a word against it.
    pub fn administer(&self, array: Array, line: &str) {
        let said = self.type_in(array, line);
        assert!(
            !said.contains("Error") && !said.contains("rror:"),
            "`{line}`: {said}"
        );
    }

    /// Pulls the cable of a port.
    pub fn cut_portal(&self, array: Array, port: Port) {
        self.control(&format!("cut-port {} {}", array.name, port.position()));
    }

    /// Plugs it in again.
    pub fn restore_portal(&self, array: Array, port: Port) {
        self.control(&format!("restore-port {} {}", array.name, port.position()));
    }

    /// Pulls the cables of both ports and plugs them in again after so long. The machine does it by itself: the way to it may take longer
    /// than a moment.
    pub fn cut_all_portals_for(&self, array: Array, moment: Duration) {
        let ports = [Port::First, Port::Second].map(Port::position);
        let both = |what: &str| {
            let one = |port| {
                let name = array.name;
                format!("hpe3par-sim ctl --control {CONTROL} {what} {name} {port}")
            };
            ports.map(one).join(" && ")
        };
        self.machine.ok(&format!(
            "{} && sleep {} && {}",
            both("cut-port"),
            moment.as_secs(),
            both("restore-port")
        ));
    }

    /// Switches an array off.
    pub fn power_off(&self, array: Array) {
        self.control(&format!("down {}", array.name));
    }

    /// Switches it on.
    pub fn power_on(&self, array: Array) {
        self.control(&format!("up {}", array.name));
    }

    /// The LUN at which, and the host to which, the only export of a VV leads.
    pub fn export(&self, array: Array, vv: &str) -> (u64, String) {
        let dump = self.dump();
        let vluns = dump[array.name]["vluns"].as_array().unwrap();
        let [vlun] = &vluns
            .iter()
            .filter(|vlun| vlun["vv"] == vv)
            .collect::<Vec<_>>()[..]
        else {
            panic!("`{vv}` has not one export: {vluns:?}");
        };
        let host = vlun["host"].as_str().unwrap();
        (vlun["lun"].as_u64().unwrap(), host.to_owned())
    }

    /// The WWN of a VV.
    pub fn wwn(&self, array: Array, vv: &str) -> String {
        let dump = self.dump();
        let wwn = dump[array.name]["vvs"][vv]["wwn"].as_str();
        wwn.unwrap_or_else(|| panic!("no `{vv}`: {dump:#}"))
            .to_owned()
    }

    /// What an array says of a group now.
    pub fn group(&self, array: Array, group: &str) -> Value {
        self.dump()[array.name]["groups"][group].clone()
    }

    /// Waits until a group is in a role on an array, started, and all in it is in step.
    pub fn until_synced(&self, array: Array, group: &str, role: &str) {
        self.until_group(
            array,
            group,
            &format!("{role}, started and synced"),
            |now| {
                let volumes = now["volumes"].as_array().cloned().unwrap_or_default();
                let synced = volumes.iter().all(|volume| volume["sync"] == "Synced");
                now["role"] == role && now["status"] == "Started" && synced && !volumes.is_empty()
            },
        );
    }

    /// Waits until a group is in a role on an array, started or not.
    pub fn until_role(&self, array: Array, group: &str, role: &str) {
        self.until_group(array, group, role, |now| now["role"] == role);
    }

    fn until_group(&self, array: Array, group: &str, what: &str, is: impl Fn(&Value) -> bool) {
        let patience = Instant::now() + PATIENCE;
        loop {
            let now = self.group(array, group);
            if is(&now) {
                return;
            }
            assert!(
                Instant::now() < patience,
                "{group} is not {what} on {}: {now}",
                array.name
            );
            std::thread::sleep(Duration::from_millis(500));
        }
    }
}

/// The simulator that was built with this program: cargo tells a test of the plugin's package only where the plugin is.
fn simulator() -> String {
    let plugin = std::path::Path::new(env!("CARGO_BIN_EXE_hpe3par-docker"));
    plugin.with_file_name("hpe3par-sim").display().to_string()
}
