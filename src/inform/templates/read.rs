//! Judging an answer: complete and understood, refused, or neither.

use std::collections::BTreeMap;

use regex::Captures;
use serde::Deserialize;

use super::{pattern::Pattern, row::Row, table::TableShape};
use crate::inform::error::Refusal;

/// Why an answer gives no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of problem.
    pub kind: ProblemKind,
    /// The line, or the reason.
    pub why: String,
    /// Nothing of the answer was understood, so its lines may be refusals.
    no_head: bool,
}

/// What kind of problem an answer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// The array said no.
    Refused(Refusal),
    /// The answer is not complete.
    Truncated,
    /// The answer is not understood.
    Unrecognised,
}

impl Problem {
    pub(super) fn no_head(line: &str) -> Self {
        let why = format!("`{}` where the head row should be", line.trim());
        Self {
            no_head: true,
            ..unrecognised(why)
        }
    }
}

pub(in crate::inform) fn unrecognised(why: impl Into<String>) -> Problem {
    Problem {
        kind: ProblemKind::Unrecognised,
        why: why.into(),
        no_head: false,
    }
}

pub(super) fn truncated(why: impl Into<String>) -> Problem {
    Problem {
        kind: ProblemKind::Truncated,
        why: why.into(),
        no_head: false,
    }
}

fn refused(refusal: Refusal, why: &str) -> Problem {
    Problem {
        kind: ProblemKind::Refused(refusal),
        why: why.trim().to_owned(),
        no_head: false,
    }
}

/// A line that means no.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inform) struct RefusalPattern {
    pattern: Pattern,
    pub(super) kind: String,
}

/// The five ways of reading an answer; a template has exactly one.
#[derive(Debug, Clone)]
pub(in crate::inform) enum Shape {
    Silent(SilentShape),
    Line(LineShape),
    Table(TableShape),
    Sections(SectionsShape),
    KeyValue(KeyValueShape),
}

/// A command that changes something: it prints nothing, or lines known to come with success. The proof is a `show`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inform) struct SilentShape {
    /// Progress lines and warnings. They may come before a refusal too, so they prove nothing (array fact 7).
    #[serde(default)]
    pub(super) accepts: Vec<Pattern>,
}

/// Lines with named groups; at least one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inform) struct LineShape {
    pub(super) pattern: Pattern,
}

/// Titles, then heads with rows under them; widths are made for each head.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inform) struct SectionsShape {
    /// Lines that must come first, in this order.
    pub(super) titles: Vec<Pattern>,
    /// The kinds of rows, by name.
    pub(super) parts: BTreeMap<String, TableShape>,
    /// A complete answer ends with an empty line.
    #[serde(default)]
    pub(super) ends_blank: bool,
}

/// `key : value` lines. Every key of `keys` must be there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inform) struct KeyValueShape {
    /// The block begins after this line; what comes before is not looked at.
    pub(super) after: Pattern,
    /// With the groups `key` and `value`.
    pub(super) pattern: Pattern,
    /// Our names of the wanted keys, and the array's.
    pub(super) keys: BTreeMap<String, String>,
}

/// Everything that judging needs.
pub(super) struct Judge<'a> {
    pub(super) shape: &'a Shape,
    pub(super) empty: &'a [Pattern],
    pub(super) ignore: &'a [Pattern],
    /// The template's own refusals, then those that any command may give.
    pub(super) refusals: [&'a [RefusalPattern]; 2],
}

