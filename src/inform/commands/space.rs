//! How provisioning and compression are written: by words that were other ones from release to release.

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::Provisioning,
};

/// From this InForm OS on dedup and compression are one (array fact 125).
const PRIMERA: u32 = 4;

impl Array {
    /// Adds the flags of `form`. `compression`: what was asked for, if anything was; otherwise what the array does of itself.
    pub(super) async fn with_space(
        &self,
        form: &str,
        args: Args,
        provisioning: Provisioning,
        compression: Option<bool>,
    ) -> Result<Args, ArrayError> {
        let release = self.release().await?;
        let compressed = compression == Some(true);
        if compressed && provisioning == Provisioning::Full {
            return Err(self.not_offered(form, "compression of a fully provisioned volume"));
        }
        let args = args.flag("full", provisioning == Provisioning::Full);
        if release.major < PRIMERA {
            if compressed && (release.major, release.minor) < (3, 3) {
                return Err(self.not_offered(form, "compression"));
            }
            return Ok(args
                .flag("thin", provisioning == Provisioning::Thin)
                .flag("dedup", provisioning == Provisioning::Dedup)
                .flag("compression", compressed));
        }
        if compression == Some(false) && provisioning == Provisioning::Dedup {
            return Err(self.not_offered(form, "dedup without compression"));
        }
        let reduces = compressed || provisioning == Provisioning::Dedup;
        Ok(args
            .flag("thin", provisioning == Provisioning::Thin && !reduces)
            .flag("reduce", reduces))
    }
}
