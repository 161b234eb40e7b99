//! `creatercopygroup`: makes a remote copy group on both arrays.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::well_formed;
use crate::remote_copy::{mirrored_name, ready, target};
use crate::state::{FailoverStage, Group, GroupStatus, Mode, Release, Role, Set, World};

/// `creatercopygroup [options] <group> <target>:<mode>`.
pub static COMMAND: Command = Command {
    name: "creatercopygroup",
    syntax: "creatercopygroup [options] <group_name> <target_name>:<mode>",
    flags: &[],
    valued: &["domain", "usr_cpg", "snp_cpg"],
    changes: true,
    licence: Some("Remote Copy"),
    run,
};

/// Longest name of a group whose target has the policy `mirror_config`.
const LONGEST_MIRRORED: usize = 22;

/// Longest name of any other group.
const LONGEST: usize = 31;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    create(call, options).unwrap_or_else(|refusal| refusal)
}

fn create(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let line = CpgWords::read(call.args);
    let [name, mode] = line.rest.as_slice() else {
        return Err(usage(&COMMAND, "a group and one target are needed"));
    };
    let Some((target_name, mode)) = mode.split_once(':') else {
        return Err(usage(
            &COMMAND,
            "the target is written <target_name>:<mode>",
        ));
    };
    let here = call.array;
    let array = call.here();
    let release = array.release;
    if release == Release::V1050 && line.snp.is_some() {
        return Err(usage(&COMMAND, "Invalid option -snp_cpg"));
    }
    if !array.remote_copy {
        return Err(refuse("Remote Copy config is not started"));
    }
    if !well_formed(name) {
        return Err(refuse(format!("Error: Invalid group name: {name}")));
    }
    if array.groups.contains_key(name) {
        return Err(refuse(format!("Error: group {name} already exists")));
    }
    let mode = match (mode, release) {
        ("sync", _) => Mode::Sync,
        ("periodic", _) => Mode::Periodic,
        ("async", Release::V322 | Release::V331) => Mode::Async,
        _ => return Err(refuse(format!("Error: Invalid mode: {mode}"))),
    };
    let system = array.id;
    let domain = options.value("domain").map(str::to_owned);
    let in_peer_persistence = array
        .groups
        .values()
        .any(|group| group.target == target_name && group.has_policy("path_management"));
    let Some(target) = target(call.world, here, target_name) else {
        return Err(refuse(format!(
            "Error: target {target_name} does not exist"
        )));
    };
    let mirrored = target
        .policies
        .iter()
        .any(|policy| policy == "mirror_config");
    let longest = if mirrored { LONGEST_MIRRORED } else { LONGEST };
    if name.len() > longest {
        return Err(refuse(format!(
            "Error: group name {name} is longer than {longest} characters"
        )));
    }
    if mode != Mode::Sync && in_peer_persistence {
        return Err(refuse(format!(
            "Error: target {target_name} has Peer Persistence groups, it takes synchronous groups only"
        )));
    }
    let there = target.array.clone();
    if !ready(call.world, here, target_name) {
        return Err(refuse(format!(
            "Error: Target {target_name} is not up and ready"
        )));
    }
    let peer_name = mirrored_name(name, system);
    for (local, remote) in line.all() {
        check_pair(
            call.world,
            (here, local),
            (&there, remote),
            target_name,
            domain.as_deref(),
        )?;
    }
    let back = call
        .world
        .arrays
        .get(&there)
        .filter(|peer| !peer.groups.contains_key(&peer_name))
        .and_then(|peer| peer.targets.iter().find(|target| target.array == here));
    let Some(back) = back.map(|target| target.name.clone()) else {
        return Err(refuse(format!(
            "Error: group {name} could not be created on target {target_name}"
        )));
    };
    let id = next_id(call.world, [here, &there]);
    let names = |pair: &Option<(String, String)>| -> Option<(String, String)> {
        pair.as_ref().map(|(local, remote)| {
            let remote = remote
                .split_once(':')
                .map_or(remote.as_str(), |(_, cpg)| cpg);
            (local.clone(), remote.to_owned())
        })
    };
    let swapped = |pair: Option<(String, String)>| pair.map(|(local, remote)| (remote, local));
    let group = Group {
        id,
        name: name.clone(),
        peer_name: peer_name.clone(),
        target: target_name.to_owned(),
        role: Role::Primary,
        status: GroupStatus::Stopped,
        mode,
        period: 0,
        policies: if mode == Mode::Periodic {
            vec!["over_per_alert".to_owned()]
        } else {
            Vec::new()
        },
        usr_cpg: names(&line.usr),
        snp_cpg: names(&line.snp),
        domain,
        volumes: Vec::new(),
        ever_started: false,
        copies_at_start: false,
        stopped_by_links: false,
        in_doubt: false,
        failover: FailoverStage::None,
        operation: None,
        decide_at: None,
        started_at: None,
        next_sync: None,
    };
    let peer = Group {
        name: peer_name.clone(),
        peer_name: name.clone(),
        target: back,
        role: Role::Secondary,
        usr_cpg: swapped(group.usr_cpg.clone()),
        snp_cpg: swapped(group.snp_cpg.clone()),
        ..group.clone()
    };
    for (array, group) in [(here, group), (there.as_str(), peer)] {
        let Some(array) = call.world.arrays.get_mut(array) else {
            continue;
        };
        if array.switch("rcp_sets") {
            let id = array.next_id("vvset");
            let set = Set {
                id,
                members: Vec::new(),
                comment: String::new(),
                flash_cache: None,
            };
            array.vv_sets.insert(format!("RCP_{}", group.name), set);
        }
        array.groups.insert(group.name.clone(), group);
    }
    Ok(Answer::silent())
}

