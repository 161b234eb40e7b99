//! `admitrcopyvv`

use crate::{
    inform::{array::Array, error::ArrayError, quoting::Args},
    model::{GroupName, TargetName, VvName},
};

/// A volume to be put into a group, its copy made by the arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admit {
    /// The volume here.
    pub vv: VvName,
    /// The group, as this array names it.
    pub group: GroupName,
    /// The other array, as this one knows it.
    pub target: TargetName,
    /// The name of the copy.
    pub remote: VvName,
    /// True: the copy gets a WWN of its own, so that no host can mix the two up. False: the same WWN, for Peer Persistence.
    pub own_wwn: bool,
}

impl Array {
    /// Puts a volume into a stopped group (array fact 13); the arrays make its copy (`-createvv`, array fact 14).
    /// Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn admitrcopyvv(&self, admit: &Admit) -> Result<(), ArrayError> {
        let args = Args::new()
            .flag("own_wwn", admit.own_wwn)
            .with("vv", &admit.vv)
            .with("group", &admit.group)
            .with("target", &admit.target)
            .with("remote", &admit.remote);
        self.change("admitrcopyvv", &args).await
    }
}
