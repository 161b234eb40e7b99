//! iSCSI: this machine's name, its sessions, and how it logs in and out.
//!
//! Which sessions there are is read from sysfs; iscsiadm is only told what to do. Its records are made for the ports an array
//! names, one by one (`node`): asking a portal for its targets would make records of ports nobody asked for.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use tokio::time::Instant;

use super::{
    machine::{Machine, attribute, names},
    node::{Node, RecordOf, status},
    records::NodeRecords,
    scsi::Nexus,
};
use crate::{
    host::{ForeignRecord, HostError, Kernel},
    model::{Chap, Initiator, Made},
};

/// How the names of 3PAR's iSCSI ports begin.
const OURS: &str = "iqn.2000-05.com.3pardata:";
/// The SCSI device type of an enclosure, as sysfs has it.
const ENCLOSURE: &str = "13";

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
    /// Whether any device is behind it, of whomever. The enclosure that an array shows beside its volumes (array fact 78) holds nothing.
    pub fn has_devices(&self) -> Result<bool, HostError> {
        let targets = names(&self.dir)?.into_iter();
        for target in targets.filter(|name| name.starts_with("target")) {
            let target = self.dir.join(target);
            let holds_it = |name: &String| {
                let is_address = name.split(':').count() == 4;
                is_address
                    && attribute(&target.join(name).join("type")).as_deref() != Some(ENCLOSURE)
            };
            if names(&target)?.iter().any(holds_it) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Since when iscsid may be at a login whose end nobody has heard of. None if it is at none.
pub(super) type Unheard = Option<Instant>;

/// Logs in to a port, unless there is a session. The caller sees to it that nobody else does the same.
///
/// # Errors
/// [`HostError::WrongChap`], [`HostError::ForeignRecord`], [`HostError::DaemonDown`], [`HostError::Command`], [`HostError::Deadline`],
/// [`HostError::NotWrittenDown`].
pub(super) async fn log_in(
    machine: &Machine,
    records: &dyn NodeRecords,
    (iqn, portal): (&str, SocketAddr),
    chap: Option<&Chap>,
    unheard: &mut Unheard,
) -> Result<(), HostError> {
    // One that is lost for the moment comes back by itself; a second one would be one too many.
    if session(&machine.kernel, iqn, portal)?.is_some() {
        return Ok(());
    }
    let node = Node::new(machine, records, iqn, portal);
    let record_of = node.prepare(chap).await?;
    *unheard = Some(Instant::now());
    let login = node.run(&["--login"], None, machine.patience.login).await;
    let there = session(&machine.kernel, iqn, portal)?;
    if there.is_some_and(|session| session.logged_in) {
        *unheard = None;
        log::info!(iqn = iqn, portal:% = portal; "logged in");
        return Ok(());
    }
    let report = login?;
    let ended = match report.code {
        // It shows in sysfs in a moment, or another login is under way.
        Some(status::OK | status::SESSION_EXISTS) => return Ok(()),
        None | Some(status::ISCSID_NOT_HEARD) => false,
        Some(_) => true,
    };
    if ended {
        *unheard = None;
    }
    Err(match (report.code, record_of) {
        (Some(status::NOT_AUTHORISED), RecordOf::Plugin) => {
            HostError::WrongChap { port: node.port() }
        }
        (Some(status::NOT_AUTHORISED), RecordOf::Administrator) => HostError::ForeignRecord {
            port: node.port(),
            but: ForeignRecord::Refused,
        },
        (Some(status::ISCSID_NOT_THERE | status::ISCSID_NOT_HEARD), _) => HostError::DaemonDown {
            daemon: "iscsid",
            but: report.to_string(),
        },
        _ => HostError::Command(report),
    })
}

/// What became of a session that nobody needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It is gone, or not the plugin's to end, or not to be ended now.
    Over,
    /// iscsid may still be making it. What is written down is kept until it has come, or iscsid has given up.
    NotYet,
}

/// Ends a session that no device is behind, if it is to a 3PAR and the plugin made it, and removes its record if that is the plugin's,
/// too. The caller sees to it that nobody logs in meanwhile.
///
/// # Errors
/// [`HostError::Io`], [`HostError::Command`], [`HostError::Deadline`].
pub(super) async fn log_out(
    machine: &Machine,
    records: &dyn NodeRecords,
    (iqn, portal): (&str, SocketAddr),
    unheard: &mut Unheard,
) -> Result<Ending, HostError> {
    let session = session(&machine.kernel, iqn, portal)?;
    let has_devices = match &session {
        Some(session) => session.has_devices()?,
        None => false,
    };
    if has_devices || !iqn.starts_with(OURS) {
        return Ok(Ending::Over);
    }
    let node = Node::new(machine, records, iqn, portal);
    let Some(made) = node.made() else {
        return Ok(Ending::Over);
    };
    // A session without a record was made by somebody else, and one that is to be there after a boot is somebody's by now.
    let is_half_made = made == Made::HalfRecord;
    let record = node.record().await?;
    let record = record.filter(|record| is_half_made || !record.is_wanted_at_boot());
    let Some(record) = record else {
        records.forget(iqn, portal);
        return Ok(Ending::Over);
    };
    let tries_for = record.tries_for() + machine.patience.iscsid;
    let may_come = unheard.is_some_and(|since| since.elapsed() < tries_for);
    if may_come && !session.as_ref().is_some_and(|session| session.logged_in) {
        return Ok(Ending::NotYet);
    }
    let gone = [status::OK, status::SESSION_NOT_FOUND, status::NOTHING_FOUND];
    if session.is_some() {
        let limit = machine.patience.login;
        match node.must(&["--logout"], &gone, limit).await {
            // iscsid refuses to end one whose login it has not told the end of.
            Err(HostError::Command(report)) if may_come => {
                log::debug!(iqn = iqn, portal:% = portal, report:% = report; "not logged out yet");
                return Ok(Ending::NotYet);
            }
            ended => ended?,
        }
        log::info!(iqn = iqn, portal:% = portal; "logged out: no device is left behind this session");
    }
    *unheard = None;
    if made != Made::Session {
        let limit = machine.patience.command;
        node.must(&["-o", "delete"], &gone, limit).await?;
    }
    records.forget(iqn, portal);
    Ok(Ending::Over)
}
