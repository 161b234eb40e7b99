//! `createvv`: makes VVs from a CPG.

use super::{Answer, Call, Command, Options, usage};
use crate::names;
use crate::state::{Array, Release, Vv};

/// `createvv [options] <usr_cpg> <VV_name>[.<index>] <size>[g|G|t|T]`.
pub static COMMAND: Command = Command {
    name: "createvv",
    syntax: "createvv [options] <usr_cpg> <VV_name>[.<index>] <size>[g|G|t|T]",
    flags: &["tpvv", "tdvv", "dedup", "compr", "reduce", "f"],
    valued: &[
        "snp_cpg", "snp_aw", "snp_al", "usr_aw", "usr_al", "comment", "exp", "retain", "pol", "i",
        "cnt", "wait", "spt", "hpc", "minalloc",
    ],
    changes: true,
    licence: None,
    run,
};

/// Longest comment of a VV.
pub(super) const LONGEST_COMMENT: usize = 511;

/// Sizes are rounded up to a multiple of this, MiB.
pub(super) const STEP_MIB: u64 = 256;

/// Smallest compressed VV, MiB.
const SMALLEST_COMPRESSED_MIB: u64 = 16 * 1024;

/// Longest time of expiry and retention, seconds.
const LONGEST: i64 = 1825 * 86_400;

/// Longest retention of a VV outside domains, seconds.
const LONGEST_RETENTION: i64 = 14 * 86_400;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    create(call, options).unwrap_or_else(|refusal| refusal)
}

fn create(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [cpg, name, size] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "wrong number of arguments"));
    };
    let now = call.now;
    let release = call.here().release;
    let prov = provisioning(&COMMAND, release, options)?;
    if options.value("retain").is_some() && !options.has("f") && !call.confirmed {
        return Ok(Answer::asks(names::question(&format!(
            "Are you sure you want to create vv {name} with a retention time?"
        ))));
    }
    let array = call.here();
    let count: u32 = match options.value("cnt") {
        None => 1,
        Some(count) => count
            .parse()
            .ok()
            .filter(|count| (1..=999).contains(count))
            .ok_or_else(|| refuse("Illegal pattern integer or range"))?,
    };
    let all = numbered(name, count, options.value("cnt").is_some())?;
    for name in &all {
        check_name(array, name)?;
        if array.vvs.contains_key(name) {
            return Err(refuse(format!("Error: vv {name} already exists")));
        }
    }
    let pool = pool(array, cpg)?;
    let (domain, ssd, free_mib) = (pool.domain.clone(), pool.ssd, pool.free_mib);
    let compressed = options.has("compr") || options.has("reduce");
    check_reduction(cpg, ssd, prov, compressed)?;
    check_licences(array, prov, compressed, options)?;
    let size_mib = parse_size(size)
        .filter(|mib| *mib >= 1 && *mib <= largest_mib(release))
        .ok_or_else(|| refuse(format!("Error: Invalid volume size: {size}")))?
        .next_multiple_of(STEP_MIB);
    check_compressed_size(options, size_mib)?;
    let snp_cpg = match options.value("snp_cpg") {
        None => None,
        Some(snp) => {
            if super::createvv::pool(array, snp)?.domain != domain {
                return Err(refuse(format!(
                    "Error: cpg {cpg} and cpg {snp} must be in the same domain"
                )));
            }
            Some(snp.to_owned())
        }
    };
    let comment = check_comment(options.value("comment").unwrap_or_default())?;
    let (expires_at, retained_until) = times(options, now, domain.is_some())?;
    let mut vv = Vv {
        compressed,
        snp_cpg,
        comment,
        domain,
        expires_at,
        retained_until,
        ..Vv::base(name, prov, cpg, size_mib, now)
    };
    if let Some(list) = options.value("pol") {
        set_policies(&mut vv, list)?;
    }
    if free_mib < vv.reserved_mib() * u64::from(count) || free_mib == 0 {
        return Err(refuse(format!(
            "Error: Unable to allocate space for vv {name}: cpg {cpg} has no free space"
        )));
    }
    let first_id = match options.value("i") {
        None => None,
        Some(id) => {
            let id: u32 = id
                .parse()
                .map_err(|_| refuse("Expecting a non-negative integer"))?;
            if let Some(taken) = array
                .vvs
                .values()
                .find(|vv| (id..id + count).contains(&vv.id))
            {
                return Err(refuse(format!(
                    "Error: vv id {} is already in use",
                    taken.id
                )));
            }
            Some(id)
        }
    };
    for (name, at) in all.into_iter().zip(0..) {
        let vv = Vv { name, ..vv.clone() };
        match first_id {
            Some(first) => array.add_vv_with_id(vv, first + at),
            None => array.add_vv(vv),
        };
    }
    Ok(Answer::silent())
}

