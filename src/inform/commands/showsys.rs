//! `showsys`

use super::one;
use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::SystemId,
};

/// Who an array is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// What identifies it, also in the names of mirrored groups.
    pub id: SystemId,
    /// Its own name.
    pub name: String,
    /// For example `HPE_3PAR 8200`.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Number of controller nodes.
    pub nodes: u8,
}

impl Array {
    /// Who the array is.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showsys(&self) -> Result<System, ArrayError> {
        self.read("showsys", &Args::new(), |rows| {
            one(rows, |row| {
                let hex = row.text("id")?;
                let id = u32::from_str_radix(hex.trim_start_matches("0x"), 16)
                    .map_err(|why| format!("system id `{hex}`: {why}"))?;
                Ok(System {
                    id: SystemId(id),
                    name: row.text("name")?.to_owned(),
                    model: row.text("model")?.to_owned(),
                    serial: row.text("serial")?.to_owned(),
                    nodes: row.value("nodes")?,
                })
            })
        })
        .await
    }
}
