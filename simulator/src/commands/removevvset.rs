//! `removevvset`: removes a VV set, or members of one.

use super::sets::{Kind, remove};
use super::{Answer, Call, Command, Options};

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
    remove(call, options, &COMMAND, Kind::Vv).unwrap_or_else(|refusal| refusal)
}
