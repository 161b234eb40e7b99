//! `creatercopygroup`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{CpgName, DomainName, GroupName, Mode, TargetName},
};

/// A remote copy group to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateGroup {
    /// Its name; the other array adds `.r` and this array's system id.
    pub name: GroupName,
    /// The other array, as this one knows it.
    pub target: TargetName,
    /// How it replicates.
    pub mode: Mode,
    /// CPGs for the volumes' data, here and there.
    pub usr_cpg: (CpgName, CpgName),
    /// CPGs for snapshots, here and there; without meaning from Primera on.
    pub snp_cpg: Option<(CpgName, CpgName)>,
    /// Domain, if not the user's.
    pub domain: Option<DomainName>,
}

impl Array {
    /// Makes a remote copy group, stopped and empty, on both arrays. Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn creatercopygroup(&self, group: &CreateGroup) -> Result<(), ArrayError> {
        let args = Args::new()
            .with_some("domain", group.domain.as_ref())
            .with("usr_cpg", &group.usr_cpg.0)
            .with("usr_cpg_there", &group.usr_cpg.1)
            .with_some("snp_cpg", group.snp_cpg.as_ref().map(|(here, _)| here))
            .with_some(
                "snp_cpg_there",
                group.snp_cpg.as_ref().map(|(_, there)| there),
            )
            .with("name", &group.name)
            .with("target", &group.target)
            .with("mode", group.mode.cli());
        self.change("creatercopygroup", &args).await
    }
}
