//! `setqos`: rules for quality of service.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::state::{Array, QosRule, Range, Release};

/// `setqos [options] <vvset:set|domain:domain|sys:all_others>[,...]`.
pub static COMMAND: Command = Command {
    name: "setqos",
    syntax: "setqos [options] {vvset:<set>|domain:<domain>|sys:all_others}[,...]",
    flags: &["on", "off", "clear", "f"],
    valued: &["io", "bw", "lt", "pri"],
    changes: true,
    licence: None,
    run,
};

/// Needed on 3.x.
const LICENCE: &str = "Priority Optimization";

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    set(call, options).err().unwrap_or_default()
}

/// What a line asks for.
struct Wish {
    io: Option<Range>,
    bandwidth: Option<Range>,
    latency_ms: Option<u32>,
    priority: Option<String>,
    off: Option<bool>,
}

fn set(call: &mut Call<'_>, options: &Options) -> Result<(), Answer> {
    let [targets] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "one list of targets is needed"));
    };
    let array = call.here();
    check_licence(array)?;
    let wish = wish(array.release, options)?;
    let all: Vec<String> = targets.split(',').map(str::to_owned).collect();
    for target in &all {
        let has_rule = array.qos.contains_key(target);
        if !is_target(array, target) || (wish.is_none() && !has_rule) {
            return Err(refuse("no matching QoS target found"));
        }
    }
    for target in all {
        let Some(wish) = &wish else {
            array.qos.remove(&target);
            continue;
        };
        let id = match array.qos.get(&target) {
            Some(rule) => rule.id,
            None => array.next_id("qos"),
        };
        let rule = array.qos.entry(target).or_insert_with(|| QosRule {
            id,
            ..QosRule::default()
        });
        rule.io = wish.io.or(rule.io);
        rule.bandwidth = wish.bandwidth.or(rule.bandwidth);
        rule.latency_ms = wish.latency_ms.or(rule.latency_ms);
        rule.priority = wish.priority.clone().or(rule.priority.take());
        rule.off = wish.off.unwrap_or(rule.off);
    }
    Ok(())
}

/// 10.x has no single licences.
pub(super) fn check_licence(array: &Array) -> Result<(), Answer> {
    if array.release == Release::V1050 || array.licensed(LICENCE) {
        return Ok(());
    }
    Err(refuse(format!(
        "Error: {LICENCE} is not licensed on this system"
    )))
}

fn is_target(array: &Array, target: &str) -> bool {
    match target.split_once(':') {
        Some(("vvset", set)) => array.vv_sets.contains_key(set),
        Some(("domain", domain)) => {
            let mut cpgs = array.cpgs.iter();
            cpgs.any(|cpg| cpg.domain.as_deref() == Some(domain))
        }
        Some(("sys", "all_others")) => true,
        _ => false,
    }
}

/// None is `-clear`.
fn wish(release: Release, options: &Options) -> Result<Option<Wish>, Answer> {
    let later = release == Release::V1050;
    for option in ["lt", "pri"] {
        if later && options.value(option).is_some() {
            return Err(usage(&COMMAND, &format!("Invalid option -{option}")));
        }
    }
    let read = |name: &str| {
        let text = options.value(name);
        let range = text.map(|text| {
            range(text)
                .filter(|range| !later || range.min == range.max)
                .ok_or_else(|| refuse(format!("Error: Invalid value of -{name}: {text}")))
        });
        range.transpose()
    };
    let latency = options.value("lt").map(|text| {
        let number = text.parse().ok().filter(|ms| *ms > 0);
        number.ok_or_else(|| refuse(format!("Error: Invalid value of -lt: {text}")))
    });
    let priority = options.value("pri").map(str::to_owned);
    if let Some(word) = &priority
        && !["low", "normal", "high"].contains(&word.as_str())
    {
        return Err(refuse(format!("Error: Invalid value of -pri: {word}")));
    }
    let off = match (options.has("on"), options.has("off")) {
        (true, true) => return Err(usage(&COMMAND, "-on and -off are mutually exclusive")),
        (on, off) => (on || off).then_some(off),
    };
    let wish = Wish {
        io: read("io")?,
        bandwidth: read("bw")?,
        latency_ms: latency.transpose()?,
        priority,
        off,
    };
    let limits = wish.io.is_some()
        || wish.bandwidth.is_some()
        || wish.latency_ms.is_some()
        || wish.priority.is_some();
    match (options.has("clear"), limits, wish.off.is_some()) {
        (true, false, false) => Ok(None),
        (true, _, _) => Err(usage(&COMMAND, "-clear goes with nothing else")),
        (false, false, false) => Err(usage(&COMMAND, "something to set is needed")),
        (false, _, _) => Ok(Some(wish)),
    }
}

/// `300` is goal and limit, `100-300` each of them; `k`, `m` and `g` are units of bandwidth.
fn range(text: &str) -> Option<Range> {
    let (min, max) = text.split_once('-').unwrap_or((text, text));
    let (min, max) = (number(min)?, number(max)?);
    (min <= max && max > 0).then_some(Range { min, max })
}

fn number(text: &str) -> Option<u64> {
    let (digits, factor) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 1),
        (at, 'm' | 'M') => (&text[..at], 1 << 10),
        (at, 'g' | 'G') => (&text[..at], 1 << 20),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
