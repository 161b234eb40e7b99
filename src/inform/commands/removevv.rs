//! `removevv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::VvName,
};

impl Array {
    /// Removes a volume. Proof: [`Array::showvv`].
    ///
    /// # Errors
    /// [`ArrayError`]; refused while it is exported, in a set or group, or has snapshots.
    pub async fn removevv(&self, vv: &VvName) -> Result<(), ArrayError> {
        self.change("removevv", &Args::new().with("name", vv)).await
    }
}
