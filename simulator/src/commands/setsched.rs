//! `setsched`: suspends, resumes, renames a schedule, or gives it other times.

use super::createsched::{absent, check_name, exists};
use super::createvv::refuse;
use super::{Answer, Call, Command, Options, usage};
use crate::schedules::Frequency;

/// `setsched [-suspend|-resume] [-s "<frequency>"] [-name <new>] <name>`.
pub static COMMAND: Command = Command {
    name: "setsched",
    syntax: "setsched [options] <schedname>",
    flags: &["suspend", "resume"],
    valued: &["s", "name"],
    changes: true,
    licence: None,
    run,
};

fn run(call: &mut Call<'_>, options: &Options) -> Answer {
    set(call, options).unwrap_or_else(|refusal| refusal)
}

fn set(call: &mut Call<'_>, options: &Options) -> Result<Answer, Answer> {
    let [name] = options.words.as_slice() else {
        return Err(usage(&COMMAND, "a schedule name is needed"));
    };
    if options.has("suspend") && options.has("resume") {
        return Err(usage(
            &COMMAND,
            "-suspend and -resume are mutually exclusive",
        ));
    }
    let now = call.now;
    let array = call.here();
    let mut schedule = array
        .schedules
        .get(name)
        .cloned()
        .ok_or_else(|| absent(name))?;
    let new = options.value("name").unwrap_or(name);
    if new != name {
        check_name(new)?;
        if array.schedules.contains_key(new) {
            return Err(exists(new));
        }
    }
    if let Some(frequency) = options.value("s") {
        frequency.clone_into(&mut schedule.frequency);
    }
    let when = Frequency::parse(&schedule.frequency).map_err(refuse)?;
    schedule.suspended = (schedule.suspended || options.has("suspend")) && !options.has("resume");
    schedule.next_run = when
        .next(now, &array.time_zone)
        .filter(|_| !schedule.suspended);
    array.schedules.remove(name);
    array.schedules.insert(new.to_owned(), schedule);
    Ok(Answer::silent())
}
