//! `stoprcopygroup`: stops remote copy groups.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::question;
use crate::remote_copy::{check_target, groups_named, locate, must_be_ready, must_send, stop};
use crate::state::Release;

/// `stoprcopygroup [options] <group>|<pattern>...`.
pub static COMMAND: Command = Command {
    name: "stoprcopygroup",
    syntax: "stoprcopygroup [option <arg>] [<group_name> | <pattern>...]",
    flags: &["f", "nosnap", "pat", "remote"],
    valued: &["t"],
    changes: true,
    licence: Some("Remote Copy"),
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    stop_all(call, options).unwrap_or_else(|refusal| refusal)
}

fn stop_all(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    if options.has("remote") && call.here().release != Release::V1050 {
        return Err(usage(&COMMAND, "Invalid option -remote"));
    }
    let names = groups_named(call, &COMMAND, options, &options.words)?;
    let mut halves = Vec::new();
    for name in &names {
        let mut half = locate(call, name)?;
        if options.has("remote") && half.get(call.world).is_some_and(|group| !group.sends()) {
            must_be_ready(call, &half)?;
            half = half.other(call.world).unwrap_or(half);
        } else {
            check_target(call, &half, options.value("t"))?;
        }
        must_send(call, &half)?;
        let started = half
            .get(call.world)
            .is_some_and(crate::state::Group::is_started);
        if !started {
            return Err(refuse("Group isn't started"));
        }
        halves.push(half);
    }
    if !options.has("f") && !call.confirmed {
        return Ok(Answer::asks(question(&format!(
            "Are you sure you want to stop group {}?",
            names.join(" ")
        ))));
    }
    let now = call.now;
    for half in halves {
        stop(call.world, &half, now, !options.has("nosnap"));
    }
    Ok(Answer::silent())
}
