//! `showsys`: the system's name, id and capacity.

use super::{Answer, Call, Command, Options, usage};
use crate::state::{Array, Release};
use crate::table::{Column, Table};

/// `showsys [-d] [-param]`.
pub static COMMAND: Command = Command {
    name: "showsys",
    syntax: "showsys [-d] [-param]",
    flags: &["d", "param"],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    if !options.words.is_empty() {
        return usage(&COMMAND, "Too many arguments");
    }
    let array = call.here();
    if options.has("param") {
        return Answer::says(parameters());
    }
    if options.has("d") {
        return Answer::says(details(array));
    }
    let old = array.release != Release::V1050;
    let mut columns = vec![
        Column::right("ID"),
        Column::dashed("Name"),
        Column::dashed("Model"),
        Column::dashed("Serial"),
        Column::right("Nodes"),
        Column::right("Master"),
    ];
    if old {
        columns.push(Column::left("ClusterLED"));
    }
    columns.extend(["TotalCap", "AllocCap", "FreeCap", "FailedCap"].map(Column::right));
    let unit = if old { "(MB)" } else { "(MiB)" };
    let mut table = Table::new(columns).groups(&[("TotalCap", "FailedCap", unit)]);
    let capacity = Capacity::of(array);
    let mut cells = vec![
        format!("{:#X}", array.id).replace("0X", "0x"),
        array.name.clone(),
        array.model.clone(),
        array.serial.clone(),
        "2".to_owned(),
        "0".to_owned(),
    ];
    if old {
        cells.push("Off".to_owned());
    }
    cells.extend(
        [capacity.total(), capacity.allocated, capacity.free, 0].map(|mib| mib.to_string()),
    );
    table.row(cells);
    Answer::says(table.render(options.style))
}

/// Capacity of the system, MiB.
struct Capacity {
    allocated: u64,
    free: u64,
}

impl Capacity {
    fn of(array: &Array) -> Self {
        Self {
            allocated: array.vvs.values().map(crate::state::Vv::reserved_mib).sum(),
            free: array.cpgs.iter().map(|cpg| cpg.free_mib).sum(),
        }
    }

    fn total(&self) -> u64 {
        self.allocated + self.free
    }
}

fn details(array: &Array) -> String {
    let capacity = Capacity::of(array);
    let general = block(
        "General",
        &[
            ("System Name", array.name.clone()),
            ("System Model", array.model.clone()),
            ("Serial Number", array.serial.clone()),
            ("System ID", format!("{:#X}", array.id).replace("0X", "0x")),
            ("Number of Nodes", "2".to_owned()),
            ("Master Node", "0".to_owned()),
            ("Nodes Online", "0,1".to_owned()),
            ("Nodes in Cluster", "0,1".to_owned()),
            ("Chunklet Size (MiB)", "1024".to_owned()),
            ("Minimum PW length", "8".to_owned()),
        ],
    );
    let raw = block(
        "Raw System Capacity (MiB)",
        &[
            ("Total Capacity", capacity.total().to_string()),
            ("Allocated Capacity", capacity.allocated.to_string()),
            ("Free Capacity", capacity.free.to_string()),
            ("Failed Capacity", "0".to_owned()),
        ],
    );
    let none = || "--".to_owned();
    let descriptors = block(
        "System Descriptors",
        &[
            ("Location", none()),
            ("Owner", none()),
            ("Contact", none()),
            ("Comment", none()),
        ],
    );
    format!("{general}\n{raw}\n{descriptors}")
}

fn parameters() -> String {
    let values = [
        ("RemoteSyslog", "0"),
        ("SessionTimeout", "01:00:00"),
        ("VVRetentionTimeMax", "14 Day(s)"),
    ];
    let lines: String = values
        .iter()
        .map(|(name, value)| format!("{name:<20} : {value}\n"))
        .collect();
    format!("Configured Settings\n\n{lines}")
}

/// A titled block of `key : value` lines with the values at the right.
fn block(title: &str, lines: &[(&str, String)]) -> String {
    let keys = lines.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
    let values = lines
        .iter()
        .map(|(_, value)| value.len() + 1)
        .max()
        .unwrap_or(0)
        .max(11);
    let dashes = (keys + values + 3).saturating_sub(title.len());
    let head = format!(
        "{}{title}{}\n",
        "-".repeat(dashes / 2),
        "-".repeat(dashes - dashes / 2)
    );
    lines.iter().fold(head, |text, (key, value)| {
        text + &format!("{key:<keys$} : {value:>values$}\n")
    })
}
