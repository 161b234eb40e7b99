//! `createhost`: makes a host, or adds paths to one.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names;
use crate::state::{Array, Host, Release};

/// `createhost [options] <host> [<WWN>|<iSCSI name>...]`, `createhost -add <host> <WWN>|<iSCSI name>...`.
pub static COMMAND: Command = Command {
    name: "createhost",
    syntax: "createhost [options] <hostname> [<WWN>|<iscsi_name>...]",
    flags: &["f", "iscsi", "add"],
    valued: &[
        "persona", "domain", "loc", "ip", "os", "model", "contact", "comment", "port",
    ],
    changes: true,
    licence: None,
    run,
};

/// Personas by number, with the word of the Persona column.
pub(super) const PERSONAS: [(u32, &str); 11] = [
    (1, "Generic"),
    (2, "Generic-ALUA"),
    (6, "Generic-legacy"),
    (7, "HPUX-legacy"),
    (8, "AIX-legacy"),
    (9, "EGENERA"),
    (10, "ONTAP-legacy"),
    (11, "VMware"),
    (12, "OpenVMS"),
    (13, "HPUX"),
    (15, "WindowsServer"),
];

/// Longest name of a host.
const LONGEST_NAME: usize = 31;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let Some((name, paths)) = options.words.split_first() else {
        return usage(&COMMAND, "a host name is needed");
    };
    match create(call.here(), name, paths, options) {
        Ok(()) => Answer::silent(),
        Err(refusal) => refusal,
    }
}

fn create(
    array: &mut Array,
    name: &str,
    paths: &[String],
    options: &Options,
) -> Result<(), Answer> {
    let add = options.has("add");
    if add && (options.value("persona").is_some() || options.value("domain").is_some()) {
        return Err(usage(
            &COMMAND,
            "-persona and -domain cannot be used with -add",
        ));
    }
    if add && paths.is_empty() {
        return Err(usage(&COMMAND, "-add needs at least one path"));
    }
    if !names::well_formed(name) || name.len() > LONGEST_NAME {
        return Err(refuse(format!("Error: Invalid host name: {name}")));
    }
    let paths: Vec<String> = paths
        .iter()
        .map(|path| checked_path(path, options.has("iscsi")))
        .collect::<Result<_, _>>()?;
    match (array.hosts.contains_key(name), add) {
        (true, false) => return Err(refuse(format!("Error: host {name} already exists"))),
        (false, true) => return Err(refuse(format!("Error: host {name} does not exist"))),
        _ => {}
    }
    for path in &paths {
        if let Some(owner) = array.host_of(path) {
            let id = array.hosts.get(owner).map_or(0, |host| host.id);
            return Err(refuse(format!("\n\talready used by host {owner} ({id})")));
        }
    }
    if add {
        if let Some(host) = array.hosts.get_mut(name) {
            host.paths.extend(paths);
        }
        return Ok(());
    }
    let usual = if array.release == Release::V322 { 1 } else { 2 };
    let persona = match options.value("persona") {
        None => usual,
        Some(number) => number
            .parse()
            .ok()
            .filter(|number| PERSONAS.iter().any(|(known, _)| known == number))
            .ok_or_else(|| refuse(format!("Error: Invalid persona: {number}")))?,
    };
    let domain = options.value("domain").map(str::to_owned);
    if let Some(name) = &domain
        && !array
            .cpgs
            .iter()
            .any(|cpg| cpg.domain.as_ref() == Some(name))
    {
        return Err(refuse(format!("Error: domain {name} does not exist")));
    }
    let host = Host {
        id: array.next_id("host"),
        persona,
        domain,
        paths,
        comment: options.value("comment").unwrap_or_default().to_owned(),
        chap: None,
        target_chap: None,
    };
    array.hosts.insert(name.to_owned(), host);
    Ok(())
}

/// A path in the form it is kept in.
pub(super) fn checked_path(path: &str, iscsi: bool) -> Result<String, Answer> {
    if iscsi {
        let named = ["iqn.", "eui.", "naa."]
            .iter()
            .any(|start| path.starts_with(start));
        return if named && path.len() <= 223 {
            Ok(path.to_owned())
        } else {
            Err(refuse(format!("Error: Invalid iSCSI name: {path}")))
        };
    }
    if path.len() == 16 && path.chars().all(|c| c.is_ascii_hexdigit()) {
        Ok(path.to_ascii_uppercase())
    } else {
        Err(refuse(format!("Error: Invalid WWN: {path}")))
    }
}
