//! `startrcopygroup`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::GroupName,
};

impl Array {
    /// Starts a group; the copy goes on after the answer. Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn startrcopygroup(&self, group: &GroupName) -> Result<(), ArrayError> {
        self.change("startrcopygroup", &Args::new().with("name", group))
            .await
    }
}
