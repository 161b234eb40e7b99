//! `showtask`: lists tasks.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options};
use crate::clock;
use crate::patterns::matches;
use crate::state::{Array, Copying, Task};
use crate::table::{Column, Table};

/// `showtask [options]`, `showtask -d <task id>...`.
pub static COMMAND: Command = Command {
    name: "showtask",
    syntax: "showtask [-all|-done|-failed|-active] [-t <hours>] [-type <pattern>] [-d] [<task ID>...]",
    flags: &["all", "done", "failed", "active", "d"],
    valued: &["t", "type"],
    changes: false,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let now = call.now;
    let array = call.here();
    for id in &options.words {
        if !array.tasks.iter().any(|task| task.id.to_string() == *id) {
            return refuse(format!("Error: task {id} does not exist"));
        }
    }
    let hours: i64 = options
        .value("t")
        .and_then(|hours| hours.parse().ok())
        .unwrap_or(24);
    let recent = |task: &Task| {
        options.has("all") || task.finished.is_none_or(|end| end > now - hours * 3600)
    };
    let states: Vec<&str> = ["done", "failed", "active"]
        .into_iter()
        .filter(|state| options.has(state))
        .collect();
    let shown: Vec<&Task> = array
        .tasks
        .iter()
        .filter(|task| {
            if options.words.is_empty() {
                recent(task)
            } else {
                options.words.contains(&task.id.to_string())
            }
        })
        .filter(|task| states.is_empty() || states.contains(&task.status.as_str()))
        .filter(|task| {
            options
                .value("type")
                .is_none_or(|pattern| matches(pattern, &task.kind))
        })
        .collect();
    if shown.is_empty() {
        return Answer::says("No tasks.\n");
    }
    let mut table = Table::new(vec![
        Column::right("Id"),
        Column::left("Type"),
        Column::left("Name"),
        Column::left("Status"),
        Column::left("Phase"),
        Column::left("Step"),
        Column::dashed("StartTime").min(23),
        Column::dashed("FinishTime").min(23),
        Column::dashed("Priority").min(10),
        Column::dashed("User"),
    ]);
    let date = |at| clock::date(at, &array.time_zone);
    for task in &shown {
        let end = task
            .finished
            .filter(|_| task.status != "active")
            .map_or_else(|| "-".into(), date);
        let start = date(task.started);
        let copying = copy_of(array, task);
        let step = match copying {
            Some((copying, _)) => {
                let tenths = copying.copied_mib(now) * 10 / copying.size_mib.max(1);
                format!("{tenths}/10")
            }
            None if task.status == "active" => "0/1".to_owned(),
            None => "---".to_owned(),
        };
        let phase = if copying.is_some() { "1/1" } else { &step };
        table.row(
            [
                &task.id.to_string(),
                &task.kind,
                &task.name,
                &task.status,
                phase,
                &step,
                &start,
                &end,
                "n/a",
                &task.user,
            ]
            .map(ToString::to_string),
        );
    }
    let mut text = table.render(options.style);
    if options.has("d") {
        for task in shown {
            text += "\nDetailed status:\n";
            for (at, word, line) in &task.details {
                text += &format!("{} {word:<11} {line}\n", date(*at));
            }
            if let Some((copying, to)) = copy_of(array, task) {
                let line = copying.progress(to, now);
                text += &format!("{} {:<11} {line}\n", date(now), "Update");
            }
        }
    }
    Answer::says(text)
}

/// The copy that an active task makes, and the VV that it fills.
fn copy_of<'a>(array: &'a Array, task: &Task) -> Option<(&'a Copying, &'a str)> {
    let active = task.status == "active";
    let mut vvs = array.vvs.values().filter(|_| active);
    vvs.find_map(|vv| {
        let copying = vv.copying.as_ref().filter(|one| one.task == task.id)?;
        Some((copying, vv.name.as_str()))
    })
}
