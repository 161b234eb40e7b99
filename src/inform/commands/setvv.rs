//! `setvv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{CpgName, Hours, VvName},
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

    /// Gives a volume the comment of a person, or none. Proof: [`Array::showvv`], byte for byte.
    ///
    /// # Errors
    /// [`ArrayError`]; `Unsafe` for what [`can_be_quoted`](crate::inform::can_be_quoted) says cannot be.
    pub async fn setvv_comment_text(
        &self,
        vv: &VvName,
        comment: Option<&str>,
    ) -> Result<(), ArrayError> {
        let args = Args::new()
            .quoted("comment", comment.unwrap_or_default())
            .with("name", vv);
        self.change("setvv-comment", &args).await
    }

    /// Renames a volume. Given twice the second is `NotFound`. Proof: [`Array::showvv`], which has the new name with the same WWN
    /// and nothing of the old name.
    ///
    /// # Errors
    /// [`ArrayError`]; the refusals `Exists`, `BadName`, `Copying`.
    pub async fn setvv_name(&self, vv: &VvName, new: &VvName) -> Result<(), ArrayError> {
        let args = Args::new().with("new", new).with("name", vv);
        self.change("setvv-name", &args).await
    }

    /// Says where a volume's snapshots go. With snapshots it can be said only once. Proof: [`Array::showvv`].
    ///
    /// # Errors
    /// [`ArrayError`]; the refusals `NoSuchCpg` and `HasChildren`; `NotOffered` from Primera on (array fact 5).
    pub async fn setvv_snp_cpg(&self, vv: &VvName, cpg: &CpgName) -> Result<(), ArrayError> {
        let args = Args::new().with("snap_cpg", cpg).with("name", vv);
        self.change("setvv-snp_cpg", &args).await
    }

    /// Gives a volume another WWN than it has, which the array makes. Not while it is exported or in a remote copy group (array fact 126).
    /// Proof: [`Array::showvv`].
    ///
    /// # Errors
    /// [`ArrayError`]; the refusal `Exported`.
    pub async fn setvv_other_wwn(&self, vv: &VvName) -> Result<(), ArrayError> {
        let args = Args::new().with("name", vv);
        self.change("setvv-wwn", &args).await
    }

    /// Sets when a volume goes by itself, from now on, or that it never does. Proof: [`Array::showvv`].
    ///
    /// # Errors
    /// [`ArrayError`]; `BadTime` for an end before that of its retention.
    pub async fn setvv_exp(&self, vv: &VvName, expires: Option<Hours>) -> Result<(), ArrayError> {
        let expires = expires.map_or_else(|| "0".to_owned(), |hours| hours.to_string());
        let args = Args::new().with("expires", expires).with("name", vv);
        self.change("setvv-exp", &args).await
    }

    /// Sets how long nobody can remove a volume, from now on; it can only be raised. Proof: [`Array::showvv`].
    ///
    /// # Errors
    /// [`ArrayError`]; `Retained` for an earlier end than it has, `BadTime` for one beyond its expiry, `NotLicensed`.
    pub async fn setvv_retain(&self, vv: &VvName, retained: Hours) -> Result<(), ArrayError> {
        let args = Args::new().with("retained", retained).with("name", vv);
        self.change("setvv-retain", &args).await
    }
}
