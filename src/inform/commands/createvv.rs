//! `createvv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{CpgName, Provisioning, Size, VvName},
};

/// A volume to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateVv {
    /// Its name; on `Exists` its comment tells whose it is.
    pub name: VvName,
    /// Where its data go.
    pub cpg: CpgName,
    /// Where its snapshots go; needed on 3.x for snapshots and remote copy (array fact 19), without meaning from Primera on.
    pub snap_cpg: Option<CpgName>,
    /// Its size.
    pub size: Size,
    /// How it takes space.
    pub provisioning: Provisioning,
    /// Compressed; `None`: as the array does of itself. From Primera on a compressed volume is deduplicated too (array fact 125).
    pub compression: Option<bool>,
    /// An encoded comment: one word, at most 511 characters.
    pub comment: String,
    /// Policy `one_host`: the array refuses an export to a second host.
    pub one_host: bool,
}

impl Array {
    /// Makes a volume. Proof: [`Array::showvv`].
    ///
    /// # Errors
    /// [`ArrayError`]; `NotOffered` for full provisioning, compression, or one of dedup and compression without the
    /// other, where the InForm OS has none such.
    pub async fn createvv(&self, vv: &CreateVv) -> Result<(), ArrayError> {
        let args = Args::new()
            .with_some("snap_cpg", vv.snap_cpg.as_ref())
            .flag("one_host", vv.one_host)
            .with("comment", &vv.comment)
            .with("cpg", &vv.cpg)
            .with("name", &vv.name)
            .size("size", vv.size);
        let args = self
            .with_space("createvv", args, vv.provisioning, vv.compression)
            .await?;
        self.change("createvv", &args).await
    }
}