pub(super) fn refuse(text: impl Into<String>) -> Answer {
    Answer::refuses_on_stderr(text)
}

/// Word of the Prov column, or the refusal of an option this release does not know or that goes with no other.
pub(super) fn provisioning(
    command: &Command,
    release: Release,
    options: &Options,
) -> Result<&'static str, Answer> {
    let unknown: &[&str] = match release {
        Release::V322 => &["dedup", "compr", "reduce"],
        Release::V331 => &["reduce"],
        Release::V1050 => &["tdvv", "dedup", "compr"],
    };
    if let Some(option) = unknown.iter().find(|option| options.has(option)) {
        return Err(usage(command, &format!("Invalid option -{option}")));
    }
    if release == Release::V1050 && options.value("snp_cpg").is_some() {
        return Err(usage(command, "Invalid option -snp_cpg"));
    }
    let dedup = options.has("tdvv") || options.has("dedup");
    if (options.has("tdvv") || options.has("reduce")) && options.has("tpvv") {
        return Err(usage(command, "options are mutually exclusive"));
    }
    if options.has("compr") && !options.has("tpvv") && !dedup {
        return Err(usage(command, "-compr needs -tpvv or -dedup"));
    }
    Ok(if dedup || options.has("reduce") {
        "tdvv"
    } else if options.has("tpvv") {
        "tpvv"
    } else if release == Release::V1050 {
        "tdvv"
    } else {
        "full"
    })
}

/// Dedup and compression need SSDs.
pub(super) fn check_reduction(
    cpg: &str,
    ssd: bool,
    prov: &str,
    compressed: bool,
) -> Result<(), Answer> {
    if (compressed || prov == "tdvv") && !ssd {
        return Err(refuse(format!(
            "Error: cpg {cpg} is not made of SSDs, which dedup and compression need"
        )));
    }
    Ok(())
}

/// Compression on 3.x is for larger VVs.
pub(super) fn check_compressed_size(options: &Options, size_mib: u64) -> Result<(), Answer> {
    if options.has("compr") && size_mib < SMALLEST_COMPRESSED_MIB {
        return Err(refuse(
            "Error: The minimum size of a compressed volume is 16 GiB",
        ));
    }
    Ok(())
}

