//! The LUNs that this machine has disks at. An array that knows nothing of a disk left behind would give its LUN to the next volume.

use std::collections::BTreeSet;

use super::{Reach, San, nexuses, scsi};
use crate::{
    host::HostError,
    model::{Lun, TargetPort},
};

/// From here on a LUN is in the flat form of SAM-2 (array fact 71).
const FLAT: u64 = 16_384;

pub(super) fn luns(san: &San, ports: &[TargetPort]) -> Result<BTreeSet<Lun>, HostError> {
    let kernel = &san.machine.kernel;
    let mut of_ports = BTreeSet::new();
    for port in ports {
        of_ports.extend(nexuses(kernel, port, Reach::Any)?);
    }
    let disks = scsi::list(kernel)?.into_iter();
    Ok(disks
        .filter(|disk| of_ports.contains(&disk.nexus))
        .filter_map(|disk| u16::try_from(disk.lun % FLAT).ok())
        .map(Lun)
        .collect())
}
