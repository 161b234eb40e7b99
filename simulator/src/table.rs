//! The one table printer: every listing goes through it.
//!
//! A listing is up to three rows of group titles, one row of heads, the rows, a line of dashes and a total row. Widths
//! are made for each output; cells are padded with blanks to the end of the line, the total row too (array fact 10).

mod column;
mod draw;

pub use column::Column;

/// How listings are printed: chosen by `setclienv` or by `-csvtable`, `-nohdtot`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Comma separated values.
    pub csv: bool,
    /// Rows only: no titles, heads, separator and totals.
    pub nohdtot: bool,
}

/// A title over neighbouring columns, for example `--Rsvd(MB)---`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    first: usize,
    last: usize,
    title: String,
}

/// The last row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Total {
    /// Neither separator nor total row.
    None,
    /// The count alone, under the first column.
    Count,
    /// The count under the first column, `total` under the second, and what is given under the named columns.
    Sums(Vec<(String, String)>),
}

/// A listing that is being put together.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    groups: Vec<Vec<Group>>,
    rows: Vec<Vec<String>>,
    counted: usize,
    total: Total,
    indent: usize,
    padded_csv_heads: bool,
}

impl Table {
    /// A listing with these columns, without a total row.
    pub fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            groups: Vec::new(),
            rows: Vec::new(),
            counted: 0,
            total: Total::None,
            indent: 0,
            padded_csv_heads: false,
        }
    }

    /// One more row of group titles: each with the names of its first and last column. A name that is not a column
    /// leaves its title out. Where a name is twice in the head, the first column at or after the previous group counts.
    pub fn groups(mut self, titles: &[(&str, &str, &str)]) -> Self {
        let mut row: Vec<Group> = Vec::new();
        let mut from = 0;
        for (first, last, title) in titles {
            let find = |name: &str, from: usize| {
                self.columns
                    .iter()
                    .enumerate()
                    .skip(from)
                    .find(|(_, column)| column.head == name)
                    .map(|(at, _)| at)
            };
            let Some(first) = find(first, from) else {
                continue;
            };
            let Some(last) = find(last, first) else {
                continue;
            };
            row.push(Group {
                first,
                last,
                title: (*title).to_owned(),
            });
            from = last + 1;
        }
        self.groups.push(row);
        self
    }

    /// Ends with a separator and a row that holds the count under the first column.
    pub fn count_only(mut self) -> Self {
        self.total = Total::Count;
        self
    }

    /// Ends with a separator, the count, the word `total`, and `sums`: (column name, text) in the order of the columns.
    pub fn total(mut self, sums: Vec<(String, String)>) -> Self {
        self.total = Total::Sums(sums);
        self
    }

    /// Like [`Table::total`], each named column added up, in the order of the columns. Cells that are no numbers count
    /// as nothing.
    pub fn total_of(self, names: &[&str]) -> Self {
        let mut from = 2;
        let mut sums = Vec::new();
        for name in names {
            let Some(at) = self.position(name, from) else {
                continue;
            };
            from = at + 1;
            let sum: u64 = self
                .rows
                .iter()
                .filter_map(|row| row.get(at)?.trim().parse::<u64>().ok())
                .sum();
            sums.push(((*name).to_owned(), sum.to_string()));
        }
        self.total(sums)
    }

    /// Every line begins with this many blanks (in CSV: with a first cell of one blank, if not 0).
    pub fn indent(mut self, blanks: usize) -> Self {
        self.indent = blanks;
        self
    }

    /// In CSV the heads keep their padding, as in `showrcopy`.
    pub fn padded_csv_heads(mut self) -> Self {
        self.padded_csv_heads = true;
        self
    }

    /// A row that the total counts. Missing cells are empty.
    pub fn row<I: IntoIterator<Item = S>, S: Into<String>>(&mut self, cells: I) {
        self.counted += 1;
        self.continuation(cells);
    }

    /// A row that continues the one above and is not counted.
    pub fn continuation<I: IntoIterator<Item = S>, S: Into<String>>(&mut self, cells: I) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// Rows counted so far.
    pub fn count(&self) -> usize {
        self.counted
    }

    /// Keeps only the columns named, in that order, with plain heads and no group titles (`-showcols`).
    ///
    /// # Errors
    /// The names that are not columns.
    pub fn choose(self, names: &[&str]) -> Result<Self, Vec<String>> {
        let at: Vec<Option<usize>> = names
            .iter()
            .map(|name| self.columns.iter().position(|column| column.head == *name))
            .collect();
        let unknown: Vec<String> = names
            .iter()
            .zip(&at)
            .filter(|(_, at)| at.is_none())
            .map(|(name, _)| (*name).to_owned())
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let at: Vec<usize> = at.into_iter().flatten().collect();
        Ok(Self {
            columns: at
                .iter()
                .map(|at| Column {
                    dashed: false,
                    ..self.columns[*at].clone()
                })
                .collect(),
            rows: self
                .rows
                .iter()
                .map(|row| at.iter().map(|at| row[*at].clone()).collect())
                .collect(),
            groups: Vec::new(),
            ..self
        })
    }

    fn position(&self, name: &str, from: usize) -> Option<usize> {
        self.columns
            .iter()
            .enumerate()
            .skip(from)
            .find(|(_, column)| column.head == name)
            .map(|(at, _)| at)
    }

    fn total_cells(&self) -> Vec<String> {
        let mut cells = vec![String::new(); self.columns.len()];
        if let Some(first) = cells.first_mut() {
            *first = self.counted.to_string();
        }
        if let Total::Sums(sums) = &self.total {
            if let Some(second) = cells.get_mut(1) {
                *second = "total".to_owned();
            }
            // A head may be there twice: names are looked for from where the last one was found. The first two cells
            // hold the count and its word.
            let mut from = 2;
            for (name, sum) in sums {
                if let Some(at) = self.position(name, from) {
                    cells[at].clone_from(sum);
                    from = at + 1;
                }
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: Style = Style {
        csv: true,
        nohdtot: false,
    };

    fn pools() -> Table {
        let mut table = Table::new(vec![
            Column::right("Id"),
            Column::left("Name"),
            Column::right("VVs"),
            Column::right("TPVVs"),
            Column::right("Free"),
            Column::right("Total"),
        ])
        .groups(&[("VVs", "TPVVs", "Volumes"), ("Free", "Total", "(MiB)")]);
        table.row(["3", "gold_r5", "12", "4", "20480", "81920"]);
        table.row(["11", "tin", "1", "0", "512", "1024"]);
        table.total_of(&["Free", "Total"])
    }

    #[test]
    fn plain_with_groups_and_sums() {
        let expected = "           -Volumes- ---(MiB)---
Id Name    VVs TPVVs  Free Total
 3 gold_r5  12     4 20480 81920
11 tin       1     0   512  1024
--------------------------------
 2 total             20992 82944
";
        assert_eq!(pools().render(Style::default()), expected);
    }

    #[test]
    fn csv_keeps_separator_and_total() {
        let expected = "\
,,-Volumes-,,---(MiB)---,
Id,Name,VVs,TPVVs,Free,Total
3,gold_r5,12,4,20480,81920
11,tin,1,0,512,1024
--------------------------------
2,total,,,20992,82944
";
        assert_eq!(pools().render(CSV), expected);
    }

    #[test]
    fn rows_alone() {
        let style = Style {
            csv: true,
            nohdtot: true,
        };
        assert_eq!(
            pools().render(style),
            "3,gold_r5,12,4,20480,81920\n11,tin,1,0,512,1024\n"
        );
    }

    #[test]
    fn dashed_heads_continuations_and_trailing_blanks() {
        let mut table = Table::new(vec![
            Column::right("Id"),
            Column::left("Name"),
            Column::dashed("State"),
        ])
        .total(vec![]);
        table.row(["7", "a", "very long words"]);
        table.continuation(["", "", "x"]);
        let expected = "\
Id Name  -----State-----
 7 a     very long words
         x              \n------------------------
 1 total                \n";
        assert_eq!(table.render(Style::default()), expected);
    }

    #[test]
    fn a_title_wider_than_its_columns_widens_the_last() {
        let mut table = Table::new(vec![Column::right("Snp"), Column::right("Usr")]).groups(&[(
            "Snp",
            "Usr",
            "Rsvd(MiB)",
        )]);
        table.row(["0", "1"]);
        assert_eq!(
            table.render(Style::default()),
            "-Rsvd(MiB)-\nSnp     Usr\n  0       1\n"
        );
    }

    #[test]
    fn count_only_is_padded_in_both_forms() {
        let mut table =
            Table::new(vec![Column::right("N:S:P"), Column::right("State")]).count_only();
        table.row(["0:2:1", "ready"]);
        assert_eq!(
            table.render(Style::default()),
            "N:S:P State\n0:2:1 ready\n-----------\n    1      \n"
        );
        assert_eq!(
            table.render(CSV),
            "N:S:P,State\n0:2:1,ready\n-----------\n1,\n"
        );
    }

    #[test]
    fn indented_csv_with_padded_heads_and_quotes() {
        let mut table = Table::new(vec![
            Column::left("LocalVV").min(10),
            Column::left("Options"),
        ]);
        table = table.indent(2).padded_csv_heads();
        table.row(["a", "x,y"]);
        assert_eq!(table.render(CSV), " ,LocalVV   ,Options\n ,a,\"x,y\"\n");
        assert_eq!(
            table.render(Style::default()),
            "  LocalVV    Options\n  a          x,y    \n"
        );
    }

    #[test]
    fn chosen_columns_or_the_names_that_are_unknown() {
        let chosen = pools().choose(&["Total", "Name"]).unwrap().render(Style {
            csv: false,
            nohdtot: true,
        });
        assert_eq!(chosen, "81920 gold_r5\n 1024 tin    \n");
        assert_eq!(
            pools().choose(&["UsrCPG", "Name", "X"]).unwrap_err(),
            ["UsrCPG", "X"]
        );
    }
}
