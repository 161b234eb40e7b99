//! `showhost`: lists hosts and their paths.

use super::createhost::PERSONAS;
use super::{Answer, Call, Command, Options};
use crate::names::set_name;
use crate::patterns::matches;
use crate::state::{Array, Chap, Host, Release};
use crate::table::{Column, Table};

/// `showhost [options] [<host or pattern or set:name>...]`.
pub static COMMAND: Command = Command {
    name: "showhost",
    syntax: "showhost [options] [<hostname or pattern or set:hostset>...]",
    flags: &["d", "verbose", "desc", "chap", "noname", "listpersona"],
    valued: &["domain", "persona"],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    if options.has("listpersona") {
        return personas(options);
    }
    let array = call.here();
    let shown = selected(array, options);
    let unassigned = if options.words.is_empty()
        && options.value("domain").is_none()
        && options.value("persona").is_none()
    {
        unassigned(array)
    } else {
        Vec::new()
    };
    if shown.is_empty() && unassigned.is_empty() {
        return Answer::says("no hosts listed\n");
    }
    let mut text = String::new();
    let verbose = options.has("verbose");
    if !options.has("chap") && !options.has("desc") {
        text += &paths(array, &shown, &unassigned, options);
    }
    if options.has("chap") || verbose {
        if verbose {
            text.push('\n');
        }
        text += &chap(&shown, options);
    }
    if options.has("desc") || verbose {
        for (name, host) in &shown {
            if !text.is_empty() {
                text.push('\n');
            }
            text += &description(name, host);
        }
    }
    Answer::says(text)
}

fn selected<'a>(array: &'a Array, options: &Options) -> Vec<(&'a String, &'a Host)> {
    let named = |name: &str| {
        options.words.iter().any(|word| match set_name(word) {
            Some(_) => array.hosts_behind(word).iter().any(|host| host == name),
            None => matches(word, name),
        })
    };
    array
        .hosts
        .iter()
        .filter(|_| !options.has("noname"))
        .filter(|(name, _)| options.words.is_empty() || named(name))
        .filter(|(_, host)| {
            options.value("domain").is_none_or(|pattern| {
                host.domain
                    .as_ref()
                    .is_some_and(|domain| matches(pattern, domain))
            })
        })
        .filter(|(_, host)| {
            options
                .value("persona")
                .is_none_or(|number| host.persona.to_string() == number)
        })
        .collect()
}

/// Initiators that are logged in and belong to no host, with each of their ports.
fn unassigned(array: &Array) -> Vec<(&String, &String)> {
    array
        .logins
        .iter()
        .filter(|(initiator, _)| array.host_of(initiator).is_none())
        .flat_map(|(initiator, ports)| ports.iter().map(move |port| (initiator, port)))
        .collect()
}

/// One row for each path and port; without `-d` the host is named in its first row only.
fn paths(
    array: &Array,
    shown: &[(&String, &Host)],
    unassigned: &[(&String, &String)],
    options: &Options,
) -> String {
    let detailed = options.has("d") || options.has("verbose");
    let (path_head, ip_head) = if array.release == Release::V1050 {
        ("WWN/iSCSI_Name/NQN", "IP/IP:Port")
    } else {
        ("WWN/iSCSI_Name", "IP_addr")
    };
    let mut columns = vec![Column::right("Id"), Column::left("Name")];
    if options.listdom {
        columns.push(Column::left("Domain"));
    }
    columns.extend([
        Column::left("Persona"),
        Column::dashed(path_head),
        Column::left("Port"),
    ]);
    if detailed {
        columns.push(Column::left(ip_head));
    }
    let mut table = Table::new(columns);
    for (name, host) in shown {
        let mut rows: Vec<(String, String)> = Vec::new();
        for path in &host.paths {
            let ports = array.ports_of(path);
            if ports.is_empty() {
                rows.push((path.clone(), "---".to_owned()));
            }
            rows.extend(ports.into_iter().map(|port| (path.clone(), port)));
        }
        if rows.is_empty() {
            rows.push(("---".to_owned(), "---".to_owned()));
        }
        for (at, (path, port)) in rows.into_iter().enumerate() {
            let mut row = vec![host.id.to_string(), (*name).clone()];
            if options.listdom {
                row.push(host.domain.clone().unwrap_or_else(|| "-".to_owned()));
            }
            row.push(persona(host.persona).to_owned());
            if at > 0 && !detailed {
                row.iter_mut().for_each(String::clear);
            }
            row.push(path.clone());
            row.push(port.clone());
            if detailed {
                row.push(address(array, &path, &port));
            }
            table.row(row);
        }
    }
    for (initiator, port) in unassigned {
        let mut row: Vec<String> = vec!["--".to_owned(), "--".to_owned()];
        if options.listdom {
            row.push("--".to_owned());
        }
        row.extend(["--".to_owned(), (*initiator).clone(), (*port).clone()]);
        if detailed {
            row.push(address(array, initiator, port));
        }
        table.row(row);
    }
    table.total(Vec::new()).render(options.style)
}

/// `n/a` for Fibre Channel; an iSCSI initiator that is logged in comes from an address.
fn address(array: &Array, path: &str, port: &str) -> String {
    if path.contains('.') && port != "---" {
        let last = array
            .logins
            .keys()
            .position(|name| name.eq_ignore_ascii_case(path));
        format!("192.0.2.{}", last.map_or(0, |at| at % 200 + 20))
    } else {
        "n/a".to_owned()
    }
}

fn chap(shown: &[(&String, &Host)], options: &Options) -> String {
    let mut table = Table::new(vec![
        Column::right("Id"),
        Column::left("Name"),
        Column::dashed("Initiator_CHAP_Name"),
        Column::dashed("Target_CHAP_Name"),
    ]);
    for (name, host) in shown {
        let shown = |chap: &Option<Chap>| {
            let name = chap.as_ref().map(|chap| chap.name.clone());
            name.unwrap_or_else(|| "--".to_owned())
        };
        table.row([
            host.id.to_string(),
            (*name).clone(),
            shown(&host.chap),
            shown(&host.target_chap),
        ]);
    }
    table.total(Vec::new()).render(options.style)
}

fn description(name: &str, host: &Host) -> String {
    let domain = host.domain.as_deref().unwrap_or("--");
    let comment = if host.comment.is_empty() {
        "--"
    } else {
        &host.comment
    };
    format!(
        "---------- Host {name} ----------\n\
         Name       : {name}\n\
         Domain     : {domain}\n\
         Id         : {}\n\
         Location   : --\n\
         IP Address : --\n\
         OS         : --\n\
         Model      : --\n\
         Contact    : --\n\
         Comment    : {comment}  \n",
        host.id
    )
}

fn persona(number: u32) -> &'static str {
    PERSONAS
        .iter()
        .find(|(known, _)| *known == number)
        .map_or("Generic", |(_, word)| word)
}

fn personas(options: &Options) -> Answer {
    let mut table = Table::new(vec![Column::right("Id"), Column::left("Persona_Name")]);
    for (number, word) in PERSONAS {
        table.row([number.to_string(), word.to_owned()]);
    }
    Answer::says(table.render(options.style))
}
