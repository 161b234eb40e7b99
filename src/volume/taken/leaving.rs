//! A volume of the python plugin in a remote copy group. No source tells whether a VV can be renamed there (array fact 119): it leaves its
//! group for its new name, and joins it again.

use crate::{
    index::JournalEntry,
    inform::{RcGroup, RcVolume},
    model::{GroupName, Role, TargetName, VvName},
    replication::{self, ReplicationError},
};

use super::NotTaken;

/// The fact that it leaves this group, which it joins again afterwards.
const LEAVES: &str = "leaves";

/// Why it cannot leave its group for its new name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotLeave {
    /// Nobody said that it may.
    #[error("is in remote copy group `{group}`")]
    NotAsked {
        /// Its group.
        group: GroupName,
        /// It is a volume of the python plugin.
        python: bool,
    },
    /// Of no backend.
    #[error(
        "is in remote copy group `{group}` to target `{target}`, and no backend of hpe.conf with `replication_device` has this array and that target"
    )]
    NoBackend {
        /// Its group.
        group: GroupName,
        /// Where that replicates to.
        target: TargetName,
    },
    /// What is here is the copy now.
    #[error("is in remote copy group `{0}`, which is Primary on the other array now")]
    Elsewhere(GroupName),
    /// The group is not in a state for it.
    #[error("cannot leave its group for its new name: {0}")]
    Group(ReplicationError),
    /// The other array does not show the copy.
    #[error("has a copy called `{copy}` on array `{array}`, which does not show it")]
    NoCopy {
        /// By the name that the group tells.
        copy: VvName,
        /// The other array.
        array: String,
    },
    /// A host may have the copy.
    #[error("has a copy, `{copy}` on array `{array}`, that is exported to {to}")]
    CopyExported {
        /// By its name there.
        copy: VvName,
        /// The other array.
        array: String,
        /// In words.
        to: String,
    },
    /// The name that the former copy is to have.
    #[error(
        "has a copy, `{copy}` on array `{array}`, that would be called `{copy}{FORMER}` afterwards, and that name is {}",
        if *.taken { "taken" } else { "too long" }
    )]
    FormerName {
        /// By its name there.
        copy: VvName,
        /// The other array.
        array: String,
        /// There is one of that name.
        taken: bool,
    },
}

/// What is added to the name of a copy that no volume has any more.
const FORMER: &str = ".old";

impl CannotLeave {
    /// What to do.
    pub(super) fn hint(&self, vv: &VvName) -> String {
        match self {
            Self::NotAsked {
                group,
                python: true,
            } => format!(
                "`hpe3par-docker volume adopt {vv} --copy-anew`: it leaves `{group}` for its new name, joins it again, and all of it is copied to the other array anew"
            ),
            Self::NotAsked {
                group,
                python: false,
            } => format!(
                "a VV is not renamed in a group: stop the group, `dismissrcopyvv {vv} {group}`, and import it, with `replicationGroup` if it is to be replicated again"
            ),
            Self::NoBackend { group, target } => format!(
                "add a backend with `replication_device = …,backend_id:{target}` for the array of `{group}`"
            ),
            Self::Group(why) => why.hint(),
            Self::Elsewhere(group) => {
                format!("bring the group home first; see `hpe3par-docker group show {group}`")
            }
            Self::NoCopy { array, .. } => {
                format!("find out what became of it; see `showvv` on `{array}`")
            }
            Self::CopyExported { copy, array, .. } => format!(
                "stop the containers that use it on the hosts with the python plugin; see `showvlun -t -v {copy}` on `{array}`"
            ),
            Self::FormerName {
                copy,
                array,
                taken: true,
            } => format!(
                "if nobody needs it any more, `removevv -f {copy}{FORMER}` on `{array}`; otherwise call it otherwise there"
            ),
            Self::FormerName { .. } => {
                "see the names that HPE's python plugin gives; this one is not its own".to_owned()
            }
        }
    }
}

/// The name of a copy on `array` when no volume has it any more: none of the python plugin's, so that nobody takes it for a volume.
pub(in crate::volume) fn former_name(array: &str, copy: &VvName) -> Result<VvName, CannotLeave> {
    VvName::new(&format!("{copy}{FORMER}")).map_err(|_| CannotLeave::FormerName {
        copy: copy.clone(),
        array: array.to_owned(),
        taken: false,
    })
}

/// Whether the group may be stopped for a moment, and lets it go. Gives what the group tells of it.
pub(in crate::volume) fn may_leave<'a>(
    array: &str,
    group: &'a RcGroup,
    vv: &VvName,
) -> Result<&'a RcVolume, NotTaken> {
    if !group.role.is_primary() {
        return Err(CannotLeave::Elsewhere(group.name.clone()).into());
    }
    let member = replication::check_parting(array, group, vv);
    member.map_err(|why| CannotLeave::Group(why).into())
}

/// True for the half of a group that has copies by nature, whichever array sends now.
pub(in crate::volume) fn has_copies(role: Role) -> bool {
    matches!(role, Role::Secondary | Role::PrimaryRev)
}

/// Writes down that it leaves this group.
pub(in crate::volume) fn note_leaves(entry: &mut JournalEntry, group: &GroupName) {
    entry.facts.insert(LEAVES.to_owned(), group.to_string());
}

/// The group that an adoption takes its volume out of, by its name on the backend's own array.
pub(in crate::volume) fn leaves(entry: &JournalEntry) -> Option<GroupName> {
    GroupName::new(entry.facts.get(LEAVES)?).ok()
}
