//! `removesched`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::ScheduleName,
};

impl Array {
    /// Takes a schedule away; the snapshots it made stay. Proof: [`Array::showsched`].
    ///
    /// # Errors
    /// [`ArrayError`]; `NotFound`.
    pub async fn removesched(&self, name: &ScheduleName) -> Result<(), ArrayError> {
        self.change("removesched", &Args::new().with("name", name))
            .await
    }
}
