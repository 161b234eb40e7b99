//! `removevlun`

use super::{ExportTarget, VlunTemplate};
use crate::inform::{array::Array, error::ArrayError, quoting::Args};

impl Array {
    /// Takes an export back, in the words it was made with (array fact 16). Proof: [`Array::showvlun_t`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn removevlun(&self, vlun: &VlunTemplate) -> Result<(), ArrayError> {
        let host = match &vlun.target {
            ExportTarget::Port(_) => None,
            target => Some(target),
        };
        let args = Args::new()
            .with("vv", &vlun.vv)
            .with("lun", vlun.lun)
            .with_some("port", vlun.port)
            .with_some("host", host);
        self.change("removevlun", &args).await
    }
}
