//! `syncrcopy`: synchronises started groups now.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options};
use crate::names::question;
use crate::remote_copy::{
    Half, check_target, groups_named, locate, must_be_ready, sync, sync_to_the_end,
};
use crate::state::{GroupStatus, Mode, SyncStatus};

/// `syncrcopy [options] <group>|<pattern>...`.
pub static COMMAND: Command = Command {
    name: "syncrcopy",
    syntax: "syncrcopy [options] [<group_name> | <pattern>...]",
    flags: &["w", "n", "ovrd", "pat"],
    valued: &["t"],
    changes: true,
    licence: Some("Remote Copy"),
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    sync_all(call, options).unwrap_or_else(|refusal| refusal)
}

fn sync_all(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let names = groups_named(call, &COMMAND, options, &options.words)?;
    let mut halves: Vec<(String, Half, bool)> = Vec::new();
    for name in &names {
        let mut half = locate(call, name)?;
        check_target(call, &half, options.value("t"))?;
        if half.get(call.world).is_some_and(|group| !group.sends()) {
            if options.has("w") {
                return Err(refuse(format!(
                    "Error: Group {name} is a secondary group, -w is not supported"
                )));
            }
            must_be_ready(call, &half)?;
            half = half.other(call.world).unwrap_or(half);
        }
        let group = half
            .get(call.world)
            .filter(|group| group.status == GroupStatus::Started);
        let Some(group) = group else {
            return Err(refuse("Group isn't started"));
        };
        if group
            .volumes
            .iter()
            .any(|volume| volume.sync == SyncStatus::Syncing)
        {
            return Err(refuse(format!(
                "Error: Group {name} is already involved in a synchronization"
            )));
        }
        let full = group.mode == Mode::Sync;
        must_be_ready(call, &half)?;
        halves.push((name.clone(), half, full));
    }
    if halves.iter().any(|(_, _, full)| *full) && !options.has("ovrd") && !call.confirmed {
        return Ok(Answer::asks(question(
            "A full synchronization of all volumes will be done. Are you sure you want to continue?",
        )));
    }
    let now = call.now;
    let mut text = String::new();
    for (name, half, full) in halves {
        sync(call.world, &half, now, full);
        if options.has("w") {
            sync_to_the_end(call.world, &half, now);
            text += &format!("Completed synchronization for group {name}\n");
        } else {
            text += &format!("Synchronization request issued for group {name}\n");
        }
    }
    Ok(Answer::says(text))
}
