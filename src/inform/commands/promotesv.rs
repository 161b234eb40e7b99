//! `promotesv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{TaskId, VvName},
};

impl Array {
    /// Puts a volume back to what one of its snapshots holds. Nothing of it may be exported. `replicated`: also if the volume is
    /// in a remote copy group that is stopped (array fact 121). How far it is: [`Array::showtask`].
    ///
    /// # Errors
    /// [`ArrayError`]; the refusals `Exported` and `InRemoteCopy`.
    pub async fn promotesv(
        &self,
        snapshot: &VvName,
        replicated: bool,
    ) -> Result<TaskId, ArrayError> {
        let args = Args::new()
            .flag("replicated", replicated)
            .with("name", snapshot);
        self.begin("promotesv", &args).await
    }
}
