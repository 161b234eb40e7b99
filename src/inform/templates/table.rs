//! Reading a printed table: head, rows, total.
//!
//! Arrays pad columns to the widest cell of each single answer, put text left and numbers right, decorate head cells with
//! dashes, print cells that are empty or hold blanks, and let a few cells run over their width (array fact 10). So a row is
//! cut by what is certain: the order of the columns, the place under a head cell, and what each cell may look like. If that
//! leaves no way of cutting it, or two, the row is not understood; a guess is never made.

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;

use super::pattern::CellPattern;
use crate::inform::{
    error::{Problem, truncated, unrecognised},
    row::{Row, is_none},
};

/// A row that begins in more ways than this is not understood.
const MAX_WAYS: usize = 1_000;

/// How a table is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableShape {
    columns: BTreeMap<String, Column>,
    /// A line of dashes and a row with the number of rows must end it. Otherwise they may, and must then be right.
    #[serde(default)]
    total: bool,
    /// The column whose cells go on over further rows, all others being empty there. The total counts these cells too.
    list: Option<String>,
    /// Cells were seen to run over their width, so only order and look of the cells count; every cell must have a pattern.
    #[serde(default)]
    runs_over: bool,
}

/// One column that is wanted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    /// Head cells, without the dashes around them; one for each way an InForm OS writes it.
    titles: Vec<String>,
    /// What a cell looks like; one word, or nothing, if not said.
    cell: Option<CellPattern>,
    /// How many columns of the same title come before it.
    #[serde(default)]
    skip: usize,
    /// The head may lack it.
    #[serde(default)]
    optional: bool,
    /// The cell is a list, cut at commas; each piece must match one of these.
    #[serde(default)]
    items: Vec<CellPattern>,
}

/// From where to where, in characters of a line.
type Span = Range<usize>;

/// How many words of a row are given to columns, and the cells they make.
type Way = (usize, Vec<Span>);

/// A head row, understood.
pub(super) struct Head<'a> {
    shape: &'a TableShape,
    cells: Vec<HeadCell<'a>>,
}

/// One cell of a head row.
struct HeadCell<'a> {
    at: Span,
    /// The wanted column it heads.
    wanted: Option<(&'a String, &'a Column)>,
}

impl TableShape {
    /// Reads a whole table: group titles, head, rows, line of dashes, total.
    pub(super) fn read(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let is_above = |line: &&&str| is_group_title(line) && self.head(line).is_none();
        let above = lines.iter().take_while(is_above).count();
        let (first, rest) = lines[above..]
            .split_first()
            .ok_or_else(|| truncated("the head row is missing"))?;
        let head = self.head(first).ok_or_else(|| Problem::headless(first))?;
        let separator = rest.iter().position(|line| is_separator(line));
        let rows = head.cut(&rest[..separator.unwrap_or(rest.len())])?;
        match separator.map(|at| &rest[at + 1..]) {
            None if !self.total => Ok(rows),
            None | Some([]) => Err(truncated("the total row is missing")),
            Some([total]) => self.check_total(total, rows),
            Some([_, more @ ..]) => Err(unrecognised(format!("{more:?} after the total"))),
        }
    }

    /// Reads a line as the head row, if it is one.
    pub(super) fn head(&self, line: &str) -> Option<Head<'_>> {
        let line: Vec<char> = line.chars().collect();
        let words = words(&line).into_iter();
        let mut cells: Vec<_> = words.map(|at| HeadCell { at, wanted: None }).collect();
        for (name, column) in &self.columns {
            let is_its = |cell: &&mut HeadCell<'_>| {
                let title = text(&line, &cell.at);
                let title = title.trim_matches('-');
                column.titles.iter().any(|its| its == title)
            };
            match cells.iter_mut().filter(is_its).nth(column.skip) {
                Some(cell) => cell.wanted = Some((name, column)),
                None if column.optional => {}
                None => return None,
            }
        }
        Some(Head { shape: self, cells })
    }

    /// It begins with the number of rows. Some commands print the number alone, others the word and further sums (array fact 10).
    fn check_total(&self, total: &str, rows: Vec<Row>) -> Result<Vec<Row>, Problem> {
        let words: Vec<&str> = total.split_whitespace().collect();
        let number = |at: usize| words.get(at)?.parse::<usize>().ok();
        let listed = rows.iter().map(|row| row.list.len()).sum();
        if number(0).is_none() || words.get(1).is_some_and(|word| *word != "total") {
            Err(unrecognised(format!("`{total}` where the total should be")))
        } else if number(0) != Some(rows.len()) {
            Err(truncated(format!("`{total}` after {} rows", rows.len())))
        } else if self.list.is_some() && number(2) != Some(listed) {
            Err(truncated(format!("`{total}` after {listed} items")))
        } else {
            Ok(rows)
        }
    }
}

