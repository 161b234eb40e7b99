//! The words everyone shares: names, sizes, roles, modes, states.
//!
//! This module is known to all others and knows none of them.

mod change;
mod comment;
mod create;
mod fs;
mod group_lock;
mod initiator;
mod machine;
mod names;
mod remote_copy;
mod request;
mod secret;
mod site_policy;
mod size;
mod target_port;
mod wwn;

pub use change::Change;
pub use comment::{Comment, CommentError, Format, Origin, State};
pub use create::{CreateVolume, Provisioning};
pub use fs::{FsMode, FsOwner, FsType};
pub use group_lock::GroupLock;
pub use initiator::{Initiator, Protocol};
pub use machine::Machine;
pub use names::{
    BackendName, CpgName, DomainName, GroupName, HostName, NameError, Namespace, SetName,
    TargetName, VolumeName, VvName,
};
pub use remote_copy::{
    GroupStatus, LinkStatus, Mode, Policy, Role, Side, SyncStatus, TargetStatus,
};
pub use request::{MountId, OperationId, RequestId};
pub use secret::Secret;
pub use site_policy::{LonePrimary, Takeover};
pub use size::{Size, SizeError};
pub use target_port::{Chap, TargetPort};
pub use wwn::{Lun, PortPosition, SystemId, VvId, Wwn};

/// A word that is not in the vocabulary of its column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {what}")]
pub struct UnknownWord {
    /// What was expected, for example `role`.
    pub what: &'static str,
    /// What was read.
    pub text: String,
}
