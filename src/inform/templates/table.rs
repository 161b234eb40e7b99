//! Reading a printed table: head, rows, total.
//!
//! Arrays pad columns to the widest cell of each single answer, put text left and numbers right, decorate head cells with
//! dashes, print cells that are empty or hold blanks, and let a few cells run over their width (array fact 10). So a row is
//! cut by what is certain: the order of the columns, the place under a head cell, and what each cell may look like. If that
//! leaves no way of cutting it, or two, the row is not understood; a guess is never made.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    cut::{Cell, cells, words},
    pattern::CellPattern,
    read::{Problem, truncated, unrecognised},
    row::{Row, is_none},
};

/// Rows above the head that name groups of columns: never more than three were seen.
const MAX_GROUP_TITLES: usize = 3;

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

/// One cell of a head row, in characters.
pub(super) struct HeadCell {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Name of the wanted column it heads.
    pub(super) wanted: Option<String>,
}

/// A head row, understood.
pub(super) struct Head(pub(super) Vec<HeadCell>);

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
    pub(super) fn fits(&self, cell: &HeadCell, text: &str) -> bool {
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
        let mut row = Row::default();
        let cut = cells(self, head, line)?;
        for ((column, Cell { text, extent }), all) in head.0.iter().zip(cut).zip(extents) {
            if let Some((from, to)) = extent {
                *all = (all.0.min(from), all.1.max(to));
            }
            let Some(name) = &column.wanted else { continue };
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

    /// The total row begins with the number of rows. Some commands print the number alone, others the word and further sums
    /// (array fact 10).
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
