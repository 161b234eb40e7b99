//! Taking the paths to some ports away from a volume that stays: its array is about to stop showing it there.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Reach, San, multipath, nexuses, scsi};
use crate::{
    host::HostError,
    model::{Change, TargetPort, Wwn},
};

/// How often it is looked for disks that came while others went.
const AGAIN: u32 = 5;

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
    let mut tried = BTreeSet::new();
    let mut failed = None;
    // A look for the volume that was begun before may still bring a disk.
    for round in 1.. {
        let mut disks = scsi::found_as(kernel, wwn)?;
        disks.retain(|disk| of_ports.contains(&disk.nexus) && !tried.contains(disk));
        if disks.is_empty() {
            break;
        }
        if round > AGAIN {
            return Err(HostError::NotProven {
                what: format!("dropping paths to WWN `{wwn}`"),
                but: "others come each time".to_owned(),
            });
        }
        // One that hangs keeps no other one in.
        let each = disks.iter().map(|disk| multipath::take_out(machine, disk));
        for done in join_all(each).await {
            if let Err(error) = done {
                log::warn!(wwn = wwn.as_str(), error:% = error; "a path was not dropped");
                failed.get_or_insert(error);
            }
        }
        tried.extend(disks);
    }
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(if tried.is_empty() {
        Change::Unchanged(())
    } else {
        log::info!(wwn = wwn.as_str(), paths = tried.len(); "paths to one array dropped");
        Change::Changed(())
    })
}
