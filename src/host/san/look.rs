//! Looking for a volume at a LUN of one port, after what was there before has been cleared away.

use tokio::time::Instant;

use super::{
    San,
    multipath::Map,
    scsi::{self, Identity, Nexus, ScsiPath},
};
use crate::{
    host::{Busy, HostError},
    model::{Lun, Wwn},
};

/// Lets the kernel look for a volume at a LUN, unless its disk is there already. Whatever disk is there is asked who it is
/// first: one of a former volume is removed if nobody uses it. The caller has its turn with the volume. Gives the disk that has
/// said it is the volume.
///
/// # Errors
/// [`HostError::StaleInUse`]: nothing was done. [`HostError::Deadline`], [`HostError::Io`], [`HostError::Command`].
pub(super) async fn look(
    san: &San,
    wwn: &Wwn,
    nexus: Nexus,
    lun: Lun,
    deadline: Instant,
) -> Result<Option<ScsiPath>, HostError> {
    let machine = &san.machine;
    let kernel = &machine.kernel;
    let mut there = false;
    let mut said = None;
    for path in scsi::list(kernel)? {
        let found_as = path.found_as(kernel);
        let was_ours = found_as.as_ref() == Some(wwn);
        if path.nexus != nexus || !(was_ours || path.is_at(lun)) {
            continue;
        }
        let identity = path.identity(machine).await?;
        match &identity {
            Identity::Volume(is) if is == wwn && was_ours => {
                there |= path.is_at(lun);
                said = Some(path);
            }
            // Lost for the moment, or not exported yet.
            Identity::Silent if was_ours && path.is_at(lun) => there = true,
            // Silent at a LUN that is another volume's tomorrow: dm-multipath would take that one for a path to ours then.
            Identity::Silent if was_ours => match clear(san, wwn, &path, deadline).await {
                Err(HostError::StaleInUse { by, .. }) => {
                    log::warn!(device = path.name.as_str(), wwn = wwn.as_str(), by:% = by;
                        "a path at a former LUN stays: the volume is in use");
                }
                done => done?,
            },
            _ => {
                log::warn!(device = path.name.as_str(), nexus:% = nexus, lun = lun.0, was = path.found_as_text(kernel).as_str(), is:% = identity;
                    "a disk of a former volume is in the way");
                clear(san, wwn, &path, deadline).await?;
            }
        }
    }
    if there {
        return Ok(said);
    }
    log::debug!(wwn = wwn.as_str(), nexus:% = nexus, lun = lun.0; "looking for the volume");
    scsi::scan(machine, nexus, lun).await?;
    Ok(said)
}

/// Removes a disk that is not what it was, with the map that was made of it, if nobody uses them.
async fn clear(san: &San, ours: &Wwn, path: &ScsiPath, deadline: Instant) -> Result<(), HostError> {
    let machine = &san.machine;
    let kernel = &machine.kernel;
    let in_use = |by| HostError::StaleInUse {
        device: path.node(kernel),
        was: path.found_as_text(kernel),
        by,
    };
    for holder in path.holders(kernel)? {
        let Some(map) = Map::read(kernel, &holder) else {
            if path.holders(kernel)?.contains(&holder) {
                let stacked = vec![holder];
                return Err(in_use(Box::new(Busy {
                    stacked,
                    ..Busy::default()
                })));
            }
            continue;
        };
        // Nobody may be about to use the other volume, either.
        let _turn = match map.wwn().filter(|other| other != ours) {
            Some(other) => Some(san.turns.volume(&other, deadline).await?),
            None => None,
        };
        match map.remove(machine).await {
            Err(HostError::InUse { by, .. }) => return Err(in_use(by)),
            done => done?,
        }
        log::info!(map = map.name.as_str(); "map of a former volume removed");
    }
    match path.must_be_free(machine, ours).await {
        Err(HostError::InUse { by, .. }) => return Err(in_use(by)),
        done => done?,
    }
    path.delete(machine).await?;
    log::info!(device = path.name.as_str(); "disk of a former volume removed");
    Ok(())
}
