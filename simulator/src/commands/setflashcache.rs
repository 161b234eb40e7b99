//! `setflashcache`: whether VV sets use the flash cache.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::well_formed;
use crate::state::{Array, Release};

/// `setflashcache enable|disable|clear vvset:<set>[,...]`.
pub static COMMAND: Command = Command {
    name: "setflashcache",
    syntax: "setflashcache {enable|disable|clear} vvset:<set>[,...]",
    flags: &["f"],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

/// What it needs.
const LICENCE: &str = "Adaptive Flash Cache";

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    set(call, options).err().unwrap_or_default()
}

fn set(call: &mut Call<'_>, options: &Options) -> Result<(), Answer> {
    let array = call.here();
    check_system(array)?;
    let [verb, targets] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "a verb and one list of VV sets are needed"));
    };
    let policy = match verb.as_str() {
        "enable" => Some(true),
        "disable" => Some(false),
        "clear" => None,
        _ => return Err(usage(&COMMAND, "enable, disable or clear is needed")),
    };
    let mut sets = Vec::new();
    for target in targets.split(',') {
        let set = target.strip_prefix("vvset:").filter(|set| well_formed(set));
        let set = set.ok_or_else(|| usage(&COMMAND, "a VV set is written vvset:<set>"))?;
        if !array.vv_sets.contains_key(set) {
            return Err(refuse(format!("vv set {set} does not exist")));
        }
        sets.push(set);
    }
    for set in sets {
        if let Some(set) = array.vv_sets.get_mut(set) {
            set.flash_cache = policy;
        }
    }
    Ok(())
}

/// Has this system a flash cache?
pub(super) fn check_system(array: &Array) -> Result<(), Answer> {
    if array.release == Release::V1050 {
        return Err(refuse("Error: flash cache is not supported on this system"));
    }
    if !array.licensed(LICENCE) {
        return Err(refuse(format!(
            "Error: {LICENCE} is not licensed on this system"
        )));
    }
    Ok(())
}
