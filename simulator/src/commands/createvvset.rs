//! `createvvset`: makes a VV set, or adds members to one.

use super::sets::{Kind, create};
use super::{Answer, Call, Command, Options};

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

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    create(call, options, &COMMAND, Kind::Vv).unwrap_or_else(|refusal| refusal)
}
