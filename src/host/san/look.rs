//! Looking for a volume at a LUN of one port, after what was there before has been cleared away.

use tokio::time::Instant;

use super::{
    San,
    multipath::{self, Map},
    scsi::{self, Identity, Nexus, ScsiPath},
};
use crate::{
    host::{Busy, HostError, Kernel},
    model::{Lun, Wwn},
};

/// Lets the kernel look for a volume at a LUN, unless its disk is there already. Whatever disk is there is asked who it is
/// first. One that leads to another volume than the kernel takes it for goes, whoever uses it through a map; one that does not
/// answer goes if nobody uses it; one that is what it was stays. The caller has its turn with the volume. Gives the disk that
/// has said it is the volume.
///
/// # Errors
/// [`HostError::WrongLun`]: another volume is at home there, and keeps its disk. [`HostError::StaleInUse`]: the disk is used without a
/// map, or does not answer and is used. [`HostError::Deadline`], [`HostError::Io`], [`HostError::Command`].
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
    let mut silent = Vec::new();
    let mut wrong_lun = None;
    for path in scsi::list(kernel)? {
        let was_ours = path.found_as(kernel)?.as_ref() == Some(wwn);
        if path.nexus != nexus || !(was_ours || path.is_at(lun)) {
            continue;
        }
        let identity = path.identity(machine).await?;
        let is_what_it_was = path.is_what_it_was(kernel, &identity)?;
        match &identity {
            Identity::Silent => silent.push(path),
            Identity::Volume(is) if is == wwn && was_ours => {
                there |= path.is_at(lun);
                said = Some(path);
            }
            _ if is_what_it_was => {
                wrong_lun = Some(HostError::WrongLun {
                    wwn: wwn.clone(),
                    lun,
                    device: path.node(kernel),
                    found: identity.to_string(),
                });
            }
            _ => {
                log::error!(device = path.name.as_str(), nexus:% = nexus, lun = path.lun, was = path.found_as_text(kernel).as_str(), is:% = identity;
                    "a disk leads to another volume by now");
                remove_liar(san, wwn, &path, deadline).await?;
            }
        }
    }
    if let Some(error) = wrong_lun {
        return Err(error);
    }
    for path in silent {
        let was_ours = path.found_as(kernel)?.as_ref() == Some(wwn);
        // Lost for the moment, or not exported yet.
        if was_ours && path.is_at(lun) {
            there = true;
            continue;
        }
        match clear(san, wwn, &path, deadline).await {
            // Silent at a LUN that is another volume's tomorrow: dm-multipath would take that one for a path to ours then.
            Err(HostError::StaleInUse { by, .. }) if was_ours => {
                log::warn!(device = path.name.as_str(), wwn = wwn.as_str(), by:% = by;
                    "a path at a former LUN stays: the volume is in use");
            }
            done => done?,
        }
    }
    if there {
        return Ok(said);
    }
    log::debug!(wwn = wwn.as_str(), nexus:% = nexus, lun = lun.0; "looking for the volume");
    scsi::scan(machine, nexus, lun).await?;
    Ok(said)
}

/// Removes a disk that leads to another volume than the kernel takes it for: what goes that way is lost, and damages that volume.
/// So its map loses it at once, whoever uses the map, and if it has no other path then it keeps what is written, or fails it, as it
/// is configured to.
async fn remove_liar(
    san: &San,
    ours: &Wwn,
    path: &ScsiPath,
    deadline: Instant,
) -> Result<(), HostError> {
    let machine = &san.machine;
    let kernel = &machine.kernel;
    let maps = maps_of(kernel, path)?;
    // In a map it is the map's, and nobody else's.
    if maps.is_empty() {
        return remove_free(san, ours, path).await;
    }
    multipath::take_out(machine, path).await?;
    log::error!(device = path.name.as_str(), map = maps[0].name.as_str(); "a path to another volume was taken out of its map");
    for map in maps {
        let soon = deadline.min(Instant::now() + machine.patience.nudge);
        if let Err(error) = remove_empty(san, ours, &map, soon).await {
            log::warn!(map = map.name.as_str(), error:% = error; "a map without a path stays");
        }
    }
    Ok(())
}

/// Removes a map that has lost its last path, if nobody uses it.
async fn remove_empty(
    san: &San,
    ours: &Wwn,
    map: &Map,
    deadline: Instant,
) -> Result<(), HostError> {
    let kernel = &san.machine.kernel;
    // Nobody may be about to use the other volume, either.
    let _turn = match map.wwn().filter(|other| other != ours) {
        Some(other) => Some(san.turns.volume(&other, deadline).await?),
        None => None,
    };
    if map.is_there(kernel) && map.paths(kernel)?.is_empty() {
        map.remove(&san.machine).await?;
    }
    Ok(())
}

/// The maps that are made of a disk.
///
/// # Errors
/// [`HostError::StaleInUse`] if something else is.
fn maps_of(kernel: &Kernel, path: &ScsiPath) -> Result<Vec<Map>, HostError> {
    let mut maps = Vec::new();
    for holder in path.holders(kernel)? {
        if let Some(map) = Map::read(kernel, &holder)? {
            maps.push(map);
        } else if path.holders(kernel)?.contains(&holder) {
            let by = Busy {
                stacked: vec![holder],
                ..Busy::default()
            };
            return Err(in_use(kernel, path, Box::new(by)));
        }
    }
    Ok(maps)
}

fn in_use(kernel: &Kernel, path: &ScsiPath, by: Box<Busy>) -> HostError {
    HostError::StaleInUse {
        device: path.node(kernel),
        was: path.found_as_text(kernel),
        by,
    }
}

/// Removes a disk that does not answer, with the map that was made of it, if nobody uses them.
async fn clear(san: &San, ours: &Wwn, path: &ScsiPath, deadline: Instant) -> Result<(), HostError> {
    let machine = &san.machine;
    let kernel = &machine.kernel;
    for map in maps_of(kernel, path)? {
        // Nobody may be about to use the other volume, either.
        let _turn = match map.wwn().filter(|other| other != ours) {
            Some(other) => Some(san.turns.volume(&other, deadline).await?),
            None => None,
        };
        match map.remove(machine).await {
            Err(HostError::InUse { by, .. }) => return Err(in_use(kernel, path, by)),
            done => done?,
        }
        log::info!(map = map.name.as_str(); "map of a former volume removed");
    }
    remove_free(san, ours, path).await
}

/// Removes a disk that no map is made of, if nobody uses it.
async fn remove_free(san: &San, ours: &Wwn, path: &ScsiPath) -> Result<(), HostError> {
    let machine = &san.machine;
    match path.must_be_free(machine, ours).await {
        Err(HostError::InUse { by, .. }) => return Err(in_use(&machine.kernel, path, by)),
        done => done?,
    }
    path.delete(machine).await?;
    log::info!(device = path.name.as_str(); "disk of a former volume removed");
    Ok(())
}
