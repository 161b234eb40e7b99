//! `setrcopygroup`: policies, period, mode, CPGs and roles of remote copy groups.

mod operations;

use super::creatercopygroup::{CpgWords, check_pair};
use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::remote_copy::{
    Half, check_target, groups_named, locate, mirror, must_be_ready, must_send,
};
use crate::state::{Group, Mode, Release, Takeover};

/// `setrcopygroup pol|period|mode|cpg …`.
pub static COMMAND: Command = Command {
    name: "setrcopygroup",
    syntax: "setrcopygroup {pol <policy> | period <value> <target> | mode <mode> <target> | cpg ... | <dr_operation>} [options] <group_name>...",
    flags: &[
        "f",
        "pat",
        "usr_cpg_unset",
        "snp_cpg_unset",
        "nostart",
        "nosync",
        "discard",
        "nopromote",
        "nosnap",
        "waittask",
        "stopgroups",
        "local",
        "natural",
        "current",
        "forceppfailover",
    ],
    valued: &["t", "usr_cpg", "snp_cpg"],
    changes: true,
    licence: Some("Remote Copy"),
    run,
};

/// Policies in the order `showrcopy` lists them, and in which release they came.
const POLICIES: [&str; 9] = [
    "auto_recover",
    "over_per_alert",
    "auto_failover",
    "path_management",
    "auto_synchronize",
    "active_active",
    "mt_pp",
    "fail_wrt_on_err",
    "auto_failover_ext",
];

/// Longest period, seconds: a leap year.
const LONGEST_PERIOD: u32 = 31_622_400;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let Some((what, rest)) = options.words.split_first() else {
        return usage(&COMMAND, "a subcommand is needed");
    };
    let done = match (what.as_str(), rest) {
        ("pol", [policy, groups @ ..]) => set_policy(call, options, policy, groups),
        ("period", [period, target, groups @ ..]) => {
            set_period(call, options, period, target, groups)
        }
        ("mode", [mode, target, groups @ ..]) => set_mode(call, options, mode, target, groups),
        ("cpg", _) => set_cpg(call, options),
        (word, words) if let Some(what) = Takeover::of(word) => {
            return operations::run(call, options, what, words).unwrap_or_else(|refusal| refusal);
        }
        _ => Err(usage(&COMMAND, "wrong subcommand or number of arguments")),
    };
    match done {
        Ok(()) => Answer::silent(),
        Err(refusal) => refusal,
    }
}

/// The groups named, each proved to be on the side that sends and to reach the other.
fn groups(call: &mut Call<'_>, options: &Options, words: &[String]) -> Result<Vec<Half>, Answer> {
    let names = groups_named(call, &COMMAND, options, words)?;
    let mut halves = Vec::new();
    for name in &names {
        let half = locate(call, name)?;
        check_target(call, &half, options.value("t"))?;
        must_send(call, &half)?;
        must_be_ready(call, &half)?;
        halves.push(half);
    }
    Ok(halves)
}

fn set_policy(
    call: &mut Call<'_>,
    options: &Options,
    word: &str,
    words: &[String],
) -> Result<(), Answer> {
    let later = call.here().release == Release::V1050;
    let (name, on) = match word.strip_prefix("no_") {
        Some(name) => (name, false),
        None => (word, true),
    };
    let in_release = later || !matches!(name, "active_active" | "auto_failover_ext");
    if !POLICIES.contains(&name) || !in_release {
        return Err(refuse(format!("Error: Invalid policy: {word}")));
    }
    let halves = groups(call, options, words)?;
    for half in &halves {
        check_policy(call, half, name, on)?;
    }
    for half in halves {
        if let Some(group) = half.get_mut(call.world) {
            put_policy(group, name, on);
        }
        mirror(call.world, &half);
    }
    Ok(())
}

fn check_policy(call: &Call<'_>, half: &Half, name: &str, on: bool) -> Result<(), Answer> {
    let Some(group) = half.get(call.world) else {
        return Ok(());
    };
    let synchronous = [
        "auto_failover",
        "path_management",
        "active_active",
        "mt_pp",
        "auto_failover_ext",
    ];
    if on && synchronous.contains(&name) && group.mode != Mode::Sync {
        return Err(refuse(format!(
            "Error: Policy {name} is invalid for group {}, which is not synchronous",
            group.name
        )));
    }
    if name == "over_per_alert" && group.mode != Mode::Periodic {
        return Err(refuse(format!(
            "Error: Policy {name} is invalid for group {}, which is not periodic",
            group.name
        )));
    }
    if name != "active_active" || on {
        return Ok(());
    }
    let Some(other) = half.other(call.world) else {
        return Ok(());
    };
    let peer = call.world.arrays.get(&other.array);
    let exported = other.get(call.world).and_then(|group| {
        let array = peer?;
        group
            .volumes
            .iter()
            .filter(|volume| !array.exports_of(&volume.local).is_empty())
            .find_map(|volume| array.vvs.get(&volume.local))
    });
    match exported {
        Some(vv) => Err(refuse(format!(
            "Error: Cannot remove active_active policy: Operation failed. Remote group {} contains an exported Peer Persistence volume (Id={}).  Please unexport geoclustered volumes, or remove from relevant groups and retry.",
            other.group, vv.id
        ))),
        None => Ok(()),
    }
}

