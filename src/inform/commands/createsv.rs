//! `createsv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{Hours, VvName},
};

/// A snapshot to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSv {
    /// Its name; on `Exists` its comment tells whose it is.
    pub name: VvName,
    /// What it is of.
    pub source: VvName,
    /// Hosts may only read it.
    pub read_only: bool,
    /// When it goes by itself; never without.
    pub expires: Option<Hours>,
    /// How long nobody can remove it; at most as long as `expires`.
    pub retained: Option<Hours>,
    /// Another one of the same name and instant on the other array. The source must be in a started synchronous group, on the side
    /// that sends.
    pub both_arrays: bool,
    /// An encoded comment: one word, at most 511 characters.
    pub comment: Option<String>,
}

impl Array {
    /// Makes a snapshot. Proof: [`Array::showvv`], with `both_arrays` on both.
    ///
    /// # Errors
    /// [`ArrayError`]; `NotFound` is about the source, `NoSnapshotSpace`, `NotLicensed`, `Exists`, `BadTime`.
    pub async fn createsv(&self, snapshot: &CreateSv) -> Result<(), ArrayError> {
        let args = Args::new()
            .flag("read_only", snapshot.read_only)
            .with_some("expires", snapshot.expires)
            .with_some("retained", snapshot.retained)
            .flag("both_arrays", snapshot.both_arrays)
            .with_some("comment", snapshot.comment.as_ref())
            .with("name", &snapshot.name)
            .with("source", &snapshot.source);
        self.change("createsv", &args).await
    }
}
