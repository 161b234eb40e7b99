//! `removevvset`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{SetName, VvName},
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

    /// Takes volumes out of a VV set, which stays. Proof: [`Array::showvvset`].
    ///
    /// # Errors
    /// [`ArrayError`]; `NotFound` for a set or a member that is not there.
    pub async fn removevvset_members(
        &self,
        set: &SetName,
        members: &[VvName],
    ) -> Result<(), ArrayError> {
        let args = Args::new().with("name", set).with_each("members", members);
        self.change("removevvset-members", &args).await
    }
}
