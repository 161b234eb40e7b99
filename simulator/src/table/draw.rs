//! A table becomes text.

use super::{Group, Style, Table, Total};

impl Table {
    /// The text, each line ended by a newline.
    pub fn render(&self, style: Style) -> String {
        let widths = self.widths();
        let mut lines = Vec::new();
        if !style.nohdtot {
            for row in &self.groups {
                lines.push(self.draw_groups(row, &widths, style.csv));
            }
            lines.push(self.draw_heads(&widths, style.csv));
        }
        for row in &self.rows {
            lines.push(if style.csv {
                self.csv_line(row)
            } else {
                self.plain_line(row, &widths)
            });
        }
        if !style.nohdtot && self.total != Total::None {
            lines.push(format!(
                "{}{}",
                " ".repeat(self.indent),
                "-".repeat(full_width(&widths))
            ));
            let cells = self.total_cells();
            lines.push(if style.csv {
                self.csv_total(cells)
            } else {
                self.plain_line(&cells, &widths)
            });
        }
        lines
            .iter()
            .fold(String::new(), |text, line| text + line + "\n")
    }

    fn widths(&self) -> Vec<usize> {
        let total = if self.total == Total::None {
            Vec::new()
        } else {
            self.total_cells()
        };
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let head = column.head.chars().count() + if column.dashed { 2 } else { 0 };
                let rows = if column.runs_over {
                    &[][..]
                } else {
                    &self.rows
                };
                rows.iter()
                    .chain(std::iter::once(&total))
                    .filter_map(|row| row.get(at))
                    .map(|cell| cell.chars().count())
                    .fold(head.max(column.min), usize::max)
            })
            .collect();
        // A title wider than its columns widens the last of them.
        for group in self.groups.iter().flatten() {
            let needed = group.title.chars().count() + 2;
            let have = full_width(&widths[group.first..=group.last]);
            widths[group.last] += needed.saturating_sub(have);
        }
        widths
    }

    fn draw_groups(&self, row: &[Group], widths: &[usize], csv: bool) -> String {
        let mut cells = Vec::new();
        let mut at = 0;
        while at < widths.len() {
            match row.iter().find(|group| group.first == at) {
                Some(group) => {
                    let drawn =
                        dashes_around(&group.title, full_width(&widths[group.first..=group.last]));
                    cells.push(drawn);
                    if csv {
                        cells.extend(std::iter::repeat_n(String::new(), group.last - group.first));
                    }
                    at = group.last + 1;
                }
                None => {
                    cells.push(if csv {
                        String::new()
                    } else {
                        " ".repeat(widths[at])
                    });
                    at += 1;
                }
            }
        }
        if csv {
            cells.join(",")
        } else {
            " ".repeat(self.indent) + &cells.join(" ")
        }
    }

    fn draw_heads(&self, widths: &[usize], csv: bool) -> String {
        let heads = self.columns.iter().zip(widths).map(|(column, width)| {
            if csv && !column.dashed && !self.padded_csv_heads {
                column.head.clone()
            } else {
                column.draw_head(*width)
            }
        });
        let heads: Vec<String> = heads.collect();
        match (csv, self.indent) {
            (true, 0) => heads.join(","),
            (true, _) => format!(" ,{}", heads.join(",")),
            (false, indent) => " ".repeat(indent) + &heads.join(" "),
        }
    }

    fn plain_line(&self, row: &[String], widths: &[usize]) -> String {
        let cells: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| column.pad(row.get(at).map_or("", String::as_str), widths[at]))
            .collect();
        " ".repeat(self.indent) + &cells.join(" ")
    }

    fn csv_line(&self, row: &[String]) -> String {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| {
                if cell.contains([',', '"']) {
                    format!("\"{}\"", cell.replace('"', "\"\""))
                } else {
                    cell.clone()
                }
            })
            .collect();
        if self.indent == 0 {
            cells.join(",")
        } else {
            format!(" ,{}", cells.join(","))
        }
    }

    /// The count alone is padded with commas to all columns; a row with the word ends at its last cell.
    fn csv_total(&self, mut cells: Vec<String>) -> String {
        if matches!(self.total, Total::Sums(_)) {
            while cells.last().is_some_and(String::is_empty) {
                cells.pop();
            }
        }
        cells.join(",")
    }
}

/// Width of neighbouring columns with the blanks between them.
fn full_width(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + widths.len().saturating_sub(1)
}

/// `text` centred between dashes; an odd one goes to the right.
pub(super) fn dashes_around(text: &str, width: usize) -> String {
    let dashes = width.saturating_sub(text.chars().count());
    let left = dashes / 2;
    format!("{}{text}{}", "-".repeat(left), "-".repeat(dashes - left))
}
