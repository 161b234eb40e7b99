//! `showversion`

use super::one;
use crate::inform::{array::Array, error::ArrayError, quoting::Args};

/// Which InForm OS an array runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// As the array writes it, for example `3.3.1 (MU5)`.
    pub text: String,
    /// 3 for 3PAR, 4 for Primera, 9 and 10 for Alletra.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
    /// Maintenance update, for example `MU5`.
    pub mu: Option<String>,
}

impl Release {
    /// True on 3.x, where a VV has a snapshot CPG of its own; Primera and later have one CPG a VV (array fact 5).
    pub fn has_snapshot_cpg(&self) -> bool {
        self.major < 4
    }

    /// True on 3.x; Primera and later have no flash cache (array fact 124).
    pub fn has_flash_cache(&self) -> bool {
        self.major < 4
    }

    /// True where a group can be streaming (`async`): not on 10.x (array fact 54).
    pub fn has_streaming(&self) -> bool {
        self.major < 10
    }
}

impl Array {
    /// What the array runs.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showversion(&self) -> Result<Release, ArrayError> {
        self.read("showversion", &Args::new(), |rows| {
            one(rows, |row| {
                Ok(Release {
                    text: row.text("text")?.to_owned(),
                    major: row.value("major")?,
                    minor: row.value("minor")?,
                    patch: row.value("patch")?,
                    mu: row.opt("mu").map(str::to_owned),
                })
            })
        })
        .await
    }
}
