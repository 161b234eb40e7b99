//! Why a group cannot be used as it is.

use crate::model::{
    CpgName, DomainName, GroupName, GroupStatus, Mode, Policy, Role, SyncStatus, SystemId,
    TargetName, VvName,
};

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
    #[error("remote copy group `{group}` {} `{policy}`, {why}", if *has { "has" } else { "has no" })]
    Policies {
        /// The group.
        group: GroupName,
        /// The policy.
        policy: Policy,
        /// It has it, and must not; otherwise it lacks it.
        has: bool,
        /// For example: which Peer Persistence needs.
        why: &'static str,
    },
    /// Somebody looked on the wrong array, or the roles changed meanwhile.
    #[error("remote copy group `{group}` is {role} on array `{array}`, where it was to be changed")]
    Role {
        /// The group.
        group: GroupName,
        /// Its role there.
        role: Role,
        /// The array.
        array: String,
    },
    /// A failover that nobody took back: which side has the right data, a person has to say.
    #[error("remote copy group `{group}` is Primary on array `{}` and on array `{}`", arrays[0], arrays[1])]
    TwoPrimaries {
        /// The group.
        group: GroupName,
        /// Both arrays.
        arrays: [String; 2],
    },
    /// Neither side serves.
    #[error("remote copy group `{group}` is Primary neither on array `{}` nor on array `{}`", arrays[0], arrays[1])]
    NoPrimary {
        /// The group.
        group: GroupName,
        /// Both arrays.
        arrays: [String; 2],
    },
    /// The old primary of a Peer Persistence group gave up serving.
    #[error("remote copy group `{group}` is in Failsafe on array `{array}`")]
    Failsafe {
        /// The group.
        group: GroupName,
        /// The array.
        array: String,
    },
    /// A failover or failback that has not ended.
    #[error("remote copy group `{group}` is being failed over or back: it is {here}, and {there}")]
    InTransition {
        /// The group.
        group: GroupName,
        /// Role, status and array of one side.
        here: String,
        /// Of the other side.
        there: String,
    },
    /// The group was made on the peer and is Primary there.
    #[error("remote copy group `{group}` was made on array `{array}`, and is Primary there")]
    AtHomeElsewhere {
        /// The group.
        group: GroupName,
        /// The array.
        array: String,
    },
    /// Only one of the arrays has it.
    #[error(
        "remote copy group `{group}` is on array `{has}`, and array `{lacks}` has no other half of it"
    )]
    OneSided {
        /// The group.
        group: GroupName,
        /// The array that has it.
        has: String,
        /// The one that has not.
        lacks: String,
    },
    /// One of the arrays cannot be asked.
    #[error(
        "remote copy group `{group}` cannot be changed, because array `{array}` cannot be asked about it: {why}"
    )]
    Unreadable {
        /// The group.
        group: GroupName,
        /// The array.
        array: String,
        /// Why not.
        why: String,
    },
    /// The name is one that an array gives.
    #[error(
        "there is no remote copy group `{group}`, and none of that name can be made: `.r` and a number are what the other array adds"
    )]
    NotToBeMade {
        /// The group.
        group: GroupName,
    },
    /// Started groups of one target have one mode.
    #[error(
        "remote copy group `{group}` would be {wanted}, but group `{other}` to the same target `{target}` is started and {is}, and an array starts groups of one mode only"
    )]
    MixedModes {
        /// The group to be made.
        group: GroupName,
        /// Its mode.
        wanted: Mode,
        /// The target.
        target: TargetName,
        /// The group that is in the way.
        other: GroupName,
        /// Its mode.
        is: Mode,
    },
    /// Not every InForm OS has streaming groups.
    #[error(
        "remote copy group `{group}` would be streaming (`replication_mode` in hpe.conf), and the InForm OS of array `{array}` has no such groups"
    )]
    NoStreaming {
        /// The group to be made.
        group: GroupName,
        /// The array.
        array: String,
    },
    /// The target is not there, not usable, or leads to another array.
    #[error(
        "remote copy target `{target}` (`backend_id` in hpe.conf) on array `{array}` {complaint}"
    )]
    Target {
        /// The target.
        target: TargetName,
        /// The array that has it.
        array: String,
        /// For example: is failed.
        complaint: String,
    },
    /// The peer has no target that leads back.
    #[error(
        "array `{array}` has no remote copy target that leads to the array with system id {to}"
    )]
    NoTarget {
        /// The array.
        array: String,
        /// The system id looked for.
        to: SystemId,
    },
    /// The volume's domain is not the group's.
    #[error("remote copy group `{group}` is not in domain `{wanted}`, and CPG `{cpg}` is")]
    OtherDomain {
        /// The group.
        group: GroupName,
        /// The CPG.
        cpg: CpgName,
        /// The CPG's domain.
        wanted: DomainName,
    },
    /// The copy went where the group puts it, not where hpe.conf wants it.
    #[error(
        "remote copy group `{group}` makes its copies in CPG `{is}`, but `cpg_map` in hpe.conf wants `{wanted}`"
    )]
    OtherCpg {
        /// The group.
        group: GroupName,
        /// Where the copy was made.
        is: CpgName,
        /// Where it was to be.
        wanted: CpgName,
    },
    /// A person stopped it.
    #[error(
        "remote copy group `{group}` is {status} with {} in it and this plugin did not stop it",
        counted(*members)
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
    /// What the other array has is not what the volume is.
    #[error(
        "`{vv}` is {} in remote copy group `{group}`, so that its copy is not what it is",
        sync.map_or_else(|| "no volume".to_owned(), |sync| format!("`{sync}`"))
    )]
    NotInStep {
        /// The group.
        group: GroupName,
        /// The volume, by its name on the primary.
        vv: VvName,
        /// How far its copy is; none if it is not in the group any more.
        sync: Option<SyncStatus>,
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
    /// The array gave the copy a WWN as it must not be.
    #[error("the copy of `{vv}` has WWN {wwn}, {}", if *same { "as the volume itself: hosts that see both would mix them up" } else { "and not the volume's own: hosts could not change over to it" })]
    CopyWwn {
        /// The VV.
        vv: VvName,
        /// WWN of the copy.
        wwn: String,
        /// It is the volume's.
        same: bool,
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
    /// Why a group with `active_active` is refused.
    pub(super) const NOT_DRIVEN: &'static str = "which this plugin does not drive";

    /// What a person can do next.
    pub fn hint(&self) -> String {
        match self {
            Self::OtherTarget { .. } | Self::OtherMode { .. } => {
                "use another group, or a backend whose `replication_device` fits".to_owned()
            }
            Self::Policies {
                group, policy, has, ..
            } => {
                let no = if *has { "no_" } else { "" };
                format!("use another group, or change this one with `setrcopygroup pol {no}{policy} {group}`")
            }
            Self::Role { .. } => "try again: the roles of the group have just changed".to_owned(),
            Self::TwoPrimaries { group, .. } => format!(
                "find out which array has the data that count; on that one `setrcopygroup recover` makes the other a copy again (see `showrcopy groups {group}` on both)"
            ),
            Self::NoPrimary { group, .. } => format!(
                "look at `showrcopy groups {group}` on both arrays, and bring the group back with `setrcopygroup`"
            ),
            Self::Failsafe { group, .. } => format!(
                "the other array may be serving: if it is, `hpe3par-docker group plan recover {group}` has what comes next; `group plan override` only when it certainly is not"
            ),
            Self::InTransition { .. } => {
                "try again when the group is Started and Synced on both arrays; `setrcopygroup recover` and then `setrcopygroup restore` end a failover".to_owned()
            }
            Self::AtHomeElsewhere { array, .. } => {
                format!("use a backend whose `san_ip` is `{array}`, and the name the group has there")
            }
            Self::OneSided { lacks, has, .. } => format!(
                "use another group; an administrator can remove what is left of this one on `{has}`, or find out why `{lacks}` does not show it"
            ),
            Self::Unreadable { array, .. } => {
                format!("a volume is made and removed on both arrays: try again when `{array}` answers")
            }
            Self::NotToBeMade { .. } => "use a name without `.r` and a number at its end".to_owned(),
            Self::MixedModes { .. } => {
                "use a backend of that mode, another target, or stop the other groups".to_owned()
            }
            Self::NoStreaming { .. } => {
                "let `replication_mode` be `synchronous` or `asynchronous`".to_owned()
            }
            Self::Target { .. } => {
                "compare `backend_id` and the target's `san_ip` with `showrcopy -d targets`, and see `showrcopy links`".to_owned()
            }
            Self::NoTarget { .. } => "see `showrcopy -d targets` on both arrays".to_owned(),
            Self::OtherDomain { .. } => "use a CPG or a group of the same domain".to_owned(),
            Self::OtherCpg { .. } => {
                "use another group for volumes of this CPG, or let `cpg_map` say what the group does".to_owned()
            }
            Self::NotStarted { group, .. } => {
                format!("when it may run again, start it with `startrcopygroup {group}` and try again")
            }
            Self::Syncing { group } | Self::NotInStep { group, .. } => {
                format!("try again when `showrcopy groups {group}` shows its volumes as Synced")
            }
            Self::SetExported { .. } => {
                "export the volumes to their hosts one by one instead of the set".to_owned()
            }
            Self::CopyWwn { .. } => {
                "this InForm OS does not do what `admitrcopyvv` was asked; the transcript has the command".to_owned()
            }
            Self::Unmapped { .. } => "add the CPG to `cpg_map` in hpe.conf".to_owned(),
            Self::NameTooLong { .. } => {
                format!("use a name of at most {} characters", GroupName::CREATE_MAX)
            }
        }
    }
}

fn counted(volumes: usize) -> String {
    match volumes {
        1 => "1 volume".to_owned(),
        more => format!("{more} volumes"),
    }
}
