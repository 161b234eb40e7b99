//! `growvv`: makes a VV larger, and its copy on the other array with it.

use super::createvv::{STEP_MIB, largest_mib, parse_size, refuse};
use super::{Answer, Call, Command, Options, usage};
use crate::names;
use crate::remote_copy::{Half, target};

/// `growvv [-f] <VV> <size to add>`.
pub static COMMAND: Command = Command {
    name: "growvv",
    syntax: "growvv [-f] <VV_name> <size>[g|G|t|T]",
    flags: &["f"],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

/// Growing beyond this is asked about, MiB.
const ASKED_MIB: u64 = 2 << 20;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    grow(call, options).unwrap_or_else(|refusal| refusal)
}

fn grow(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [name, size] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "wrong number of arguments"));
    };
    let confirmed = options.has("f") || call.confirmed;
    let here = call.array;
    let array = call.here();
    let Some(vv) = array.vvs.get(name) else {
        return Err(refuse(format!("VV {name} not found")));
    };
    if vv.is_system() {
        return Err(refuse(format!("Error: vv {name} is a system volume")));
    }
    if vv.kind == "pcopy" {
        return Err(refuse(format!("Error: vv {name} is a physical copy")));
    }
    if let Some(busy) = array.busy(name) {
        return Err(refuse(format!("Error: {busy}")));
    }
    if let Some(copy) = array.physical_copy(name) {
        let copy = &copy.name;
        return Err(refuse(format!(
            "Error: vv {name} is the parent of physical copy {copy}"
        )));
    }
    if vv.kind != "base" {
        return Err(refuse(format!("Error: vv {name} is not a base volume")));
    }
    let largest = largest_mib(array.release);
    let added = parse_size(size)
        .filter(|mib| (1..=largest).contains(mib))
        .ok_or_else(|| refuse(format!("Error: Invalid volume size: {size}")))?
        .next_multiple_of(STEP_MIB);
    let grown = vv.size_mib + added;
    if grown > largest {
        return Err(refuse(format!(
            "Error: vv {name} would be larger than the maximum size of a volume"
        )));
    }
    if vv.size_mib < ASKED_MIB && grown > ASKED_MIB && !confirmed {
        return Ok(Answer::asks(names::question(&format!(
            "Are you sure you want to grow vv {name} to more than 2T?"
        ))));
    }
    let mut places = vec![(here.to_owned(), name.clone())];
    let started_too = array.switch("grow_while_started");
    let one_side = array.switch("grow_one_side");
    if let Some(group) = array.group_of(name) {
        let (half, group_name) = (Half::new(here, &group.name), group.name.clone());
        let remote = group.volume(name).map(|volume| volume.remote.clone());
        let (group_target, sends) = (group.target.clone(), group.sends());
        if group.is_started() && !started_too {
            return Err(refuse(format!(
                "Error: vv {name} is in the started remote copy group {group_name}"
            )));
        }
        let mirrored = !one_side
            && target(call.world, here, &group_target).is_none_or(|target| {
                target
                    .policies
                    .iter()
                    .any(|policy| policy == "mirror_config")
            });
        if !mirrored {
            grow_all(call, &places, added)?;
            return Ok(Answer::silent());
        }
        if !sends {
            return Err(refuse(format!(
                "Error: vv {name} is a secondary of remote copy group {group_name}"
            )));
        }
        let other = half
            .receiver(call.world)
            .filter(|_| half.connected(call.world));
        let Some((other, remote)) = other.zip(remote) else {
            return Err(refuse(format!("Target {group_target} is not up and ready")));
        };
        places.push((other.array, remote));
    }
    grow_all(call, &places, added)?;
    Ok(Answer::silent())
}

/// Makes all of them larger, or none.
fn grow_all(call: &mut Call<'_>, places: &[(String, String)], added: u64) -> Result<(), Answer> {
    for for_real in [false, true] {
        for (array, vv) in places {
            reserve(call, array, vv, added, for_real)?;
        }
    }
    Ok(())
}

/// Takes the space that this VV needs more from its CPG, and makes it larger; unless `for_real` only looks.
fn reserve(
    call: &mut Call<'_>,
    array: &str,
    name: &str,
    added: u64,
    for_real: bool,
) -> Result<(), Answer> {
    let array = call.world.arrays.get_mut(array);
    let Some((array, mut vv)) = array.and_then(|array| {
        let vv = array.vvs.get(name)?.clone();
        Some((array, vv))
    }) else {
        return Ok(());
    };
    let before = vv.reserved_mib();
    vv.size_mib += added;
    let more = vv.reserved_mib() - before;
    if let Some(cpg) = array.cpgs.iter_mut().find(|cpg| cpg.name == vv.cpg) {
        if cpg.free_mib < more {
            return Err(refuse(format!(
                "Error: Unable to allocate space for vv {name}: cpg {} has no free space",
                cpg.name
            )));
        }
        if for_real {
            cpg.free_mib -= more;
        }
    }
    if for_real {
        array.vvs.insert(name.to_owned(), vv);
    }
    Ok(())
}