pub(super) fn check_licences(
    array: &Array,
    prov: &str,
    compressed: bool,
    options: &Options,
) -> Result<(), Answer> {
    // 10.x has no single licences.
    if array.release == Release::V1050 {
        return Ok(());
    }
    let needed = [
        ("Thin Provisioning", prov != "full"),
        ("Deduplication", prov == "tdvv"),
        ("Compression", compressed),
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

/// The names that `-cnt` makes from `base.<index>`.
fn numbered(name: &str, count: u32, counted: bool) -> Result<Vec<String>, Answer> {
    if !counted {
        return Ok(vec![name.to_owned()]);
    }
    let (base, first) = name
        .rsplit_once('.')
        .and_then(|(base, index)| Some((base, index.parse::<u32>().ok()?)))
        .ok_or_else(|| refuse(format!("Invalid vv name: {name} must end in .<integer>")))?;
    Ok((first..first + count)
        .map(|index| format!("{base}.{index}"))
        .collect())
}

/// A name a new VV may have.
pub(super) fn check_name(array: &Array, name: &str) -> Result<(), Answer> {
    if !names::well_formed(name) {
        return Err(refuse(format!("Invalid vv name: {name}")));
    }
    let longest = array.longest_vv_name();
    if name.len() > longest {
        return Err(refuse(format!(
            "Invalid vv name: {name} is longer than {longest} characters"
        )));
    }
    Ok(())
}

pub(super) fn pool<'a>(array: &'a Array, name: &str) -> Result<&'a crate::state::Cpg, Answer> {
    array
        .cpgs
        .iter()
        .find(|cpg| cpg.name == name)
        .ok_or_else(|| refuse(format!("Error: Invalid CPG name: {name}")))
}

pub(super) fn check_comment(comment: &str) -> Result<String, Answer> {
    if comment.chars().count() > LONGEST_COMMENT {
        return Err(refuse(format!(
            "Error: Comment is longer than {LONGEST_COMMENT} characters"
        )));
    }
    Ok(comment.to_owned())
}

/// MiB of `100`, `2g`, `1T`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.char_indices().last()? {
        (at, 'g' | 'G') => (&text[..at], 1024),
        (at, 't' | 'T') => (&text[..at], 1024 * 1024),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// Largest VV, MiB.
pub(super) fn largest_mib(release: Release) -> u64 {
    if release == Release::V1050 {
        64 << 20
    } else {
        16 << 20
    }
}

/// Seconds of `3d`, `12h`, `30m`.
pub(super) fn parse_time(text: &str) -> Result<i64, Answer> {
    let wrong = || refuse(format!("Error: Invalid time: {text}"));
    let last = text.chars().last().ok_or_else(wrong)?;
    let factor = match last {
        'd' | 'D' => 86_400,
        'h' | 'H' => 3600,
        'm' | 'M' => 60,
        _ => return Err(wrong()),
    };
    text[..text.len() - 1]
        .parse::<i64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|seconds| (60..=LONGEST).contains(seconds))
        .ok_or_else(wrong)
}

/// When the VV expires, and until when it is retained.
pub(super) fn times(
    options: &Options,
    now: i64,
    in_domain: bool,
) -> Result<(Option<i64>, Option<i64>), Answer> {
    let read = |name| options.value(name).map(parse_time).transpose();
    let (expiry, retention) = (read("exp")?, read("retain")?);
    if let Some(retention) = retention {
        if !in_domain && retention > LONGEST_RETENTION {
            return Err(refuse(
                "Error: Retention time is longer than the maximum retention time of this system",
            ));
        }
        if expiry.is_some_and(|expiry| retention > expiry) {
            return Err(refuse(
                "Error: Retention time cannot be longer than the expiration time",
            ));
        }
    }
    Ok((
        expiry.map(|seconds| now + seconds),
        retention.map(|seconds| now + seconds),
    ))
}

/// Puts `pol,no_pol,…` on a VV.
pub(super) fn set_policies(vv: &mut Vv, list: &str) -> Result<(), Answer> {
    const KNOWN: [&str; 8] = [
        "stale_ss",
        "one_host",
        "zero_detect",
        "system",
        "caching",
        "tp_bzero",
        "fsvc",
        "rware",
    ];
    for word in list.split(',') {
        let (name, on) = match word.strip_prefix("no_") {
            Some(name) => (name, false),
            None => (word, true),
        };
        if !KNOWN.contains(&name) {
            return Err(refuse(format!("Error: Invalid policy: {word}")));
        }
        vv.policies.retain(|policy| policy != name);
        if on {
            vv.policies.push(name.to_owned());
        }
    }
    Ok(())
}
