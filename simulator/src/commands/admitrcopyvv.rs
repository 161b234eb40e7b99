//! `admitrcopyvv`: puts VVs into a remote copy group.

mod checks;

use checks::{check_existing, check_here, check_new};

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::{question, set_name};
use crate::patterns::matches;
use crate::remote_copy::{Half, keep_set, locate, must_be_ready, must_have_a_receiver, must_send};
use crate::state::{Array, Release, Replicated, Set, SyncStatus, Vlun, Vv, World};

/// `admitrcopyvv [options] <VV>[:<snapshot>] <group> <target>:<secondary VV>`, with `set:` on both sides, or `-pat`.
pub static COMMAND: Command = Command {
    name: "admitrcopyvv",
    syntax: "admitrcopyvv [options] <VV_name>[:<snapname>] <group_name> <target_name>:<sec_VV_name>",
    flags: &["createvv", "nowwn", "nosync", "pat", "f"],
    valued: &[],
    changes: true,
    licence: Some("Remote Copy"),
    run,
};

/// One volume to be admitted.
struct Admission {
    local: String,
    remote: String,
    snapshot: Option<String>,
}

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    admit(call, options).unwrap_or_else(|refusal| refusal)
}

fn admit(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [what, group, place] = options.words.as_slice() else {
        return Err(usage(
            &COMMAND,
            "a volume, a group and one target are needed",
        ));
    };
    let Some((target, remote)) = place.split_once(':') else {
        return Err(usage(
            &COMMAND,
            "the target is written <target_name>:<sec_VV_name>",
        ));
    };
    let half = locate(call, group)?;
    must_send(call, &half)?;
    let by_set = set_name(what).map(str::to_owned);
    let all = admissions(call.here(), options, what, remote)?;
    if (options.has("createvv") || options.has("nosync"))
        && all.iter().any(|one| one.snapshot.is_some())
    {
        return Err(usage(
            &COMMAND,
            "-createvv and -nosync take no starting snapshots",
        ));
    }
    for one in &all {
        check_here(call.world, &half, one)?;
    }
    if half
        .get(call.world)
        .is_some_and(|group| group.target != target)
    {
        return Err(refuse(format!(
            "Error: target {target} is not a target of group {group}"
        )));
    }
    must_be_ready(call, &half)?;
    let other = half.other(call.world).ok_or_else(|| {
        refuse(format!(
            "Error: Target {target} could not get info on secondary target"
        ))
    })?;
    must_have_a_receiver(call, &half)?;
    for one in &all {
        if options.has("createvv") {
            check_new(call.world, &half, &other, one, options.has("nowwn"))?;
        } else {
            check_existing(call.world, &half, &other, one)?;
        }
    }
    let asks = !options.has("createvv") && by_set.is_none() && !options.has("f") && !call.confirmed;
    if asks && call.here().switch("admit_existing_hangs") {
        return Ok(Answer::asks(question(&format!(
            "Are you sure you want to admit {what}?"
        ))));
    }
    let sets = by_set.map(|set| (set, remote.to_owned()));
    for one in all {
        if options.has("createvv") {
            create_secondary(call, &half, &other, &one, options.has("nowwn"));
        }
        let sync = match (&one.snapshot, options.has("nosync")) {
            (Some(_), _) => SyncStatus::NewSyncFromSnap,
            (None, true) => SyncStatus::NewPreSynced,
            (None, false) => SyncStatus::New,
        };
        let sides = [
            (&half, &one.local, &one.remote, sync, sets.clone()),
            (
                &other,
                &one.remote,
                &one.local,
                SyncStatus::New,
                sets.clone().map(|(here, there)| (there, here)),
            ),
        ];
        for (side, local, remote, sync, sets) in sides {
            let Some(array) = call.world.arrays.get_mut(&side.array) else {
                continue;
            };
            if let Some((set, _)) = sets
                .as_ref()
                .filter(|(set, _)| !array.vv_sets.contains_key(set))
            {
                let id = array.next_id("vvset");
                let made = Set {
                    id,
                    ..Set::default()
                };
                array.vv_sets.insert(set.clone(), made);
            }
            if let Some(set) = sets
                .as_ref()
                .and_then(|(set, _)| array.vv_sets.get_mut(set))
                && !set.members.contains(local)
            {
                set.members.push(local.clone());
            }
            if let Some(group) = array.groups.get_mut(&side.group) {
                group.volumes.push(Replicated {
                    local: local.clone(),
                    remote: remote.clone(),
                    sync,
                    syncing_since: None,
                    synced_at: None,
                    last_sync: None,
                    hosts_wait: false,
                    resync_snapshot: None,
                    sets,
                });
            }
            keep_set(array, &side.group);
        }
        export_secondary(call.world, &half, &other, &one);
    }
    Ok(Answer::silent())
}

