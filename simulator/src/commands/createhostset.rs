//! `createhostset`: makes a host set, or adds members to one.

use super::sets::{Kind, create};
use super::{Answer, Call, Command, Options};

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
    create(call, options, &COMMAND, Kind::Host).unwrap_or_else(|refusal| refusal)
}
