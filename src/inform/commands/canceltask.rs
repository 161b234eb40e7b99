//! `canceltask`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::TaskId,
};

impl Array {
    /// Ends a task that is under way. The array may answer before it has ended; proof: [`Array::showtask`].
    ///
    /// # Errors
    /// [`ArrayError`]; the refusal `TaskEnded` if it is not under way.
    pub async fn canceltask(&self, id: TaskId) -> Result<(), ArrayError> {
        let args = Args::new().with("id", id);
        self.change("canceltask", &args).await
    }
}