impl Head<'_> {
    /// Cuts the rows under this head. Lines must not be blank.
    pub(super) fn cut(&self, lines: &[&str]) -> Result<Vec<Row>, Problem> {
        let mut rows: Vec<Row> = Vec::new();
        let mut columns: Vec<Span> = self.cells.iter().map(|cell| cell.at.clone()).collect();
        for line in lines {
            let chars: Vec<char> = line.chars().collect();
            let spans = self.spans(&chars);
            let spans = spans.map_err(|why| unrecognised(format!("the row `{line}` {why}")))?;
            let filled = columns.iter_mut().zip(&spans);
            for (column, at) in filled.filter(|(_, at)| !at.is_empty()) {
                *column = column.start.min(at.start)..column.end.max(at.end);
            }
            let row = self.row(&chars, &spans)?;
            match (&self.shape.list, rows.last_mut()) {
                (Some(list), Some(last)) if goes_on(&row, list) => last.list.extend(row.list),
                _ => rows.push(row),
            }
        }
        // Columns of a sound table have a blank column of characters between them, in the head and in all rows. Where they have
        // not, a cell ran over its width and the place under a head cell proves nothing.
        let touch = |right: usize| {
            let wanted = self.cells[right - 1].wanted.or(self.cells[right].wanted);
            wanted.is_some() && columns[right - 1].end >= columns[right].start
        };
        if !self.shape.runs_over && (1..columns.len()).any(touch) {
            return Err(unrecognised("columns run into each other"));
        }
        Ok(rows)
    }

    fn row(&self, line: &[char], spans: &[Span]) -> Result<Row, Problem> {
        let mut row = Row::default();
        for (cell, at) in self.cells.iter().zip(spans) {
            let Some((name, column)) = cell.wanted else {
                continue;
            };
            let text = text(line, at);
            if !is_none(&text) {
                if self.shape.list.as_ref() == Some(name) {
                    row.list.push(text.clone());
                }
                row.items.extend(column.items(&text)?);
            }
            row.cells.insert(name.clone(), text);
        }
        Ok(row)
    }

    /// Where the cells of a row are: its words are given to the columns, left to right, in the one way there is.
    fn spans(&self, line: &[char]) -> Result<Vec<Span>, &'static str> {
        let words = words(line);
        // Ways that differ only in columns nobody wants are one; so are those in which a cell is empty at another place.
        let same = |a: &[Span], b: &[Span]| {
            let mut cells = self.cells.iter().zip(a.iter().zip(b));
            cells.all(|(cell, (a, b))| cell.wanted.is_none() || a == b)
        };
        let mut ways: Vec<Way> = vec![(0, Vec::new())];
        for (column, cell) in self.cells.iter().enumerate() {
            let mut longer: Vec<Way> = Vec::new();
            for (from, spans) in &ways {
                for to in *from..=words.len() {
                    if to > *from && !self.allows(column, &words[to - 1]) {
                        break;
                    }
                    let first = words[*from..to].first();
                    let span = first.map_or(0..0, |first| first.start..words[to - 1].end);
                    let text = text(line, &span);
                    if cell.wanted.is_some_and(|(_, column)| !column.fits(&text)) {
                        continue;
                    }
                    let spans = [spans.as_slice(), &[span]].concat();
                    let known = |(given, other): &Way| *given == to && same(other, &spans);
                    if !longer.iter().any(known) {
                        longer.push((to, spans));
                    }
                }
            }
            if longer.len() > MAX_WAYS {
                return Err("can be cut in too many ways");
            }
            ways = longer;
        }
        ways.retain(|(given, _)| *given == words.len());
        match ways.as_slice() {
            [(_, spans)] => Ok(spans.clone()),
            [] => Err("fits the columns in no way"),
            _ => Err("can be cut in two ways"),
        }
    }

    /// True if a word may belong to a column: one whose head cell it is under, or, under none, the one before or after it.
    fn allows(&self, column: usize, word: &Span) -> bool {
        let left = self.cells.partition_point(|cell| cell.at.end <= word.start);
        let right = self.cells.partition_point(|cell| cell.at.start < word.end);
        let under = left < right;
        let first = if under { left } else { left.saturating_sub(1) };
        let last = if under { right - 1 } else { left };
        self.shape.runs_over || (first..=last).contains(&column)
    }
}

impl Column {
    /// True if this may be a cell of the column.
    fn fits(&self, text: &str) -> bool {
        match &self.cell {
            Some(pattern) => pattern.is_match(text),
            None => !text.contains(char::is_whitespace),
        }
    }

    /// The pieces of a cell that is a list.
    fn items(&self, text: &str) -> Result<Vec<(String, String)>, Problem> {
        let mut found = Vec::new();
        if self.items.is_empty() {
            return Ok(found);
        }
        for piece in text.split(',').map(str::trim) {
            let groups = self.items.iter().find_map(|pattern| pattern.groups(piece));
            let groups =
                groups.ok_or_else(|| unrecognised(format!("`{piece}` in the list `{text}`")))?;
            found.extend(groups);
        }
        Ok(found)
    }
}

/// The pieces of a line between blanks.
fn words(line: &[char]) -> Vec<Span> {
    let blank = |at: usize| line[at].is_whitespace();
    let starts = (0..line.len()).filter(|at| !blank(*at) && (*at == 0 || blank(at - 1)));
    let end = |from: usize| (from..line.len()).find(|at| blank(*at));
    let word = |from: usize| from..end(from).unwrap_or(line.len());
    starts.map(word).collect()
}

fn text(line: &[char], at: &Span) -> String {
    line[at.clone()].iter().collect()
}

/// Only the listed column has something.
fn goes_on(row: &Row, list: &str) -> bool {
    let mut cells = row.cells.iter();
    !row.list.is_empty() && cells.all(|(name, text)| name == list || text.is_empty())
}

pub(super) fn is_separator(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && is_none(line)
}

/// `----Volumes---- ---------(MiB)---------`
fn is_group_title(line: &str) -> bool {
    let line = line.trim();
    line.len() > 2 && line.starts_with('-') && line.ends_with('-') && !is_separator(line)
}
