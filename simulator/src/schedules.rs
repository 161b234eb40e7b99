//! Schedules: when they are due, and the commands they run.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};

use crate::commands::{self, Answer, Call, Environment};
use crate::state::World;
use crate::words;

/// What `createsched` says to a text of another form.
const FORM: &str = "The schedule format is <minute> <hour> <dom> <month> <dow> or by @hourly @daily @monthly @weekly @monthly @yearly";

/// Least and greatest value of minute, hour, day of month, month, day of week.
const RANGES: [(u8, u8); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];

/// No date that cron knows comes less often than every eight years.
const DAYS: usize = 8 * 366 + 1;

/// When a schedule is due, as the array understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frequency {
    texts: [String; 5],
    values: [Vec<u8>; 5],
}

impl Frequency {
    /// Five fields, or a word in `@`.
    ///
    /// # Errors
    /// The array's refusal.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" => "0 0 1 1 *",
            other => other,
        };
        let texts: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let texts: [String; 5] = texts.try_into().map_err(|_| FORM.to_owned())?;
        let mut values: [Vec<u8>; 5] = Default::default();
        for ((text, values), range) in texts.iter().zip(&mut values).zip(RANGES) {
            for piece in text.split(',') {
                values.extend(piece_values(piece, range)?);
            }
            values.sort_unstable();
        }
        Ok(Self { texts, values })
    }

    /// The five fields as they were typed.
    pub(crate) fn texts(&self) -> &[String; 5] {
        &self.texts
    }

    /// The first time after `after`, seconds since 1970. None if there is no such date.
    pub(crate) fn next(&self, after: i64, zone: &str) -> Option<i64> {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let begin = Timestamp::from_second(after).ok()?.to_zoned(zone.clone());
        let mut day = begin.date();
        for _ in 0..DAYS {
            if self.has_day(day) {
                let [minutes, hours, ..] = &self.values;
                for (hour, minute) in hours
                    .iter()
                    .flat_map(|h| minutes.iter().map(move |m| (h, m)))
                {
                    let at = day.at(i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?, 0, 0);
                    let at = at.to_zoned(zone.clone()).ok()?.timestamp().as_second();
                    if at > after {
                        return Some(at);
                    }
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    /// As in cron: with both days given, either is enough.
    fn has_day(&self, day: Date) -> bool {
        let [_, _, days, months, weekdays] = &self.values;
        let has =
            |values: &[u8], value: i8| values.iter().any(|one| i8::try_from(*one) == Ok(value));
        let by_date = has(days, day.day());
        let by_weekday = has(weekdays, day.weekday().to_sunday_zero_offset());
        let is_day = match (self.texts[2].as_str(), self.texts[4].as_str()) {
            ("*", _) => by_weekday,
            (_, "*") => by_date,
            _ => by_date || by_weekday,
        };
        is_day && has(months, day.month())
    }
}

/// `*`, `7`, `1-5`, `*/15`, `8-18/2`.
fn piece_values(piece: &str, (least, greatest): (u8, u8)) -> Result<Vec<u8>, String> {
    let wrong =
        |text: &str| format!("Error: An invalid schedule was given: {text} is not a valid value");
    let number = |text: &str| {
        let value: u8 = text.parse().map_err(|_| wrong(text))?;
        if (least..=greatest).contains(&value) {
            Ok(value)
        } else {
            Err(wrong(text))
        }
    };
    let (range, step) = match piece.split_once('/') {
        None => (piece, 1),
        Some((range, step)) => {
            let step = step.parse().ok().filter(|step| *step > 0);
            (range, step.ok_or_else(|| wrong(piece))?)
        }
    };
    let (from, to) = match range.split_once('-') {
        _ if range == "*" => (least, greatest),
        Some((from, to)) => (number(from)?, number(to)?),
        None if step == 1 => (number(range)?, number(range)?),
        None => return Err(wrong(piece)),
    };
    if from > to {
        return Err(wrong(piece));
    }
    Ok((from..=to).step_by(step).collect())
}

/// When the next schedule is due, if that is by `now`.
pub(crate) fn next_due(world: &World, now: i64) -> Option<i64> {
    let schedules = world
        .arrays
        .values()
        .flat_map(|array| array.schedules.values());
    let due = schedules.filter_map(|schedule| schedule.next_run);
    due.min().filter(|at| *at <= now)
}

/// Runs what is due by `at`. An array that is off misses it.
pub(crate) fn run(world: &mut World, at: i64) {
    let mut due = Vec::new();
    for (name, array) in &mut world.arrays {
        for (schedule, state) in &mut array.schedules {
            if state.next_run.is_none_or(|next| next > at) {
                continue;
            }
            let next = Frequency::parse(&state.frequency).ok();
            state.next_run = next.and_then(|next| next.next(at, &array.time_zone));
            if array.up {
                due.push((name.clone(), schedule.clone(), state.clone()));
            }
        }
    }
    for (array, name, schedule) in due {
        let answer = carry_out(world, &array, &schedule.created_by, &schedule.command, at);
        let said = answer.stdout + &answer.stderr + &answer.question.clone().unwrap_or_default();
        let failed = answer.status != 0 || answer.question.is_some();
        let Some(array) = world.arrays.get_mut(&array) else {
            continue;
        };
        let id = array.add_task("scheduled_task", &name, &schedule.created_by, at, Some(at));
        let Some(task) = array
            .tasks
            .iter_mut()
            .find(|task| task.id == id && task.started == at)
        else {
            continue;
        };
        let (status, word) = if failed {
            ("failed", "Failed")
        } else {
            ("done", "Completed")
        };
        status.clone_into(&mut task.status);
        task.details
            .push((at, "Begin".to_owned(), schedule.command));
        let lines = said.lines().filter(|line| !line.is_empty());
        task.details
            .extend(lines.map(|line| (at, "Output".to_owned(), line.to_owned())));
        task.details
            .push((at, word.to_owned(), format!("scheduled task {name}.")));
    }
}

fn carry_out(world: &mut World, array: &str, user: &str, line: &str, now: i64) -> Answer {
    let mut call = Call {
        world,
        array,
        user,
        session: 0,
        args: &[],
        now,
        environment: Environment::default(),
        confirmed: false,
    };
    match words::split(line) {
        Ok(_) => commands::run_line(&mut call, line),
        Err(reason) => Answer::refuses_on_stderr(format!("Error: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-11-14 22:13:20 UTC, a Tuesday.
    const NOW: i64 = 1_700_000_000;

    fn next(text: &str, zone: &str) -> String {
        let at = Frequency::parse(text).unwrap().next(NOW, zone).unwrap();
        crate::clock::date(at, zone)
    }

    #[test]
    fn the_next_time_is_that_of_the_arrays_clock() {
        for (text, expected) in [
            ("* * * * *", "2023-11-14 23:14:00 CET"),
            ("0 * * * *", "2023-11-15 00:00:00 CET"),
            ("@daily", "2023-11-15 00:00:00 CET"),
            ("@weekly", "2023-11-19 00:00:00 CET"),
            ("@monthly", "2023-12-01 00:00:00 CET"),
            ("@yearly", "2024-01-01 00:00:00 CET"),
            ("13 23 * * *", "2023-11-15 23:13:00 CET"),
            ("*/20 8-18/5 * * 1-5", "2023-11-15 08:00:00 CET"),
            ("0 12 29 2 *", "2024-02-29 12:00:00 CET"),
            ("0 0 20 * 5", "2023-11-17 00:00:00 CET"),
            ("30 2 31 3 *", "2024-03-31 03:30:00 CEST"),
        ] {
            assert_eq!(next(text, "Europe/Berlin"), expected, "{text}");
        }
        assert_eq!(next("@hourly", "Asia/Kolkata"), "2023-11-15 04:00:00 IST");
        assert_eq!(
            Frequency::parse("0 0 31 2 *").unwrap().next(NOW, "UTC"),
            None
        );
    }

    #[test]
    fn what_is_no_schedule() {
        for text in ["", "* * * *", "* * * * * *", "@reboot", "daily"] {
            assert_eq!(Frequency::parse(text).unwrap_err(), FORM, "{text}");
        }
        for (text, value) in [
            ("88 * * * *", "88"),
            ("0 24 * * *", "24"),
            ("0 0 0 * *", "0"),
            ("0 0 * 13 *", "13"),
            ("0 0 * * 7", "7"),
            ("0,60 * * * *", "60"),
            ("5-1 * * * *", "5-1"),
            ("*/0 * * * *", "*/0"),
            ("0,,1 * * * *", ""),
            ("x * * * *", "x"),
        ] {
            let words =
                format!("Error: An invalid schedule was given: {value} is not a valid value");
            assert_eq!(Frequency::parse(text).unwrap_err(), words, "{text}");
        }
    }
}
