//! How to reach an array and log in: the keys that a backend and its target both have.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{
    mistake::Problem,
    secret_file::{open_checked, read_secret},
    section::{Report, Section},
    values::{absolute_path, boolean, duration, host, login, number, port, portals, text},
    warning::Doubt,
};
use crate::model::Secret;

/// One array: where it is, how to log in, how it exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayAccess {
    /// Management address: an IP address or a host name.
    pub san_ip: String,
    /// SSH port.
    pub san_ssh_port: u16,
    /// User name.
    pub san_login: String,
    /// How the user proves who it is.
    pub login: Login,
    /// Known host keys, absolute.
    pub ssh_hosts_key_file: PathBuf,
    /// Refuse host keys that are not in that file.
    pub strict_ssh_host_key_policy: bool,
    /// Allow SHA-1 and other outdated algorithms.
    pub ssh_legacy_algorithms: bool,
    /// Most SSH sessions at once, 1 to 32.
    pub ssh_pool_size: usize,
    /// For TCP connect and login, 1 s to 10 min.
    pub ssh_conn_timeout: Duration,
    /// For one command, 5 s to 1 h.
    pub command_timeout: Duration,
    /// iSCSI portals to use; empty for all that are ready.
    pub iscsi_portals: Vec<SocketAddr>,
    /// Use CHAP for iSCSI.
    pub iscsi_chap: bool,
}

/// The one way to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// With a password.
    Password(Secret),
    /// With a private key.
    PrivateKey {
        /// The key's file, absolute.
        path: PathBuf,
        /// What the key is locked with.
        passphrase: Option<Secret>,
    },
}

impl ArrayAccess {
    /// What must never be written anywhere.
    pub fn secrets(&self) -> Vec<Secret> {
        match &self.login {
            Login::Password(secret)
            | Login::PrivateKey {
                passphrase: Some(secret),
                ..
            } => vec![secret.clone()],
            Login::PrivateKey {
                passphrase: None, ..
            } => Vec::new(),
        }
    }

    /// Where it is, in one spelling.
    pub(super) fn address(&self) -> String {
        let name = self.san_ip.trim_end_matches('.').to_ascii_lowercase();
        name.parse::<std::net::IpAddr>()
            .map_or(name, |ip| ip.to_canonical().to_string())
    }

    /// Whether both are the same array, as far as the configuration can tell.
    pub(super) fn is_same_array(&self, other: &Self) -> bool {
        self.san_ssh_port == other.san_ssh_port && self.address() == other.address()
    }

    /// Reads all of it, so that every mistake is found.
    pub(super) fn read(section: &Section<'_>, report: &mut Report<'_>) -> Option<Self> {
        let san_ip = section.required(
            report,
            "san_ip",
            "the management address of the array",
            host,
        );
        let san_ssh_port = section.get(report, "san_ssh_port", port);
        let san_login = section.required(report, "san_login", "the user name on the array", login);
        let login = read_login(section, report);
        let ssh_hosts_key_file = section.get(report, "ssh_hosts_key_file", absolute_path);
        let strict = section.get(report, "strict_ssh_host_key_policy", boolean);
        if strict == Some(false) {
            section.warn(report, "strict_ssh_host_key_policy", Doubt::NotStrict);
        }
        let legacy = section.get(report, "ssh_legacy_algorithms", boolean);
        if legacy == Some(true) {
            section.warn(report, "ssh_legacy_algorithms", Doubt::LegacyAlgorithms);
        }
        let pool_size = section.get(report, "ssh_pool_size", number(1, 32));
        let conn_timeout = section.get(report, "ssh_conn_timeout", duration(1, 600));
        let command_timeout = section.get(report, "command_timeout", duration(5, 3600));
        let iscsi_portals = section.get(report, "hpe3par_iscsi_ips", portals);
        let iscsi_chap = section.get(report, "hpe3par_iscsi_chap_enabled", boolean);
        Some(Self {
            san_ip: san_ip?,
            san_ssh_port: san_ssh_port?,
            san_login: san_login?,
            login: login?,
            ssh_hosts_key_file: ssh_hosts_key_file?,
            strict_ssh_host_key_policy: strict?,
            ssh_legacy_algorithms: legacy?,
            ssh_pool_size: usize::try_from(pool_size?).unwrap_or(usize::MAX),
            ssh_conn_timeout: conn_timeout?,
            command_timeout: command_timeout?,
            iscsi_portals: iscsi_portals?,
            iscsi_chap: iscsi_chap?,
        })
    }
}

/// What a login may come from; exactly one of them is given.
pub(super) const SOURCES: [&str; 3] = ["san_password_file", "san_private_key", "san_password"];
const PASSPHRASE: &str = "san_private_key_passphrase_file";

/// Exactly one of the sources.
fn read_login(section: &Section<'_>, report: &mut Report<'_>) -> Option<Login> {
    let given: Vec<&'static str> = SOURCES
        .into_iter()
        .filter(|key| section.own(key).is_some())
        .collect();
    let Some((first, rest)) = given.split_first() else {
        section.mistake_as_a_whole(report, Problem::NoLogin);
        return None;
    };
    for key in rest {
        section.mistake(report, key, Problem::Excludes { other: first });
    }
    if section.own(PASSPHRASE).is_some() && !given.contains(&"san_private_key") {
        section.mistake(
            report,
            PASSPHRASE,
            Problem::Needs {
                needs: "`san_private_key`",
            },
        );
    }
    let mut login = None;
    for key in given {
        login = match key {
            "san_password" => section
                .get(report, key, text)
                .map(|text| Login::Password(Secret::new(text))),
            "san_password_file" => section
                .get(report, key, |value| {
                    Ok(read_secret(&absolute_path(value)?)?)
                })
                .map(Login::Password),
            _ => read_key(section, report),
        };
    }
    login
}

fn read_key(section: &Section<'_>, report: &mut Report<'_>) -> Option<Login> {
    let path = section.get(report, "san_private_key", |value| {
        let path = absolute_path(value)?;
        open_checked(&path)?;
        Ok(path)
    });
    let passphrase = match section.own(PASSPHRASE) {
        None => None,
        Some(_) => Some(section.get(report, PASSPHRASE, |value| {
            Ok(read_secret(&absolute_path(value)?)?)
        })?),
    };
    Some(Login::PrivateKey {
        path: path?,
        passphrase,
    })
}
