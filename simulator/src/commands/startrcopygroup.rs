//! `startrcopygroup`: starts remote copy groups.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options};
use crate::remote_copy::{
    Half, check_target, end_of_copy, groups_named, locate, must_be_ready, must_not_be_promoted,
    must_share_its_mode, start, sync_to_the_end,
};
use crate::state::{GroupStatus, SyncStatus, World};

/// `startrcopygroup [options] <group> [<VV>:<snapshot>|<VV>:-...]`, `startrcopygroup -pat <pattern>...`.
pub static COMMAND: Command = Command {
    name: "startrcopygroup",
    syntax: "startrcopygroup [options] {<group_name> [<vv:sv> ...] | <pattern>}",
    flags: &["nosync", "wait", "pat"],
    valued: &["t"],
    changes: true,
    licence: Some("Remote Copy"),
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    // Without -pat there is one group, and what follows it are volumes and snapshots.
    let last = if options.has("pat") {
        options.words.len()
    } else {
        options.words.len().min(1)
    };
    let (words, snapshots) = options.words.split_at(last);
    let groups = match groups_named(call, &COMMAND, options, words) {
        Ok(groups) => groups,
        Err(refusal) => return refusal,
    };
    let mut text = String::new();
    for group in groups {
        match start_one(call, &group, snapshots, options) {
            Ok(line) => text += &line,
            Err(refusal) => {
                return Answer {
                    stdout: text,
                    ..refusal
                };
            }
        }
    }
    Answer::says(text)
}

fn start_one(
    call: &mut Call<'_>,
    name: &str,
    snapshots: &[String],
    options: &Options,
) -> Result<String, Answer> {
    let mut half = locate(call, name)?;
    check_target(call, &half, options.value("t"))?;
    if half.get(call.world).is_some_and(|group| !group.sends()) {
        if options.has("wait") || !snapshots.is_empty() {
            return Err(refuse(format!(
                "Error: Group {name} is a secondary group, -wait and snapshots are not supported"
            )));
        }
        must_be_ready(call, &half)?;
        // Forwarded to the side that sends (array fact 13).
        half = half.other(call.world).unwrap_or(half);
    }
    let Some(group) = half.get(call.world).cloned() else {
        return Err(refuse(format!(
            "Error: group matching {name} does not exist on the system"
        )));
    };
    if group.status == GroupStatus::Failsafe {
        return Err(refuse(format!("Error: Group {name} is in failsafe state")));
    }
    if group.status == GroupStatus::Stopping {
        return Err(refuse(format!("Error: Group {name} is in stopping state")));
    }
    let other_sends = half
        .other(call.world)
        .and_then(|other| other.get(call.world).map(|group| group.sends()));
    if !group.sends() || other_sends != Some(false) {
        return Err(refuse(format!(
            "Error: Roles of group {name} conflict with this operation"
        )));
    }
    if group.is_started() {
        return Err(refuse("Group has already been started"));
    }
    if group.volumes.is_empty() {
        return Err(refuse(format!(
            "Error: Group {name} must contain volumes before being started"
        )));
    }
    must_not_be_promoted(call.world, &half)?;
    check_sizes(call.world, &half)?;
    must_share_its_mode(call, &half)?;
    must_be_ready(call, &half)?;
    let full = starting_snapshots(call.world, &half, snapshots)?;
    let now = call.now;
    start(call.world, &half, now, options.has("nosync"), &full);
    let user = call.user.to_owned();
    let end = end_of_copy(call.world, &half).unwrap_or(now);
    let Some(array) = call.world.arrays.get_mut(&half.array) else {
        return Ok(String::new());
    };
    let task = array.add_task("remote_copy_sync", &half.group, &user, now, Some(end));
    if !options.has("wait") {
        return Ok(String::new());
    }
    sync_to_the_end(call.world, &half, now);
    Ok(format!("Group {name} starts, task ID = {task}\n"))
}

/// Refuses when the two sides differ in size.
fn check_sizes(world: &World, half: &Half) -> Result<(), Answer> {
    let (Some(group), Some(other)) = (half.get(world), half.other(world)) else {
        return Ok(());
    };
    let vv = |array: &str, name: &str| world.arrays.get(array)?.vvs.get(name);
    for volume in &group.volumes {
        let here = vv(&half.array, &volume.local);
        let there = vv(&other.array, &volume.remote);
        if here.map(|vv| vv.size_mib) != there.map(|vv| vv.size_mib) {
            return Err(refuse(format!(
                "Error: Volume {} has another size on target {}",
                volume.local, group.target
            )));
        }
    }
    Ok(())
}

/// `<VV>:<snapshot>` from which differences are sent, `<VV>:-` for all of it: all volumes of the group or none. Gives
/// the volumes that are sent in full.
fn starting_snapshots(
    world: &mut World,
    half: &Half,
    words: &[String],
) -> Result<Vec<String>, Answer> {
    let mut full = Vec::new();
    if words.is_empty() {
        return Ok(full);
    }
    let volumes: Vec<String> = half
        .get(world)
        .map(|group| {
            group
                .volumes
                .iter()
                .map(|volume| volume.local.clone())
                .collect()
        })
        .unwrap_or_default();
    let mut pairs = Vec::new();
    for word in words {
        let (vv, snapshot) = word
            .split_once(':')
            .filter(|(vv, _)| volumes.iter().any(|known| known == vv))
            .ok_or_else(|| {
                refuse(format!(
                    "Error: Incorrect snapshot or volume specified: {word}"
                ))
            })?;
        let is_copy = world
            .arrays
            .get(&half.array)
            .and_then(|array| array.vvs.get(snapshot))
            .is_some_and(|copy| copy.read_only && copy.copy_of.as_deref() == Some(vv));
        if snapshot != "-" && !is_copy {
            return Err(refuse(format!(
                "Error: Incorrect snapshot or volume specified: {word}"
            )));
        }
        pairs.push((vv.to_owned(), snapshot != "-"));
    }
    if volumes
        .iter()
        .any(|volume| !pairs.iter().any(|(vv, _)| vv == volume))
    {
        return Err(refuse("Error: Not all volumes of the group are specified"));
    }
    if let Some(group) = half.get_mut(world) {
        for volume in &mut group.volumes {
            let differences = pairs
                .iter()
                .any(|(vv, snapshot)| *vv == volume.local && *snapshot);
            if differences {
                volume.sync = SyncStatus::NewSyncFromSnap;
            } else {
                full.push(volume.local.clone());
            }
        }
    }
    Ok(full)
}