/// The volumes a line names, each with its secondary.
fn admissions(
    array: &Array,
    options: &Options,
    what: &str,
    remote: &str,
) -> Result<Vec<Admission>, Answer> {
    if let Some(set) = set_name(what) {
        let set = array
            .vv_sets
            .get(set)
            .ok_or_else(|| refuse(format!("vv set {set} does not exist")))?;
        let named = |local: &String| Admission {
            local: local.clone(),
            remote: if options.has("createvv") {
                format!("{local}.r")
            } else {
                local.clone()
            },
            snapshot: None,
        };
        return Ok(set.members.iter().map(named).collect());
    }
    let (name, snapshot) = match what.split_once(':') {
        Some((name, snapshot)) => (name, Some(snapshot.to_owned())),
        None => (what, None),
    };
    let found: Vec<&String> = array
        .vvs
        .keys()
        .filter(|vv| *vv == name || (options.has("pat") && matches(name, vv)))
        .collect();
    if found.is_empty() {
        return Err(refuse(format!("VV {name} not found")));
    }
    let filled = |text: &str, vv: &str| text.replace("@vvname@", vv);
    Ok(found
        .into_iter()
        .map(|vv| Admission {
            local: vv.clone(),
            remote: filled(remote, vv),
            snapshot: snapshot.as_ref().map(|snapshot| filled(snapshot, vv)),
        })
        .collect())
}

/// The secondary has the primary's size and kind, in the group's CPGs; the primary's WWN too, unless `own_wwn`.
fn create_secondary(
    call: &mut Call<'_>,
    half: &Half,
    other: &Half,
    one: &Admission,
    own_wwn: bool,
) {
    let now = call.now;
    let group = half.get(call.world).cloned();
    let vv = call
        .world
        .arrays
        .get(&half.array)
        .and_then(|array| array.vvs.get(&one.local))
        .cloned();
    let (Some(group), Some(vv)) = (group, vv) else {
        return;
    };
    let Some(peer) = call.world.arrays.get_mut(&other.array) else {
        return;
    };
    let cpg = group.usr_cpg.map(|(_, remote)| remote).unwrap_or_default();
    let on_ssd = peer.cpgs.iter().any(|pool| pool.name == cpg && pool.ssd);
    let prov = if vv.prov == "tdvv" && !on_ssd {
        "tpvv".to_owned()
    } else {
        vv.prov.clone()
    };
    let secondary = Vv {
        compressed: vv.compressed && on_ssd,
        snp_cpg: group.snp_cpg.map(|(_, remote)| remote),
        wwn: if own_wwn { String::new() } else { vv.wwn },
        domain: peer
            .cpgs
            .iter()
            .find(|pool| pool.name == cpg)
            .and_then(|pool| pool.domain.clone()),
        policies: vv.policies,
        ..Vv::base(&one.remote, &prov, &cpg, vv.size_mib, now)
    };
    peer.add_vv(secondary);
}

/// In a Peer Persistence group the secondary is exported to hosts of the same name, at the same LUN if that is free.
fn export_secondary(world: &mut World, half: &Half, other: &Half, one: &Admission) {
    let (Some(array), Some(group)) = (world.arrays.get(&half.array), half.get(world)) else {
        return;
    };
    let does = array.release == Release::V1050 || array.switch("admit_exports_secondary");
    if !group.is_peer_persistent() || !does {
        return;
    }
    let exports: Vec<Vlun> = array
        .vluns
        .iter()
        .filter(|vlun| vlun.vv == one.local)
        .cloned()
        .collect();
    let Some(peer) = world.arrays.get_mut(&other.array) else {
        return;
    };
    for vlun in exports {
        let Some(host) = vlun.host.filter(|host| peer.hosts.contains_key(host)) else {
            continue;
        };
        let taken = |lun: u32| {
            peer.vluns
                .iter()
                .any(|other| other.lun == lun && other.host.as_ref() == Some(&host))
        };
        let lun = if taken(vlun.lun) {
            (0..).find(|lun| !taken(*lun))
        } else {
            Some(vlun.lun)
        };
        let template = Vlun {
            lun: lun.unwrap_or(vlun.lun),
            vv: one.remote.clone(),
            host: Some(host),
            port: None,
        };
        peer.vluns.push(template);
    }
}
