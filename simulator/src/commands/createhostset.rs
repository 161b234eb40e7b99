//! `createhostset`: makes a host set, or adds members to one.

use super::createvv::refuse;
use super::createvvset::{add, check_new, new_set};
use super::{Answer, Call, Command, Options, usage};
use crate::state::Array;

/// `createhostset [options] <set> [<host>...]`, `createhostset -add <set> <host>...`.
pub static COMMAND: Command = Command {
    name: "createhostset",
    syntax: "createhostset [-comment <comment>] [-domain <domain>] [-add] <setname> [<host>...]",
    flags: &["add"],
    valued: &["comment", "domain"],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let Some((name, members)) = options.words.split_first() else {
        return usage(&COMMAND, "a set name is needed");
    };
    if options.has("add") && (options.value("comment").is_some() || members.is_empty()) {
        return usage(
            &COMMAND,
            "-add takes a set and at least one host, and no -comment",
        );
    }
    match create(call.here(), name, members, options) {
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
    if let Some(absent) = members.iter().find(|host| !array.hosts.contains_key(*host)) {
        return Err(refuse(format!("Error: host {absent} does not exist")));
    }
    if options.has("add") {
        let set = array
            .host_sets
            .get_mut(name)
            .ok_or_else(|| refuse(format!("host set {name} does not exist")))?;
        return add(set, "host", name, members);
    }
    check_new("host", name, array.host_sets.contains_key(name), options)?;
    let id = array.next_id("hostset");
    array
        .host_sets
        .insert(name.to_owned(), new_set(id, members, options));
    Ok(())
}
