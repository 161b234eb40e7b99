//! `createsv`: makes snapshots, on both arrays at once with `-rcopy`.

use super::createvv::{check_comment, check_name, refuse, times};
use super::{Answer, Call, Command, Options, sets, usage};
use crate::names::{question, set_name};
use crate::remote_copy::{Half, in_step, locate, must_be_ready, must_send};
use crate::snapshots::{NewSnapshot, expand};
use crate::state::{Agreement, Array, Mode, Release, Vv};

/// `createsv [options] <snapshot> <VV>|set:<VV set>`.
pub static COMMAND: Command = Command {
    name: "createsv",
    syntax: "createsv [options] <SV_name> <copy_of_VV>|set:<VV_set>",
    flags: &["ro", "rcopy", "f"],
    valued: &["exp", "retain", "comment", "addtoset"],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    create(call, options).unwrap_or_else(|refusal| refusal)
}

fn create(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [pattern, source] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "wrong number of arguments"));
    };
    if options.value("retain").is_some() && !options.has("f") && !call.confirmed {
        return Ok(Answer::asks(question(&format!(
            "Are you sure you want to create {pattern} with a retention time?"
        ))));
    }
    let here = call.array.to_owned();
    let now = call.now;
    let array = call.here();
    check_licences(array, options)?;
    let comment = check_comment(options.value("comment").unwrap_or_default())?;
    if let Some(set) = options.value("addtoset")
        && !array.vv_sets.contains_key(set)
    {
        sets::check_new_name(set)?;
    }
    let mut wanted: Vec<NewSnapshot> = Vec::new();
    for (parent, count) in parents(array, source)?.into_iter().zip(1..) {
        let array = call.here();
        let name = expand(pattern, &parent, count, now, &array.time_zone);
        let (expires_at, retained_until) = times(options, now, parent.domain.is_some())?;
        let read_only = options.has("ro");
        check(array, &name, &parent, read_only)?;
        if wanted
            .iter()
            .any(|one| one.array == here && one.vv.name == name)
        {
            return Err(in_use(&name, "that is about to be created"));
        }
        let vv = Vv {
            comment: comment.clone(),
            expires_at,
            retained_until,
            ..Vv::snapshot(&name, &parent, read_only, now)
        };
        wanted.push(NewSnapshot {
            array: here.clone(),
            data_of: in_step(call.world, &here, &parent.name),
            vv,
        });
        if options.has("rcopy") {
            wanted.push(beyond(call, options, &name, &parent)?);
        }
    }
    let set = options.value("addtoset");
    for NewSnapshot { array, vv, data_of } in wanted {
        let name = vv.name.clone();
        if let Some(from) = data_of {
            call.world.agreements.push(Agreement {
                from,
                to: (array.clone(), name.clone()),
                joins: false,
            });
        }
        let is_here = array == here;
        if let Some(array) = call.world.arrays.get_mut(&array) {
            array.add_vv(vv);
            if let Some(set) = set.filter(|_| is_here) {
                sets::join(array, set, &name);
            }
        }
    }
    Ok(Answer::silent())
}

/// VVs that a word names; each must be there.
fn parents(array: &Array, source: &str) -> Result<Vec<Vv>, Answer> {
    let names = match set_name(source) {
        Some(set) => {
            let set_of = array.vv_sets.get(set);
            let set_of = set_of.ok_or_else(|| refuse(format!("vv set {set} does not exist")))?;
            if set_of.members.is_empty() {
                return Err(refuse(format!("Error: vv set {set} has no members")));
            }
            set_of.members.clone()
        }
        None => vec![source.to_owned()],
    };
    let find = |name: &String| {
        let vv = array.vvs.get(name).cloned();
        vv.ok_or_else(|| refuse(format!("VV {name} not found")))
    };
    names.iter().map(find).collect()
}

