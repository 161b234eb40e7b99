//! `createvlun`

use std::fmt;

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{HostName, Lun, VvName},
};

/// Which LUN an export gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LunChoice {
    /// The lowest free one; the array does not say which, so look with [`Array::showvlun_t`].
    Auto,
    /// This one.
    Exact(Lun),
}

impl fmt::Display for LunChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Exact(lun) => lun.fmt(f),
        }
    }
}

impl Array {
    /// Exports a volume to a host object, never with `-f`: the array asks (and so refuses) if the volume is exported already
    /// (array fact 12). Proof: [`Array::showvlun_t`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn createvlun(
        &self,
        vv: &VvName,
        lun: LunChoice,
        host: &HostName,
    ) -> Result<(), ArrayError> {
        let args = Args::new()
            .with("vv", vv)
            .with("lun", lun)
            .with("host", host);
        self.change("createvlun", &args).await
    }
}
