//! `showdate`

use jiff::civil::DateTime;

use super::each;
use crate::inform::{array::Array, error::ArrayError, quoting::Args};

/// The clock of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDate {
    /// Which node.
    pub node: u8,
    /// Local time. Two of them compare only when they come from one array; the zone is an ambiguous abbreviation.
    pub local: DateTime,
    /// For example `CEST` or `MSK (Europe/Moscow)`.
    pub zone: String,
}

impl Array {
    /// The clocks of the nodes.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showdate(&self) -> Result<Vec<NodeDate>, ArrayError> {
        self.read("showdate", &Args::new(), |rows| {
            each(rows, |row| {
                let date = row.text("date")?;
                let (local, zone) = date
                    .char_indices()
                    .filter(|(_, c)| *c == ' ')
                    .nth(1)
                    .map(|(at, _)| (&date[..at], &date[at + 1..]))
                    .ok_or_else(|| format!("no time zone in `{date}`"))?;
                Ok(NodeDate {
                    node: row.value("node")?,
                    local: local
                        .parse()
                        .map_err(|why| format!("time `{local}`: {why}"))?,
                    zone: zone.to_owned(),
                })
            })
        })
        .await
    }
}
