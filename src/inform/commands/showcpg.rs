//! `showcpg`

use super::each;
use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{CpgName, Size},
};

/// A common provisioning group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpg {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: CpgName,
    /// Free space, where this InForm OS prints it.
    pub free: Option<Size>,
}

impl Array {
    /// All CPGs the user may see.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showcpg(&self) -> Result<Vec<Cpg>, ArrayError> {
        self.read("showcpg", &Args::new(), |rows| {
            each(rows, |row| {
                Ok(Cpg {
                    id: row.value("id")?,
                    name: row.value("name")?,
                    free: row.parsed("free")?.map(Size::from_mib),
                })
            })
        })
        .await
    }
}
