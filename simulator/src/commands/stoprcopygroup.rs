//! `stoprcopygroup`: stops remote copy groups.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::question;
use crate::patterns::matches;
use crate::remote_copy::{locate, must_be_ready, must_send, stop};
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
    let Some(first) = options.words.first() else {
        return Err(usage(&COMMAND, "a group is needed"));
    };
    if options.has("remote") && call.here().release != Release::V1050 {
        return Err(usage(&COMMAND, "Invalid option -remote"));
    }
    let names: Vec<String> = if options.has("pat") {
        let known = call.here().groups.keys().cloned();
        known
            .filter(|name| options.words.iter().any(|pattern| matches(pattern, name)))
            .collect()
    } else {
        options.words.clone()
    };
    if names.is_empty() {
        return Err(refuse(format!(
            "Error: group matching {first} does not exist on the system"
        )));
    }
    let mut halves = Vec::new();
    for name in &names {
        let mut half = locate(call, name)?;
        if options.has("remote") && half.get(call.world).is_some_and(|group| !group.sends()) {
            must_be_ready(call, &half)?;
            half = half.other(call.world).unwrap_or(half);
        }
        must_send_from(call, &half, options)?;
        let started = half
            .get(call.world)
            .is_some_and(crate::state::Group::is_started);
        if !started {
            return Err(refuse("Group isn't started"));
        }
        let target = half.get(call.world).map(|group| group.target.clone());
        if options
            .value("t")
            .is_some_and(|name| target.as_deref() != Some(name))
            && !options.has("remote")
        {
            return Err(refuse(format!(
                "Error: target {} is not a target of group {name}",
                options.value("t").unwrap_or_default()
            )));
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

fn must_send_from(
    call: &Call<'_>,
    half: &crate::remote_copy::Half,
    options: &Options,
) -> Result<(), Answer> {
    if options.has("remote") {
        Ok(())
    } else {
        must_send(call, half)
    }
}
