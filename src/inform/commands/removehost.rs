//! `removehost`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::HostName,
};

impl Array {
    /// Removes a host object. Proof: [`Array::showhost`].
    ///
    /// # Errors
    /// [`ArrayError`]; refused while something is exported to it or it is in a set.
    pub async fn removehost(&self, host: &HostName) -> Result<(), ArrayError> {
        self.change("removehost", &Args::new().with("name", host))
            .await
    }
}
