//! `showvvset`: lists VV sets.

use super::sets::{Kind, list};
use super::{Answer, Call, Command, Options};

/// `showvvset [-d] [-vv <VV>[,<VV>...]] [<set or pattern>...]`.
pub static COMMAND: Command = Command {
    name: "showvvset",
    syntax: "showvvset [-d] [-vv <VV_name or pattern>] [<setname or pattern>...]",
    flags: &["d"],
    valued: &["vv"],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    list(call, options, Kind::Vv)
}
