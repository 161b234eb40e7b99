//! The old `replication_device`: `key:value` pairs with commas between them, on as many lines as it takes.
//!
//! HPE's own samples forget commas at the end of lines and write `=` for `:` at one key. What was meant is clear as long as
//! the next line begins with a key that is known, so it is read as meant, with a warning; anything else is a mistake.

use std::borrow::Cow;

use toml::de::{DeTable, DeValue};

use super::{Place, value};
use crate::config::{keys, mistake::Problem, section::Report, warning::Doubt};

/// One pair while it is read.
struct Pair<'i> {
    line: usize,
    key: &'i str,
    value: Cow<'i, str>,
}

/// The pairs as a table. `section` is `NAME.replication_device`.
pub(super) fn read<'i>(
    section: &str,
    lines: &'i [(usize, String)],
    report: &mut Report<'_>,
) -> DeValue<'i> {
    let mut table = DeTable::new();
    for pair in pairs(section, lines, report) {
        let place = Place::new(section, pair.line, Some(pair.key));
        if table.contains_key(pair.key) {
            let text = pair.key.to_owned();
            place.mistake(report, Problem::Twice { text });
            continue;
        }
        match value::read(pair.key, pair.value) {
            Ok(value) => {
                table.insert(
                    report.at_line(pair.line, Cow::Borrowed(pair.key)),
                    report.at_line(pair.line, value),
                );
            }
            Err(problem) => place.mistake(report, problem),
        }
    }
    DeValue::Table(table)
}

fn pairs<'i>(
    section: &str,
    lines: &'i [(usize, String)],
    report: &mut Report<'_>,
) -> Vec<Pair<'i>> {
    let mut pairs: Vec<Pair<'i>> = Vec::new();
    let mut before: Option<(usize, bool)> = None;
    for (line, text) in lines.iter().map(|(line, text)| (*line, text.trim())) {
        for (n, fragment) in text.split(',').map(str::trim).enumerate() {
            let last = pairs.last_mut();
            let goes_on = n == 0 && before.is_some_and(|(_, comma)| !comma);
            let same_line = n > 0 && last.as_ref().is_some_and(|last| last.line == line);
            let password = same_line && last.as_ref().is_some_and(|last| is_password(last.key));
            match split(fragment) {
                _ if fragment.is_empty() => {}
                Some((key, delimiter, value)) if is_known(key) || !(goes_on || password) => {
                    let place = Place::new(section, line, Some(key));
                    if let (true, Some((line, _))) = (goes_on, before) {
                        let next = key.to_owned();
                        place.warn(report, Doubt::MissingComma { line, next });
                    }
                    if delimiter == '=' {
                        let key = key.to_owned();
                        place.warn(report, Doubt::EqualsSign { key });
                    }
                    let value = Cow::Borrowed(value);
                    pairs.push(Pair { line, key, value });
                }
                _ if password => {
                    let key = last.map(|last| last.key);
                    Place::new(section, line, key).mistake(report, Problem::CommaInPassword);
                }
                // A map may be spread over lines.
                _ if goes_on && last.as_ref().is_some_and(|last| is_map(last.key)) => {
                    if let Some(last) = last {
                        last.value = Cow::Owned(format!("{} {fragment}", last.value));
                    }
                }
                _ => Place::new(section, line, None).mistake(report, Problem::NoPair),
            }
        }
        before = Some((line, text.is_empty() || text.ends_with(',')));
    }
    pairs
}

/// Key, delimiter and value.
fn split(fragment: &str) -> Option<(&str, char, &str)> {
    let (at, delimiter) = fragment
        .char_indices()
        .find(|(_, c)| matches!(c, ':' | '='))?;
    let (key, value) = (fragment[..at].trim(), fragment[at + 1..].trim());
    (!key.is_empty()).then_some((key, delimiter, value))
}

fn is_known(key: &str) -> bool {
    keys::find(key).is_some() || keys::retired(key).is_some()
}

fn is_password(key: &str) -> bool {
    key.contains("password")
}

fn is_map(key: &str) -> bool {
    keys::find(key).is_some_and(|key| key.shape == keys::Shape::Map)
}
