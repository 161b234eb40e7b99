//! `removercopygroup`: removes remote copy groups from both arrays.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::question;
use crate::remote_copy::{
    Half, dismiss, groups_named, keep_set, locate, must_be_ready, must_have_a_receiver,
    must_hide_its_copies, must_send,
};
use crate::state::Group;

/// `removercopygroup [options] <group>|<pattern>...`.
pub static COMMAND: Command = Command {
    name: "removercopygroup",
    syntax: "removercopygroup [options] {<group_name> ... | <pattern> ...}",
    flags: &["f", "pat", "keepsnap", "removevv", "keepalua"],
    valued: &[],
    changes: true,
    licence: Some("Remote Copy"),
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    if options.has("keepsnap") && options.has("removevv") {
        return usage(&COMMAND, "-keepsnap and -removevv are mutually exclusive");
    }
    let names = match groups_named(call, &COMMAND, options, &options.words) {
        Ok(names) => names,
        Err(refusal) => return refusal,
    };
    let mut halves = Vec::new();
    for name in &names {
        match check(call, name) {
            Ok(half) => halves.push(half),
            Err(refusal) => return refusal,
        }
    }
    let filled = halves.iter().any(|half| {
        half.get(call.world)
            .is_some_and(|group| !group.volumes.is_empty())
    });
    let forced = options.has("f") && !(options.has("removevv") && filled);
    if !forced && !call.confirmed {
        return Answer::asks(question(&format!(
            "Are you sure you want to remove group {}?",
            names.join(" ")
        )));
    }
    let mut text = String::new();
    for half in halves {
        remove(call, &half, options);
        text += &format!("Removing {0}\nGroup {0} has been deleted.\n\n", half.group);
    }
    Answer::says(text)
}

fn check(call: &mut Call<'_>, name: &str) -> Result<Half, Answer> {
    let half = locate(call, name)?;
    must_send(call, &half)?;
    if half.get(call.world).is_some_and(Group::is_running) {
        return Err(refuse(format!(
            "Error: Group {name} is started, stop it first"
        )));
    }
    must_be_ready(call, &half)?;
    must_have_a_receiver(call, &half)?;
    let volumes = half.get(call.world).map(|group| group.volumes.clone());
    must_hide_its_copies(call, &half, &volumes.unwrap_or_default())?;
    Ok(half)
}

fn remove(call: &mut Call<'_>, half: &Half, options: &Options) {
    let other = half.other(call.world);
    let volumes = half
        .get(call.world)
        .map(|group| group.volumes.clone())
        .unwrap_or_default();
    let started = half.get(call.world).is_some_and(|group| group.ever_started);
    for volume in &volumes {
        dismiss(call.world, half, &volume.local, options.has("keepsnap"));
    }
    if let Some(peer) = other
        .as_ref()
        .and_then(|other| call.world.arrays.get_mut(&other.array))
    {
        for volume in &volumes {
            // The peer's set goes with a group that was ever started.
            if let Some((_, set)) = volume.sets.as_ref().filter(|_| started) {
                peer.vv_sets.remove(set);
            }
            if options.has("removevv") {
                peer.remove_vv(&volume.remote);
            }
        }
    }
    for side in [Some(half), other.as_ref()].into_iter().flatten() {
        if let Some(array) = call.world.arrays.get_mut(&side.array) {
            array.groups.remove(&side.group);
            keep_set(array, &side.group);
        }
    }
}
