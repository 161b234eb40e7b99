//! Cutting a printed table into cells.
//!
//! Arrays pad columns to the widest cell of each single answer, put text left and numbers right, decorate head cells with
//! dashes, print cells that are empty or hold blanks, and let a few cells run over their width (source: captures of 3.x and
//! 10.x arrays). So a row is cut by what is certain: the order of the columns, the place under a head cell, and what each
//! cell may look like. If that leaves no way of cutting it, or two, the row is not understood; a guess is never made.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use super::{
    pattern::CellPattern,
    read::{Problem, truncated, unrecognised},
    row::{Row, is_none},
};

/// Rows above the head that name groups of columns: never more than three were seen.
const MAX_GROUP_TITLES: usize = 3;
/// A row that needs more tries than this to be cut is not understood.
const MAX_TRIES: usize = 20_000;

/// One column that is wanted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inform) struct Column {
    /// Head cells, without the dashes around them; one for each way an InForm OS writes it.
    pub(super) titles: Vec<String>,
    /// What a cell looks like; one word, or nothing, if not said.
    pub(super) cell: Option<CellPattern>,
    /// Which of several columns of this title, counted from 1.
    #[serde(default = "first")]
    pub(super) occurrence: usize,
    /// The head may lack it.
    #[serde(default)]
    pub(super) optional: bool,
    /// The cell is a list, cut at commas; each piece must match one of these.
    #[serde(default)]
    pub(super) items: Vec<CellPattern>,
}

fn first() -> usize {
    1
}

/// What ends a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::inform) enum Total {
    /// Nothing: the command prints no total.
    #[default]
    None,
    /// A line of dashes and a row with the number of rows: always.
    Rows,
    /// The same, with the number of listed items as second number.
    RowsAndItems,
    /// A total may be there, and must then be right: no capture tells.
    Optional,
}

/// How a table is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::inform) struct TableShape {
    pub(super) columns: BTreeMap<String, Column>,
    #[serde(default)]
    pub(super) total: Total,
    /// The column whose cells go on over further rows, all others being empty there.
    pub(super) list: Option<String>,
    /// Cells were seen to run over their width, so only order and look of the cells count; every cell must have a pattern.
    #[serde(default)]
    pub(super) runs_over: bool,
}

/// A piece of a line between blanks, in characters.
struct Word {
    start: usize,
    end: usize,
}

struct HeadCell {
    start: usize,
    end: usize,
    /// Name of the wanted column it heads.
    wanted: Option<String>,
}

/// A head row, understood.
pub(super) struct Head(Vec<HeadCell>);

fn words(line: &[char]) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    for (at, c) in line.iter().enumerate() {
        if c.is_whitespace() {
            continue;
        }
        match found.last_mut() {
            Some(word) if word.end == at => word.end += 1,
            _ => found.push(Word {
                start: at,
                end: at + 1,
            }),
        }
    }
    found
}

impl TableShape {
    /// Reads a line as the head row, if it is one.
    pub(super) fn head(&self, line: &str) -> Option<Head> {
        let chars: Vec<char> = line.chars().collect();
        let mut cells: Vec<(HeadCell, String)> = words(&chars)
            .into_iter()
            .map(|w| {
                let title: String = chars[w.start..w.end].iter().collect();
                let cell = HeadCell {
                    start: w.start,
                    end: w.end,
                    wanted: None,
                };
                (cell, title.trim_matches('-').to_owned())
            })
            .collect();
        for (name, column) in &self.columns {
            let found = cells
                .iter_mut()
                .filter(|(_, title)| column.titles.contains(title))
                .nth(column.occurrence - 1);
            match found {
                Some((cell, _)) => cell.wanted = Some(name.clone()),
                None if column.optional => {}
                None => return None,
            }
        }
        Some(Head(cells.into_iter().map(|(cell, _)| cell).collect()))
    }

    fn column(&self, cell: &HeadCell) -> Option<&Column> {
        cell.wanted.as_ref().and_then(|name| self.columns.get(name))
    }

    /// True if this may stand in the column under `cell`.
    fn fits(&self, cell: &HeadCell, text: &str) -> bool {
        match self.column(cell) {
            None => true,
            Some(column) => match &column.cell {
                Some(pattern) => pattern.is_match(text),
                None => !text.contains(char::is_whitespace),
            },
        }
    }

    /// Cuts the rows under one head. Lines must not be blank.
    pub(super) fn cut(&self, head: &Head, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let mut rows: Vec<Row> = Vec::new();
        let mut extents: Vec<(usize, usize)> = head.0.iter().map(|c| (c.start, c.end)).collect();
        for line in lines {
            let row = self.cut_row(head, line, &mut extents)?;
            match (&self.list, rows.last_mut()) {
                (Some(list), Some(last)) if is_continuation(&row, list) => {
                    last.list.extend(row.list)
                }
                _ => rows.push(row),
            }
        }
        if !self.runs_over {
            self.check_extents(head, &extents, lines)?;
        }
        Ok(rows)
    }

