//! Volumes over iSCSI and Fibre Channel: the paths to a volume, and the one device that dm-multipath makes of them.

mod attach;
mod confirm;
mod detach;
mod fc;
mod iscsi;
mod look;
mod machine;
mod multipath;
mod node;
mod occupied;
mod part;
mod paths;
mod records;
mod scsi;
mod stanza;
#[cfg(test)]
mod tests;
mod turns;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use tokio::time::{Instant, sleep};

pub use paths::{Access, PathSeen, PathState};
pub use records::NodeRecords;
pub use stanza::{Finding, Setting};
pub use turns::Turns;

use self::{
    iscsi::Ending,
    machine::{Machine, Patience},
    scsi::Nexus,
};
use super::{BlockDevice, Export, HostError, Kernel, Place, Programs};
use crate::model::{Change, Initiator, Lun, Protocol, Size, TargetPort, Wwn};

/// The transport of real arrays. It is the same for iSCSI and Fibre Channel: each port of a [`Place`] says what it is.
#[derive(Debug, Clone)]
pub struct San {
    machine: Machine,
    turns: Turns,
    known_by: KnownBy,
}

/// What arrays know this machine by.
#[derive(Debug, Clone)]
enum KnownBy {
    IscsiName(Initiator),
    /// The machine may have an iSCSI name beside its ports, in this file.
    FcPorts(PathBuf),
}

impl San {
    /// For backends that are reached by iSCSI. This machine's name is in `file`, usually
    /// `/etc/iscsi/initiatorname.iscsi`. All transports of a process have the same `turns`.
    ///
    /// # Errors
    /// [`HostError::NoInitiator`].
    pub fn iscsi(
        kernel: Kernel,
        programs: Programs,
        turns: &Turns,
        file: &Path,
    ) -> Result<Self, HostError> {
        let name = iscsi::initiator(file)?;
        Ok(Self::new(kernel, programs, turns, KnownBy::IscsiName(name)))
    }

    /// For backends that are reached by Fibre Channel. All transports of a process have the same `turns`. Which ports there are is
    /// looked at each time: one may be added. `file` is as for [`San::iscsi`], and need not be there.
    pub fn fc(kernel: Kernel, programs: Programs, turns: &Turns, file: &Path) -> Self {
        let ports = KnownBy::FcPorts(file.to_owned());
        Self::new(kernel, programs, turns, ports)
    }

