//! `createvvset`: makes a VV set, or adds members to one.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names;
use crate::state::{Array, Set};

/// `createvvset [options] <set> [<VV>...]`, `createvvset -add <set> <VV>...`.
pub static COMMAND: Command = Command {
    name: "createvvset",
    syntax: "createvvset [-comment <comment>] [-domain <domain>] [-add] <setname> [<VV_name>...]",
    flags: &["add"],
    valued: &["comment", "domain"],
    changes: true,
    licence: None,
    run,
};

/// Longest name of a set.
const LONGEST_NAME: usize = 27;

/// Longest comment of a set.
const LONGEST_COMMENT: usize = 255;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let Some((name, members)) = options.words.split_first() else {
        return usage(&COMMAND, "a set name is needed");
    };
    if options.has("add") && (options.value("comment").is_some() || members.is_empty()) {
        return usage(
            &COMMAND,
            "-add takes a set and at least one volume, and no -comment",
        );
    }
    let array = call.here();
    match create(array, name, members, options) {
        Ok(()) => Answer::silent(),
        Err(refusal) => refusal,
    }
}

fn create(
    array: &mut Array,
    name: &str,
    members: &[String],
    options: &Options,
) -> Result<(), Answer> {
    for member in members {
        let vv = array
            .vvs
            .get(member)
            .ok_or_else(|| refuse(format!("VV {member} not found")))?;
        if vv.is_system() {
            return Err(refuse(format!("Error: vv {member} is a system volume")));
        }
    }
    if options.has("add") {
        let set = array
            .vv_sets
            .get_mut(name)
            .ok_or_else(|| refuse(format!("vv set {name} does not exist")))?;
        return add(set, "vv", name, members);
    }
    check_new("vv", name, array.vv_sets.contains_key(name), options)?;
    let id = array.next_id("vvset");
    array
        .vv_sets
        .insert(name.to_owned(), new_set(id, members, options));
    Ok(())
}

/// A new set with each member once.
pub(super) fn new_set(id: u32, members: &[String], options: &Options) -> Set {
    let mut set = Set {
        id,
        members: Vec::new(),
        comment: options.value("comment").unwrap_or_default().to_owned(),
    };
    for member in members {
        if !set.members.contains(member) {
            set.members.push(member.clone());
        }
    }
    set
}

/// Name and comment a new set of `kind` (`vv`, `host`) may have.
pub(super) fn check_new(
    kind: &str,
    name: &str,
    exists: bool,
    options: &Options,
) -> Result<(), Answer> {
    if !names::well_formed(name) || name.len() > LONGEST_NAME {
        return Err(refuse(format!("Error: Invalid {kind} set name: {name}")));
    }
    if exists {
        return Err(refuse(format!("Error: {kind} set {name} already exists")));
    }
    if options
        .value("comment")
        .is_some_and(|comment| comment.chars().count() > LONGEST_COMMENT)
    {
        return Err(refuse(format!(
            "Error: Comment is longer than {LONGEST_COMMENT} characters"
        )));
    }
    Ok(())
}

/// Adds members, all or none.
pub(super) fn add(set: &mut Set, kind: &str, name: &str, members: &[String]) -> Result<(), Answer> {
    if kind == "vv" && name.starts_with("RCP_") {
        return Err(refuse(format!(
            "Error: vv set {name} was created automatically, members cannot be added or removed"
        )));
    }
    if let Some(member) = members.iter().find(|member| set.members.contains(member)) {
        return Err(refuse(format!(
            "Error: {kind} {member} is already in {kind} set {name}"
        )));
    }
    set.members.extend(members.iter().cloned());
    Ok(())
}
