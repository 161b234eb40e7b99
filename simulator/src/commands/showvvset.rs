//! `showvvset`: lists VV sets.

use std::collections::BTreeMap;

use super::{Answer, Call, Command, Options};
use crate::patterns::any_matches;
use crate::state::Set;
use crate::table::{Column, Table};

/// `showvvset [-d] [-vv <VV>[,<VV>...]] [<set or pattern>...]`.
pub static COMMAND: Command = Command {
    name: "showvvset",
    syntax: "showvvset [-d] [-vv <VV_name or pattern>] [<setname or pattern>...]",
    flags: &["d"],
    valued: &["vv"],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    list(&call.here().vv_sets, "vv", options)
}

/// Lists sets of `kind` (`vv`, `host`); the option of that name picks those that hold a member.
pub(super) fn list(sets: &BTreeMap<String, Set>, kind: &str, options: &Options) -> Answer {
    let members: Option<Vec<&str>> = options.value(kind).map(|list| list.split(',').collect());
    let shown: Vec<(&String, &Set)> = sets
        .iter()
        .filter(|(name, _)| any_matches(&options.words, name))
        .filter(|(_, set)| {
            members
                .as_ref()
                .is_none_or(|wanted| set.members.iter().any(|member| any_matches(wanted, member)))
        })
        .collect();
    if shown.is_empty() {
        return Answer::says(format!("No {kind} set listed\n"));
    }
    let mut columns = vec![
        Column::right("Id"),
        Column::left("Name"),
        Column::left("Members"),
    ];
    if options.has("d") {
        columns.push(Column::left("Comment"));
    }
    let mut table = Table::new(columns);
    let mut count = 0;
    for (name, set) in shown {
        count += set.members.len();
        let first = set.members.first().map_or("--", String::as_str);
        let comment = if set.comment.is_empty() {
            "--"
        } else {
            &set.comment
        };
        let mut row = vec![set.id.to_string(), name.clone(), first.to_owned()];
        if options.has("d") {
            row.push(comment.to_owned());
        }
        table.row(row);
        for member in set.members.iter().skip(1) {
            table.continuation(["", "", member]);
        }
    }
    let table = table.total(vec![("Members".to_owned(), count.to_string())]);
    Answer::says(table.render(options.style))
}
