//! `showdate`

use jiff::civil::DateTime;

use super::{each, local_time::LocalTime};
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
                let LocalTime { local, zone } = row.value("date")?;
                Ok(NodeDate {
                    node: row.value("node")?,
                    local,
                    zone,
                })
            })
        })
        .await
    }
}
