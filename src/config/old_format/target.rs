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
        // As if it was not there: an empty `quorum_witness_ip` is none.
        if pair.value.is_empty() {
            continue;
        }
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
    // The line above, if it does not end with a comma.
    let mut open: Option<usize> = None;
    for (line, text) in lines.iter().map(|(line, text)| (*line, text.trim())) {
        for (n, fragment) in text.split(',').map(str::trim).enumerate() {
            let goes_on = open.filter(|_| n == 0);
            for (m, part) in parts(fragment).into_iter().enumerate() {
                let last = pairs.last_mut();
                let password = n > 0
                    && last
                        .as_ref()
                        .is_some_and(|last| last.line == line && is_password(last.key));
                match split(part) {
                    _ if part.is_empty() => {}
                    Some((key, delimiter, value))
                        if is_known(key) || !(goes_on.is_some() || password) =>
                    {
                        let place = Place::new(section, line, Some(key));
                        if goes_on.is_some() || m > 0 {
                            let (line, next) = (goes_on.filter(|_| m == 0), key.to_owned());
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
                    _ if goes_on.is_some() && last.as_ref().is_some_and(|l| is_map(l.key)) => {
                        if let Some(last) = last {
                            last.value = Cow::Owned(format!("{} {part}", last.value));
                        }
                    }
                    _ => Place::new(section, line, None).mistake(report, Problem::NoPair),
                }
            }
        }
        open = (!text.is_empty() && !text.ends_with(',')).then_some(line);
    }
    pairs
}

/// Cuts before every word that begins another pair. Otherwise a password could end up in the value of some other key, and be
/// shown with it.
fn parts(fragment: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let blanks = fragment.match_indices(char::is_whitespace);
    for (at, blank) in blanks {
        let word = at + blank.len();
        if split(&fragment[word..]).is_some_and(|(key, ..)| is_known(key)) {
            parts.push(fragment[start..at].trim());
            start = word;
        }
    }
    parts.push(fragment[start..].trim());
    parts
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