/// May a snapshot of this name be made of this VV?
fn check(array: &Array, name: &str, parent: &Vv, read_only: bool) -> Result<(), Answer> {
    let source = &parent.name;
    if parent.is_system() {
        return Err(refuse(format!("Error: vv {source} is a system volume")));
    }
    // Snapshots of a family alternate; the read-only one between two that are not, the array makes for itself.
    if read_only && parent.read_only {
        return Err(refuse(format!(
            "Error: A read-only copy of the read-only vv {source} is not allowed"
        )));
    }
    if !read_only && !parent.read_only && array.switch("rw_snapshot_of_ro_only") {
        return Err(refuse(format!(
            "Error: A read-write copy of the read-write vv {source} is not allowed"
        )));
    }
    check_name(array, name)?;
    if let Some(taken) = array.vvs.get(name) {
        return Err(in_use(name, &taken.id.to_string()));
    }
    let base = array.base_of(parent);
    let later = array.release == Release::V1050;
    let pool = if later {
        Some(&base.cpg)
    } else {
        base.snp_cpg.as_ref()
    };
    let Some(pool) = pool else {
        return Err(refuse(format!(
            "Error: The parent volume {source} must allow snapshots: it has no snp_cpg"
        )));
    };
    let full = array
        .cpgs
        .iter()
        .any(|cpg| cpg.name == *pool && cpg.free_mib == 0);
    if full {
        return Err(refuse(format!(
            "Error: Unable to allocate snapshot space for vv {source}: cpg {pool} has no free space"
        )));
    }
    Ok(())
}

fn in_use(name: &str, whose: &str) -> Answer {
    refuse(format!("Error: {name} is already in use by volume {whose}"))
}

fn check_licences(array: &Array, options: &Options) -> Result<(), Answer> {
    // 10.x has no single licences.
    if array.release == Release::V1050 {
        return Ok(());
    }
    let needed = [
        ("Virtual Copy", true),
        ("Virtual Lock", options.value("retain").is_some()),
    ];
    match needed
        .into_iter()
        .find(|(licence, needed)| *needed && !array.licensed(licence))
    {
        Some((licence, _)) => Err(refuse(format!(
            "Error: {licence} is not licensed on this system"
        ))),
        None => Ok(()),
    }
}

/// `-rcopy`: the same snapshot on the other array, with the data that this side has now.
fn beyond(
    call: &mut Call<'_>,
    options: &Options,
    name: &str,
    parent: &Vv,
) -> Result<NewSnapshot, Answer> {
    let (now, here, source) = (call.now, call.array.to_owned(), &parent.name);
    let group = call.here().group_of(source).map(|group| group.name.clone());
    let group =
        group.ok_or_else(|| refuse(format!("Error: vv {source} is not in a remote copy group")))?;
    let half: Half = locate(call, &group)?;
    must_send(call, &half)?;
    must_be_ready(call, &half)?;
    let not = |what: &str| refuse(format!("Error: remote copy group {group} is not {what}"));
    let (mode, started) = half
        .get(call.world)
        .map_or((Mode::Periodic, false), |group| {
            (group.mode, group.is_started())
        });
    if mode != Mode::Sync {
        return Err(not("synchronous"));
    }
    if !started {
        return Err(not("started"));
    }
    let remote = half.get(call.world).and_then(|group| {
        let volume = group.volume(source)?;
        volume.is_synced().then(|| volume.remote.clone())
    });
    let other = half.receiver(call.world);
    let (Some(other), Some(remote)) = (other, remote) else {
        return Err(not("synced"));
    };
    let peer = call.world.arrays.get(&other.array);
    let copy = peer.and_then(|peer| Some((peer, peer.vvs.get(&remote)?.clone())));
    let (peer, copy) = copy.ok_or_else(|| refuse(format!("VV {remote} not found")))?;
    check(peer, name, &copy, options.has("ro"))?;
    let (expires_at, retained_until) = times(options, now, copy.domain.is_some())?;
    let vv = Vv {
        comment: options.value("comment").unwrap_or_default().to_owned(),
        expires_at,
        retained_until,
        ..Vv::snapshot(name, &copy, options.has("ro"), now)
    };
    Ok(NewSnapshot {
        array: other.array,
        vv,
        data_of: Some((here, source.clone())),
    })
}
