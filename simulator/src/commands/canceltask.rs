//! `canceltask`: ends a task that is under way.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::copies::{End, end};
use crate::names::question;

/// `canceltask [-f] <task id>`.
pub static COMMAND: Command = Command {
    name: "canceltask",
    syntax: "canceltask [-f] <task_ID>",
    flags: &["f"],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    let [id] = options.words.as_slice() else {
        return usage(&COMMAND, "one task is needed");
    };
    let confirmed = options.has("f") || call.confirmed;
    let array = call.here();
    // The number may have been given again: the newest is meant.
    let mut tasks = array.tasks.iter().rev();
    let Some(task) = tasks.find(|task| task.id.to_string() == *id) else {
        return refuse(format!("Error: task {id} does not exist"));
    };
    if task.status != "active" {
        return refuse(format!("Error: task {id} is not active"));
    }
    let filled = array.vvs.values().find(|vv| {
        vv.copying
            .as_ref()
            .is_some_and(|copying| copying.task == task.id)
    });
    let Some(to) = filled.map(|vv| vv.name.clone()) else {
        return refuse(format!(
            "Error: task {id} of type {} cannot be cancelled",
            task.kind
        ));
    };
    if !confirmed {
        return Answer::asks(question(&format!(
            "Are you sure you want to cancel task {id}?"
        )));
    }
    end(call.world, call.array, &to, End::Cancelled, call.now);
    Answer::silent()
}
