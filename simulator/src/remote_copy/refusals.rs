//! What every remote copy command looks at first. The words are inferred unless FIDELITY.md says otherwise.

use super::Half;
use crate::commands::{Answer, Call, Command, Options, usage};
use crate::patterns::any_matches;
use crate::state::{Array, Replicated, World};

/// This array's group of that name.
///
/// # Errors
/// The refusal, if remote copy is not started, there is no such group, or a task is about to change its role.
pub fn locate(call: &mut Call<'_>, group: &str) -> Result<Half, Answer> {
    let array = call.here();
    if !array.remote_copy {
        return Err(Answer::refuses_on_stderr(
            "Remote Copy config is not started",
        ));
    }
    if !array.groups.contains_key(group) {
        return Err(absent(group));
    }
    let half = Half::new(call.array, group);
    let busy = [Some(half.clone()), half.other(call.world)]
        .into_iter()
        .flatten()
        .any(|side| {
            side.get(call.world)
                .is_some_and(|group| group.operation.is_some())
        });
    if busy {
        return Err(Answer::refuses_on_stderr(format!(
            "Error: Group {group} is busy, the operation could be retried later"
        )));
    }
    Ok(half)
}

/// Refuses on the side that receives.
///
/// # Errors
/// The refusal.
pub fn must_send(call: &Call<'_>, half: &Half) -> Result<(), Answer> {
    if half.get(call.world).is_some_and(super::Group::sends) {
        return Ok(());
    }
    Err(Answer::refuses_on_stderr(format!(
        "Error: Group {} is a secondary group, this operation is allowed only on the primary side",
        half.group
    )))
}

/// Refuses while the other array cannot be reached.
///
/// # Errors
/// The refusal.
pub fn must_be_ready(call: &Call<'_>, half: &Half) -> Result<(), Answer> {
    if half.connected(call.world) {
        return Ok(());
    }
    let target = half
        .get(call.world)
        .map_or_else(String::new, |group| group.target.clone());
    Err(Answer::refuses_on_stderr(format!(
        "Error: Target {target} is not up and ready"
    )))
}

/// The groups of this array that a line names: names as they are, or with `-pat` those that fit the patterns.
///
/// # Errors
/// The refusal, if there is no word or nothing fits.
pub fn groups_named(
    call: &mut Call<'_>,
    command: &Command,
    options: &Options,
    words: &[String],
) -> Result<Vec<String>, Answer> {
    let Some(first) = words.first() else {
        return Err(usage(command, "a group is needed"));
    };
    if !options.has("pat") {
        return Ok(words.to_vec());
    }
    let known = call.here().groups.keys();
    let names: Vec<String> = known
        .filter(|name| any_matches(words, name))
        .cloned()
        .collect();
    if names.is_empty() {
        return Err(absent(first));
    }
    Ok(names)
}

/// `-t`: is that the target of this group?
///
/// # Errors
/// The refusal.
pub fn check_target(call: &Call<'_>, half: &Half, target: Option<&str>) -> Result<(), Answer> {
    let (Some(group), Some(target)) = (half.get(call.world), target) else {
        return Ok(());
    };
    if group.target == target {
        return Ok(());
    }
    Err(Answer::refuses_on_stderr(format!(
        "Error: target {target} is not a target of group {}",
        half.group
    )))
}

/// Refuses to start a group on a target that has started groups of another mode.
///
/// # Errors
/// The refusal.
pub fn must_share_its_mode(call: &Call<'_>, half: &Half) -> Result<(), Answer> {
    let (Some(array), Some(group)) = (call.world.arrays.get(&half.array), half.get(call.world))
    else {
        return Ok(());
    };
    let mixed = array.groups.values().any(|other| {
        other.is_started() && other.target == group.target && other.mode != group.mode
    });
    if mixed {
        return Err(Answer::refuses_on_stderr(
            "Group with different modes on a single target is not supported",
        ));
    }
    Ok(())
}

fn absent(group: &str) -> Answer {
    Answer::refuses_on_stderr(format!(
        "Error: group matching {group} does not exist on the system"
    ))
}

/// Refuses while both sides take themselves for the primary.
///
/// # Errors
/// The refusal.
pub fn must_have_a_receiver(call: &Call<'_>, half: &Half) -> Result<(), Answer> {
    let sends = |other: &Half| other.get(call.world).is_some_and(super::Group::sends);
    match half.other(call.world).filter(sends) {
        None => Ok(()),
        Some(_) => Err(Answer::refuses_on_stderr(format!(
            "Error: Group {} is in failover state",
            half.group
        ))),
    }
}

/// Refuses to let go of a copy that hosts could then have beside the volume, under the same WWN.
///
/// # Errors
/// The refusal.
pub fn must_hide_its_copies(
    call: &Call<'_>,
    half: &Half,
    volumes: &[Replicated],
) -> Result<(), Answer> {
    let (Some(here), Some(other)) = (call.world.arrays.get(&half.array), half.other(call.world))
    else {
        return Ok(());
    };
    let Some(there) = call.world.arrays.get(&other.array) else {
        return Ok(());
    };
    let wwn = |array: &Array, vv: &str| array.vvs.get(vv).map(|vv| vv.wwn.clone());
    let shown = volumes.iter().find(|volume| {
        wwn(here, &volume.local) == wwn(there, &volume.remote)
            && !there.exports_of(&volume.remote).is_empty()
    });
    let Some(volume) = shown else { return Ok(()) };
    let kind = match half.get(call.world) {
        Some(group) if group.has_policy("active_active") => "an Active-Active Peer Persistence",
        _ => "a Peer Persistence",
    };
    Err(Answer::refuses_on_stderr(format!(
        "Volume {} of group {} is {kind} volume. Please unexport the secondary volume so the host only has access to the primary volume and retry.",
        volume.remote, other.group
    )))
}

/// Refuses while a snapshot is put back into a volume of the group, on this side or on the other if that can be reached.
///
/// # Errors
/// The refusal.
pub fn must_not_be_promoted(world: &World, half: &Half) -> Result<(), Answer> {
    let other = half.other(world).filter(|_| half.connected(world));
    for side in [Some(half), other.as_ref()].into_iter().flatten() {
        let (Some(array), Some(group)) = (world.arrays.get(&side.array), side.get(world)) else {
            continue;
        };
        let vvs = group.volumes.iter().map(|volume| &volume.local);
        let promoted = |vv: &&String| array.vvs.get(*vv).is_some_and(|vv| vv.copying.is_some());
        if let Some(vv) = vvs.into_iter().find(promoted) {
            return Err(Answer::refuses_on_stderr(format!(
                "Error: vv {vv} is currently being promoted, the operation could be retried later"
            )));
        }
    }
    Ok(())
}
