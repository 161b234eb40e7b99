//! Why a VV is not taken, or not given back.

use crate::{
    inform::VvState,
    model::{CommentError, GroupName, Namespace, OperationId, VolumeName, VvName, Wwn},
};

use super::CannotLeave;

/// What goes on after "VV … on array …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// There is none.
    #[error("does not exist")]
    Absent,
    /// The array needs it itself.
    #[error("is the array's own")]
    System,
    /// A volume of this plugin, as it should be.
    #[error("is Docker's volume `{0}` already")]
    IsVolume(VolumeName),
    /// A name that only this plugin gives, without a comment that goes with it.
    #[error(
        "has a name that this plugin gives to volumes of its own, but not the comment that goes with it"
    )]
    Reserved,
    /// A volume of this plugin in another Docker cluster.
    #[error("is volume `{name}` of namespace `{}`", namespace.as_str())]
    OtherNamespace {
        /// The volume there.
        name: VolumeName,
        /// Where.
        namespace: Namespace,
    },
    /// Another host is taking it, or giving it back, or has begun to.
    #[error("is being imported, adopted or released by host `{}` (operation `{op}`)", op.machine.name())]
    Busy {
        /// Its operation.
        op: OperationId,
    },
    /// A volume of HPE's python plugin.
    #[error("is a volume of HPE's python plugin")]
    Python,
    /// A host may have it.
    #[error("is exported to {to}")]
    Exported {
        /// In words.
        to: String,
        /// It is a volume of the python plugin, which may use it.
        python: bool,
    },
    /// It replicates.
    #[error("{0}")]
    CannotLeave(Box<CannotLeave>),
    /// Of another domain than the backend's volumes.
    #[error("is in domain `{is}`, and the volumes of this backend are in domain `{wanted}`")]
    OtherDomain {
        /// Its domain, or `none`.
        is: String,
        /// That of the backend's CPG, or `none`.
        wanted: String,
    },
    /// Nothing else tells to which domain it belongs.
    #[error("has no CPG, so its domain is not known")]
    NoCpg,
    /// A snapshot that hosts only read.
    #[error("is a read-only snapshot")]
    ReadOnly,
    /// A snapshot of something else.
    #[error("is a snapshot of VV `{parent}`, which is no volume of this plugin")]
    ForeignParent {
        /// What it is a snapshot of.
        parent: String,
    },
    /// A snapshot of a volume that is on two arrays, or of the copy of one.
    #[error("is a snapshot of VV `{parent}`, which is in remote copy group `{group}`")]
    ReplicatedParent {
        /// What it is a snapshot of.
        parent: VvName,
        /// The group of that.
        group: GroupName,
    },
    /// A snapshot of the copy of a volume that is at home on another array.
    #[error(
        "is a snapshot of VV `{parent}`, which is the copy of a volume that is at home on another array"
    )]
    CopyParent {
        /// What it is a snapshot of.
        parent: VvName,
    },
    /// A snapshot cannot be replicated.
    #[error("is a snapshot, which no remote copy group takes")]
    SnapshotInGroup,
    /// A physical copy, or something this plugin does not know.
    #[error("is of the type `{0}`")]
    Kind(String),
    /// Something is done to it, or went wrong.
    #[error("is in state `{0}`")]
    State(VvState),
    /// A task works on it.
    #[error("is being copied (task {id}, `{name}`)")]
    Copying {
        /// The task.
        id: String,
        /// As the array writes it.
        name: String,
    },
    /// The array runs commands for it by the name that it would lose.
    #[error("is what the array's schedules {} are for, which know it by that name and would fail at every run", quoted(.0))]
    Scheduled(Vec<String>),
    /// Its group serves from the other array.
    #[error("cannot join remote copy group `{0}`, which is Primary on the other array now")]
    GroupElsewhere(GroupName),
    /// What it says could not be written back.
    #[error(
        "has a comment that could not be given back to it as it is (it has other signs than printable ASCII)"
    )]
    CommentSigns,
    /// What it says does not fit beside what this plugin writes.
    #[error("has a comment that there is no room to keep: {0}")]
    CommentLength(CommentError),
    /// What the python plugin wrote, or did not, gives no name for Docker.
    #[error("{0}")]
    NoName(String),
    /// Without a group it cannot be on a replication-enabled backend.
    #[error("is on an array of which hpe.conf has no backend without `replication_device`")]
    NoPlainBackend,
    /// It was made by this plugin.
    #[error("was neither imported nor adopted, so there is nothing to give it back")]
    NotImported,
    /// Somebody has used its old name since.
    #[error("was `{was}` before, and that name is taken by another VV by now")]
    NameTaken {
        /// Its old name.
        was: VvName,
    },
    /// Snapshots of this plugin are on it.
    #[error("has snapshots that are Docker's: {}", quoted(.0))]
    HasSnapshots(Vec<VolumeName>),
    /// What has to stay is the secondary now.
    #[error(
        "is the secondary of remote copy group `{0}` now, which was failed over or switched over"
    )]
    FailedOver(GroupName),
    /// What is to get its old name back is not there.
    #[error(
        "is not what was imported (WWN {wwn}), and neither is `{was}`, which is what it was called before"
    )]
    Lost {
        /// Docker's name of it; boxed, so that errors stay small.
        name: Box<VolumeName>,
        /// Its old name.
        was: VvName,
        /// What it has been from the beginning.
        wwn: Wwn,
    },
    /// What is to be forgotten is not lost.
    #[error("is there, so that nothing of its release can be forgotten")]
    StillThere,
}