impl Judge<'_> {
    pub(super) fn judge(&self, text: &str, exit_status: Option<i32>) -> Result<Vec<Row>, Problem> {
        let lines: Vec<&str> = text
            .split('\n')
            .map(|line| line.trim_end_matches('\r'))
            .collect();
        let spoken: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let failed = exit_status.is_some_and(|status| status != 0);
        if let Shape::Silent(shape) = self.shape {
            let rest: Vec<&str> = spoken
                .iter()
                .copied()
                .filter(|line| !any(&shape.accepts, line) && !any(self.ignore, line))
                .collect();
            return match (self.refusal(&rest), rest.first()) {
                (Some(problem), _) => Err(problem),
                (None, Some(line)) => Err(refused(Refusal::Other, line)),
                (None, None) if failed => Err(refused(Refusal::Other, "a failure without words")),
                (None, None) => Ok(Vec::new()),
            };
        }
        if let [only] = spoken[..]
            && any(self.empty, only)
        {
            return Ok(Vec::new());
        }
        // No row of any table begins with this word, and stderr may come at any place among stdout (array fact 8).
        let errors: Vec<&str> = spoken
            .iter()
            .copied()
            .filter(|line| line.starts_with("Error:"))
            .collect();
        if let Some(first) = errors.first() {
            return Err(self
                .refusal(&errors)
                .unwrap_or_else(|| refused(Refusal::Other, first)));
        }
        let kept: Vec<&str> = lines
            .into_iter()
            .filter(|line| !any(self.ignore, line))
            .collect();
        let (result, counted) = match self.shape {
            Shape::Silent(_) => (Ok(Vec::new()), false),
            Shape::Line(shape) => (shape.read(&kept), false),
            Shape::Table(shape) => (
                shape.read(&kept),
                kept.iter().any(|line| super::table::is_separator(line)),
            ),
            Shape::Sections(shape) => (shape.read(&kept), false),
            Shape::KeyValue(shape) => (shape.read(&kept), false),
        };
        let rows = result.map_err(|problem| {
            // Only where nothing looks like the listing: a comment in a row may well say "not found".
            if problem.no_head {
                self.refusal(&spoken).unwrap_or(problem)
            } else {
                problem
            }
        })?;
        if !counted {
            self.check_end(text)?;
            if failed {
                return Err(unrecognised("the command reports a failure without words"));
            }
        }
        Ok(rows)
    }

    /// Where no total tells that nothing is missing, the answer must end as this command's answers end. An exit status does
    /// not tell: the SSH library says 0 also when none came (array fact 40).
    fn check_end(&self, text: &str) -> Result<(), Problem> {
        let blank = matches!(self.shape, Shape::Sections(shape) if shape.ends_blank);
        let text = text.replace('\r', "");
        let whole = if blank {
            text.ends_with("\n\n")
        } else {
            text.ends_with('\n')
        };
        if whole {
            Ok(())
        } else {
            Err(truncated("the end is missing"))
        }
    }

    fn refusal(&self, lines: &[&str]) -> Option<Problem> {
        lines.iter().find_map(|line| {
            self.refusals.iter().copied().flatten().find_map(|refusal| {
                let captures = refusal.pattern.captures(line)?;
                let host = captures.name("host").map(|m| m.as_str());
                Some(refused(Refusal::from_word(&refusal.kind, host)?, line))
            })
        })
    }
}

fn any(patterns: &[Pattern], line: &str) -> bool {
    let line = line.trim_end();
    patterns.iter().any(|p| p.is_match(line))
}

fn cells(pattern: &Pattern, captures: &Captures<'_>) -> BTreeMap<String, String> {
    let named = pattern.capture_names().flatten();
    named
        .filter_map(|n| Some((n.to_owned(), captures.name(n)?.as_str().trim().to_owned())))
        .collect()
}

impl LineShape {
    fn read(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let mut rows = Vec::new();
        for line in lines
            .iter()
            .map(|line| line.trim_end())
            .filter(|line| !line.is_empty())
        {
            let captures = self
                .pattern
                .captures(line)
                .ok_or_else(|| Problem::no_head(line))?;
            rows.push(Row {
                cells: cells(&self.pattern, &captures),
                ..Row::default()
            });
        }
        if rows.is_empty() {
            Err(truncated("nothing came"))
        } else {
            Ok(rows)
        }
    }
}

impl SectionsShape {
    fn read(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let mut lines = lines
            .iter()
            .copied()
            .filter(|line| !line.trim().is_empty())
            .peekable();
        for title in &self.titles {
            match lines.next() {
                None => return Err(truncated("the titles are missing")),
                Some(line) if title.is_match(line.trim_end()) => {}
                Some(line) => return Err(Problem::no_head(line)),
            }
        }
        let head_of = |line: &str| {
            self.parts
                .iter()
                .find_map(|(name, shape)| Some((name, shape, shape.head(line)?)))
        };
        let mut rows = Vec::new();
        while let Some(line) = lines.next() {
            let (name, shape, head) = head_of(line).ok_or_else(|| {
                unrecognised(format!("`{}` where a head row should be", line.trim()))
            })?;
            let mut under = Vec::new();
            while let Some(line) = lines.next_if(|line| head_of(line).is_none()) {
                under.push(line);
            }
            let cut = shape.cut(&head, &under)?;
            rows.extend(cut.into_iter().map(|row| Row {
                part: name.clone(),
                ..row
            }));
        }
        Ok(rows)
    }
}

impl KeyValueShape {
    fn read(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let mut lines = lines
            .iter()
            .map(|line| line.trim_end())
            .filter(|line| !line.is_empty());
        let first = lines
            .clone()
            .next()
            .ok_or_else(|| truncated("nothing came"))?;
        lines
            .find(|line| self.after.is_match(line))
            .ok_or_else(|| Problem::no_head(first))?;
        let mut row = Row::default();
        for line in lines {
            let pair = self
                .pattern
                .captures(line)
                .map(|captures| cells(&self.pattern, &captures));
            let Some((key, value)) =
                pair.and_then(|mut p| Some((p.remove("key")?, p.remove("value")?)))
            else {
                return Err(unrecognised(format!("the line `{line}`")));
            };
            if let Some((ours, _)) = self.keys.iter().find(|(_, theirs)| **theirs == key)
                && row.cells.insert(ours.clone(), value).is_some()
            {
                return Err(unrecognised(format!("the key `{key}` comes twice")));
            }
        }
        match self.keys.keys().find(|key| !row.cells.contains_key(*key)) {
            Some(key) => Err(truncated(format!(
                "the key `{}` is missing",
                self.keys[key]
            ))),
            None => Ok(vec![row]),
        }
    }
}
