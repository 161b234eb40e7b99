//! iscsiadm's record of a port: what it says, whose it is, and what iscsiadm is told about it.

use std::{ffi::OsStr, net::SocketAddr, time::Duration};

use tokio::time::sleep;

use super::{machine::Machine, records::NodeRecords};
use crate::{
    host::{CommandReport, ForeignRecord, HostError},
    model::{Chap, Made, NodeRecord, Secret, TargetPort},
};

/// How often, and how long apart, a record is written again while another iscsiadm has them locked.
const LOCKED: (u32, Duration) = (5, Duration::from_millis(300));

/// iscsiadm's statuses that mean something here (iscsiadm(8)).
pub(super) mod status {
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

/// iscsiadm's record of a port.
pub(super) struct Node<'a> {
    machine: &'a Machine,
    records: &'a dyn NodeRecords,
    iqn: &'a str,
    at: SocketAddr,
    /// As iscsiadm wants it.
    portal: String,
}

/// Whose record a session is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordOf {
    Plugin,
    Administrator,
}

/// What iscsiadm prints of a record. Secrets are not in it.
pub(super) struct Record(String);

impl Record {
    fn value(&self, name: &str) -> Option<&str> {
        self.0
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .find_map(|(n, value)| (n.trim() == name).then_some(value.trim()))
    }

    /// A person wants it at every boot.
    pub fn is_wanted_at_boot(&self) -> bool {
        self.value("node.startup") != Some("manual")
    }

    /// How long iscsid tries to log in with it, whatever becomes of the iscsiadm that asked for that; the last try may begin at the
    /// end of the time it has (array fact 76).
    pub fn tries_for(&self) -> Duration {
        let number = |name, usual| {
            let said = self.value(name).and_then(|value| value.parse().ok());
            said.unwrap_or(usual)
        };
        let tries: u32 = number("node.session.initial_login_retry_max", 8);
        let seconds: u32 = number("node.conn[0].timeo.login_timeout", 15);
        Duration::from_secs(u64::from(seconds) * (u64::from(tries) + 1))
    }

    /// It says who this machine is. Whether the secret is right only a login tells.
    fn says(&self, chap: &Chap) -> bool {
        self.value("node.session.auth.authmethod") == Some("CHAP")
            && self.value("node.session.auth.username") == Some(&chap.user)
    }
}

impl<'a> Node<'a> {
    pub fn new(
        machine: &'a Machine,
        records: &'a dyn NodeRecords,
        iqn: &'a str,
        at: SocketAddr,
    ) -> Self {
        Self {
            machine,
            records,
            iqn,
            at,
            portal: at.to_string(),
        }
    }

    /// What is written down of the port, if this plugin made anything for it.
    pub fn made(&self) -> Option<Made> {
        let mut all = self.records.all().into_iter();
        all.find(|record| record.is_of(self.iqn, self.at))
            .map(|record| record.made)
    }

    /// Writes down what is this plugin's.
    fn write_down(&self, made: Made) -> Result<(), HostError> {
        let record = NodeRecord {
            iqn: self.iqn.to_owned(),
            portal: self.at,
            made,
        };
        self.records
            .put(&record)
            .map_err(|why| HostError::NotWrittenDown {
                port: self.port(),
                why,
            })
    }

    pub fn port(&self) -> TargetPort {
        TargetPort::Iscsi {
            iqn: self.iqn.to_owned(),
            portal: self.at,
        }
    }

    /// Makes the record, and sees to its settings. A person's is left as it is; the session made with it ends with its last volume
    /// all the same, or it would knock at a port that knows this machine no more for ever.
    pub async fn prepare(&self, chap: Option<&Chap>) -> Result<RecordOf, HostError> {
        let limit = self.machine.patience.command;
        let known = self.made();
        let mut made = false;
        let record = match (self.record().await?, known) {
            (Some(record), Some(Made::HalfRecord)) => record,
            (Some(record), Some(Made::Record)) if !record.is_wanted_at_boot() => record,
            (Some(record), _) => {
                log::debug!(iqn = self.iqn, portal = self.portal.as_str(); "the record of this port is an administrator's: used as it is");
                if chap.is_some_and(|chap| !record.says(chap)) {
                    return Err(HostError::ForeignRecord {
                        port: self.port(),
                        but: ForeignRecord::OtherName,
                    });
                }
                if !record.is_wanted_at_boot() {
                    self.write_down(Made::Session)?;
                }
                return Ok(RecordOf::Administrator);
            }
            (None, _) => {
                self.write_down(Made::HalfRecord)?;
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
            self.write_down(Made::Record)?;
            return Ok(RecordOf::Plugin);
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
        // As iscsiadm makes a record it is logged in to at every boot.
        if updated.is_err() && made {
            let gone = [status::OK, status::NOTHING_FOUND];
            if let Err(error) = self.must(&["-o", "delete"], &gone, limit).await {
                log::warn!(iqn = self.iqn, portal = self.portal.as_str(), error:% = error; "a record that is half made stays");
            } else {
                self.records.forget(self.iqn, self.at);
            }
        }
        updated?;
        self.write_down(Made::Record)?;
        Ok(RecordOf::Plugin)
    }

    /// None if there is no record.
    pub async fn record(&self) -> Result<Option<Record>, HostError> {
        let report = self.run(&[], None, self.machine.patience.command).await?;
        match report.code {
            Some(status::OK) => Ok(Some(Record(report.stdout))),
            Some(status::NOTHING_FOUND | 255) => Ok(None),
            _ => Err(HostError::Command(report)),
        }
    }

    pub async fn must(
        &self,
        words: &[&str],
        good: &[i32],
        limit: Duration,
    ) -> Result<(), HostError> {
        let report = self.run(words, None, limit).await?;
        if report.code.is_some_and(|code| good.contains(&code)) {
            Ok(())
        } else {
            Err(HostError::Command(report))
        }
    }

    /// iscsiadm for this record; again while another one has the records locked.
    pub async fn run(
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
