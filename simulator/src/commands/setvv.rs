//! `setvv`: changes properties of VVs.

use super::createvv::{check_comment, check_name, pool, refuse, set_policies, times};
use super::{Answer, Call, Command, Options, usage};
use crate::names;
use crate::state::Release;

/// `setvv [options] <VV_name|pattern|set:name>...`.
pub static COMMAND: Command = Command {
    name: "setvv",
    syntax: "setvv [options] <VV_name|pattern|set:name>...",
    flags: &["f", "pat", "clrrsv", "clralua"],
    valued: &[
        "name", "comment", "exp", "retain", "snp_cpg", "pol", "wwn", "usr_aw", "usr_al", "snp_aw",
        "snp_al", "spt", "hpc", "udid",
    ],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    set(call, options).unwrap_or_else(|refusal| refusal)
}

fn set(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    if options.words.is_empty() {
        return Err(usage(&COMMAND, "a volume name is needed"));
    }
    let single = ["name", "wwn", "udid"];
    let alone = single.iter().filter(|name| options.value(name).is_some());
    if alone.clone().count() > 1 {
        return Err(usage(
            &COMMAND,
            "only one of -name, -wwn and -udid may be given",
        ));
    }
    let mut all = Vec::new();
    for word in &options.words {
        let found = call.here().vvs_named(word);
        if found.is_empty() {
            return Err(refuse(format!("VV {word} not found")));
        }
        all.extend(found);
    }
    if alone.count() == 1 && all.len() > 1 {
        return Err(usage(&COMMAND, "-name, -wwn and -udid take one volume"));
    }
    if options.value("retain").is_some() && !options.has("f") && !call.confirmed {
        return Ok(Answer::asks(names::question(
            "Are you sure you want to set the retention time?",
        )));
    }
    for name in &all {
        check(call, options, name)?;
    }
    for name in &all {
        change(call, options, name)?;
    }
    Ok(Answer::silent())
}

/// Everything that may be refused, so that nothing is changed if something is.
fn check(call: &mut Call<'_>, options: &Options, name: &str) -> Result<(), Answer> {
    let now = call.now;
    let array = call.here();
    let Some(vv) = array.vvs.get(name) else {
        return Err(refuse(format!("VV {name} not found")));
    };
    if vv.is_system() {
        return Err(refuse(format!("Error: vv {name} is a system volume")));
    }
    let locks = array.release == Release::V1050 || array.licensed("Virtual Lock");
    if options.value("retain").is_some() && !locks {
        return Err(refuse("Error: Virtual Lock is not licensed on this system"));
    }
    if let Some(comment) = options.value("comment") {
        check_comment(comment)?;
        let secondary = array.group_of(name).is_some_and(|group| !group.sends());
        if secondary && array.switch("secondary_comment_refused") {
            return Err(refuse(format!(
                "Error: vv {name} is a secondary remote copy volume and may not be changed"
            )));
        }
    }
    if let Some(new) = options.value("name") {
        check_name(array, new)?;
        if let Some(busy) = array.busy(name) {
            return Err(refuse(format!("Error: {busy}")));
        }
        if array.vvs.contains_key(new) {
            return Err(refuse(format!("Error: vv {new} already exists")));
        }
    }
    if let Some(cpg) = options.value("snp_cpg") {
        let same_domain = pool(array, cpg)?.domain == vv.domain;
        if !same_domain {
            return Err(refuse(format!(
                "Error: cpg {cpg} and vv {name} must be in the same domain"
            )));
        }
        let other = vv.snp_cpg.as_deref().is_some_and(|old| old != cpg);
        if other && !array.children(name).is_empty() {
            return Err(refuse(format!(
                "Error: vv {name} has snapshots, its snp_cpg may not be changed"
            )));
        }
    }
    if let Some(wwn) = options.value("wwn") {
        if array.group_of(name).is_some() {
            return Err(refuse(format!(
                "Error: vv {name} is admitted to a remote copy group, its WWN may not be changed"
            )));
        }
        if !array.exports_of(name).is_empty() {
            return Err(refuse(format!(
                "Error: vv {name} is exported, its WWN may not be changed"
            )));
        }
        if wwn != "auto" {
            let hex = matches!(wwn.len(), 16 | 32) && wwn.chars().all(|c| c.is_ascii_hexdigit());
            if !hex {
                return Err(refuse(format!("Error: Invalid WWN: {wwn}")));
            }
            if let Some(other) = array
                .vvs
                .values()
                .find(|other| other.name != name && other.wwn.eq_ignore_ascii_case(wwn))
            {
                return Err(refuse(format!(
                    "Error: WWN {wwn} is already used by vv {}",
                    other.name
                )));
            }
        }
    }
    if options.value("exp") != Some("0") {
        let (expires, retained) = times(options, now, vv.domain.is_some())?;
        let (end, kept) = (expires.or(vv.expires_at), retained.or(vv.retained_until));
        if kept.is_some_and(|kept| end.is_some_and(|end| kept > end)) {
            return Err(refuse(
                "Error: Retention time cannot be longer than the expiration time",
            ));
        }
        if retained.is_some_and(|new| vv.retained_until.is_some_and(|old| new < old)) {
            return Err(refuse(format!(
                "Error: Retention time of vv {name} cannot be removed or reduced"
            )));
        }
    }
    if let Some(list) = options.value("pol") {
        set_policies(&mut vv.clone(), list)?;
        let mut hosts: Vec<&Option<String>> = array
            .exports_of(name)
            .iter()
            .map(|vlun| &vlun.host)
            .collect();
        hosts.dedup();
        if list.split(',').any(|policy| policy == "one_host") && hosts.len() > 1 {
            return Err(refuse(format!(
                "Error: vv {name} is exported to more than one host"
            )));
        }
    }
    Ok(())
}