    fn cut_row(
        &self,
        head: &Head,
        line: &str,
        extents: &mut [(usize, usize)],
    ) -> Result<Row, Problem> {
        let chars: Vec<char> = line.chars().collect();
        let words = words(&chars);
        let ranges = words.iter().map(|word| self.range(head, word)).collect();
        let mut search = Search {
            shape: self,
            head,
            chars: &chars,
            words: &words,
            ranges,
            dead: HashSet::new(),
            tries: 0,
            found: Vec::new(),
        };
        search.go(0, 0, &mut Vec::new());
        if search.tries > MAX_TRIES || search.found.len() != 1 {
            let why = if search.found.is_empty() {
                "fits the columns in no way"
            } else {
                "can be cut in two ways"
            };
            return Err(unrecognised(format!("the row `{}` {why}", line.trim_end())));
        }
        let mut row = Row::default();
        for (at, (cell, taken)) in head.0.iter().zip(search.found.remove(0)).enumerate() {
            let text = search.text(taken);
            if let Some((from, to)) = search.extent(taken) {
                extents[at].0 = extents[at].0.min(from);
                extents[at].1 = extents[at].1.max(to);
            }
            let Some(name) = &cell.wanted else { continue };
            if self.list.as_ref() == Some(name) && !is_none(&text) {
                row.list.push(text.clone());
            }
            if let Some(column) = self.columns.get(name)
                && !column.items.is_empty()
                && !is_none(&text)
            {
                row.items.extend(items(column, &text)?);
            }
            row.cells.insert(name.clone(), text);
        }
        Ok(row)
    }

    /// The columns in which a word can stand: those whose head cell it is under, or, under none, those next to it.
    fn range(&self, head: &Head, word: &Word) -> (usize, usize) {
        let last = head.0.len() - 1;
        if self.runs_over {
            return (0, last);
        }
        let under: Vec<usize> = (0..=last)
            .filter(|i| head.0[*i].start < word.end && word.start < head.0[*i].end)
            .collect();
        match (under.first(), under.last()) {
            (Some(from), Some(to)) => (*from, *to),
            _ => {
                let before = head.0.iter().filter(|cell| cell.end <= word.start).count();
                (before.saturating_sub(1), before.min(last))
            }
        }
    }

    /// Columns of a sound table have a blank column of characters between them, in the head and in all rows. Where they have
    /// not, a cell ran over its width and the place under a head cell proves nothing.
    fn check_extents(
        &self,
        head: &Head,
        extents: &[(usize, usize)],
        lines: &[&str],
    ) -> Result<(), Problem> {
        for (at, pair) in extents.windows(2).enumerate() {
            let wanted = head.0[at].wanted.is_some() || head.0[at + 1].wanted.is_some();
            if wanted && pair[0].1 >= pair[1].0 {
                let first = lines.first().map_or("", |line| line.trim_end());
                return Err(unrecognised(format!(
                    "columns run into each other, from the row `{first}` on"
                )));
            }
        }
        Ok(())
    }

    /// Reads a whole table: group titles, head, rows, line of dashes, total.
    pub(super) fn read(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let mut lines = lines.iter().copied().filter(|line| !line.trim().is_empty());
        let mut titles = 0;
        let head = loop {
            let Some(line) = lines.next() else {
                return Err(if titles == 0 {
                    truncated("nothing came")
                } else {
                    truncated("the head row is missing")
                });
            };
            if let Some(head) = self.head(line) {
                break head;
            }
            titles += 1;
            if titles > MAX_GROUP_TITLES || !is_group_title(line) {
                return Err(Problem::no_head(line));
            }
        };
        let mut rows = Vec::new();
        let mut separator = false;
        for line in lines.by_ref() {
            if is_separator(line) {
                separator = true;
                break;
            }
            rows.push(line);
        }
        let rows = self.cut(&head, &rows)?;
        match (self.total, separator) {
            (Total::None | Total::Optional, false) => return Ok(rows),
            (Total::None, true) => {
                return Err(unrecognised("a total where none is known".to_owned()));
            }
            (Total::Rows | Total::RowsAndItems, false) => {
                return Err(truncated("the total row is missing"));
            }
            (_, true) => {}
        }
        let total = lines
            .next()
            .ok_or_else(|| truncated("the total row is missing"))?;
        self.check_total(total, &rows)?;
        match lines.next() {
            None => Ok(rows),
            Some(line) => Err(unrecognised(format!(
                "`{}` after the total",
                line.trim_end()
            ))),
        }
    }

