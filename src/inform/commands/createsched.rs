//! `createsched`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{Hours, ScheduleFrequency, ScheduleName, SnapshotPrefix, VvName},
};

/// Snapshots that the array is to make by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSched {
    /// The schedule's name.
    pub name: ScheduleName,
    /// When, by the array's clock.
    pub frequency: ScheduleFrequency,
    /// What the snapshots are of.
    pub source: VvName,
    /// What their names begin with; a dot and the array's local time follow.
    pub prefix: SnapshotPrefix,
    /// Hosts may only read them.
    pub read_only: bool,
    /// When each goes by itself; never without, and then the array fills up.
    pub expires: Option<Hours>,
    /// How long nobody can remove them; at most as long as `expires`, which the array does not check (array fact 114).
    pub retained: Option<Hours>,
}

impl Array {
    /// Has the array make snapshots. Whether they can be made shows at the first run. Proof: [`Array::showsched`].
    ///
    /// # Errors
    /// [`ArrayError`]; `Exists`, `BadSchedule`, `NotPermitted`.
    pub async fn createsched(&self, schedule: &CreateSched) -> Result<(), ArrayError> {
        let args = Args::new()
            .flag("read_only", schedule.read_only)
            .with_some("expires", schedule.expires)
            .with_some("retained", schedule.retained)
            .with("snapshot", schedule.prefix.name_with_time())
            .with("source", &schedule.source)
            .with_each("frequency", &schedule.frequency.fields())
            .with("name", &schedule.name);
        self.change("createsched", &args).await
    }
}
