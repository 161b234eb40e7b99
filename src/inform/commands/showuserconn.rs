//! `showuserconn`

use super::{UserRole, each};
use crate::inform::{array::Array, error::ArrayError, quoting::Args};

/// A session of the array's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id, digits.
    pub id: String,
    /// Who.
    pub name: String,
    /// From where, if printed.
    pub address: Option<String>,
    /// What they may do.
    pub role: UserRole,
}

impl Array {
    /// The sessions at the array; with `current` the one that asks.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showuserconn(&self, current: bool) -> Result<Vec<Connection>, ArrayError> {
        self.read(
            "showuserconn",
            &Args::new().flag("current", current),
            |rows| {
                each(rows, |row| {
                    Ok(Connection {
                        id: row.text("id")?.to_owned(),
                        name: row.text("name")?.to_owned(),
                        address: row.opt("address").map(str::to_owned),
                        role: row.text("role")?.into(),
                    })
                })
            },
        )
        .await
    }
}
