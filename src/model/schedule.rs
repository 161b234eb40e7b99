//! When an array makes snapshots by itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The fields of a schedule: name, least and greatest value.
const FIELDS: [(&str, u8, u8); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 6),
];

/// The words an array knows, and what they stand for (array fact 113).
const WORDS: [(&str, &str); 5] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
];

/// Most days that a month ever has, January first.
const DAYS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// When something happens again and again, by the clock of an array: minute, hour, day of month, month, day of week. Two are equal if
/// they mean the same, however they were written.
///
/// Ranges and steps are written out, because whether every array knows them nobody tells: `*/15` is `0,15,30,45`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScheduleFrequency([Field; 5]);

/// The values of one field; none is every value.
type Field = Option<Vec<u8>>;

/// Why a text is no frequency: every mistake in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no schedule: {}", mistakes.join("; "))]
pub struct FrequencyError {
    /// The text, cut to 80 characters.
    pub text: String,
    /// What is wrong, field by field.
    pub mistakes: Vec<String>,
}

impl ScheduleFrequency {
    /// Reads five fields (`*`, values, ranges as `1-5`, steps as `*/15` or `8-18/2`, lists of these with commas), or one of `@hourly`,
    /// `@daily`, `@weekly`, `@monthly`, `@yearly`. 0 is Sunday. As in cron, of a day of month and a day of week either is enough.
    ///
    /// # Errors
    /// [`FrequencyError`] with every mistake; a date that never comes is one.
    pub fn new(text: &str) -> Result<Self, FrequencyError> {
        let wrong = |mistakes| FrequencyError {
            text: text.chars().take(80).collect(),
            mistakes,
        };
        let meant = WORDS.iter().find(|(word, _)| *word == text.trim());
        let meant = meant.map_or(text, |(_, fields)| fields);
        let texts: Vec<&str> = meant.split_whitespace().collect();
        if meant.trim().starts_with('@') {
            let words = WORDS.map(|(word, _)| format!("`{word}`")).join(", ");
            return Err(wrong(vec![format!("the words are {words}")]));
        }
        if texts.len() != FIELDS.len() {
            let names = FIELDS.map(|(name, ..)| name).join(", ");
            return Err(wrong(vec![format!(
                "it has {} fields, and needs five: {names}",
                texts.len()
            )]));
        }
        let mut mistakes = Vec::new();
        let mut fields: [Field; 5] = Default::default();
        for ((text, field), limits) in texts.iter().zip(&mut fields).zip(FIELDS) {
            match values(text, limits) {
                Ok(values) => *field = values,
                Err(mistake) => mistakes.push(format!("{}: {mistake}", limits.0)),
            }
        }
        if mistakes.is_empty() && never_comes(&fields) {
            mistakes.push("there is no such day in these months".to_owned());
        }
        if mistakes.is_empty() {
            Ok(Self(fields))
        } else {
            Err(wrong(mistakes))
        }
    }

    /// The five fields as an array is given them: `*`, or numbers with commas.
    pub fn fields(&self) -> [String; 5] {
        self.0.clone().map(|field| match field {
            None => "*".to_owned(),
            Some(values) => {
                let texts: Vec<String> = values.iter().map(u8::to_string).collect();
                texts.join(",")
            }
        })
    }
}

/// The fields as an array is given them, with blanks between.
impl fmt::Display for ScheduleFrequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fields().join(" "))
    }
}

impl std::str::FromStr for ScheduleFrequency {
    type Err = FrequencyError;
    fn from_str(text: &str) -> Result<Self, FrequencyError> {
        Self::new(text)
    }
}

impl TryFrom<String> for ScheduleFrequency {
    type Error = FrequencyError;
    fn try_from(text: String) -> Result<Self, FrequencyError> {
        Self::new(&text)
    }
}

impl From<ScheduleFrequency> for String {
    fn from(frequency: ScheduleFrequency) -> Self {
        frequency.to_string()
    }
}

/// The values of one field, sorted, each once.
fn values(text: &str, limits: (&str, u8, u8)) -> Result<Field, String> {
    if text == "*" {
        return Ok(None);
    }
    let mut all = Vec::new();
    for piece in text.split(',') {
        all.extend(piece_values(piece, limits)?);
    }
    all.sort_unstable();
    all.dedup();
    Ok(Some(all))
}

