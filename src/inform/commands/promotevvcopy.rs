//! `promotevvcopy`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::VvName,
};

impl Array {
    /// Makes a volume of its own of a physical copy that is complete. Proof: [`Array::showvv`], whose kind is then `Base`.
    ///
    /// # Errors
    /// [`ArrayError`]; the refusal `PhysicalCopy` if it is none.
    pub async fn promotevvcopy(&self, copy: &VvName) -> Result<(), ArrayError> {
        let args = Args::new().with("name", copy);
        self.change("promotevvcopy", &args).await
    }
}
