//! Taking the paths to some ports away from a volume that stays: its array is about to stop showing it there.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{Reach, San, multipath, nexuses, scsi};
use crate::{
    host::HostError,
    model::{Change, TargetPort, Wwn},
};

pub(super) async fn part(
    san: &San,
    wwn: &Wwn,
    ports: &[TargetPort],
) -> Result<Change<()>, HostError> {
    let machine = &san.machine;
    let kernel = &machine.kernel;
    let deadline = Instant::now() + machine.patience.change;
    let mut turn = san.turns.volume(wwn, deadline).await?;
    // Who still looks for paths that are missing would bring them back.
    *turn += 1;
    let mut of_ports = BTreeSet::new();
    for port in ports {
        of_ports.extend(nexuses(kernel, port, Reach::Any)?);
    }
    let mut disks = scsi::found_as(kernel, wwn)?;
    disks.retain(|disk| of_ports.contains(&disk.nexus));
    let gone = if disks.is_empty() {
        Change::Unchanged(())
    } else {
        Change::Changed(())
    };
    for disk in disks {
        // The map lets go of it first. It does so, too, when the disk goes: so a multipathd that says no is no obstacle.
        if let Err(error) = multipath::let_go(machine, &disk).await {
            log::debug!(device = disk.name.as_str(), error:% = error; "multipathd did not let go of a path");
        }
        disk.delete(machine).await?;
    }
    if gone.is_changed() {
        log::info!(wwn = wwn.as_str(); "paths to one array dropped");
    }
    Ok(gone)
}
