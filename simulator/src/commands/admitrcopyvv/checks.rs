//! What keeps a VV out of a group.

use super::super::Answer;
use super::super::createvv::{check_name, refuse};
use super::Admission;
use crate::remote_copy::Half;
use crate::state::{CopyKind, Release, World};

/// What the primary side looks at.
pub(super) fn check_here(world: &World, half: &Half, one: &Admission) -> Result<(), Answer> {
    let (Some(array), Some(group)) = (world.arrays.get(&half.array), half.get(world)) else {
        return Ok(());
    };
    let name = &one.local;
    let vv = array
        .vvs
        .get(name)
        .ok_or_else(|| refuse(format!("VV {name} not found")))?;
    if group.volume(name).is_some() {
        return Err(refuse(format!("Volume already in group {}", group.name)));
    }
    if group.is_running() {
        return Err(refuse("Group has already been started"));
    }
    if let Some(other) = array.group_of(name) {
        return Err(refuse(format!(
            "Error: Volume {name} is already in another group {}",
            other.name
        )));
    }
    if vv.is_system() {
        return Err(refuse(format!(
            "Error: Volume {name} is an internal volume"
        )));
    }
    if vv.read_only {
        return Err(refuse(format!("Error: Volume {name} is read only")));
    }
    match vv.copying.as_ref().map(|copying| copying.kind) {
        Some(CopyKind::Online) => {
            return Err(refuse(format!(
                "Error: Online volume copies do not support remote copy: {name}"
            )));
        }
        Some(_) => {
            return Err(refuse(format!(
                "Error: {}",
                array.busy(name).unwrap_or_default()
            )));
        }
        None => {}
    }
    if vv.kind == "pcopy" {
        return Err(refuse(format!("Error: Volume {name} is a physical copy")));
    }
    if vv.domain != group.domain {
        return Err(refuse(format!(
            "Error: Volume {name} and group {} must be in the same domain",
            group.name
        )));
    }
    if array.release != Release::V1050 && vv.snp_cpg.is_none() {
        return Err(refuse(format!(
            "Error: Volume {name} requires that snapshot space be allocated"
        )));
    }
    let base = array.base_of(vv).id;
    let relative = group
        .volumes
        .iter()
        .filter_map(|volume| array.vvs.get(&volume.local))
        .find(|other| array.base_of(other).id == base);
    if let Some(relative) = relative {
        return Err(refuse(format!(
            "Error: Volume {name} and volume {} of the group are of the same family",
            relative.name
        )));
    }
    if let Some(snapshot) = &one.snapshot {
        let start = array
            .vvs
            .get(snapshot)
            .ok_or_else(|| refuse(format!("VV {snapshot} not found")))?;
        if !start.read_only {
            return Err(refuse(format!(
                "Error: Snapshot {snapshot} is not read only"
            )));
        }
        if start.copy_of.as_ref() != Some(name) {
            return Err(refuse(format!(
                "Error: {snapshot} is not a snapshot of volume {name}"
            )));
        }
    }
    Ok(())
}

/// What `-createvv` needs on the secondary side.
pub(super) fn check_new(
    world: &World,
    half: &Half,
    other: &Half,
    one: &Admission,
    own_wwn: bool,
) -> Result<(), Answer> {
    let (Some(array), Some(peer), Some(group)) = (
        world.arrays.get(&half.array),
        world.arrays.get(&other.array),
        half.get(world),
    ) else {
        return Ok(());
    };
    check_name(peer, &one.remote)?;
    let lacks_snp = peer.release != Release::V1050 && group.snp_cpg.is_none();
    let Some((_, cpg)) = group.usr_cpg.as_ref().filter(|_| !lacks_snp) else {
        return Err(refuse(format!(
            "Error: Group {} has no CPG for target {}",
            group.name, group.target
        )));
    };
    if peer.vvs.contains_key(&one.remote) {
        return Err(refuse(format!(
            "Error: Volume {} already exists on target {}",
            one.remote, group.target
        )));
    }
    let Some(vv) = array.vvs.get(&one.local) else {
        return Ok(());
    };
    if !own_wwn && peer.vvs.values().any(|other| other.wwn == vv.wwn) {
        return Err(refuse(format!(
            "Error: WWN of volume {} is already used on target {}",
            one.local, group.target
        )));
    }
    let free = peer
        .cpgs
        .iter()
        .find(|pool| pool.name == *cpg)
        .map_or(0, |pool| pool.free_mib);
    if free == 0 || free < vv.reserved_mib() {
        return Err(refuse(format!(
            "Error: Unable to allocate space for vv {} on target {}: cpg {cpg} has no free space",
            one.remote, group.target
        )));
    }
    Ok(())
}

/// What an existing secondary must be like.
pub(super) fn check_existing(
    world: &World,
    half: &Half,
    other: &Half,
    one: &Admission,
) -> Result<(), Answer> {
    let (Some(array), Some(peer), Some(group)) = (
        world.arrays.get(&half.array),
        world.arrays.get(&other.array),
        half.get(world),
    ) else {
        return Ok(());
    };
    let (name, target) = (&one.remote, &group.target);
    let Some(second) = peer.vvs.get(name) else {
        return Err(refuse(format!(
            "Error: Volume {name} does not exist on target {target}"
        )));
    };
    let Some(first) = array.vvs.get(&one.local) else {
        return Ok(());
    };
    let refused = if second.size_mib != first.size_mib {
        Some("has another size")
    } else if second.kind == "pcopy" {
        Some("is a physical copy")
    } else if second.read_only {
        Some("is read only")
    } else if !peer.exports_of(name).is_empty() {
        Some("is exported")
    } else if peer.group_of(name).is_some() {
        Some("is already in another group")
    } else if peer.release != Release::V1050 && second.snp_cpg.is_none() {
        Some("requires that snapshot space be allocated")
    } else {
        None
    };
    match refused {
        Some(why) => Err(refuse(format!(
            "Error: Volume {name} on target {target} {why}"
        ))),
        None => Ok(()),
    }
}
