//! `showuser`

use super::{each, words::open_words};
use crate::inform::{array::Array, error::ArrayError, quoting::Args};

open_words!(
    /// What a user may do.
    UserRole {
        /// Only show.
        Browse = "browse",
        /// What the plugin needs.
        Edit = "edit",
        /// Everything.
        Super = "super",
    }
);

/// A user of the array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Domain, or `all`.
    pub domain: Option<String>,
    /// Role in that domain.
    pub role: UserRole,
}

impl Array {
    /// All users the user may see, one row for each domain.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showuser(&self) -> Result<Vec<User>, ArrayError> {
        self.read("showuser", &Args::new(), |rows| {
            each(rows, |row| {
                Ok(User {
                    name: row.text("name")?.to_owned(),
                    domain: row.opt("domain").map(str::to_owned),
                    role: row.text("role")?.into(),
                })
            })
        })
        .await
    }
}