    fn new(kernel: Kernel, programs: Programs, turns: &Turns, known_by: KnownBy) -> Self {
        Self {
            machine: Machine {
                kernel,
                programs,
                patience: Patience::default(),
            },
            turns: turns.clone(),
            known_by,
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        match &self.known_by {
            KnownBy::IscsiName(_) => Protocol::Iscsi,
            KnownBy::FcPorts(_) => Protocol::Fc,
        }
    }

    pub(super) fn initiators(&self) -> Vec<Initiator> {
        match &self.known_by {
            KnownBy::IscsiName(name) => vec![name.clone()],
            // A class that cannot be read has no ports.
            KnownBy::FcPorts(_) => fc::initiators(&self.machine.kernel).unwrap_or_default(),
        }
    }

    pub(super) fn all_initiators(&self) -> Vec<Initiator> {
        let mut all = self.initiators();
        match &self.known_by {
            KnownBy::IscsiName(_) => {
                all.extend(fc::initiators(&self.machine.kernel).unwrap_or_default());
            }
            KnownBy::FcPorts(name) => all.extend(iscsi::initiator(name)),
        }
        all
    }

    pub(super) async fn attach(
        &self,
        export: &Export,
        deadline: Instant,
    ) -> Result<BlockDevice, HostError> {
        attach::attach(self, export, deadline).await
    }

    pub(super) async fn detach(&self, wwn: &Wwn) -> Result<Change<()>, HostError> {
        detach::detach(self, wwn).await
    }

    /// All of 3PAR's. A volume that an array took over from another maker's may have kept that one's WWN: it is found by [`San::find`] alone,
    /// as nothing tells it from what has nothing to do with any array.
    pub(super) fn list(&self) -> Result<Vec<BlockDevice>, HostError> {
        self.devices(multipath::is_3par)
    }

    pub(super) fn find(&self, wwn: &Wwn) -> Result<Option<BlockDevice>, HostError> {
        Ok(self.devices(|is| is == wwn)?.pop())
    }

    /// Maps, and disks without a map, each once for a volume. Such a disk is what a detach left behind, or what is to become
    /// a map: it is there to be detached, never to be used.
    fn devices(&self, wanted: impl Fn(&Wwn) -> bool) -> Result<Vec<BlockDevice>, HostError> {
        let kernel = &self.machine.kernel;
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for map in multipath::list(kernel)? {
            let Some(wwn) = map.wwn().filter(&wanted) else {
                continue;
            };
            match map.device(kernel, &wwn) {
                Ok(device) => found.push(device),
                // It went while it was looked at.
                Err(_) if !map.is_there(kernel) => continue,
                Err(error) => return Err(error),
            }
            seen.insert(wwn);
        }
        for path in scsi::list(kernel)? {
            let wwn = path.found_as(kernel)?.filter(&wanted);
            let Some(wwn) = wwn.filter(|wwn| !seen.contains(wwn)) else {
                continue;
            };
            match BlockDevice::named(kernel, &path.name, &path.node(kernel), &wwn) {
                Ok(device) => found.push(device),
                Err(_) if !path.is_there(kernel) => continue,
                Err(error) => return Err(error),
            }
            seen.insert(wwn);
        }
        Ok(found)
    }

    pub(super) fn occupied(&self, ports: &[TargetPort]) -> Result<BTreeSet<Lun>, HostError> {
        occupied::luns(self, ports)
    }

    pub(super) async fn drop_paths(
        &self,
        wwn: &Wwn,
        ports: &[TargetPort],
    ) -> Result<Change<()>, HostError> {
        part::part(self, wwn, ports).await
    }

    /// It needs no turn: a path to something else is wrong whatever is being done with the volume.
    pub(super) async fn confirm(&self, wwn: &Wwn) -> Result<Vec<String>, HostError> {
        let machine = &self.machine;
        let Some(map) = multipath::find(&machine.kernel, wwn)? else {
            return Ok(Vec::new());
        };
        let paths = map.paths(&machine.kernel)?;
        let answers = confirm::confirm(machine, &map, wwn, paths).await?;
        let foreign = answers.foreign.into_iter();
        Ok(foreign.map(|(path, _)| path.name).collect())
    }

    pub(super) async fn resize(&self, wwn: &Wwn, size: Size) -> Result<Change<()>, HostError> {
        let machine = &self.machine;
        let deadline = Instant::now() + machine.patience.change;
        let _turn = self.turns.volume(wwn, deadline).await?;
        let map = multipath::find(&machine.kernel, wwn)?.ok_or_else(|| HostError::NoDevice {
            wwn: wwn.clone(),
            path: multipath::mapper(&machine.kernel),
        })?;
        let before = map.device(&machine.kernel, wwn)?.bytes();
        let after = map.resize(machine, wwn, size.bytes()).await?.bytes();
        Ok(if before == after {
            Change::Unchanged(())
        } else {
            Change::Changed(())
        })
    }

    pub(super) async fn paths(
        &self,
        wwn: &Wwn,
        places: &[&Place],
    ) -> Result<Vec<PathSeen>, HostError> {
        let kernel = &self.machine.kernel;
        let paths = scsi::found_as(kernel, wwn)?;
        let in_map = match multipath::find(kernel, wwn)? {
            Some(map) => map.paths(kernel)?,
            None => Vec::new(),
        };
        let failed = multipath::failed_paths(&self.machine)
            .await
            .unwrap_or_default();
        let mut seen = Vec::new();
        for place in places {
            for port in &place.ports {
                let unseen = |state| PathSeen {
                    array: place.array.clone(),
                    port: port.clone(),
                    device: None,
                    state,
                    access: None,
                };
                let ways = nexuses(kernel, port, Reach::Any)?;
                if ways.is_empty() {
                    seen.push(unseen(PathState::NotConnected));
                }
                for nexus in ways {
                    let Some(path) = paths.iter().find(|path| path.nexus == nexus) else {
                        seen.push(unseen(PathState::Missing));
                        continue;
                    };
                    let state = match path.state(kernel)? {
                        PathState::Running
                            if failed.contains(&path.name) || !in_map.contains(path) =>
                        {
                            PathState::Failed
                        }
                        state => state,
                    };
                    seen.push(PathSeen {
                        device: Some(path.name.clone()),
                        access: path.access(kernel),
                        ..unseen(state)
                    });
                }
            }
        }
        Ok(seen)
    }

    /// What is wrong with dm-multipath's settings for 3PAR volumes. Nothing is changed: the file is the administrator's.
    ///
    /// # Errors
    /// [`HostError::DaemonDown`], [`HostError::ToolMissing`], [`HostError::Command`].
    pub async fn check_multipath(&self) -> Result<Vec<Finding>, HostError> {
        Ok(stanza::check(
            &multipath::configuration(&self.machine).await?,
        ))
    }

    /// Ends the sessions that an earlier process made and left without a disk, for example because it was killed right after the login,
    /// and removes the records it left, also those that are half made. One that is wanted now, or has any device behind it, stays.
    pub(super) async fn log_out_of_leftovers(&self) {
        let left = self.turns.records().all().into_iter();
        let ports = left.map(|record| (record.iqn, record.portal)).collect();
        self.log_out_unused(ports).await;
    }

    /// Ends the sessions to these ports that no device is behind, where the plugin made them. One that iscsid may still be making ends by
    /// itself later.
    async fn log_out_unused(&self, ports: BTreeSet<turns::IscsiPort>) {
        let each = ports.into_iter().map(|port| async move {
            if self.end_session(&port).await == Ending::NotYet {
                tokio::spawn(self.clone().end_late_session(port));
            }
        });
        futures_util::future::join_all(each).await;
    }

    /// Looks again until the session has come and is ended, or iscsid has given up, or somebody wants it after all: who does ends it.
    async fn end_late_session(self, port: turns::IscsiPort) {
        log::debug!(iqn = port.0.as_str(), portal:% = port.1; "a login may still come to its end");
        loop {
            sleep(self.machine.patience.scan_again).await;
            if self.end_session(&port).await == Ending::Over {
                return;
            }
        }
    }

    /// What goes wrong is only logged: a session too many harms nobody.
    async fn end_session(&self, port: &turns::IscsiPort) -> Ending {
        let turn = self.turns.port(port);
        let mut unheard = turn.turn.lock().await;
        if turn.is_wanted() {
            return Ending::Over;
        }
        let (iqn, portal) = (port.0.as_str(), port.1);
        let records = self.turns.records();
        let ended = iscsi::log_out(&self.machine, records, (iqn, portal), &mut unheard).await;
        ended.unwrap_or_else(|error| {
            log::warn!(iqn = iqn, portal:% = portal, error:% = error; "not logged out");
            Ending::Over
        })
    }
}

/// Which connections count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Those by which something can be reached now.
    Up,
    /// Also those that are lost for the moment.
    Any,
}

/// The connections to a port of an array: one iSCSI session, or one for each Fibre Channel port of this machine that sees it.
fn nexuses(kernel: &Kernel, port: &TargetPort, reach: Reach) -> Result<Vec<Nexus>, HostError> {
    match port {
        TargetPort::Iscsi { iqn, portal } => {
            let session = iscsi::session(kernel, iqn, *portal)?;
            let session = session.filter(|session| session.logged_in || reach == Reach::Any);
            Ok(session.map(|session| session.nexus).into_iter().collect())
        }
        TargetPort::Fc { wwpn } => fc::nexuses(kernel, wwpn, reach == Reach::Any),
    }
}
