//! `showcpg`

use super::each;
use crate::{
    inform::{
        array::Array,
        error::{ArrayError, Refusal},
        quoting::Args,
    },
    model::{CpgName, DomainName, Size},
};

/// A common provisioning group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpg {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: CpgName,
    /// Its domain; only with [`Array::showcpg_domains`], and only where there are domains.
    pub domain: Option<DomainName>,
    /// Free space, where this InForm OS prints it.
    pub free: Option<Size>,
}

impl Array {
    /// All CPGs the user may see.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showcpg(&self) -> Result<Vec<Cpg>, ArrayError> {
        self.cpgs(false).await
    }

    /// As [`Array::showcpg`], with the domain of each. An array that knows no such option has no domains.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showcpg_domains(&self) -> Result<Vec<Cpg>, ArrayError> {
        match self.cpgs(true).await {
            Err(error) if knows_no_domains(&error) => Ok(Vec::new()),
            other => other,
        }
    }

    async fn cpgs(&self, domains: bool) -> Result<Vec<Cpg>, ArrayError> {
        self.read("showcpg", &Args::new().flag("listdom", domains), |rows| {
            each(rows, |row| {
                Ok(Cpg {
                    id: row.value("id")?,
                    name: row.value("name")?,
                    domain: row.parsed("domain")?,
                    free: row.parsed("free")?.map(Size::from_mib),
                })
            })
        })
        .await
    }
}

/// Without the licence for domains an array may refuse to list them.
pub(super) fn knows_no_domains(error: &ArrayError) -> bool {
    matches!(
        error.refusal(),
        Some(Refusal::Syntax | Refusal::NotLicensed)
    )
}
