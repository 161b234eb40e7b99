//! `createvvcopy`: copies a VV or snapshot, off line over a VV that is there, on line to a new one.

use super::createvv::{
    check_compressed_size, check_licences, check_name, check_reduction, pool, provisioning, refuse,
};
use super::{Answer, Call, Command, Options, sets, usage};
use crate::copies::{End, Priority, begin, end};
use crate::state::{Array, CopyKind, Release, Vv};

/// `createvvcopy -p <parent> <VV>`, `createvvcopy -p <parent> -online [options] <usr_cpg> <new VV>`, `createvvcopy -halt <VV>`.
pub static COMMAND: Command = Command {
    name: "createvvcopy",
    syntax: "createvvcopy -p <parent_VV> [-pri <high|med|low>] {<dest_VV> | -online [options] <usr_CPG> <dest_VV>}",
    flags: &[
        "online", "tpvv", "tdvv", "dedup", "compr", "reduce", "halt", "f",
    ],
    valued: &["p", "snp_cpg", "pri", "addtoset"],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let done = match (options.has("halt"), options.has("online")) {
        (true, _) => halt(call, options),
        (false, true) => online(call, options),
        (false, false) => offline(call, options),
    };
    done.unwrap_or_else(|refusal| refusal)
}

fn priority(options: &Options) -> Result<Priority, Answer> {
    Priority::of(options.value("pri")).ok_or_else(|| usage(&COMMAND, "-pri takes high, med or low"))
}

/// What is copied, if it may be.
fn parent<'a>(array: &'a Array, options: &Options) -> Result<&'a Vv, Answer> {
    let name = options
        .value("p")
        .ok_or_else(|| usage(&COMMAND, "a parent is needed"))?;
    let vv = array
        .vvs
        .get(name)
        .ok_or_else(|| refuse(format!("VV {name} not found")))?;
    if vv.is_system() {
        return Err(refuse(format!("Error: vv {name} is a system volume")));
    }
    if vv.copying.is_some() {
        let busy = array.busy(name).unwrap_or_default();
        return Err(refuse(format!("Error: {busy}")));
    }
    if vv.copy_failed {
        return Err(refuse(format!(
            "Error: vv {name} is not complete, its copy failed"
        )));
    }
    if array.release != Release::V1050 && array.base_of(vv).snp_cpg.is_none() {
        return Err(refuse(format!(
            "Error: The parent volume {name} must allow snapshots: it has no snp_cpg"
        )));
    }
    Ok(vv)
}

fn offline(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [to] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "one volume is needed"));
    };
    let only_online = ["tpvv", "tdvv", "dedup", "compr", "reduce"];
    let new = only_online.iter().any(|option| options.has(option));
    if new || options.value("snp_cpg").is_some() || options.value("addtoset").is_some() {
        return Err(usage(&COMMAND, "options of a new volume go with -online"));
    }
    let priority = priority(options)?;
    let array = call.here();
    let parent = parent(array, options)?.clone();
    check_destination(array, &parent, to)?;
    if let Some(vv) = array.vvs.get_mut(to) {
        "pcopy".clone_into(&mut vv.kind);
        vv.copy_of = Some(parent.name.clone());
    }
    Ok(started(call, CopyKind::Offline, &parent.name, to, priority))
}

/// May this VV be overwritten?
fn check_destination(array: &Array, parent: &Vv, to: &str) -> Result<(), Answer> {
    let from = &parent.name;
    let vv = array
        .vvs
        .get(to)
        .ok_or_else(|| refuse(format!("VV {to} not found")))?;
    let why = if to == from {
        format!("vv {to} cannot be copied to itself")
    } else if vv.is_system() {
        format!("vv {to} is a system volume")
    } else if let Some(busy) = array.busy(to) {
        busy
    } else if vv.kind == "vcopy" {
        format!("vv {to} is not a base volume")
    } else if array.base_of(parent).name == *to {
        format!("vv {to} is the base of its parent {from}")
    } else if let Some(group) = array.group_of(to) {
        format!("vv {to} is in remote copy group {}", group.name)
    } else if !array.exports_of(to).is_empty() {
        format!("vv {to} is exported")
    } else if !array.children(to).is_empty() {
        format!("vv {to} has snapshots")
    } else if let Some(copy) = array.physical_copy(to) {
        format!("vv {to} is the parent of physical copy {}", copy.name)
    } else if vv.domain != parent.domain {
        format!("vv {to} and vv {from} must be in the same domain")
    } else if vv.size_mib < parent.size_mib {
        format!("parent vv {from} is larger than vv {to}")
    } else {
        return Ok(());
    };
    Err(refuse(format!("Error: {why}")))
}

fn online(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [cpg, to] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "a CPG and a new volume are needed"));
    };
    let priority = priority(options)?;
    let now = call.now;
    let array = call.here();
    let prov = provisioning(&COMMAND, array.release, options)?;
    let parent = parent(array, options)?.clone();
    check_name(array, to)?;
    if array.vvs.contains_key(to) {
        return Err(refuse(format!("Error: vv {to} already exists")));
    }
    let (domain, ssd, free_mib) = {
        let pool = pool(array, cpg)?;
        (pool.domain.clone(), pool.ssd, pool.free_mib)
    };
    let compressed = options.has("compr") || options.has("reduce");
    check_reduction(cpg, ssd, prov, compressed)?;
    check_licences(array, prov, compressed, options)?;
    check_compressed_size(options, parent.size_mib)?;
    let snp_cpg = match options.value("snp_cpg") {
        Some(snp) => Some(pool(array, snp)?.name.clone()),
        None => None,
    };
    if domain != parent.domain {
        return Err(refuse(format!(
            "Error: cpg {cpg} and vv {} must be in the same domain",
            parent.name
        )));
    }
    let vv = Vv {
        kind: "pcopy".to_owned(),
        copy_of: Some(parent.name.clone()),
        compressed,
        snp_cpg,
        domain,
        ..Vv::base(to, prov, cpg, parent.size_mib, now)
    };
    if free_mib == 0 || free_mib < vv.reserved_mib() {
        return Err(refuse(format!(
            "Error: Unable to allocate space for vv {to}: cpg {cpg} has no free space"
        )));
    }
    let set = options.value("addtoset");
    if let Some(set) = set.filter(|set| !array.vv_sets.contains_key(*set)) {
        sets::check_new_name(set)?;
    }
    array.add_vv(vv);
    if let Some(set) = set {
        sets::join(array, set, to);
    }
    Ok(started(call, CopyKind::Online, &parent.name, to, priority))
}

fn started(
    call: &mut Call<'_>,
    kind: CopyKind,
    from: &str,
    to: &str,
    priority: Priority,
) -> Answer {
    let by = (call.now, call.user);
    let task = begin(call.world, call.array, kind, (from, to), priority, by);
    Answer::says(format!(
        "Copy was started. child = {to}, parent = {from}, task ID = {task}\n"
    ))
}

/// `-halt`: the copy into this VV ends as it is.
fn halt(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [to] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "one volume is needed"));
    };
    let array = call.here();
    let vv = array
        .vvs
        .get(to)
        .ok_or_else(|| refuse(format!("VV {to} not found")))?;
    let kind = vv.copying.as_ref().map(|copying| copying.kind);
    if !matches!(kind, Some(CopyKind::Offline | CopyKind::Online)) {
        return Err(refuse(format!("Error: no copy to vv {to} is active")));
    }
    end(call.world, call.array, to, End::Cancelled, call.now);
    Ok(Answer::silent())
}
