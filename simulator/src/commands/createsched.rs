//! `createsched`: has the array run a command by itself.

use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::names::well_formed;
use crate::schedules::Frequency;
use crate::state::Schedule;

/// `createsched "<command>" "<min> <hour> <dom> <month> <dow>"|@<word> <name>`.
pub static COMMAND: Command = Command {
    name: "createsched",
    syntax: "createsched [options] \"<cmd>\" \"<min> <hour> <dom> <month> <dow>\"|@hourly|@daily|@weekly|@monthly|@yearly <name>",
    flags: &["no_alert"],
    valued: &[],
    changes: true,
    licence: None,
    run,
};

/// Longest name of a schedule.
const LONGEST_NAME: usize = 31;

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    create(call, options).unwrap_or_else(|refusal| refusal)
}

fn create(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [command, frequency, name] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "wrong number of arguments"));
    };
    let (now, created_by) = (call.now, call.user.to_owned());
    let array = call.here();
    check_name(name)?;
    if array.schedules.contains_key(name) {
        return Err(exists(name));
    }
    let when = Frequency::parse(frequency).map_err(refuse)?;
    // Whether the command makes sense shows when it runs.
    if command.trim().is_empty() {
        return Err(usage(&COMMAND, "a command is needed"));
    }
    let schedule = Schedule {
        id: array.next_id("sched"),
        command: command.clone(),
        frequency: frequency.clone(),
        created_by,
        alert: !options.has("no_alert"),
        suspended: false,
        next_run: when.next(now, &array.time_zone),
    };
    array.schedules.insert(name.clone(), schedule);
    Ok(Answer::silent())
}

/// A name a schedule may have.
pub(super) fn check_name(name: &str) -> Result<(), Answer> {
    if well_formed(name) && name.len() <= LONGEST_NAME {
        return Ok(());
    }
    Err(refuse(format!("Error: Invalid schedule name: {name}")))
}

pub(super) fn exists(name: &str) -> Answer {
    refuse(format!("Error: Schedule {name} already exists"))
}

pub(super) fn absent(name: &str) -> Answer {
    refuse(format!("Error: Schedule {name} does not exist"))
}
