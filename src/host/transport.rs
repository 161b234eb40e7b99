//! How volumes reach this machine. What comes in is what an array says; what goes out is a block device that is that volume.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{BlockDevice, Finding, HostError, PathSeen, San, Simulated};
use crate::model::{Change, Chap, Initiator, Lun, Protocol, Size, TargetPort, Wwn};

/// Where one array shows a volume to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The array's name, for people and for the simulator's directories.
    pub array: String,
    /// Where the array put it. Never an identity: a LUN is used again.
    pub lun: Lun,
    /// The ports of the array at which this machine may look for it. Empty for simulated exports.
    pub ports: Vec<TargetPort>,
    /// How this machine logs in to those ports, if the array wants to know.
    pub chap: Option<Chap>,
}

/// A volume that is exported to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// By the array that serves it.
    pub serving: Place,
    /// By the other array of a Peer Persistence pair, too.
    pub second: Option<Place>,
    /// Which volume it is.
    pub wwn: Wwn,
    /// How large the array says it is.
    pub size: Size,
}

/// The ways a volume can come.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Files of the simulator, bound to loop devices.
    Simulated(Simulated),
    /// Disks of real arrays, and the maps that dm-multipath makes of them.
    San(San),
}

impl Transport {
    /// Waits for the device of an export, checks that it is that volume and has its size. The same device again if it is
    /// attached already; paths that are missing are added then, and if it is in use, it may be larger. The second export is not waited for; what is there of it must be
    /// the same data.
    ///
    /// # Errors
    /// [`HostError::WrongDevice`], [`HostError::WrongSize`], [`HostError::StaleInUse`], [`HostError::WrongLun`], [`HostError::ReadOnly`]. At the deadline
    /// [`HostError::NoDevice`], or of a real array [`HostError::NoSession`], [`HostError::NoRemotePort`],
    /// [`HostError::NoPath`], [`HostError::NoMap`]; before it [`HostError::WrongChap`], [`HostError::ForeignRecord`],
    /// [`HostError::DaemonDown`], [`HostError::ToolMissing`]. [`HostError::Command`], [`HostError::Io`].
    pub async fn attach(
        &self,
        export: &Export,
        deadline: Instant,
    ) -> Result<BlockDevice, HostError> {
        match self {
            Self::Simulated(simulated) => simulated.attach(export, deadline).await,
            Self::San(san) => san.attach(export, deadline).await,
        }
    }

    /// Has the device of an attached volume take the size that its array shows by now, under whoever uses it. Never a smaller one.
    /// Unchanged if it has it.
    ///
    /// # Errors
    /// [`HostError::NoDevice`] if it is not attached, [`HostError::WrongSize`] if the device does not get that size (yet), or has a larger
    /// one, [`HostError::Command`], [`HostError::Io`].
    pub async fn resize(&self, wwn: &Wwn, size: Size) -> Result<Change<()>, HostError> {
        match self {
            Self::Simulated(simulated) => simulated.resize(wwn, size).await,
            Self::San(san) => san.resize(wwn, size).await,
        }
    }

    /// Removes the device of a volume that nobody uses, and proves that it is gone. Before the export is withdrawn, never
    /// after. Unchanged if there was none.
    ///
    /// # Errors
    /// [`HostError::InUse`] with who uses it: then it was left as it is. [`HostError::FlushHangs`], [`HostError::Deadline`],
    /// [`HostError::Command`], [`HostError::Io`]: it may be partly gone, and is found again.
    pub async fn detach(&self, wwn: &Wwn) -> Result<Change<()>, HostError> {
        match self {
            Self::Simulated(simulated) => simulated.detach(wwn).await,
            Self::San(san) => san.detach(wwn).await,
        }
    }

