//! `removehostset`: removes a host set, or members of one.

use super::sets::{Kind, remove};
use super::{Answer, Call, Command, Options};

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
    remove(call, options, &COMMAND, Kind::Host).unwrap_or_else(|refusal| refusal)
}
