//! `createvvset`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{SetName, VvName},
};

impl Array {
    /// Makes a VV set; fails with `Exists` if there is one of that name. Proof: [`Array::showvvset`].
    ///
    /// # Errors
    /// [`ArrayError`]; `Unsafe` for a comment that is empty or not one word.
    pub async fn createvvset(
        &self,
        set: &SetName,
        comment: Option<&str>,
        members: &[VvName],
    ) -> Result<(), ArrayError> {
        let mut args = Args::new().with_some("comment", comment).with("name", set);
        if !members.is_empty() {
            args = args.with_each("members", members);
        }
        self.change("createvvset", &args).await
    }

    /// Puts volumes into a VV set. Proof: [`Array::showvvset`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn createvvset_add(
        &self,
        set: &SetName,
        members: &[VvName],
    ) -> Result<(), ArrayError> {
        let args = Args::new().with("name", set).with_each("members", members);
        self.change("createvvset-add", &args).await
    }
}
