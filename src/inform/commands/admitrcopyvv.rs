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
    /// Where the copy comes from.
    pub secondary: Secondary,
}

/// Where the copy of an admitted volume comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secondary {
    /// The arrays make it (`-createvv`, array fact 14).
    Made {
        /// True: with a WWN of its own, so that no host can mix the two up. False: with the same one, for Peer Persistence.
        own_wwn: bool,
    },
    /// It is there: as large as the volume, and exported to nobody. All of it is copied again.
    There,
}

impl Array {
    /// Puts a volume into a stopped group (array fact 13).
    /// Proof: [`Array::showrcopy_group`].
    ///
    /// # Errors
    /// [`ArrayError`].
    pub async fn admitrcopyvv(&self, admit: &Admit) -> Result<(), ArrayError> {
        let (made, own_wwn) = match admit.secondary {
            Secondary::Made { own_wwn } => (true, own_wwn),
            Secondary::There => (false, false),
        };
        let args = Args::new()
            .flag("createvv", made)
            .flag("own_wwn", own_wwn)
            .with("vv", &admit.vv)
            .with("group", &admit.group)
            .with("target", &admit.target)
            .with("remote", &admit.remote);
        self.change("admitrcopyvv", &args).await
    }
}
