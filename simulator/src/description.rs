//! What a TOML file says about the arrays of a simulator.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::state::{Array, Cpg, Link, Port, PortProtocol, Release, SWITCHES, Target, User, World};

mod targets;

/// A whole simulator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Virtual seconds in a real second, above 0.
    #[serde(default = "one")]
    pub factor: f64,
    /// Where the volumes' data are kept; without it volumes have no data.
    #[serde(default)]
    pub data_dir: Option<PathBuf>,
    /// How exports become visible on this machine.
    #[serde(default)]
    pub exports: Exports,
    /// Directory of the simulated exports.
    #[serde(default)]
    pub exports_dir: Option<PathBuf>,
    /// The arrays.
    #[serde(rename = "array")]
    pub arrays: Vec<ArrayDescription>,
}

/// How exports become visible on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exports {
    /// Not at all.
    #[default]
    None,
    /// As files `<exports_dir>/<array>/<host>/<lun>.<wwn>`.
    Simulated,
    /// As iSCSI targets of this machine's kernel.
    Lio,
}

/// One array.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrayDescription {
    /// System name.
    pub name: String,
    /// System id, decimal.
    pub id: u32,
    /// `3.2.2`, `3.3.1`, `10.5.0`.
    #[serde(default = "main_release")]
    pub release: Release,
    /// For example `HPE_3PAR 8200`.
    #[serde(default = "model")]
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// For example `Europe/Berlin`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Licensed features.
    #[serde(default = "licenses")]
    pub licenses: Vec<String>,
    /// TCP port on 127.0.0.1; 0 is any that is free.
    #[serde(default)]
    pub ssh_port: u16,
    /// Time before each answer, in virtual milliseconds.
    #[serde(default = "latency")]
    pub latency_ms: u64,
    /// Time before a login is rejected, milliseconds.
    #[serde(default = "rejection")]
    pub auth_rejection_ms: u64,
    /// Ways to log in that the server offers.
    #[serde(default = "all_methods")]
    pub auth: Vec<AuthMethod>,
    /// Speaks only algorithms with SHA-1 and an RSA host key, like arrays of 2012.
    #[serde(default)]
    pub legacy_algorithms: bool,
    /// Private host keys in OpenSSH format; none: an ed25519 key (RSA with `legacy_algorithms`) is made.
    #[serde(default)]
    pub host_keys: Vec<PathBuf>,
    /// Sessions at once; none is no limit.
    #[serde(default)]
    pub session_limit: Option<usize>,
    /// Remote copy is configured and started.
    #[serde(default = "yes")]
    pub remote_copy: bool,
    /// Switches for what no source tells, see FIDELITY.md.
    #[serde(default)]
    pub switches: BTreeMap<String, bool>,
    /// CLI users.
    #[serde(rename = "user")]
    pub users: Vec<User>,
    /// CPGs; ids in this order.
    #[serde(default, rename = "cpg")]
    pub cpgs: Vec<CpgDescription>,
    /// Ports.
    #[serde(default, rename = "port")]
    pub ports: Vec<PortDescription>,
    /// Remote copy targets.
    #[serde(default, rename = "target")]
    pub targets: Vec<TargetDescription>,
    /// Initiators that are logged in: name → ports.
    #[serde(default)]
    pub initiators: BTreeMap<String, Vec<String>>,
}

/// How a user may log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMethod {
    /// `password`.
    Password,
    /// `publickey`.
    #[serde(rename = "publickey")]
    PublicKey,
    /// `keyboard-interactive`.
    KeyboardInteractive,
}

/// A CPG.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CpgDescription {
    /// Name.
    pub name: String,
    /// Space for new VVs, GiB.
    pub free_gib: u64,
    /// On SSD.
    #[serde(default = "yes")]
    pub ssd: bool,
    /// Domain, if any.
    #[serde(default)]
    pub domain: Option<String>,
}

