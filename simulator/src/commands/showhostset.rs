//! `showhostset`: lists host sets.

use super::sets::{Kind, list};
use super::{Answer, Call, Command, Options};

/// `showhostset [-d] [-host <host>[,<host>...]] [<set or pattern>...]`.
pub static COMMAND: Command = Command {
    name: "showhostset",
    syntax: "showhostset [-d] [-host <host or pattern>] [<setname or pattern>...]",
    flags: &["d"],
    valued: &["host"],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    list(call, options, Kind::Host)
}
