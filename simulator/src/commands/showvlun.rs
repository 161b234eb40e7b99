//! `showvlun`: lists exports: templates, and the paths over which hosts reach them now.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options};
use crate::names::set_name;
use crate::patterns::matches;
use crate::state::{Array, Release};
use crate::table::{Column, Table};

/// `showvlun [options]`.
pub static COMMAND: Command = Command {
    name: "showvlun",
    syntax: "showvlun [options <arg>]",
    flags: &["a", "t", "lvw", "listcols"],
    valued: &[
        "showcols", "v", "host", "l", "nodes", "slots", "ports", "domain",
    ],
    changes: false,
    licence: None,
    run,
};

/// Names for `-showcols`.
const COLUMNS: [&str; 10] = [
    "Lun", "VVName", "HostName", "Host_WWN", "Port", "Type", "Status", "ID", "VV_WWN", "Domain",
];

/// A VLUN as it is listed.
struct Row {
    lun: u32,
    vv: String,
    host: Option<String>,
    initiator: Option<String>,
    port: Option<String>,
    kind: &'static str,
    status: Option<&'static str>,
}

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let array = call.here();
    if options.has("listcols") {
        return Answer::says(COLUMNS.join(",") + "\n");
    }
    if let Some(list) = options.value("showcols") {
        let unknown: Vec<&str> = list
            .split(',')
            .filter(|name| !COLUMNS.contains(name))
            .collect();
        if !unknown.is_empty() {
            return refuse(format!("Invalid columns specified: {}", unknown.join(" ")));
        }
    }
    let both = options.has("a") == options.has("t");
    let active = if both || options.has("a") {
        filtered(array, active(array), options)
    } else {
        Vec::new()
    };
    let templates = if both || options.has("t") {
        filtered(array, templates(array), options)
    } else {
        Vec::new()
    };
    let mut text = String::new();
    for (title, rows) in [("Active VLUNs", active), ("VLUN Templates", templates)] {
        if rows.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        if both && !options.style.nohdtot {
            text += &format!("{title}\n");
        }
        text += &table(array, &rows, options);
    }
    Answer::says(if text.is_empty() {
        "no vluns listed\n".to_owned()
    } else {
        text
    })
}

/// Paths, sorted by port as the arrays do.
fn active(array: &Array) -> Vec<Row> {
    let mut all = array.active_vluns();
    all.sort_by(|a, b| (&a.port, a.lun, &a.vv).cmp(&(&b.port, b.lun, &b.vv)));
    all.into_iter()
        .map(|vlun| Row {
            lun: vlun.lun,
            vv: vlun.vv,
            host: vlun.host,
            initiator: Some(vlun.initiator),
            port: Some(vlun.port),
            kind: vlun.kind.word(),
            status: Some(vlun.status),
        })
        .collect()
}

fn templates(array: &Array) -> Vec<Row> {
    array
        .vluns
        .iter()
        .map(|vlun| Row {
            lun: vlun.lun,
            vv: vlun.vv.clone(),
            host: vlun.host.clone(),
            initiator: None,
            port: vlun.port.clone(),
            kind: vlun.kind().word(),
            status: None,
        })
        .collect()
}

fn filtered(array: &Array, rows: Vec<Row>, options: &Options) -> Vec<Row> {
    let listed = |option: &str, fits: &dyn Fn(&str) -> bool| {
        options
            .value(option)
            .is_none_or(|list| list.split(',').any(fits))
    };
    let part = |row: &Row, at: usize| {
        row.port
            .as_deref()
            .and_then(|port| port.split(':').nth(at))
            .map(str::to_owned)
    };
    rows.into_iter()
        .filter(|row| {
            listed("v", &|pattern| match set_name(pattern) {
                Some(set) => {
                    row.vv == pattern
                        || array
                            .vv_sets
                            .get(set)
                            .is_some_and(|set| set.members.contains(&row.vv))
                }
                None => matches(pattern, &row.vv),
            })
        })
        .filter(|row| {
            listed("host", &|pattern| {
                row.host
                    .as_deref()
                    .is_some_and(|host| matches(pattern, host))
            })
        })
        .filter(|row| listed("l", &|pattern| matches(pattern, &row.lun.to_string())))
        .filter(|row| {
            listed("domain", &|pattern| {
                domain(array, &row.vv).is_some_and(|domain| matches(pattern, &domain))
            })
        })
        .filter(|row| {
            [("nodes", 0), ("slots", 1), ("ports", 2)]
                .iter()
                .all(|(option, at)| {
                    listed(option, &|number| {
                        part(row, *at).is_some_and(|part| part == number)
                    })
                })
        })
        .collect()
}

fn table(array: &Array, rows: &[Row], options: &Options) -> String {
    let actives = rows.iter().any(|row| row.status.is_some());
    let chosen: Vec<&str> = match options.value("showcols") {
        Some(list) => list.split(',').collect(),
        None => {
            let mut columns = vec!["Lun", "VVName", "HostName"];
            if options.listdom {
                columns.insert(2, "Domain");
            }
            if options.has("lvw") {
                columns.push("VV_WWN");
            }
            columns.extend(["Host_WWN", "Port", "Type"]);
            if actives {
                columns.extend(["Status", "ID"]);
            }
            columns
        }
    };
    let plain_heads = options.value("showcols").is_some();
    let later = array.release == Release::V1050;
    let columns = chosen.iter().map(|name| match *name {
        "Host_WWN" if plain_heads => Column::left("Host_WWN"),
        "Host_WWN" if later && actives => Column::dashed("Host_WWN/iSCSI_Name/Host_NQN"),
        "Host_WWN" => Column::dashed("Host_WWN/iSCSI_Name"),
        "VV_WWN" if !plain_heads => Column::dashed("VV_WWN"),
        "ID" if !plain_heads && !later => Column::right("ID").min(3),
        "Lun" | "Port" | "Type" | "ID" => Column::right(*name),
        other => Column::left(other),
    });
    let mut table = Table::new(columns.collect());
    for row in rows {
        table.row(chosen.iter().map(|name| cell(array, row, name)));
    }
    table.total(Vec::new()).render(options.style)
}

fn cell(array: &Array, row: &Row, column: &str) -> String {
    let or = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
    match column {
        "Lun" => row.lun.to_string(),
        "VVName" => row.vv.clone(),
        "HostName" => or(&row.host, "---"),
        "Host_WWN" => or(&row.initiator, "----------------"),
        "Port" => or(&row.port, "---"),
        "Type" => row.kind.to_owned(),
        "Status" => row.status.unwrap_or("---").to_owned(),
        "ID" => {
            let node = row.port.as_deref().and_then(|port| port.split(':').next());
            match (row.status, node) {
                (None, _) | (_, None) => "---".to_owned(),
                (_, Some(node)) if array.release == Release::V1050 => format!("1{node}"),
                (_, Some(node)) => node.to_owned(),
            }
        }
        "VV_WWN" => array
            .vvs
            .get(&row.vv)
            .map_or_else(|| "---".to_owned(), |vv| vv.wwn.clone()),
        "Domain" => or(&domain(array, &row.vv), "-"),
        _ => String::new(),
    }
}

fn domain(array: &Array, vv: &str) -> Option<String> {
    array.vvs.get(vv)?.domain.clone()
}
