//! Rows whose columns stand below each other.

use std::io::{self, Write};

/// Writes rows with their columns aligned, each as wide as its widest cell; the last one is not filled up.
pub(super) fn write<const N: usize>(
    rows: &[[String; N]],
    indent: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(widths) {
            line += &format!("{cell:<width$}  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_as_wide_as_its_widest_cell() {
        let rows = [["A", "BB", "C"], ["long", "b", ""], ["", "", "end"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        let mut out = Vec::new();
        write(&rows, "  ", &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "  A     BB  C\n  long  b\n            end\n");
    }
}
