//! `removevvset`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::SetName,
};

impl Array {
    /// Removes a VV set; its members stay. Proof: [`Array::showvvset`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn removevvset(&self, set: &SetName) -> Result<(), ArrayError> {
        self.change("removevvset", &Args::new().with("name", set))
            .await
    }
}