    /// The total row begins with the number of rows. Some commands print the number alone, others the word and further sums.
    fn check_total(&self, total: &str, rows: &[Row]) -> Result<(), Problem> {
        let mut words = total.split_whitespace();
        let mut next_number = || words.next().and_then(|w| w.parse::<usize>().ok());
        let count = next_number().ok_or_else(|| {
            unrecognised(format!("`{}` where the total should be", total.trim_end()))
        })?;
        if count != rows.len() {
            return Err(truncated(format!(
                "{} rows came, the total says {count}",
                rows.len()
            )));
        }
        match words.next() {
            None if self.total != Total::RowsAndItems => Ok(()),
            Some("total") if self.total == Total::RowsAndItems => {
                let listed: usize = rows.iter().map(|row| row.list.len()).sum();
                match words.next().and_then(|w| w.parse::<usize>().ok()) {
                    Some(count) if count == listed => Ok(()),
                    Some(count) => Err(truncated(format!(
                        "{listed} items came, the total says {count}"
                    ))),
                    None => Err(truncated("the total row is not complete")),
                }
            }
            Some("total") => Ok(()),
            _ => Err(unrecognised(format!(
                "`{}` where the total should be",
                total.trim_end()
            ))),
        }
    }
}

/// Only the listed column has something.
fn is_continuation(row: &Row, list: &str) -> bool {
    !row.list.is_empty()
        && row
            .cells
            .iter()
            .all(|(name, text)| name == list || text.is_empty())
}

pub(super) fn is_separator(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && line.bytes().all(|b| b == b'-')
}

/// `----Volumes---- ---------(MiB)---------`
fn is_group_title(line: &str) -> bool {
    let line = line.trim();
    line.len() > 2 && line.starts_with('-') && line.ends_with('-') && !is_separator(line)
}

fn items(column: &Column, text: &str) -> Result<Vec<(String, String)>, Problem> {
    let mut found = Vec::new();
    for piece in text.split(',').map(str::trim) {
        let matched = column
            .items
            .iter()
            .find_map(|p| Some((p, p.captures(piece)?)));
        let (pattern, captures) =
            matched.ok_or_else(|| unrecognised(format!("`{piece}` in the list `{text}`")))?;
        for name in pattern.capture_names().flatten() {
            if let Some(part) = captures.name(name) {
                found.push((name.to_owned(), part.as_str().to_owned()));
            }
        }
    }
    Ok(found)
}

/// Words taken by a column: from, to.
type Taken = (usize, usize);

/// All ways of giving the words of a row to the columns, left to right; it stops at the second that differs in a wanted cell.
struct Search<'a> {
    shape: &'a TableShape,
    head: &'a Head,
    chars: &'a [char],
    words: &'a [Word],
    ranges: Vec<(usize, usize)>,
    /// Column and word from which no way leads to the end.
    dead: HashSet<(usize, usize)>,
    tries: usize,
    found: Vec<Vec<Taken>>,
}

impl Search<'_> {
    fn extent(&self, (from, to): Taken) -> Option<(usize, usize)> {
        (from < to).then(|| (self.words[from].start, self.words[to - 1].end))
    }

    fn text(&self, taken: Taken) -> String {
        self.extent(taken).map_or_else(String::new, |(from, to)| {
            self.chars[from..to].iter().collect()
        })
    }

    /// Returns true if some way led to the end.
    fn go(&mut self, column: usize, word: usize, way: &mut Vec<Taken>) -> bool {
        if column == self.head.0.len() {
            if word == self.words.len() {
                self.keep(way);
                return true;
            }
            return false;
        }
        if self.dead.contains(&(column, word)) || self.found.len() > 1 || self.tries > MAX_TRIES {
            return false;
        }
        let mut led = false;
        let last = column + 1 == self.head.0.len();
        let from = if last { self.words.len() } else { word };
        for to in from..=self.words.len() {
            self.tries += 1;
            let mine = |i: usize| (self.ranges[i].0..=self.ranges[i].1).contains(&column);
            if !(word..to).all(mine) {
                break;
            }
            let text = self.text((word, to));
            if self.shape.fits(&self.head.0[column], &text) {
                way.push((word, to));
                led |= self.go(column + 1, to, way);
                way.pop();
            }
        }
        if !led {
            self.dead.insert((column, word));
        }
        led
    }

    fn keep(&mut self, way: &[Taken]) {
        let wanted = |way: &[Taken]| -> Vec<Taken> {
            let pairs = self.head.0.iter().zip(way);
            pairs
                .filter(|(cell, _)| cell.wanted.is_some())
                .map(|(_, taken)| *taken)
                .collect()
        };
        // An empty cell is the same wherever it is empty.
        let normal = |way: Vec<Taken>| -> Vec<Taken> {
            way.into_iter()
                .map(|(from, to)| if from == to { (0, 0) } else { (from, to) })
                .collect()
        };
        let new = normal(wanted(way));
        if !self.found.iter().any(|old| normal(wanted(old)) == new) {
            self.found.push(way.to_vec());
        }
    }
}