/// A port.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortDescription {
    /// `N:S:P`.
    pub position: String,
    /// `fc`, `iscsi`, `rcip`.
    pub protocol: PortProtocol,
    /// `ready`, `loss_sync`, `offline`.
    #[serde(default = "ready")]
    pub state: String,
    /// For iSCSI and RCIP.
    #[serde(default)]
    pub ip: Option<String>,
    /// Port WWN or hardware address; made from the array's id and the position if absent.
    #[serde(default)]
    pub address: Option<String>,
    /// iSCSI name; made likewise.
    #[serde(default)]
    pub iqn: Option<String>,
}

/// A remote copy target.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetDescription {
    /// This array's name for the other, at most 23 characters.
    pub name: String,
    /// System name of the other array.
    pub array: String,
    /// Sending links.
    pub links: Vec<LinkDescription>,
    /// Policies.
    #[serde(default = "mirror_config")]
    pub policies: Vec<String>,
    /// Quorum witness, if any.
    #[serde(default)]
    pub witness: Option<String>,
}

/// A sending link.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkDescription {
    /// Local port, `N:S:P`.
    pub port: String,
    /// Peer address.
    pub address: String,
}

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// It is no TOML, or not this TOML.
    #[error("the description is not usable: {0}")]
    Toml(#[from] toml::de::Error),
    /// Two parts do not fit together.
    #[error("array `{array}`: {mistake}")]
    Contradiction {
        /// Which array.
        array: String,
        /// What is wrong.
        mistake: String,
    },
}

impl Description {
    /// Reads TOML.
    ///
    /// # Errors
    /// Unknown keys, wrong types, targets that name no array, logins at ports that are not there, unknown switches.
    pub fn from_toml(text: &str) -> Result<Self, DescriptionError> {
        let description: Self = toml::from_str(text)?;
        description.check()?;
        Ok(description)
    }

    /// Do the parts fit together?
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), DescriptionError> {
        for (at, array) in self.arrays.iter().enumerate() {
            let wrong = |mistake: String| {
                Err(DescriptionError::Contradiction {
                    array: array.name.clone(),
                    mistake,
                })
            };
            if self.arrays[..at]
                .iter()
                .any(|other| other.name == array.name || other.id == array.id)
            {
                return wrong("name and id must be its own".to_owned());
            }
            for target in &array.targets {
                if !self
                    .arrays
                    .iter()
                    .any(|other| other.name == target.array && other.name != array.name)
                {
                    return wrong(format!(
                        "target `{}` leads to no other array of this file",
                        target.name
                    ));
                }
            }
            let has = |port: &String| array.ports.iter().any(|known| known.position == *port);
            for (initiator, ports) in &array.initiators {
                if let Some(port) = ports.iter().find(|port| !has(port)) {
                    return wrong(format!(
                        "`{initiator}` is logged in at port `{port}`, which it does not have"
                    ));
                }
            }
            if let Some(name) = array.switches.keys().find(|name| !known_switch(name)) {
                return wrong(format!("there is no switch `{name}`"));
            }
        }
        if self.exports == Exports::Simulated
            && (self.data_dir.is_none() || self.exports_dir.is_none())
        {
            let array = self
                .arrays
                .first()
                .map(|array| array.name.clone())
                .unwrap_or_default();
            let mistake = "exports = \"simulated\" needs data_dir and exports_dir".to_owned();
            return Err(DescriptionError::Contradiction { array, mistake });
        }
        if self.exports == Exports::Lio {
            self.check_lio()?;
        }
        Ok(())
    }

    /// The arrays, new and without volumes.
    pub fn world(&self) -> World {
        let arrays = self
            .arrays
            .iter()
            .map(|array| (array.name.clone(), array.build()))
            .collect();
        World {
            arrays,
            ..World::default()
        }
    }
}

/// Is this the name of a switch?
pub fn known_switch(name: &str) -> bool {
    SWITCHES.iter().any(|(known, _)| *known == name)
}

