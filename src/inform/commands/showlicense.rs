//! `showlicense`

use super::each;
use crate::inform::{array::Array, error::ArrayError, quoting::Args};

/// The features an array is licensed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licenses {
    /// As the array writes them, some with a capacity in brackets.
    pub names: Vec<String>,
}

impl Licenses {
    /// True if the feature, for example `Remote Copy`, is in the list.
    pub fn has(&self, feature: &str) -> bool {
        let feature = feature.to_ascii_lowercase();
        self.names.iter().any(|name| {
            let name = name.to_ascii_lowercase();
            name.strip_prefix(&feature).is_some_and(|rest| {
                rest.trim_start().is_empty() || rest.trim_start().starts_with('(')
            })
        })
    }
}

impl Array {
    /// The features the array is licensed for.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showlicense(&self) -> Result<Licenses, ArrayError> {
        let names = self
            .read("showlicense", &Args::new(), |rows| {
                each(rows, |row| Ok(row.text("name")?.to_owned()))
            })
            .await?;
        Ok(Licenses { names })
    }
}
