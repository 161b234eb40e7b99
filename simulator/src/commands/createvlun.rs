//! `createvlun`: exports VVs to hosts.

use std::ops::RangeInclusive;

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::{question, set_name};
use crate::state::{Array, CopyKind, Release, Vlun};

/// `createvlun [options] <VV>|set:<VV set> <LUN> {<n:s:p> | [<n:s:p>] <host>|set:<host set>}`.
pub static COMMAND: Command = Command {
    name: "createvlun",
    syntax: "createvlun [options] <VV_name | VV_set> <LUN> {<node:slot:port> | [<node:slot:port>] <host_name | host_set>}",
    flags: &["f", "novcn", "ovrd"],
    valued: &["cnt"],
    changes: true,
    licence: None,
    run,
};

/// Highest LUN.
const LAST_LUN: u32 = 16_383;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    create(call, options).unwrap_or_else(|refusal| refusal)
}

fn create(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [vv, luns, target @ ..] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "wrong number of arguments"));
    };
    let confirmed = call.confirmed || options.has("f");
    let array = call.here();
    let (host, port) = recipient(array, target)?;
    let vvs = volumes(array, vv)?;
    let first = u32::from(array.switch("lun_zero_left"));
    let range = lun_range(luns, first)?;
    for name in &vvs {
        check_domain(array, name, host.as_deref())?;
        check_copy(array, name)?;
        check_replication(array, name)?;
    }
    let mut wanted = Vlun {
        lun: *range.start(),
        vv: vv.clone(),
        host,
        port,
    };
    if range.start() == range.end() && array.vluns.contains(&wanted) {
        return Ok(Answer::silent());
    }
    for name in &vvs {
        check_one_host(array, name, &wanted)?;
    }
    if let Some(exported) = vvs.iter().find(|name| !array.exports_of(name).is_empty())
        && !confirmed
    {
        return Ok(Answer::asks(question(&format!(
            "{exported} is already exported as a VLUN. Are you sure you want to create another VLUN?"
        ))));
    }
    let count = u32::try_from(vvs.len()).unwrap_or(u32::MAX).max(1);
    let mut last_taken = None;
    let lun = range.clone().find(|lun| {
        let taken = (*lun..lun.saturating_add(count)).find(|lun| is_taken(array, *lun, &wanted));
        last_taken = taken.or(last_taken);
        taken.is_none()
    });
    let Some(lun) = lun else {
        return Err(refuse(if range.start() == range.end() {
            format!(
                "Error: LUN {} is already taken",
                last_taken.unwrap_or(*range.start())
            )
        } else {
            format!("Error: no LUN is free in the range {luns}")
        }));
    };
    wanted.lun = lun;
    let warnings: String = wanted
        .host
        .iter()
        .flat_map(|word| array.hosts_behind(word))
        .filter(|host| no_paths(array, host, wanted.port.as_deref()))
        .map(|host| {
            format!(
                "Warning: Host {host} has no active paths.  Template may be created but no active VLUNs will be created.\n"
            )
        })
        .collect();
    array.vluns.push(wanted);
    Ok(Answer::says(warnings))
}

/// Host or host set, and port, in either order.
pub(super) fn recipient(
    array: &Array,
    words: &[String],
) -> Result<(Option<String>, Option<String>), Answer> {
    let is_port = |word: &str| {
        let parts: Vec<&str> = word.split(':').collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u8>().is_ok())
    };
    let (host, port) = match words {
        [one] if is_port(one) => (None, Some(one)),
        [one] => (Some(one), None),
        [one, two] if is_port(one) => (Some(two), Some(one)),
        [one, two] if is_port(two) => (Some(one), Some(two)),
        _ => return Err(usage(&COMMAND, "a host, a host set or a port is needed")),
    };
    if let Some(host) = host {
        match set_name(host) {
            Some(set) if !array.host_sets.contains_key(set) => {
                return Err(refuse(format!("host set {set} does not exist")));
            }
            None if !array.hosts.contains_key(host) => {
                return Err(refuse(format!("Error: host {host} does not exist")));
            }
            _ => {}
        }
    }
    if let Some(port) = port
        && !array.ports.iter().any(|known| known.position == *port)
    {
        return Err(refuse(format!("Error: port {port} does not exist")));
    }
    Ok((host.cloned(), port.cloned()))
}

fn volumes(array: &Array, word: &str) -> Result<Vec<String>, Answer> {
    if let Some(set) = set_name(word) {
        return array
            .vv_sets
            .get(set)
            .map(|set| set.members.clone())
            .ok_or_else(|| refuse(format!("vv set {set} does not exist")));
    }
    match array.vvs.get(word) {
        Some(vv) if vv.is_system() => Err(refuse(format!("Error: vv {word} is a system volume"))),
        Some(_) => Ok(vec![word.to_owned()]),
        None => Err(refuse(format!("VV {word} not found"))),
    }
}

