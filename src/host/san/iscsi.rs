//! iSCSI: this machine's name, its sessions, and how it logs in and out.
//!
//! Which sessions there are is read from sysfs; iscsiadm is only told what to do. Its records are made for the ports an array
//! names, one by one: asking a portal for its targets would make records of ports nobody asked for.

use std::{
    ffi::OsStr,
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::sleep;

use super::{
    machine::{Machine, attribute, names},
    scsi::Nexus,
};
use crate::{
    host::{CommandReport, HostError, Kernel},
    model::{Chap, Initiator, Secret, TargetPort},
};

/// How the names of 3PAR's iSCSI ports begin.
const OURS: &str = "iqn.2000-05.com.3pardata:";
/// How often, and how long apart, a record is written again while another iscsiadm has them locked.
const LOCKED: (u32, Duration) = (5, Duration::from_millis(300));

/// iscsiadm's statuses that mean something here (iscsiadm(8)).
mod status {
    pub const OK: i32 = 0;
    pub const SESSION_NOT_FOUND: i32 = 2;
    pub const RECORDS_LOCKED: i32 = 6;
    pub const SESSION_EXISTS: i32 = 15;
    pub const ISCSID_NOT_HEARD: i32 = 18;
    pub const ISCSID_NOT_THERE: i32 = 20;
    pub const NOTHING_FOUND: i32 = 21;
    pub const NOT_AUTHORISED: i32 = 24;
}

/// What every record of ours says. Nothing is logged in to, and no LUN looked for, but when the plugin wants it; a lost
/// connection is given up soon, because dm-multipath has others.
const SETTINGS: [(&str, &str); 5] = [
    ("node.startup", "manual"),
    ("node.session.scan", "manual"),
    ("node.session.timeo.replacement_timeout", "10"),
    ("node.conn[0].timeo.noop_out_interval", "5"),
    ("node.conn[0].timeo.noop_out_timeout", "10"),
];

/// This machine's name.
///
/// # Errors
/// [`HostError::NoInitiator`].
pub(super) fn initiator(file: &Path) -> Result<Initiator, HostError> {
    let missing = |but: &str| HostError::NoInitiator {
        of: "iSCSI initiator name",
        but: format!("`{}` {but}", file.display()),
    };
    let text = fs::read_to_string(file).map_err(|e| missing(&format!("cannot be read ({e})")))?;
    let named = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("InitiatorName"))
        .filter_map(|rest| rest.trim_start().strip_prefix('='))
        .map(str::trim)
        .find(|name| !name.is_empty())
        .ok_or_else(|| missing("has no line `InitiatorName=`"))?;
    match named.parse() {
        Ok(name @ Initiator::Iscsi(_)) => Ok(name),
        _ => Err(missing(&format!("says `{named}`, which is no iSCSI name"))),
    }
}

/// A session of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub iqn: String,
    /// Where it was made to, and where it was redirected to.
    pub portals: Vec<SocketAddr>,
    pub logged_in: bool,
    pub nexus: Nexus,
    /// Its directory, with what is behind it.
    dir: PathBuf,
}

/// All sessions.
///
/// # Errors
/// [`HostError::Io`].
pub(super) fn sessions(kernel: &Kernel) -> Result<Vec<Session>, HostError> {
    let class = kernel.sys().join("class");
    let connections = names(&class.join("iscsi_connection"))?;
    let mut found = Vec::new();
    for name in names(&class.join("iscsi_session"))? {
        let entry = class.join("iscsi_session").join(&name);
        let id = name.strip_prefix("session").unwrap_or_default();
        let mine = |connection: &&String| {
            let of = connection.strip_prefix("connection");
            of.and_then(|of| of.split_once(':'))
                .is_some_and(|(of, _)| of == id)
        };
        let portals = connections
            .iter()
            .filter(mine)
            .flat_map(|connection| portals(&class.join("iscsi_connection").join(connection)))
            .collect();
        // It may end while it is read.
        let read = || {
            let dir = fs::canonicalize(entry.join("device")).ok()?;
            let host = dir.parent()?.file_name()?.to_str()?.strip_prefix("host")?;
            let target = attribute(&entry.join("target_id"));
            Some(Session {
                iqn: attribute(&entry.join("targetname"))?.to_ascii_lowercase(),
                portals,
                logged_in: attribute(&entry.join("state")).as_deref() == Some("LOGGED_IN"),
                nexus: Nexus {
                    host: host.parse().ok()?,
                    channel: 0,
                    target: target.and_then(|id| id.parse().ok()).unwrap_or(0),
                },
                dir,
            })
        };
        found.extend(read());
    }
    Ok(found)
}