/// `active_active` and `mt_pp` bring others along; taking `active_active` away leaves those.
fn put_policy(group: &mut Group, name: &str, on: bool) {
    let others: &[&str] = match (name, on) {
        ("active_active", true) => &["auto_recover", "auto_synchronize"],
        ("mt_pp", _) => &["auto_failover", "path_management"],
        ("auto_failover_ext", true) => &["auto_failover"],
        ("auto_failover", false) => &["auto_failover_ext"],
        _ => &[],
    };
    for name in std::iter::once(&name).chain(others) {
        group.policies.retain(|policy| policy != name);
        if on {
            group.policies.push((*name).to_owned());
        }
    }
    group
        .policies
        .sort_by_key(|policy| POLICIES.iter().position(|known| known == policy));
}

fn set_period(
    call: &mut Call<'_>,
    options: &Options,
    period: &str,
    target: &str,
    words: &[String],
) -> Result<(), Answer> {
    let seconds =
        seconds(period).ok_or_else(|| refuse(format!("Error: Invalid period: {period}")))?;
    let least = if call.here().release == Release::V1050 {
        15
    } else {
        300
    };
    if seconds != 0 && seconds < least {
        return Err(refuse(format!(
            "Error: The minimum allowable period is {least} seconds."
        )));
    }
    if seconds > LONGEST_PERIOD {
        return Err(refuse("Error: The maximum allowable period is one year."));
    }
    let halves = groups(call, options, words)?;
    for half in &halves {
        check_target(call, half, Some(target))?;
        if half
            .get(call.world)
            .is_some_and(|group| group.mode != Mode::Periodic)
        {
            return Err(refuse(format!(
                "Error: Group {} is not periodic",
                half.group
            )));
        }
    }
    let now = call.now;
    for half in halves {
        if let Some(group) = half.get_mut(call.world) {
            group.period = seconds;
            group.next_sync = (seconds > 0 && group.is_started()).then(|| now + i64::from(seconds));
        }
        mirror(call.world, &half);
    }
    Ok(())
}

/// Seconds of `300s`, `5m`, `2h`, `1d`, `0`.
fn seconds(text: &str) -> Option<u32> {
    if text == "0" {
        return Some(0);
    }
    let factor = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    text[..text.len() - 1]
        .parse::<u32>()
        .ok()?
        .checked_mul(factor)
}

fn set_mode(
    call: &mut Call<'_>,
    options: &Options,
    mode: &str,
    target: &str,
    words: &[String],
) -> Result<(), Answer> {
    let later = call.here().release == Release::V1050;
    let word = match mode {
        "sync" => Mode::Sync,
        "periodic" => Mode::Periodic,
        "async" if !later => Mode::Async,
        _ => return Err(refuse(format!("Error: Invalid mode: {mode}"))),
    };
    let halves = groups(call, options, words)?;
    for half in &halves {
        check_target(call, half, Some(target))?;
        let Some(group) = half.get(call.world) else {
            continue;
        };
        if group.is_started() {
            return Err(refuse(format!(
                "Error: Group {} is started, stop it first",
                half.group
            )));
        }
        if word != Mode::Sync && group.has_policy("path_management") {
            return Err(refuse(format!(
                "Error: Policy path_management is invalid for group {}, which is not synchronous",
                half.group
            )));
        }
    }
    for half in halves {
        if let Some(group) = half.get_mut(call.world) {
            group.mode = word;
            group.copies_at_start = true;
            if word == Mode::Periodic {
                put_policy(group, "over_per_alert", true);
            } else {
                put_policy(group, "over_per_alert", false);
                group.period = 0;
            }
        }
        mirror(call.world, &half);
    }
    Ok(())
}

fn set_cpg(call: &mut Call<'_>, options: &Options) -> Result<(), Answer> {
    let line = CpgWords::read(call.args);
    let later = call.here().release == Release::V1050;
    if later && (line.snp.is_some() || options.has("snp_cpg_unset")) {
        return Err(usage(&COMMAND, "Invalid option -snp_cpg"));
    }
    let words: Vec<String> = line.rest.iter().skip(1).cloned().collect();
    let halves = groups(call, options, &words)?;
    for half in halves {
        let Some(other) = half.other(call.world) else {
            continue;
        };
        let Some(group) = half.get(call.world) else {
            continue;
        };
        for (local, remote) in line.all() {
            check_pair(
                call.world,
                (&half.array, local),
                (&other.array, remote),
                &group.target,
                group.domain.as_deref(),
            )?;
        }
        for (side, swapped) in [(&half, false), (&other, true)] {
            let Some(group) = side.get_mut(call.world) else {
                continue;
            };
            let pair = |pair: &(String, String)| {
                let remote = pair
                    .1
                    .split_once(':')
                    .map_or(pair.1.as_str(), |(_, cpg)| cpg)
                    .to_owned();
                if swapped {
                    (remote, pair.0.clone())
                } else {
                    (pair.0.clone(), remote)
                }
            };
            if options.has("usr_cpg_unset") || line.usr.is_some() {
                group.usr_cpg = line.usr.as_ref().map(pair);
            }
            if options.has("snp_cpg_unset") || line.snp.is_some() {
                group.snp_cpg = line.snp.as_ref().map(pair);
            }
        }
    }
    Ok(())
}
