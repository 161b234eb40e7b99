//! The shapes of reading, but for the table, which has a file of its own.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    pattern::Pattern,
    table::{Head, TableShape},
};
use crate::inform::{
    error::{Problem, truncated, unrecognised},
    row::Row,
};

/// A command that changes something: it prints nothing, or lines known to come with success.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SilentShape {
    /// The form that shows whether the command did what it should: silence proves nothing.
    pub(super) proof: String,
    /// Progress lines and warnings. They may come before a refusal too, so they prove nothing (array fact 7).
    /// What their named groups hold is told to the caller, for example the number of the task that was begun.
    #[serde(default)]
    pub(super) accepts: Vec<Pattern>,
}

impl SilentShape {
    /// What the accepted lines tell.
    pub(super) fn told(&self, lines: &[&str]) -> Vec<Row> {
        let told = |line: &&str| self.accepts.iter().find_map(|known| known.groups(line));
        let cells = lines.iter().filter_map(told);
        let rows = cells.filter(|cells| !cells.is_empty()).map(|cells| Row {
            cells,
            ..Row::default()
        });
        rows.collect()
    }
}

/// Lines with named groups; at least one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineShape {
    pattern: Pattern,
}

impl LineShape {
    pub(super) fn read(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let row = |line: &&str| {
            let cells = self.pattern.groups(line);
            Ok(Row {
                cells: cells.ok_or_else(|| Problem::headless(line))?,
                ..Row::default()
            })
        };
        lines.iter().map(row).collect()
    }
}

/// Titles, then heads with rows under them; widths are made for each head.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SectionsShape {
    /// Lines that must come first, in this order.
    titles: Vec<Pattern>,
    /// The kinds of rows, by name.
    parts: BTreeMap<String, TableShape>,
    /// Lines that are no rows; what the named groups of this hold makes a row of the part `line`.
    lines: Option<Pattern>,
    /// A complete answer ends with an empty line.
    #[serde(default)]
    pub(super) ends_blank: bool,
}

impl SectionsShape {
    pub(super) fn read(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let mut lines = lines.iter().copied();
        for title in &self.titles {
            match lines.next() {
                None => return Err(truncated("the titles are missing")),
                Some(line) if title.is_match(line) => {}
                Some(line) => return Err(Problem::headless(line)),
            }
        }
        let mut blocks: Vec<(&String, Head<'_>, Vec<&str>)> = Vec::new();
        let mut told = Vec::new();
        for line in lines {
            if !blocks.is_empty()
                && let Some(cells) = self.lines.as_ref().and_then(|known| known.groups(line))
            {
                told.push(Row {
                    part: "line".to_owned(),
                    cells,
                    ..Row::default()
                });
                continue;
            }
            let mut parts = self.parts.iter();
            let head = parts.find_map(|(name, shape)| Some((name, shape.head(line)?)));
            match (head, blocks.last_mut()) {
                (Some((name, head)), _) => blocks.push((name, head, Vec::new())),
                (None, Some((_, _, under))) => under.push(line),
                (None, None) if self.titles.is_empty() => return Err(Problem::headless(line)),
                (None, None) => return Err(unrecognised(format!("`{line}` before any head"))),
            }
        }
        let mut rows = Vec::new();
        for (name, head, under) in blocks {
            rows.extend(head.cut(&under)?.into_iter().map(|row| Row {
                part: name.clone(),
                ..row
            }));
        }
        rows.extend(told);
        Ok(rows)
    }
}

/// `key : value` lines. Every key of `keys` must be there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyValueShape {
    /// The block begins after this line; what comes before is not looked at.
    after: Pattern,
    /// With the groups `key` and `value`.
    pattern: Pattern,
    /// Our names of the wanted keys, and the array's.
    keys: BTreeMap<String, String>,
}

impl KeyValueShape {
    pub(super) fn read(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let begin = lines.iter().position(|line| self.after.is_match(line));
        let begin = begin.ok_or_else(|| Problem::headless(&lines.join(" / ")))?;
        let mut row = Row::default();
        for line in &lines[begin + 1..] {
            let pair = self.pattern.groups(line);
            let pair = pair.and_then(|mut pair| Some((pair.remove("key")?, pair.remove("value")?)));
            let (key, value) = pair.ok_or_else(|| unrecognised(format!("the line `{line}`")))?;
            if let Some((ours, _)) = self.keys.iter().find(|(_, theirs)| **theirs == key)
                && row.cells.insert(ours.clone(), value).is_some()
            {
                return Err(unrecognised(format!("the key `{key}` comes twice")));
            }
        }
        let mut keys = self.keys.iter();
        match keys.find(|(ours, _)| !row.cells.contains_key(*ours)) {
            Some((_, theirs)) => Err(truncated(format!("the key `{theirs}` is missing"))),
            None => Ok(vec![row]),
        }
    }
}
