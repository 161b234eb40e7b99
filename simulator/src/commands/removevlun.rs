//! `removevlun`: takes exports away.

use super::createvlun::recipient;
use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::question;
use crate::patterns::matches;
use crate::state::Vlun;

/// `removevlun [options] <VV>|set:<VV set> <LUN> [<n:s:p>] [<host>|set:<host set>]`.
pub static COMMAND: Command = Command {
    name: "removevlun",
    syntax: "removevlun [options] <VV> <LUN> {<n:s:p> | <host|hostset> [<n:s:p>] | <n:s:p> <host|hostset>}",
    flags: &["f", "dr", "novcn", "pat"],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    remove(call, options).unwrap_or_else(|refusal| refusal)
}

fn remove(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [vv, lun, rest @ ..] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "wrong number of arguments"));
    };
    if rest.is_empty() {
        return Err(usage(&COMMAND, "a host, a host set or a port is needed"));
    }
    let confirmed = call.confirmed || options.has("f");
    let array = call.here();
    let all: Vec<Vlun> = if options.has("pat") {
        array
            .vluns
            .iter()
            .filter(|vlun| matches(vv, &vlun.vv) && matches(lun, &vlun.lun.to_string()))
            .filter(|vlun| {
                let names: Vec<&String> = vlun.host.iter().chain(&vlun.port).collect();
                rest.iter()
                    .all(|pattern| names.iter().any(|name| matches(pattern, name)))
            })
            .cloned()
            .collect()
    } else {
        if crate::names::set_name(vv).is_none() && !array.vvs.contains_key(vv) {
            return Err(refuse(format!("VV {vv} not found")));
        }
        let (host, port) = recipient(array, rest)?;
        array
            .vluns
            .iter()
            .filter(|vlun| vlun.vv == *vv && vlun.lun.to_string() == *lun)
            .filter(|vlun| vlun.host == host && vlun.port == port)
            .cloned()
            .collect()
    };
    if all.is_empty() {
        return Err(refuse(format!(
            "Error: VLUN {vv} {lun} {} does not exist",
            rest.join(" ")
        )));
    }
    let described: Vec<String> = all.iter().map(describe).collect();
    if options.has("dr") {
        let lines = described
            .iter()
            .map(|line| format!("Dry run: Issuing removevlun {line}\n"));
        return Ok(Answer::says(lines.collect::<String>()));
    }
    if !confirmed {
        return Ok(Answer::asks(question(&format!(
            "Are you sure you want to run removevlun {}?",
            described.join(", ")
        ))));
    }
    array.vluns.retain(|vlun| !all.contains(vlun));
    let lines = described
        .iter()
        .map(|line| format!("Issuing removevlun {line}\n"));
    Ok(Answer::says(lines.collect::<String>()))
}

/// The words that name a template.
fn describe(vlun: &Vlun) -> String {
    let mut words = vec![vlun.vv.clone(), vlun.lun.to_string()];
    words.extend(vlun.port.clone());
    words.extend(vlun.host.clone());
    words.join(" ")
}
