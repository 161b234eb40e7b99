//! `dismissrcopyvv`: takes VVs out of a remote copy group.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::{question, set_name};
use crate::patterns::matches;
use crate::remote_copy::{
    dismiss, locate, must_be_ready, must_have_a_receiver, must_hide_its_copies, must_send,
};
use crate::state::Array;

/// `dismissrcopyvv [options] <VV>|set:<set> <group>`.
pub static COMMAND: Command = Command {
    name: "dismissrcopyvv",
    syntax: "dismissrcopyvv [options] {<pattern> | <VV_name> | set:<setname>} <group_name>",
    flags: &["f", "pat", "keepsnap", "removevv", "keepalua"],
    valued: &[],
    changes: true,
    licence: Some("Remote Copy"),
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    take_out(call, options).unwrap_or_else(|refusal| refusal)
}

fn take_out(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [what, name] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "a volume and a group are needed"));
    };
    if options.has("keepsnap") && options.has("removevv") {
        return Err(usage(
            &COMMAND,
            "-keepsnap and -removevv are mutually exclusive",
        ));
    }
    let now = call.now;
    let half = locate(call, name)?;
    must_send(call, &half)?;
    let volumes = half
        .get(call.world)
        .map(|group| group.volumes.clone())
        .unwrap_or_default();
    let all: Vec<_> = volumes
        .into_iter()
        .filter(|volume| match set_name(what) {
            Some(set) => volume.sets.as_ref().is_some_and(|(local, _)| local == set),
            None => volume.local == *what || (options.has("pat") && matches(what, &volume.local)),
        })
        .collect();
    if all.is_empty() {
        return Err(refuse(format!(
            "Error: Volume {what} is not in group {name}"
        )));
    }
    if half
        .get(call.world)
        .is_some_and(crate::state::Group::is_running)
    {
        return Err(refuse(format!(
            "Error: Group {name} is started, stop it first"
        )));
    }
    must_be_ready(call, &half)?;
    must_have_a_receiver(call, &half)?;
    let other = half.other(call.world);
    let peer = other.map(|other| other.array).unwrap_or_default();
    if options.has("removevv")
        && let Some(array) = call.world.arrays.get(&peer)
    {
        for volume in &all {
            if !array.exports_of(&volume.remote).is_empty() {
                return Err(refuse(format!(
                    "Error: Volume {} on the target is exported",
                    volume.remote
                )));
            }
            if kept_by_snapshots(array, &volume.remote, now) {
                return Err(refuse(format!(
                    "Error: Volume {} on the target has snapshots",
                    volume.remote
                )));
            }
        }
    }
    must_hide_its_copies(call, &half, &all)?;
    if !options.has("f") && !call.confirmed {
        return Ok(Answer::asks(question(&format!(
            "Are you sure you want to dismiss {what} from group {name}?"
        ))));
    }
    let mut text = String::new();
    for volume in all {
        dismiss(call.world, &half, &volume.local, options.has("keepsnap"));
        text += &format!(
            "Volume {} has been dismissed from group {name}.\n",
            volume.local
        );
        let Some(array) = call
            .world
            .arrays
            .get_mut(&peer)
            .filter(|_| options.has("removevv"))
        else {
            continue;
        };
        for copy in array.descendants(&volume.remote) {
            array.remove_vv(&copy);
        }
        array.remove_vv(&volume.remote);
        for set in array.vv_sets.values_mut() {
            set.members.retain(|member| *member != volume.remote);
        }
        if let Some((_, set)) = &volume.sets
            && array
                .vv_sets
                .get(set)
                .is_some_and(|set| set.members.is_empty())
        {
            array.vv_sets.remove(set);
        }
    }
    Ok(Answer::says(text))
}

/// Has it snapshots that are not remote copy's own, and that do not go with it?
fn kept_by_snapshots(array: &Array, vv: &str, now: i64) -> bool {
    let go_along = array.switch("dismiss_removes_snapshots");
    let snapshots = array.descendants(vv).into_iter();
    snapshots
        .filter_map(|name| array.vvs.get(&name))
        .any(|snapshot| {
            let own = ["rcpy.", "sv.rcpy."].map(|own| snapshot.name.starts_with(own));
            let retained = snapshot.retained_until.is_some_and(|end| end > now);
            let stays = retained || !array.exports_of(&snapshot.name).is_empty();
            own == [false, false] && (stays || !go_along)
        })
}
