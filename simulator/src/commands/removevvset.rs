//! `removevvset`: removes a VV set, or members of one.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::question;
use crate::patterns::matches;
use crate::state::Set;

/// `removevvset [-f] [-pat] <set> [<VV>...]`.
pub static COMMAND: Command = Command {
    name: "removevvset",
    syntax: "removevvset [-f] [-pat] <setname> [<VV_name>...]",
    flags: &["f", "pat"],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    remove(call, options).unwrap_or_else(|refusal| refusal)
}

fn remove(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let Some((word, members)) = options.words.split_first() else {
        return Err(usage(&COMMAND, "a set name is needed"));
    };
    let confirmed = call.confirmed;
    let array = call.here();
    let all: Vec<String> = array
        .vv_sets
        .keys()
        .filter(|name| *name == word || (options.has("pat") && matches(word, name)))
        .cloned()
        .collect();
    if all.is_empty() {
        return Err(refuse(format!("vv set {word} does not exist")));
    }
    if !options.has("f") && !confirmed {
        return Ok(Answer::asks(ask("vv", &all, members)));
    }
    for name in &all {
        let in_group = array.groups.values().any(|group| {
            let admitted = |volume: &crate::state::Replicated| {
                volume.sets.as_ref().is_some_and(|(local, _)| local == name)
            };
            group.volumes.iter().any(admitted)
        });
        if in_group {
            return Err(refuse(format!(
                "Set {name} is currently admitted to Remote Copy Group and may not be directly removed."
            )));
        }
        if name.starts_with("RCP_") {
            return Err(refuse(format!(
                "Error: vv set {name} was created automatically, members cannot be added or removed"
            )));
        }
        if members.is_empty()
            && array
                .vluns
                .iter()
                .any(|vlun| vlun.vv == format!("set:{name}"))
        {
            return Err(refuse(format!("Error: vv set {name} is exported")));
        }
        if members.is_empty() {
            array.vv_sets.remove(name);
        } else if let Some(set) = array.vv_sets.get_mut(name) {
            take_out(set, "vv", name, members)?;
        }
    }
    Ok(Answer::silent())
}

/// The question before sets of `kind`, or members, are removed.
pub(super) fn ask(kind: &str, sets: &[String], members: &[String]) -> String {
    let what = if members.is_empty() {
        format!(
            "Are you sure you want to remove {kind} set {}?",
            sets.join(" ")
        )
    } else {
        format!(
            "Are you sure you want to remove {} from {kind} set {}?",
            members.join(" "),
            sets.join(" ")
        )
    };
    question(&what)
}

/// Takes members out, all or none.
pub(super) fn take_out(
    set: &mut Set,
    kind: &str,
    name: &str,
    members: &[String],
) -> Result<(), Answer> {
    if let Some(absent) = members.iter().find(|member| !set.members.contains(member)) {
        return Err(refuse(format!(
            "Error: {kind} {absent} is not in {kind} set {name}"
        )));
    }
    set.members.retain(|member| !members.contains(member));
    Ok(())
}
