//! `dismissrcopyvv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{GroupName, VvName},
};

impl Array {
    /// Takes a volume out of a stopped group **and removes its copy on the other array**. Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn dismissrcopyvv(&self, vv: &VvName, group: &GroupName) -> Result<(), ArrayError> {
        self.change(
            "dismissrcopyvv",
            &Args::new().with("vv", vv).with("group", group),
        )
        .await
    }
}
