//! `createvvcopy`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{CpgName, Provisioning, TaskId, VvName},
};

/// A copy that the array makes as a new volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlineCopy {
    /// The volume or snapshot that is copied, as it is at this moment.
    pub parent: VvName,
    /// The new volume.
    pub name: VvName,
    /// Where its data go.
    pub cpg: CpgName,
    /// Where its snapshots go; without meaning from Primera on.
    pub snap_cpg: Option<CpgName>,
    /// How it takes space.
    pub provisioning: Provisioning,
    /// Compressed; `None`: as the array does of itself.
    pub compression: Option<bool>,
}

impl Array {
    /// Copies a volume or snapshot, as it is at this moment, over a volume that is there, not exported and as large or larger.
    /// What was in that is lost. It becomes a physical copy, until [`Array::promotevvcopy`] (array fact 120). How far it is:
    /// [`Array::showtask`], [`Array::showvv_cpprog`]; proof: [`Array::showvv`].
    ///
    /// # Errors
    /// [`ArrayError`]. When the answer was lost, the task is found by its name `<parent>-><copy>` ([`Array::showtask_active`]).
    pub async fn createvvcopy(&self, parent: &VvName, copy: &VvName) -> Result<TaskId, ArrayError> {
        let args = Args::new().with("parent", parent).with("name", copy);
        self.begin("createvvcopy", &args).await
    }

    /// Copies a volume or snapshot to a new one, which hosts may have at once. Until the task has ended it cannot be admitted to
    /// a group, grown or renamed (array fact 120). It has no comment. Proof: [`Array::showvv`].
    ///
    /// # Errors
    /// As of [`Array::createvvcopy`]; `NotOffered` for what this InForm OS cannot make.
    pub async fn createvvcopy_online(&self, copy: &OnlineCopy) -> Result<TaskId, ArrayError> {
        let args = Args::new()
            .with("parent", &copy.parent)
            .with_some("snap_cpg", copy.snap_cpg.as_ref())
            .with("cpg", &copy.cpg)
            .with("name", &copy.name);
        let form = "createvvcopy-online";
        let args = self
            .with_space(form, args, copy.provisioning, copy.compression)
            .await?;
        self.begin(form, &args).await
    }
}
