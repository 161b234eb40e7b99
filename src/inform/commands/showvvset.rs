//! `showvvset`

use super::each;
use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args, row::Row},
    model::{SetName, VvName},
};

/// A set of volumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VvSet {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: SetName,
    /// Its members.
    pub members: Vec<VvName>,
    /// Its comment, if it has one.
    pub comment: Option<String>,
}

impl Array {
    /// All VV sets, or the one of this name; an absent one is no error.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showvvset(&self, set: Option<&SetName>) -> Result<Vec<VvSet>, ArrayError> {
        self.vv_sets(&Args::new().with_some("name", set)).await
    }

    /// The VV sets that hold a volume.
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn showvvset_of(&self, vv: &VvName) -> Result<Vec<VvSet>, ArrayError> {
        self.vv_sets(&Args::new().with("vv", vv)).await
    }

    async fn vv_sets(&self, args: &Args) -> Result<Vec<VvSet>, ArrayError> {
        self.read("showvvset", args, |rows| each(rows, vv_set))
            .await
    }
}

fn vv_set(row: &Row) -> Result<VvSet, String> {
    Ok(VvSet {
        id: row.value("id")?,
        name: row.value("name")?,
        members: row
            .list
            .iter()
            .map(|name| VvName::new(name).map_err(|why| why.to_string()))
            .collect::<Result<_, _>>()?,
        comment: row.opt("comment").map(str::to_owned),
    })
}
