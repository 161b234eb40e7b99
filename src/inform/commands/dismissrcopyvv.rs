//! `dismissrcopyvv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{GroupName, VvName},
};

/// What becomes of the copy of a dismissed volume on the other array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DismissedCopy {
    /// It is removed.
    Removed,
    /// It stays as it is, with the name and the WWN that it has (array fact 14).
    Stays,
}

impl Array {
    /// Takes a volume out of a stopped group. Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn dismissrcopyvv(
        &self,
        vv: &VvName,
        group: &GroupName,
        copy: DismissedCopy,
    ) -> Result<(), ArrayError> {
        let args = Args::new()
            .flag("removevv", copy == DismissedCopy::Removed)
            .with("vv", vv)
            .with("group", group);
        self.change("dismissrcopyvv", &args).await
    }
}
