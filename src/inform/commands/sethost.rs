//! `sethost`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{Chap, HostName},
};

impl Array {
    /// Gives a host object the name and secret with which its initiators prove who they are. What it had before is gone. Proof, of
    /// the name only: [`Array::showhost_chap`].
    ///
    /// # Errors
    /// [`ArrayError`]; the secret is in none of them, and not in the transcript.
    pub async fn sethost_initchap(&self, host: &HostName, chap: &Chap) -> Result<(), ArrayError> {
        let args = Args::new().with("user", &chap.user).with("name", host);
        self.change_with_secret("sethost-initchap", args, &chap.secret)
            .await
    }
}
