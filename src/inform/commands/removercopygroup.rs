//! `removercopygroup`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::GroupName,
};

impl Array {
    /// Removes a stopped group (`-f`) on both arrays; volumes still in it stay. Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn removercopygroup(&self, group: &GroupName) -> Result<(), ArrayError> {
        self.change("removercopygroup", &Args::new().with("name", group))
            .await
    }
}
