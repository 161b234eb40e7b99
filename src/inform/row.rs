//! What a template makes of an answer: rows of named cells.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// One row of a table, one line, or one block of keys and values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Which part of a sectioned answer it comes from; empty otherwise.
    pub part: String,
    /// Cells by the template's own column names, trimmed.
    pub cells: BTreeMap<String, String>,
    /// The cells of the column that goes on over further rows, top to bottom.
    pub list: Vec<String>,
    /// Pieces of a cell that is a list: named group and text, piece by piece.
    pub items: Vec<(String, String)>,
}

/// True for the ways in which an array writes "no value" in a table: dashes, or nothing.
pub(super) fn is_none(text: &str) -> bool {
    text.bytes().all(|b| b == b'-')
}

impl Row {
    /// The cell, if the answer has that column and there is a value.
    pub(super) fn opt(&self, column: &str) -> Option<&str> {
        self.cells
            .get(column)
            .map(String::as_str)
            .filter(|text| !is_none(text))
    }

    /// The cell, whatever is in it.
    pub(super) fn text(&self, column: &str) -> Result<&str, String> {
        self.cells
            .get(column)
            .map(String::as_str)
            .ok_or_else(|| format!("no column `{column}`"))
    }

    /// The cell as a value; dashes and an empty cell are an error.
    pub(super) fn value<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, String> {
        self.parsed(column)?
            .ok_or_else(|| format!("no value in column `{column}`"))
    }

    /// The cell as a value, or none where the array writes none.
    pub(super) fn parsed<T: FromStr<Err: Display>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, String> {
        self.opt(column)
            .map(|text| {
                text.parse()
                    .map_err(|why| format!("column `{column}`: {why}"))
            })
            .transpose()
    }
}
