//! `stoprcopygroup`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::GroupName,
};

impl Array {
    /// Stops a group (`-f`); the next start copies only what changed. Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn stoprcopygroup(&self, group: &GroupName) -> Result<(), ArrayError> {
        self.change("stoprcopygroup", &Args::new().with("name", group))
            .await
    }
}
