//! `setvv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::VvName,
};

impl Array {
    /// Replaces a volume's comment. Proof: [`Array::showvv`].
    ///
    /// # Errors
    /// [`ArrayError`]; `Unsafe` for a comment that is empty or not one word.
    pub async fn setvv_comment(&self, vv: &VvName, comment: &str) -> Result<(), ArrayError> {
        let args = Args::new().with("comment", comment).with("name", vv);
        self.change("setvv-comment", &args).await
    }
}
