//! Why a group cannot be used as it is.

use crate::model::{GroupName, GroupStatus, Mode, Role, TargetName, VvName};

/// Refusals that come before anything is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplicationError {
    /// The group goes to another array.
    #[error(
        "remote copy group `{group}` replicates to target `{is}`, but `backend_id` in hpe.conf is `{wanted}`"
    )]
    OtherTarget {
        /// The group.
        group: GroupName,
        /// Its target.
        is: TargetName,
        /// The configured target.
        wanted: TargetName,
    },
    /// The group has another mode.
    #[error("remote copy group `{group}` is {is}, but `replication_mode` in hpe.conf is `{}`", wanted.conf())]
    OtherMode {
        /// The group.
        group: GroupName,
        /// Its mode.
        is: Mode,
        /// The configured mode.
        wanted: Mode,
    },
    /// A policy is missing, or there is one that does not fit.
    #[error("remote copy group `{group}` {complaint}")]
    Policies {
        /// The group.
        group: GroupName,
        /// For example: has no `auto_failover`, which Peer Persistence needs.
        complaint: String,
    },
    /// The group is not served by the array it would have to be.
    #[error(
        "remote copy group `{group}` is {role} on array `{array}`; volumes can be admitted and removed only where it is Primary in its natural direction"
    )]
    Role {
        /// The group.
        group: GroupName,
        /// Its role there.
        role: Role,
        /// The array.
        array: String,
    },
    /// A person stopped it.
    #[error(
        "remote copy group `{group}` is {status} with {members} volumes in it and this plugin did not stop it"
    )]
    NotStarted {
        /// The group.
        group: GroupName,
        /// Its status.
        status: GroupStatus,
        /// How many volumes are in it.
        members: usize,
    },
    /// Its volumes are being copied.
    #[error(
        "remote copy group `{group}` is still copying a volume, and would have to be stopped in the middle of it"
    )]
    Syncing {
        /// The group.
        group: GroupName,
    },
    /// Whoever sees the group's VV set would see the new volume, too.
    #[error(
        "VV set `{set}` of remote copy group `{group}` is exported to {to}; a volume admitted to the group would be seen there at once"
    )]
    SetExported {
        /// The group.
        group: GroupName,
        /// The set.
        set: String,
        /// To whom.
        to: String,
    },
    /// Not mapped.
    #[error("CPG `{cpg}` is not in `cpg_map`, so the volume `{vv}` could not be made on the peer")]
    Unmapped {
        /// The CPG.
        cpg: String,
        /// The VV.
        vv: VvName,
    },
    /// The name does not fit on the peer.
    #[error("remote copy group name `{group}` is too long: the peer adds `.r` and the system id")]
    NameTooLong {
        /// The group.
        group: GroupName,
    },
}

impl ReplicationError {
    /// What a person can do next.
    pub fn hint(&self) -> String {
        match self {
            Self::OtherTarget { .. } | Self::OtherMode { .. } => {
                "use another group, or a backend whose `replication_device` fits".to_owned()
            }
            Self::Policies { group, .. } => {
                format!("use another group, or change the policy with `setrcopygroup pol <policy> {group}`")
            }
            Self::Role { .. } => {
                "bring the group back to its natural direction (`setrcopygroup restore`) and try again".to_owned()
            }
            Self::NotStarted { group, .. } => {
                format!("when it may run again, start it with `startrcopygroup {group}` and try again")
            }
            Self::Syncing { group } => {
                format!("try again when `showrcopy groups {group}` shows its volumes as Synced")
            }
            Self::SetExported { .. } => {
                "export the volumes to their hosts one by one instead of the set".to_owned()
            }
            Self::Unmapped { .. } => "add the CPG to `cpg_map` in hpe.conf".to_owned(),
            Self::NameTooLong { .. } => {
                format!("use a name of at most {} characters", GroupName::CREATE_MAX)
            }
        }
    }
}
