//! `removehostset`: removes a host set, or members of one.

use super::createvv::refuse;
use super::removevvset::{ask, take_out};
use super::{Answer, Call, Command, Options, usage};

/// `removehostset [-f] <set> [<host>...]`.
pub static COMMAND: Command = Command {
    name: "removehostset",
    syntax: "removehostset [-f] <setname> [<host>...]",
    flags: &["f"],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let Some((name, members)) = options.words.split_first() else {
        return usage(&COMMAND, "a set name is needed");
    };
    let confirmed = call.confirmed;
    let array = call.here();
    let Some(set) = array.host_sets.get_mut(name) else {
        return refuse(format!("host set {name} does not exist"));
    };
    if !options.has("f") && !confirmed {
        return Answer::asks(ask("host", std::slice::from_ref(name), members));
    }
    if !members.is_empty() {
        return match take_out(set, "host", name, members) {
            Ok(()) => Answer::silent(),
            Err(refusal) => refusal,
        };
    }
    let exported = format!("set:{name}");
    if array
        .vluns
        .iter()
        .any(|vlun| vlun.host.as_ref() == Some(&exported))
    {
        return refuse(format!("Error: host set {name} has exported VLUNs"));
    }
    array.host_sets.remove(name);
    Answer::silent()
}
