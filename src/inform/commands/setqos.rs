//! `setqos`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{QosLimits, QosRange, SetName},
};

impl Array {
    /// Makes or changes the rule of a VV set; what is `None` stays as it is. Proof: [`Array::showqos`].
    ///
    /// # Errors
    /// [`ArrayError`]; the refusals `NoQosTarget` without such a set and `NotLicensed`; `NotOffered` for goals, latency and
    /// priority from Primera on.
    pub async fn setqos(&self, set: &SetName, limits: &QosLimits) -> Result<(), ArrayError> {
        // A goal needs a range, which later releases do not take (array fact 123).
        let goal = |range: Option<QosRange>| range.filter(|range| range.min.is_some());
        let limit = |range: Option<QosRange>| range.filter(|range| range.min.is_none());
        let bandwidth = |range: QosRange| match range.min {
            Some(min) => format!("{min}k-{}", range.max),
            None => range.max.to_string(),
        };
        let args = Args::new()
            .with_some("io_goal", goal(limits.io))
            .with_some("io_limit", limit(limits.io))
            .with_some("bw_goal", goal(limits.bandwidth).map(bandwidth))
            .with_some("bw_limit", limit(limits.bandwidth).map(bandwidth))
            .with_some("latency", limits.latency_ms)
            .with_some("priority", limits.priority)
            .with("set", set);
        self.change("setqos", &args).await
    }

    /// Turns the rule of a VV set on or off. Proof: [`Array::showqos`].
    ///
    /// # Errors
    /// As of [`Array::setqos`]; `NoQosTarget` also without a rule.
    pub async fn setqos_state(&self, set: &SetName, on: bool) -> Result<(), ArrayError> {
        let args = Args::new().flag("on", on).flag("off", !on).with("set", set);
        self.change("setqos-state", &args).await
    }

    /// Takes the rule of a VV set away. Proof: [`Array::showqos`].
    ///
    /// # Errors
    /// As of [`Array::setqos`]; `NoQosTarget` also without a rule.
    pub async fn setqos_clear(&self, set: &SetName) -> Result<(), ArrayError> {
        let args = Args::new().with("set", set);
        self.change("setqos-clear", &args).await
    }
}