/// A group has the same id on both arrays.
fn next_id(world: &mut World, arrays: [&str; 2]) -> u32 {
    let next = arrays
        .iter()
        .filter_map(|name| {
            world
                .arrays
                .get_mut(*name)
                .map(|array| array.next_id("group"))
        })
        .max()
        .unwrap_or(1);
    for name in arrays {
        if let Some(array) = world.arrays.get_mut(name) {
            array.counters.insert("group".to_owned(), next);
        }
    }
    next
}

/// A local CPG and `<target>:<cpg>` must be there, in one domain.
pub(super) fn check_pair(
    world: &World,
    (here, local): (&str, &str),
    (there, remote): (&str, &str),
    target: &str,
    domain: Option<&str>,
) -> Result<(), Answer> {
    let Some((_, remote)) = remote.split_once(':').filter(|(name, _)| *name == target) else {
        return Err(refuse(format!(
            "Error: {remote} does not name target {target}"
        )));
    };
    for (array, name) in [(here, local), (there, remote)] {
        let cpg = world
            .arrays
            .get(array)
            .and_then(|array| array.cpgs.iter().find(|cpg| cpg.name == name))
            .ok_or_else(|| refuse(format!("Error: Invalid CPG name: {name}")))?;
        if array == here && cpg.domain.as_deref() != domain {
            return Err(refuse(format!(
                "Error: cpg {name} and the group must be in the same domain"
            )));
        }
    }
    Ok(())
}

/// `-usr_cpg <cpg> <target>:<cpg>` and `-snp_cpg …` take more words than an option has.
pub(super) struct CpgWords {
    /// Local CPG, and `<target>:<cpg>`.
    pub usr: Option<(String, String)>,
    /// The same for snapshot space.
    pub snp: Option<(String, String)>,
    /// The other words that are no options.
    pub rest: Vec<String>,
}

impl CpgWords {
    pub fn read(args: &[String]) -> Self {
        let mut words = Self {
            usr: None,
            snp: None,
            rest: Vec::new(),
        };
        let mut args = args.iter().peekable();
        while let Some(arg) = args.next() {
            let place = match arg.as_str() {
                "-usr_cpg" => &mut words.usr,
                "-snp_cpg" => &mut words.snp,
                "-domain" | "-t" => {
                    args.next();
                    continue;
                }
                word if word.starts_with('-') => continue,
                word => {
                    words.rest.push(word.to_owned());
                    continue;
                }
            };
            let local = args.next().cloned().unwrap_or_default();
            let mut remote = String::new();
            while let Some(pair) = args.next_if(|word| word.contains(':')) {
                pair.clone_into(&mut remote);
            }
            *place = Some((local, remote));
        }
        words
    }

    /// All pairs given.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.usr
            .iter()
            .chain(&self.snp)
            .map(|(local, remote)| (local.as_str(), remote.as_str()))
    }
}
