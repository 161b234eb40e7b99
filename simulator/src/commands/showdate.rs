//! `showdate`: the time of each node.

use super::{Answer, Call, Command, Options};

/// `showdate`.
pub static COMMAND: Command = Command {
    name: "showdate",
    syntax: "showdate",
    flags: &[],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, _: &Options) -> Answer {
    let date = call.date(call.now);
    let zone = &call.here().time_zone;
    Answer::says(format!(
        "Node Date\n0    {date} ({zone})\n1    {date} ({zone})\n"
    ))
}
