//! `showsched`: lists schedules.

use super::{Answer, Call, Command, Options};
use crate::clock;
use crate::patterns::any_matches;
use crate::schedules::Frequency;
use crate::state::{Release, Schedule};
use crate::table::{Column, Table};

/// `showsched [-all] [<name>|<pattern>]`.
pub static COMMAND: Command = Command {
    name: "showsched",
    syntax: "showsched [-all] [<schedname>|<pattern>]",
    flags: &["all"],
    valued: &[],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let array = call.here();
    let mut shown: Vec<(&String, &Schedule)> = array
        .schedules
        .iter()
        .filter(|(name, _)| any_matches(&options.words, name))
        .collect();
    shown.sort_by_key(|(_, schedule)| schedule.id);
    if shown.is_empty() {
        return Answer::says("No scheduled tasks listed\n");
    }
    let has_interval = array.release == Release::V1050;
    let interval = has_interval.then(|| Column::right("Interval"));
    let numbers = ["Min", "Hour", "DOM", "Month", "DOW"].map(Column::right);
    let mut columns = vec![Column::left("SchedName"), Column::left("File/Command")];
    columns.extend(interval);
    columns.extend(numbers);
    columns.extend([
        Column::left("CreatedBy"),
        Column::right("Status"),
        Column::right("Alert"),
        Column::left("NextRunTime"),
    ]);
    let first = if has_interval { "Interval" } else { "Min" };
    let mut table = Table::new(columns).groups(&[(first, "DOW", " Schedule ")]);
    for (name, schedule) in shown {
        let mut row = vec![name.clone(), schedule.command.clone()];
        row.extend(has_interval.then(|| "0".to_owned()));
        match Frequency::parse(&schedule.frequency) {
            Ok(frequency) => row.extend(frequency.texts().clone()),
            Err(_) => row.extend(["-"; 5].map(str::to_owned)),
        }
        let next = schedule
            .next_run
            .map_or_else(|| "--".to_owned(), |at| clock::date(at, &array.time_zone));
        row.extend([
            schedule.created_by.clone(),
            if schedule.suspended {
                "suspended"
            } else {
                "active"
            }
            .to_owned(),
            if schedule.alert { "Y" } else { "N" }.to_owned(),
            next,
        ]);
        table.row(row);
    }
    Answer::says(table.total(Vec::new()).render(options.style))
}
