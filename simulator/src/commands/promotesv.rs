//! `promotesv`: puts a VV back to what one of its snapshots holds.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::copies::{Priority, begin};
use crate::state::{Array, CopyKind, Vv};

/// `promotesv [options] <snapshot>`.
pub static COMMAND: Command = Command {
    name: "promotesv",
    syntax: "promotesv [-target <VV_name>] [-rcp] [-pri <high|med|low>] [-online] <virtual_copy>",
    flags: &["rcp", "online"],
    valued: &["target", "pri"],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    promote(call, options).unwrap_or_else(|refusal| refusal)
}

fn promote(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [name] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "one virtual copy is needed"));
    };
    let priority = Priority::of(options.value("pri"))
        .ok_or_else(|| usage(&COMMAND, "-pri takes high, med or low"))?;
    let array = call.here();
    let snapshot = array
        .vvs
        .get(name)
        .ok_or_else(|| refuse(format!("VV {name} not found")))?;
    if snapshot.kind != "vcopy" {
        return Err(refuse("Error: Base volume may not be promoted"));
    }
    let target = target(array, snapshot, options.value("target"))?;
    check(array, snapshot, target, options)?;
    let to = target.name.clone();
    let by = (call.now, call.user);
    let kind = CopyKind::Promote;
    let task = begin(call.world, call.array, kind, (name, &to), priority, by);
    Ok(Answer::says(format!(
        "Task {task} has been started to promote virtual copy {name}\n"
    )))
}

/// The nearest VV above the snapshot that can be written to, or the one that was asked for.
fn target<'a>(array: &'a Array, snapshot: &'a Vv, asked: Option<&str>) -> Result<&'a Vv, Answer> {
    let mut above = Vec::new();
    let mut at = snapshot;
    while let Some(parent) = at.parent().and_then(|name| array.vvs.get(name)) {
        above.push(parent);
        at = parent;
    }
    let found = above.into_iter().find(|vv| match asked {
        Some(asked) => vv.name == asked,
        None => !vv.read_only,
    });
    let asked = asked.unwrap_or("read-write parent");
    found
        .filter(|vv| !vv.read_only)
        .ok_or_else(|| refuse(format!("Error: {asked} is no parent of {}", snapshot.name)))
}

fn check(array: &Array, snapshot: &Vv, target: &Vv, options: &Options) -> Result<(), Answer> {
    for vv in [target, snapshot] {
        if let Some(busy) = array.busy(&vv.name) {
            return Err(refuse(format!("Error: {busy}")));
        }
        if !options.has("online") && !array.exports_of(&vv.name).is_empty() {
            return Err(refuse(format!("Error: vv {} has exports defined", vv.name)));
        }
    }
    if let Some(group) = array.group_of(&target.name) {
        let (name, group_name) = (&target.name, &group.name);
        if !options.has("rcp") {
            return Err(refuse(format!(
                "Error: vv {name} is in remote copy group {group_name}"
            )));
        }
        if !group.sends() {
            return Err(refuse(format!(
                "Error: vv {name} is a secondary of remote copy group {group_name}"
            )));
        }
        if group.is_started() {
            return Err(refuse(format!(
                "Error: vv {name} is in the started remote copy group {group_name}"
            )));
        }
    }
    if snapshot.size_mib != target.size_mib {
        return Err(refuse(format!(
            "Error: The size of vv {} has increased since its snapshot {} was taken",
            target.name, snapshot.name
        )));
    }
    Ok(())
}