/// `7`, `1-5`, `*/15`, `8-18/2`.
fn piece_values(piece: &str, (_, least, greatest): (&str, u8, u8)) -> Result<Vec<u8>, String> {
    if piece.is_empty() {
        return Err("a value is missing beside a comma".to_owned());
    }
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(format!("`{text}` in `{piece}` is not a number"));
        }
        let value = text.parse().ok();
        value
            .filter(|value| (least..=greatest).contains(value))
            .ok_or_else(|| format!("`{text}` is not between {least} and {greatest}"))
    };
    let (range, step) = match piece.split_once('/') {
        None => (piece, None),
        Some((range, step)) => (range, Some(step)),
    };
    let (from, to) = match range.split_once('-') {
        _ if range == "*" => (least, greatest),
        Some((from, to)) => (number(from)?, number(to)?),
        None if step.is_none() => (number(range)?, number(range)?),
        None => {
            return Err(format!(
                "the step of `{piece}` needs `*` or a range before it"
            ));
        }
    };
    if from > to {
        return Err(format!("the range `{range}` goes backwards"));
    }
    let step = match step {
        None => 1,
        Some(step) => {
            let step = step.parse().ok().filter(|step| (1..=60).contains(step));
            step.ok_or_else(|| format!("the step of `{piece}` is not between 1 and 60"))?
        }
    };
    Ok((from..=to).step_by(step).collect())
}

/// Only a day of month is given, and none of the months is that long.
fn never_comes([_, _, day, month, weekday]: &[Field; 5]) -> bool {
    let (Some(days), None) = (day, weekday) else {
        return false;
    };
    let first = days.first().copied().unwrap_or_default();
    let has_it = |month: &u8| DAYS.get(usize::from(*month) - 1) >= Some(&first);
    month
        .as_ref()
        .is_some_and(|months| !months.iter().any(has_it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequency(text: &str) -> ScheduleFrequency {
        ScheduleFrequency::new(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn mistakes(text: &str) -> String {
        ScheduleFrequency::new(text)
            .unwrap_err()
            .mistakes
            .join("; ")
    }

    #[test]
    fn what_is_meant_is_written_out() {
        for (text, meant) in [
            ("* * * * *", "* * * * *"),
            ("  */15 0 *  * 1-5 ", "0,15,30,45 0 * * 1,2,3,4,5"),
            ("05,5,3 8-18/5 1,15 */6 0", "3,5 8,13,18 1,15 1,7 0"),
            ("@hourly", "0 * * * *"),
            ("@daily", "0 0 * * *"),
            ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"),
            ("@yearly", "0 0 1 1 *"),
            ("0 0 29 2 *", "0 0 29 2 *"),
            ("0 0 31 2 1", "0 0 31 2 1"),
            ("0 0 31 2,3 *", "0 0 31 2,3 *"),
        ] {
            assert_eq!(frequency(text).to_string(), meant, "{text}");
            assert_eq!(frequency(text), frequency(meant));
        }
        assert_ne!(frequency("0 0 1-31 * 1"), frequency("0 0 * * 1"));
    }

    #[test]
    fn every_mistake_is_told() {
        for (text, told) in [
            (
                "",
                "it has 0 fields, and needs five: minute, hour, day of month, month, day of week",
            ),
            (
                "0 0 * *",
                "it has 4 fields, and needs five: minute, hour, day of month, month, day of week",
            ),
            (
                "@reboot",
                "the words are `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`",
            ),
            (
                "@daily x",
                "the words are `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`",
            ),
            (
                "60 24 0 13 7",
                "minute: `60` is not between 0 and 59; hour: `24` is not between 0 and 23; day of month: `0` is not between 1 and 31; \
                 month: `13` is not between 1 and 12; day of week: `7` is not between 0 and 6",
            ),
            (
                "x 300 -1 jan 1,",
                "minute: `x` in `x` is not a number; hour: `300` is not between 0 and 23; day of month: `` in `-1` is not a number; month: `jan` in `jan` is not a number; day of week: a value is missing beside a comma",
            ),
            (
                "5-1 5/2 */0 1-12/61 +1",
                "minute: the range `5-1` goes backwards; hour: the step of `5/2` needs `*` or a range before it; day of month: the step of `*/0` is not between 1 and 60; month: the step of `1-12/61` is not between 1 and 60; day of week: `+1` in `+1` is not a number",
            ),
            ("0 0 31 2,4 *", "there is no such day in these months"),
            ("0 0 30,31 2 *", "there is no such day in these months"),
        ] {
            assert_eq!(mistakes(text), told, "{text}");
        }
        let error = ScheduleFrequency::new("0 0 * * 9").unwrap_err().to_string();
        assert_eq!(
            error,
            "`0 0 * * 9` is no schedule: day of week: `9` is not between 0 and 6"
        );
        assert_eq!(
            ScheduleFrequency::new(&"9".repeat(500))
                .unwrap_err()
                .text
                .len(),
            80
        );
    }
}
