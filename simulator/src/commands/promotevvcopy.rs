//! `promotevvcopy`: makes a VV of its own of a physical copy.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::state::Array;

/// `promotevvcopy <physical copy>`.
pub static COMMAND: Command = Command {
    name: "promotevvcopy",
    syntax: "promotevvcopy <physical_copy>",
    flags: &[],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let [name] = options.words.as_slice() else {
        return usage(&COMMAND, "one volume is needed");
    };
    let array = call.here();
    if let Some(why) = obstacle(array, name) {
        return refuse(why);
    }
    if let Some(vv) = array.vvs.get_mut(name) {
        "base".clone_into(&mut vv.kind);
        vv.copy_of = None;
    }
    Answer::silent()
}

fn obstacle(array: &Array, name: &str) -> Option<String> {
    let Some(vv) = array.vvs.get(name) else {
        return Some(format!("VV {name} not found"));
    };
    if vv.kind != "pcopy" {
        return Some(format!("Error: vv {name} is not a physical copy"));
    }
    if let Some(busy) = array.busy(name) {
        return Some(format!("Error: {busy}"));
    }
    vv.copy_failed
        .then(|| format!("Error: vv {name} is not complete, its copy failed"))
}