    /// The paths to a volume, at least one for each port of these places. None where volumes come without paths.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub async fn paths(&self, wwn: &Wwn, places: &[&Place]) -> Result<Vec<PathSeen>, HostError> {
        match self {
            Self::Simulated(_) => Ok(Vec::new()),
            Self::San(san) => san.paths(wwn, places).await,
        }
    }

    /// Has each path of an attached volume, which may be in use, say itself who it is, and takes those out that are another volume by now
    /// (array fact 70), the last one, too. Paths that do not answer stay. Gives the disks that were taken out, for example `sdc`; none
    /// where volumes come without paths. Takes as long as a disk has to answer (5 s), longer only for what is taken out.
    ///
    /// # Errors
    /// [`HostError::ToolMissing`], [`HostError::Deadline`], [`HostError::NotProven`], [`HostError::Io`]: as many as possible were taken out.
    pub async fn confirm(&self, wwn: &Wwn) -> Result<Vec<String>, HostError> {
        match self {
            Self::Simulated(_) => Ok(Vec::new()),
            Self::San(san) => san.confirm(wwn).await,
        }
    }

    /// What it is.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Simulated(_) => Protocol::Simulated,
            Self::San(san) => san.protocol(),
        }
    }

    /// Takes the paths that lead to these ports away from an attached volume, which may be in use and keeps its other paths. Before an
    /// array stops showing it. Unchanged if there was none, and where volumes come without paths.
    ///
    /// # Errors
    /// [`HostError::Command`], [`HostError::Deadline`], [`HostError::Io`]: some may be gone.
    pub async fn drop_paths(
        &self,
        wwn: &Wwn,
        ports: &[TargetPort],
    ) -> Result<Change<()>, HostError> {
        match self {
            Self::Simulated(_) => Ok(Change::Unchanged(())),
            Self::San(san) => san.drop_paths(wwn, ports).await,
        }
    }

    /// The LUNs of these ports that this machine has disks at, of whatever volume. An array may take some of them for free.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn occupied(&self, ports: &[TargetPort]) -> Result<BTreeSet<Lun>, HostError> {
        match self {
            Self::Simulated(_) => Ok(BTreeSet::new()),
            Self::San(san) => san.occupied(ports),
        }
    }

    /// What is wrong with dm-multipath's settings for 3PAR volumes; nothing where volumes come without paths. Nothing is changed.
    ///
    /// # Errors
    /// [`HostError::DaemonDown`], [`HostError::ToolMissing`], [`HostError::Command`].
    pub async fn check_multipath(&self) -> Result<Vec<Finding>, HostError> {
        match self {
            Self::Simulated(_) => Ok(Vec::new()),
            Self::San(san) => san.check_multipath().await,
        }
    }

    /// At the start: ends what an earlier process of the plugin left of sessions that no disk is behind. What goes wrong is only logged.
    pub async fn log_out_of_leftovers(&self) {
        match self {
            Self::Simulated(_) => {}
            Self::San(san) => san.log_out_of_leftovers().await,
        }
    }

    /// By what this machine is known to the arrays that it reaches so, whether or not it reaches them now.
    pub fn initiators(&self) -> Vec<Initiator> {
        match self {
            Self::Simulated(simulated) => simulated.initiators(),
            Self::San(san) => san.initiators(),
        }
    }

    /// All that arrays may know this machine by, also where volumes do not come that way: an administrator's host object may have
    /// both its Fibre Channel ports and its iSCSI name. What cannot be read is not there.
    pub fn all_initiators(&self) -> Vec<Initiator> {
        match self {
            Self::Simulated(simulated) => simulated.initiators(),
            Self::San(san) => san.all_initiators(),
        }
    }

    /// The device of a volume, if it is attached, whether or not it is still exported.
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn find(&self, wwn: &Wwn) -> Result<Option<BlockDevice>, HostError> {
        match self {
            Self::Simulated(simulated) => {
                let mut devices = simulated.list()?.into_iter();
                Ok(devices.find(|device| device.wwn() == wwn))
            }
            Self::San(san) => san.find(wwn),
        }
    }

    /// All attached volumes, as the kernel shows them; also what is left of one that was detached in part. Of real arrays those with a WWN
    /// of 3PAR: one that keeps another maker's is found by that ([`Transport::find`]).
    ///
    /// # Errors
    /// [`HostError::Io`].
    pub fn list(&self) -> Result<Vec<BlockDevice>, HostError> {
        match self {
            Self::Simulated(simulated) => simulated.list(),
            Self::San(san) => san.list(),
        }
    }
}
