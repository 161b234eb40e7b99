//! `removevv`: removes VVs.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::{question, set_name};
use crate::state::Array;

/// `removevv [options] <VV_name|pattern|set:name>...`.
pub static COMMAND: Command = Command {
    name: "removevv",
    syntax: "removevv [options] <VV_name>|<pattern>...",
    flags: &[
        "f", "pat", "snaponly", "cascade", "expired", "stale", "nowait", "dr",
    ],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    if options.words.is_empty() && !options.has("expired") {
        return usage(&COMMAND, "a volume name is needed");
    }
    if options.has("expired") && options.has("stale") {
        return usage(&COMMAND, "-expired and -stale are mutually exclusive");
    }
    let now = call.now;
    let confirmed = call.confirmed;
    let array = call.here();
    let named = match named(array, options) {
        Ok(named) => named,
        Err(refusal) => return refusal,
    };
    let mut all: Vec<String> = Vec::new();
    for name in named {
        let expired = array
            .vvs
            .get(&name)
            .is_some_and(|vv| vv.expires_at.is_some_and(|end| end <= now));
        // Nothing here ever becomes stale.
        if (options.has("expired") && !expired) || options.has("stale") {
            continue;
        }
        let copy = array.vvs.get(&name).is_some_and(|vv| vv.kind == "vcopy");
        if options.has("cascade") || (options.has("snaponly") && !copy) {
            all.extend(array.descendants(&name));
        }
        if copy || !options.has("snaponly") {
            all.push(name);
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|name| seen.insert(name.clone()));
    if options.has("dr") {
        let lines: String = all
            .iter()
            .map(|name| format!("Dry run: Removing vv {name}\n"))
            .collect();
        return Answer::says(lines);
    }
    if !options.has("f") && !confirmed && !all.is_empty() {
        return Answer::asks(question(&format!(
            "Are you sure you want to remove {}?",
            all.join(" ")
        )));
    }
    let mut answer = Answer::silent();
    for name in all {
        answer.stdout += &format!("Removing vv {name}\n");
        if let Some(reason) = obstacle(array, &name, options.has("cascade"), now) {
            answer.stderr = reason + "\n";
            answer.status = 1;
            return answer;
        }
        if options.has("cascade") {
            array.vluns.retain(|vlun| vlun.vv != name);
            for set in array.vv_sets.values_mut() {
                set.members.retain(|member| *member != name);
            }
        }
        array.remove_vv(&name);
    }
    answer
}

/// The VVs meant. One that is not there refuses all of them.
fn named(array: &Array, options: &Options) -> Result<Vec<String>, Answer> {
    if options.words.is_empty() {
        return Ok(array.vvs.keys().cloned().collect());
    }
    let mut all = Vec::new();
    for word in &options.words {
        if options.has("pat") || set_name(word).is_some() {
            let found = array.vvs_named(word);
            if found.is_empty() {
                return Err(refuse(format!("no volumes matching {word}")));
            }
            all.extend(found);
        } else if array.vvs.contains_key(word) {
            all.push(word.clone());
        } else {
            return Err(refuse(format!("VV {word} not found")));
        }
    }
    Ok(all)
}

/// Why this VV may not be removed.
fn obstacle(array: &Array, name: &str, cascade: bool, now: i64) -> Option<String> {
    let vv = array.vvs.get(name)?;
    if vv.is_system() {
        return Some(format!("Attempt to delete system vv {name}"));
    }
    if let Some(group) = array.group_of(name) {
        return Some(format!(
            "Attempt to delete vv {name} which is a member of remote copy group {}",
            group.name
        ));
    }
    let resync = array.groups.values().any(|group| {
        group
            .volumes
            .iter()
            .any(|volume| volume.resync_snapshot.as_deref() == Some(name))
    });
    if resync {
        return Some(format!(
            "Attempt to delete vv {name} which is used by remote copy"
        ));
    }
    if vv.retained_until.is_some_and(|end| end > now) {
        return Some(format!(
            "Attempt to delete vv {name}: volume retention time has not expired"
        ));
    }
    if let Some(busy) = array.busy(name) {
        return Some(format!("Attempt to delete vv {name}: {busy}"));
    }
    if let Some(copy) = array.physical_copy(name) {
        return Some(format!(
            "Attempt to delete vv {name} which is the parent of physical copy {}",
            copy.name
        ));
    }
    let active = array.active_vluns().iter().any(|vlun| vlun.vv == name);
    if active || (!cascade && !array.exports_of(name).is_empty()) {
        return Some(format!("Attempt to delete vv {name} which is exported"));
    }
    if !array.children(name).is_empty() {
        let access = if vv.read_only { "ro" } else { "rw" };
        return Some(format!(
            "Attempt to delete {access} vol {name} which has snapshots"
        ));
    }
    let sets = array.sets_of_vv(name);
    match sets.first() {
        // This one is followed by an empty line.
        Some(set) if !cascade => Some(format!(
            "Attempt to delete vv {name} which is a member of vv set {set}\n"
        )),
        _ => None,
    }
}
