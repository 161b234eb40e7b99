//! `setrcopygroup`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{GroupName, Policy, TargetName},
};

impl Array {
    /// Sets one policy. Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn setrcopygroup_pol(
        &self,
        group: &GroupName,
        policy: Policy,
    ) -> Result<(), ArrayError> {
        let args = Args::new().with("policy", policy).with("name", group);
        self.change("setrcopygroup-pol", &args).await
    }

    /// Sets the period of a periodic group, in seconds (300 to 31622400 on 3.x: array fact 18).
    /// Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn setrcopygroup_period(
        &self,
        group: &GroupName,
        target: &TargetName,
        secs: u32,
    ) -> Result<(), ArrayError> {
        let period = if secs.is_multiple_of(60) {
            format!("{}m", secs / 60)
        } else {
            format!("{secs}s")
        };
        let args = Args::new()
            .with("period", period)
            .with("target", target)
            .with("name", group);
        self.change("setrcopygroup-period", &args).await
    }
}