/// `auto`, which begins with `first`, `n`, `n+`, `m-n`.
fn lun_range(text: &str, first: u32) -> Result<RangeInclusive<u32>, Answer> {
    let wrong = || refuse(format!("Error: Invalid LUN: {text}"));
    let number = |text: &str| text.parse().ok().filter(|lun| *lun <= LAST_LUN);
    let range = if text == "auto" {
        first..=LAST_LUN
    } else if let Some(least) = text.strip_suffix('+') {
        number(least).ok_or_else(wrong)?..=LAST_LUN
    } else if let Some((first, last)) = text.split_once('-') {
        number(first).ok_or_else(wrong)?..=number(last).ok_or_else(wrong)?
    } else {
        let lun = number(text).ok_or_else(wrong)?;
        lun..=lun
    };
    if range.is_empty() {
        Err(wrong())
    } else {
        Ok(range)
    }
}

fn check_domain(array: &Array, vv: &str, host: Option<&str>) -> Result<(), Answer> {
    let Some(vv_domain) = array.vvs.get(vv).map(|vv| &vv.domain) else {
        return Ok(());
    };
    for name in host.iter().flat_map(|word| array.hosts_behind(word)) {
        if array
            .hosts
            .get(&name)
            .is_some_and(|host| host.domain != *vv_domain)
        {
            return Err(refuse(format!(
                "Error: vv {vv} and host {name} must be in the same domain"
            )));
        }
    }
    Ok(())
}

/// Hosts do not see what is half copied, but for a copy on line.
fn check_copy(array: &Array, vv: &str) -> Result<(), Answer> {
    let copying = array.vvs.get(vv).and_then(|vv| vv.copying.as_ref());
    match copying.map(|copying| copying.kind) {
        Some(CopyKind::Offline | CopyKind::Promote) => Err(refuse(format!(
            "Error: {}",
            array.busy(vv).unwrap_or_default()
        ))),
        _ => Ok(()),
    }
}

fn check_replication(array: &Array, vv: &str) -> Result<(), Answer> {
    let Some(group) = array.group_of(vv) else {
        return Ok(());
    };
    if array.release == Release::V1050 && group.has_policy("active_active") {
        return Err(refuse(format!(
            "Error: Volume {vv} is from active-active group {}. Cannot export to host which is not admitted to the group.",
            group.name
        )));
    }
    if !group.sends() && array.switch("secondary_export_refused") {
        return Err(refuse(format!(
            "Error: vv {vv} is a secondary remote copy volume and may not be exported"
        )));
    }
    Ok(())
}

/// A VV with the policy `one_host` goes to one host or one host set only.
fn check_one_host(array: &Array, vv: &str, wanted: &Vlun) -> Result<(), Answer> {
    let bound = array
        .vvs
        .get(vv)
        .is_some_and(|vv| vv.policies.iter().any(|policy| policy == "one_host"));
    if !bound {
        return Ok(());
    }
    if wanted.host.is_none() {
        return Err(refuse(format!(
            "Error: vv {vv} has the one_host policy and cannot be exported to a port"
        )));
    }
    let other = array
        .exports_of(vv)
        .into_iter()
        .find(|vlun| vlun.host != wanted.host)
        .and_then(|vlun| vlun.host.clone());
    match other {
        Some(host) => Err(refuse(format!(
            "Error: vv {vv} has the one_host policy and is already exported to {host}"
        ))),
        None => Ok(()),
    }
}

/// Does a host that would see this template already see another VV at this LUN?
fn is_taken(array: &Array, lun: u32, wanted: &Vlun) -> bool {
    let seen_by = |vlun: &Vlun| -> Vec<String> {
        match &vlun.host {
            Some(word) => array.hosts_behind(word),
            None => vec![format!("port {}", vlun.port.as_deref().unwrap_or_default())],
        }
    };
    let hosts = seen_by(wanted);
    array.vluns.iter().any(|vlun| {
        let same = vlun.vv == wanted.vv && vlun.kind() != wanted.kind();
        let ports_meet = match (&vlun.port, &wanted.port) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        !same
            && ports_meet
            && array
                .vvs_behind(vlun)
                .iter()
                .any(|(taken, _)| *taken == lun)
            && seen_by(vlun).iter().any(|host| hosts.contains(host))
    })
}

fn no_paths(array: &Array, host: &str, port: Option<&str>) -> bool {
    let paths = array.hosts.get(host).map(|host| host.paths.as_slice());
    !paths
        .unwrap_or_default()
        .iter()
        .flat_map(|path| array.ports_of(path))
        .any(|at| port.is_none_or(|only| only == at))
}
