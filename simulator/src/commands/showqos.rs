//! `showqos`: lists rules for quality of service.

use super::setqos::check_licence;
use super::{Answer, Call, Command, Options};
use crate::patterns::any_matches;
use crate::state::{QosRule, Range, Release};
use crate::table::{Column, Table};

/// `showqos [vvset:<pattern>|domain:<pattern>|sys:all_others]...`.
pub static COMMAND: Command = Command {
    name: "showqos",
    syntax: "showqos [{vvset:<set>|domain:<domain>|sys:all_others|<pattern>} ...]",
    flags: &[],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let array = call.here();
    if let Err(refusal) = check_licence(array) {
        return refusal;
    }
    let shown: Vec<(&String, &QosRule)> = array
        .qos
        .iter()
        .filter(|(target, _)| any_matches(&options.words, target))
        .collect();
    if shown.is_empty() {
        return Answer::says("no QoS rules listed\n");
    }
    let later = array.release == Release::V1050;
    let mut table = table(later);
    for (target, rule) in shown {
        let (kind, name) = target.split_once(':').unwrap_or(("", target));
        let state = if rule.off { "off" } else { "on" };
        let mut row = vec![rule.id.to_string(), kind.into(), name.into(), state.into()];
        if later {
            row.extend([max(rule.io), max(rule.bandwidth)]);
        } else {
            let priority = rule.priority.clone();
            row.push(priority.unwrap_or_else(|| "normal".to_owned()));
            row.extend([min(rule.io), max(rule.io)]);
            row.extend([min(rule.bandwidth), max(rule.bandwidth)]);
            row.push(or_none(rule.latency_ms));
        }
        table.row(row);
    }
    Answer::says(table.total_of(&[]).render(options.style))
}

fn table(later: bool) -> Table {
    let mut columns = vec![
        Column::right("Id"),
        Column::left("Type"),
        Column::left("Name"),
        Column::left("QoS"),
    ];
    let titles: &[(&str, &str, &str)] = if later {
        columns.extend([Column::right("Max"), Column::right("Max")]);
        &[("Max", "Max", "IO/s"), ("Max", "Max", "KB/s")]
    } else {
        columns.push(Column::left("Priority"));
        for head in ["Min", "Max", "Min", "Max", "Latency"] {
            columns.push(Column::right(head));
        }
        &[
            ("Min", "Max", "IO/s"),
            ("Min", "Max", "KB/s"),
            ("Latency", "Latency", "ms"),
        ]
    };
    Table::new(columns).groups(titles)
}

fn or_none(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "--".to_owned(), |number| number.to_string())
}

fn min(range: Option<Range>) -> String {
    or_none(range.map(|range| range.min))
}

fn max(range: Option<Range>) -> String {
    or_none(range.map(|range| range.max))
}