fn portals(connection: &Path) -> Vec<SocketAddr> {
    let read = |address: &str, port: &str| {
        let address: IpAddr = attribute(&connection.join(address))?.parse().ok()?;
        let port: u16 = attribute(&connection.join(port))?.parse().ok()?;
        Some(SocketAddr::new(address, port))
    };
    [
        read("persistent_address", "persistent_port"),
        read("address", "port"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The session to a port.
pub(super) fn session(
    kernel: &Kernel,
    iqn: &str,
    portal: SocketAddr,
) -> Result<Option<Session>, HostError> {
    Ok(sessions(kernel)?
        .into_iter()
        .find(|session| session.iqn.eq_ignore_ascii_case(iqn) && session.portals.contains(&portal)))
}

impl Session {
    /// Whether any device is behind it, of whomever.
    pub fn has_devices(&self) -> Result<bool, HostError> {
        let targets = names(&self.dir)?.into_iter();
        for target in targets.filter(|name| name.starts_with("target")) {
            let is_address = |name: &String| name.split(':').count() == 4;
            if names(&self.dir.join(target))?.iter().any(is_address) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Logs in to a port, unless there is a session. The caller sees to it that nobody else does the same.
///
/// # Errors
/// [`HostError::WrongChap`], [`HostError::DaemonDown`], [`HostError::Command`], [`HostError::Deadline`].
pub(super) async fn log_in(
    machine: &Machine,
    iqn: &str,
    portal: SocketAddr,
    chap: Option<&Chap>,
) -> Result<(), HostError> {
    // One that is lost for the moment comes back by itself; a second one would be one too many.
    if session(&machine.kernel, iqn, portal)?.is_some() {
        return Ok(());
    }
    let node = Node {
        machine,
        iqn,
        portal: portal.to_string(),
    };
    node.prepare(chap).await?;
    let login = node.run(&["--login"], None, machine.patience.login).await;
    let there = session(&machine.kernel, iqn, portal)?;
    if there.is_some_and(|session| session.logged_in) {
        log::info!(iqn = iqn, portal:% = portal; "logged in");
        return Ok(());
    }
    let report = login?;
    match report.code {
        // It shows in sysfs in a moment.
        Some(status::OK | status::SESSION_EXISTS) => Ok(()),
        Some(status::NOT_AUTHORISED) => Err(HostError::WrongChap {
            port: TargetPort::Iscsi {
                iqn: iqn.to_owned(),
                portal,
            },
        }),
        Some(status::ISCSID_NOT_THERE | status::ISCSID_NOT_HEARD) => Err(HostError::DaemonDown {
            daemon: "iscsid",
            but: report.to_string(),
        }),
        _ => Err(HostError::Command(report)),
    }
}

/// Ends a session that no device is behind, if it is to a 3PAR and no person set it up, and removes its record. True if it did.
///
/// # Errors
/// [`HostError::Io`], [`HostError::Command`], [`HostError::Deadline`].
pub(super) async fn log_out(
    machine: &Machine,
    iqn: &str,
    portal: SocketAddr,
) -> Result<bool, HostError> {
    let session = session(&machine.kernel, iqn, portal)?;
    let has_devices = match &session {
        Some(session) => session.has_devices()?,
        None => false,
    };
    if has_devices || !iqn.starts_with(OURS) {
        return Ok(false);
    }
    let node = Node {
        machine,
        iqn,
        portal: portal.to_string(),
    };
    // A session without a record was made by somebody else, and so was one that is to be there after a boot.
    let record = node.record().await?;
    if !record.is_some_and(|record| record.is_ours()) {
        return Ok(false);
    }
    let gone = [status::OK, status::SESSION_NOT_FOUND, status::NOTHING_FOUND];
    if session.is_some() {
        let limit = machine.patience.login;
        node.must(&["--logout"], &gone, limit).await?;
        log::info!(iqn = iqn, portal:% = portal; "logged out: no device is left behind this session");
    }
    let limit = machine.patience.command;
    node.must(&["-o", "delete"], &gone, limit).await?;
    Ok(session.is_some())
}

/// iscsiadm's record of a port.
struct Node<'a> {
    machine: &'a Machine,
    iqn: &'a str,
    portal: String,
}

/// What iscsiadm prints of a record. Secrets are not in it.
struct Record(String);

impl Record {
    fn value(&self, name: &str) -> Option<&str> {
        self.0
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .find_map(|(n, value)| (n.trim() == name).then_some(value.trim()))
    }

    /// A person wants it at every boot.
    fn is_wanted_at_boot(&self) -> bool {
        self.value("node.startup") != Some("manual")
    }

    /// As this module makes them.
    fn is_ours(&self) -> bool {
        SETTINGS
            .iter()
            .all(|(name, value)| self.value(name) == Some(value))
    }
}

impl Node<'_> {
    /// Makes the record, and sees to its settings. A person's is left as it is.
    async fn prepare(&self, chap: Option<&Chap>) -> Result<(), HostError> {
        let limit = self.machine.patience.command;
        let mut made = false;
        let record = match self.record().await? {
            Some(record) if record.is_wanted_at_boot() => {
                log::debug!(iqn = self.iqn, portal = self.portal.as_str(); "the record of this port is an administrator's: used as it is");
                return Ok(());
            }
            Some(record) => record,
            None => {
                let good = [status::OK, status::SESSION_EXISTS];
                self.must(&["-o", "new"], &good, limit).await?;
                made = true;
                Record(String::new())
            }
        };
        let mut wanted = SETTINGS.to_vec();
        match chap {
            None => wanted.push(("node.session.auth.authmethod", "None")),
            Some(chap) => wanted.extend([
                ("node.session.auth.authmethod", "CHAP"),
                ("node.session.auth.username", &chap.user),
                // Never shown, so never known to be right already.
                ("node.session.auth.password", chap.secret.reveal()),
            ]),
        }
        wanted.retain(|(name, value)| record.value(name) != Some(value));
        if wanted.is_empty() {
            return Ok(());
        }
        let mut words = vec!["-o", "update"];
        for (name, value) in &wanted {
            words.extend(["-n", name, "-v", value]);
        }
        let updated = match self.run(&words, chap.map(|chap| &chap.secret), limit).await {
            Ok(report) if report.code == Some(status::OK) => Ok(()),
            Ok(report) => Err(HostError::Command(report)),
            Err(error) => Err(error),
        };
        // As iscsiadm makes a record it is logged in to at every boot, and would be taken for an administrator's.
        if updated.is_err() && made {
            let gone = [status::OK, status::NOTHING_FOUND];
            if let Err(error) = self.must(&["-o", "delete"], &gone, limit).await {
                log::warn!(iqn = self.iqn, portal = self.portal.as_str(), error:% = error; "a record that is half made stays");
            }
        }
        updated
    }

    /// None if there is no record.
    async fn record(&self) -> Result<Option<Record>, HostError> {
        let report = self.run(&[], None, self.machine.patience.command).await?;
        match report.code {
            Some(status::OK) => Ok(Some(Record(report.stdout))),
            Some(status::NOTHING_FOUND | 255) => Ok(None),
            _ => Err(HostError::Command(report)),
        }
    }

    async fn must(&self, words: &[&str], good: &[i32], limit: Duration) -> Result<(), HostError> {
        let report = self.run(words, None, limit).await?;
        if report.code.is_some_and(|code| good.contains(&code)) {
            Ok(())
        } else {
            Err(HostError::Command(report))
        }
    }

    /// iscsiadm for this record; again while another one has the records locked.
    async fn run(
        &self,
        words: &[&str],
        secret: Option<&Secret>,
        limit: Duration,
    ) -> Result<CommandReport, HostError> {
        let all = ["-m", "node", "-T", self.iqn, "-p", self.portal.as_str()];
        let all = all.iter().chain(words);
        let args: Vec<&OsStr> = all.map(OsStr::new).collect();
        let programs = &self.machine.programs;
        let mut left = LOCKED.0;
        loop {
            let report = match secret {
                Some(secret) => {
                    programs
                        .run_hiding("iscsiadm", &args, secret, limit)
                        .await?
                }
                None => programs.run("iscsiadm", &args, limit).await?,
            };
            if report.code != Some(status::RECORDS_LOCKED) || left == 0 {
                return Ok(report);
            }
            left -= 1;
            sleep(LOCKED.1).await;
        }
    }
}
