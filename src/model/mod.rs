//! The words everyone shares: names, sizes, roles, modes, states.
//!
//! This module is known to all others and knows none of them.

mod change;
mod comment;
mod create;
mod flash_cache;
mod fs;
mod group_lock;
mod holds;
mod hours;
mod initiator;
mod machine;
mod names;
mod node_record;
mod python;
mod qos;
mod remote_copy;
mod request;
mod schedule;
mod schedule_name;
mod secret;
mod site_policy;
mod size;
mod source;
mod target_port;
mod task;
mod wwn;

pub use change::Change;
pub use comment::{Becomes, Comment, CommentError, Format, Origin, State};
pub use create::{CreateVolume, Provisioning};
pub use flash_cache::FlashCache;
pub use fs::{FsMode, FsOwner, FsType, FsUuid};
pub use group_lock::GroupLock;
pub use holds::Holds;
pub use hours::{Hours, HoursError};
pub use initiator::{Initiator, Protocol};
pub use machine::Machine;
pub use names::{
    BackendName, CpgName, DomainName, GroupName, HostName, NameError, Namespace, SetName,
    TargetName, VolumeName, VvName,
};
pub use node_record::{Made, NodeRecord};
pub use python::{PythonComment, PythonKind, PythonName};
pub use qos::{QosLimits, QosPriority, QosRange};
pub use remote_copy::{
    GroupStatus, LinkStatus, Mode, Policy, Role, Side, SyncStatus, TargetStatus,
};
pub use request::{MountId, OperationId, RequestId};
pub use schedule::{FrequencyError, ScheduleFrequency};
pub use schedule_name::{ScheduleName, ScheduleNameError, SnapshotPrefix};
pub use secret::Secret;
pub use site_policy::{LonePrimary, Takeover};
pub use size::{NewSize, Size, SizeError};
pub use source::{ImportPolicy, Schedule, SnapshotOf, Source};
pub use target_port::{Chap, TargetPort};
pub use task::TaskId;
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