impl ArrayDescription {
    fn build(&self) -> Array {
        let cpgs = self.cpgs.iter().zip(0..).map(|(cpg, id)| Cpg {
            id,
            name: cpg.name.clone(),
            domain: cpg.domain.clone(),
            free_mib: cpg.free_gib * 1024,
            ssd: cpg.ssd,
        });
        let targets = self.targets.iter().zip(1..).map(|(target, id)| Target {
            id,
            name: target.name.clone(),
            array: target.array.clone(),
            status: "ready".to_owned(),
            policies: target.policies.clone(),
            links: target
                .links
                .iter()
                .map(|link| Link {
                    port: link.port.clone(),
                    address: link.address.clone(),
                    up: true,
                })
                .collect(),
            witness: target.witness.clone(),
        });
        Array {
            name: self.name.clone(),
            id: self.id,
            model: self.model.clone(),
            serial: self.serial.clone(),
            up: true,
            release: self.release,
            licenses: self.licenses.clone(),
            time_zone: self.time_zone.clone(),
            cpgs: cpgs.collect(),
            ports: self.ports.iter().map(|port| port.build(self.id)).collect(),
            users: self.users.clone(),
            logins: self.initiators.clone(),
            remote_copy: self.remote_copy,
            targets: targets.collect(),
            switches: self.switches.clone(),
            ..Array::default()
        }
    }
}

impl PortDescription {
    fn build(&self, array: u32) -> Port {
        let digits: String = self.position.split(':').collect();
        let address = self.address.clone().unwrap_or_else(|| match self.protocol {
            PortProtocol::Fc => format!("2{digits}0002AC{array:06X}"),
            PortProtocol::Iscsi | PortProtocol::Rcip => format!(
                "0002AC{:06X}",
                (array << 4) & 0xFF_FFFF | port_nibble(&digits)
            ),
        });
        let iqn = (self.protocol == PortProtocol::Iscsi).then(|| {
            self.iqn
                .clone()
                .unwrap_or_else(|| format!("iqn.2000-05.com.3pardata:2{digits}0002ac{array:06x}"))
        });
        Port {
            position: self.position.clone(),
            protocol: self.protocol,
            state: self.state.clone(),
            ip: self.ip.clone(),
            address,
            iqn,
            cut: false,
        }
    }
}

fn port_nibble(digits: &str) -> u32 {
    digits.parse::<u32>().unwrap_or_default() % 16
}

fn one() -> f64 {
    1.0
}
fn yes() -> bool {
    true
}
fn main_release() -> Release {
    Release::V331
}
fn model() -> String {
    "HPE_3PAR 8200".to_owned()
}
fn utc() -> String {
    "UTC".to_owned()
}
fn ready() -> String {
    "ready".to_owned()
}
fn latency() -> u64 {
    300
}
fn rejection() -> u64 {
    50
}
fn all_methods() -> Vec<AuthMethod> {
    vec![
        AuthMethod::PublicKey,
        AuthMethod::Password,
        AuthMethod::KeyboardInteractive,
    ]
}
fn mirror_config() -> Vec<String> {
    vec!["mirror_config".to_owned()]
}
fn licenses() -> Vec<String> {
    [
        "Adaptive Flash Cache",
        "Compression",
        "Deduplication",
        "Peer Persistence",
        "Priority Optimization",
        "Remote Copy",
        "Thin Provisioning",
        "Virtual Copy",
        "Virtual Lock",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initiator_is_logged_in_at_ports_that_are_there() {
        let text = |port: &str| {
            format!(
                r#"
[[array]]
name = "north"
id = 1
serial = "S1"
user = [{{ name = "u", role = "super" }}]
port = [{{ position = "0:2:1", protocol = "iscsi" }}]
initiators = {{ "iqn.2026-01.com.example:laptop" = ["{port}"] }}
"#
            )
        };
        let described = Description::from_toml(&text("0:2:1")).unwrap();
        let logins = &described.world().arrays["north"].logins;
        assert_eq!(logins["iqn.2026-01.com.example:laptop"], ["0:2:1"]);
        let error = Description::from_toml(&text("0:3:1")).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("at port `0:3:1`, which it does not have"),
            "{error}"
        );
    }
}
