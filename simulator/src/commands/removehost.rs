//! `removehost`: removes a host, or paths of one.

use super::createhost::checked_path;
use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::patterns::matches;

/// `removehost [-rvl] [-iscsi] [-pat] <host> [<WWN>|<iSCSI name>...]`.
pub static COMMAND: Command = Command {
    name: "removehost",
    syntax: "removehost [-rvl] [-iscsi] [-pat] <hostname> [<WWN>|<iscsi_name>...]",
    flags: &["f", "rvl", "iscsi", "pat"],
    valued: &["port"],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    remove(call, options).unwrap_or_else(|refusal| refusal)
}

fn remove(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let Some((word, paths)) = options.words.split_first() else {
        return Err(usage(&COMMAND, "a host name is needed"));
    };
    let array = call.here();
    let all: Vec<String> = array
        .hosts
        .keys()
        .filter(|name| *name == word || (options.has("pat") && matches(word, name)))
        .cloned()
        .collect();
    if all.is_empty() {
        return Err(refuse(format!("Error: host {word} does not exist")));
    }
    for name in &all {
        let exported = array.vluns.iter().any(|vlun| {
            vlun.host
                .as_ref()
                .is_some_and(|host| array.hosts_behind(host).contains(name))
        });
        if !paths.is_empty() {
            let paths: Vec<String> = paths
                .iter()
                .map(|path| checked_path(path, options.has("iscsi")))
                .collect::<Result<_, _>>()?;
            if exported && !options.has("rvl") {
                return Err(refuse(format!("Error: Host {name} has exported VLUNs")));
            }
            let Some(host) = array.hosts.get_mut(name) else {
                continue;
            };
            if let Some(absent) = paths.iter().find(|path| !host.paths.contains(path)) {
                return Err(refuse(format!(
                    "Error: path {absent} is not a path of host {name}"
                )));
            }
            host.paths.retain(|path| !paths.contains(path));
            continue;
        }
        let set = array
            .host_sets
            .iter()
            .find(|(_, set)| set.members.contains(name));
        if let Some((set, _)) = set {
            // Followed by an empty line.
            return Err(refuse(format!(
                "Host {name} is still a member of set {set}\n\n"
            )));
        }
        if exported {
            return Err(refuse(format!("Error: Host {name} has exported VLUNs")));
        }
        array.hosts.remove(name);
    }
    Ok(Answer::silent())
}
