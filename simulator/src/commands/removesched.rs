//! `removesched`: takes a schedule away.

use super::createsched::absent;
use super::{Answer, Call, Command, Options, usage};
use crate::names::question;

/// `removesched [-f] <name>`.
pub static COMMAND: Command = Command {
    name: "removesched",
    syntax: "removesched [-f] <schedname>",
    flags: &["f"],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let [name] = options.words.as_slice() else {
        return usage(&COMMAND, "a schedule name is needed");
    };
    let confirmed = call.confirmed || options.has("f");
    let schedules = &mut call.here().schedules;
    if !schedules.contains_key(name) {
        return absent(name);
    }
    if !confirmed {
        return Answer::asks(question(&format!(
            "Are you sure you want to remove schedule {name}?"
        )));
    }
    schedules.remove(name);
    Answer::silent()
}