fn change(call: &mut Call<'_>, options: &Options, name: &str) -> Result<(), Answer> {
    let now = call.now;
    let wwn = match options.value("wwn") {
        Some("auto") => Some(call.here().fresh_wwn()),
        other => other.map(str::to_ascii_uppercase),
    };
    let Some(vv) = call.here().vvs.get_mut(name) else {
        return Ok(());
    };
    if let Some(comment) = options.value("comment") {
        comment.clone_into(&mut vv.comment);
    }
    if let Some(wwn) = wwn {
        vv.wwn = wwn;
    }
    if let Some(cpg) = options.value("snp_cpg") {
        vv.snp_cpg = Some(cpg.to_owned());
    }
    if let Some(list) = options.value("pol") {
        set_policies(vv, list)?;
    }
    if options.value("exp") == Some("0") {
        vv.expires_at = None;
    } else {
        let (expires, retained) = times(options, now, vv.domain.is_some())?;
        vv.expires_at = expires.or(vv.expires_at);
        vv.retained_until = retained.or(vv.retained_until);
    }
    if let Some(new) = options.value("name") {
        rename(call, name, new);
    }
    Ok(())
}

/// The name goes along everywhere: copies, sets, exports, and both sides of a remote copy group.
fn rename(call: &mut Call<'_>, old: &str, new: &str) {
    let here = call.array;
    let array = call.here();
    if let Some(mut vv) = array.vvs.remove(old) {
        new.clone_into(&mut vv.name);
        array.vvs.insert(new.to_owned(), vv);
    }
    let follow = |name: &mut String| {
        if name == old {
            new.clone_into(name);
        }
    };
    for vv in array.vvs.values_mut() {
        vv.copy_of.iter_mut().for_each(follow);
    }
    for set in array.vv_sets.values_mut() {
        set.members.iter_mut().for_each(follow);
    }
    for vlun in &mut array.vluns {
        follow(&mut vlun.vv);
    }
    for group in array.groups.values_mut() {
        for volume in &mut group.volumes {
            follow(&mut volume.local);
        }
    }
    for array in call.world.arrays.values_mut() {
        let pointing: Vec<String> = array
            .targets
            .iter()
            .filter(|target| target.array == here)
            .map(|target| target.name.clone())
            .collect();
        for group in array.groups.values_mut() {
            if pointing.contains(&group.target) {
                for volume in &mut group.volumes {
                    follow(&mut volume.remote);
                }
            }
        }
    }
}