fn quoted(names: &[impl std::fmt::Display]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

impl From<CannotLeave> for NotTaken {
    fn from(why: CannotLeave) -> Self {
        Self::CannotLeave(Box::new(why))
    }
}

impl NotTaken {
    /// What to do.
    pub(in crate::volume) fn hint(&self, vv: &VvName) -> String {
        match self {
            Self::Absent => format!(
                "see `showvv {vv}` on the array, and give the backend that is on it (`-o backend=`)"
            ),
            Self::System => "give the name of a volume that is yours".to_owned(),
            Self::IsVolume(name) => format!("use `{name}` as it is"),
            Self::Reserved => format!(
                "if nobody's plugin is making it, rename it on the array (`setvv -name <other name> {vv}`) and import it by that name"
            ),
            Self::OtherNamespace { namespace, .. } => format!(
                "release it there first (`docker volume rm`, or `hpe3par-docker volume release`); it belongs to the hosts whose hpe.conf says `namespace = \"{}\"`",
                namespace.as_str()
            ),
            Self::Busy { op } => format!(
                "wait for it, or start the plugin on `{}`: only that host cleans up after itself",
                op.machine.name()
            ),
            Self::Python => {
                format!("adopt it: `hpe3par-docker volume adopt {vv}`")
            }
            Self::Exported { python: true, .. } => format!(
                "stop the containers that use it on the hosts with the python plugin; see `showvlun -t -v {vv}`"
            ),
            Self::Exported { python: false, .. } => format!(
                "take it from those hosts first: unmount it there, then `removevlun`; see `showvlun -t -v {vv}`"
            ),
            Self::CannotLeave(why) => why.hint(vv),
            Self::OtherDomain { .. } => {
                "use a backend whose CPGs are in the VV's domain, or let an administrator move the VV".to_owned()
            }
            Self::NoCpg => format!("see `showvv -cpgalloc {vv}`"),
            Self::ReadOnly => format!(
                "a container needs to write: make a snapshot of it that can be written to (`createsv <name> {vv}`), and import that"
            ),
            Self::ForeignParent { .. } => {
                "import or adopt its parent first, or make a copy of the snapshot (`createvvcopy`) and import that".to_owned()
            }
            Self::ReplicatedParent { .. } | Self::CopyParent { .. } => format!(
                "let the plugin take one of the volume (`-o virtualCopyOf=`); for what is in this one make a copy (`createvvcopy -p {vv} <name>`, then `promotevvcopy <name>`) and import that"
            ),
            Self::SnapshotInGroup => {
                "import it on a backend without `replication_device`".to_owned()
            }
            Self::Kind(_) => format!(
                "only volumes and snapshots of volumes are imported; `promotevvcopy {vv}` makes a volume of a physical copy"
            ),
            Self::State(_) | Self::Copying { .. } => {
                format!("wait until that has ended; see `showvv -state {vv}` and `showtask -active`")
            }
            Self::Scheduled(names) => {
                let remove: Vec<String> = names.iter().map(|name| format!("`removesched {name}`")).collect();
                format!(
                    "write down what they do (`showsched`), remove them ({}), import it, and have the plugin make new ones: a snapshot with `-o virtualCopyOf=<name> -o scheduleName=…`",
                    remove.join(", ")
                )
            }
            Self::GroupElsewhere(group) => {
                format!("bring the group home first; see `hpe3par-docker group show {group}`")
            }
            Self::CommentSigns => format!(
                "write it in plain letters (`setvv -comment`), or take it away (`setvv -comment \"\" {vv}`)"
            ),
            Self::CommentLength(_) => format!("shorten it: `setvv -comment \"…\" {vv}`"),
            Self::NoName(_) => {
                format!("say what it is to be called: `hpe3par-docker volume adopt {vv} --name <name>`")
            }
            Self::NoPlainBackend => {
                "add a second backend with the same `san_ip`, and no `replication_device`".to_owned()
            }
            Self::NotImported => "`docker volume rm` removes it".to_owned(),
            Self::NameTaken { was } => format!(
                "rename or remove that other `{was}` on the array (see `showvv -d {was}`), and try again"
            ),
            Self::HasSnapshots(_) => "remove those first, with `docker volume rm`".to_owned(),
            Self::Lost { name, was, wwn } => format!(
                "look for WWN {wwn} in `showvv -showcols Name,VV_WWN`; if somebody renamed it, call it `{was}` again (`setvv -name {was} <its name>`); if it was removed, or is to keep its new name, `hpe3par-docker volume release --forget {name}`"
            ),
            Self::StillThere => format!(
                "see `showvv -d {vv}` on that array; what is left there of a volume that was removed is for an administrator to remove"
            ),
            Self::FailedOver(group) => format!(
                "let that array be Primary for the group again first, as the copy that is dismissed is removed; see `hpe3par-docker group show {group}`, and `hpe3par-docker group plan` for what to type"
            ),
        }
    }
}
