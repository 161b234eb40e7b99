//! What goes wrong with a volume, and how it is told.

use std::{fmt, sync::Arc};

use crate::{
    host::HostError,
    index::{IndexError, JournalEntry, OpKind},
    inform::{Array, ArrayError, Vv},
    model::{
        BackendName, Comment, CommentError, GroupLock, GroupName, HostName, Machine, OperationId,
        SetName, State, SystemId, VolumeName, VvName, Wwn,
    },
    replication::{IncompleteCopy, NotServing, ReplicationError},
};

use super::{UserError, ownership::HeldElsewhere};

/// Why an operation on a volume failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// An array refused, was not reached, or answered what nobody understands.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// What failed for everyone in a cycle at a group.
    #[error(transparent)]
    Shared(Arc<Cause>),
    /// A group does not fit.
    #[error("array `{array}`: {why}")]
    Replication {
        /// The array on which it was looked at.
        array: String,
        /// What does not fit.
        why: ReplicationError,
    },
    /// Somebody failed the group over while it was waited for.
    #[error("remote copy group `{0}` has changed its roles meanwhile")]
    RolesChanged(GroupName),
    /// Another operation stops and starts the group.
    #[error(
        "array `{array}`: operation `{}` has held the lock of remote copy group `{group}` since {}",
        lock.op,
        lock.since
    )]
    GroupLocked {
        /// The group, as that array calls it.
        group: GroupName,
        /// The array.
        array: String,
        /// The lock.
        lock: Box<GroupLock>,
    },
    /// Something else is in the lock's place.
    #[error(
        "array `{array}`: VV set `{set}` should be the lock of remote copy group `{group}`, but its comment is `{comment}`"
    )]
    ForeignLock {
        /// The set.
        set: SetName,
        /// The array.
        array: String,
        /// The group, as that array calls it.
        group: GroupName,
        /// What its comment says.
        comment: String,
    },
    /// No array serves.
    #[error(transparent)]
    NotServing(#[from] NotServing),
    /// The array that serves has a part of the data only.
    #[error(transparent)]
    IncompleteCopy(#[from] IncompleteCopy),
    /// Mounted here from an array that does not serve the volume any more.
    #[error("it is mounted on this host from array `{array}`, but array `{serving}` serves it now")]
    MountedFromOther {
        /// The array it is mounted from.
        array: String,
        /// The array that serves it.
        serving: String,
    },
    /// Mounted here, and no array exports it to this host any more.
    #[error("it is mounted on this host, and no array exports it to this host any more: {why}")]
    CutOff {
        /// Why not.
        why: String,
    },
    /// The group was failed over, and somebody goes on with the former primary's copy.
    #[error(
        "the copy `{vv}` on array `{array}`, which does not serve the volume any more, is in use by {by}"
    )]
    OldCopyInUse {
        /// The array.
        array: String,
        /// The VV.
        vv: VvName,
        /// Who, for people.
        by: String,
    },
    /// This machine.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The local index or journal.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A comment cannot be written.
    #[error(transparent)]
    Comment(#[from] CommentError),
    /// A command was answered as if it had worked, and a look afterwards does not show it.
    #[error("`{intent}` was not refused, but a look afterwards does not show it: {found}")]
    NotProven {
        /// What was to be done.
        intent: String,
        /// What was found.
        found: String,
    },
    /// No such section.
    #[error("there is no backend `{0}` in hpe.conf")]
    NoSuchBackend(BackendName),
    /// Known, and different.
    #[error("it exists with other options ({0})")]
    DifferentOptions(String),
    /// The VV's name is taken by something that is not this volume.
    #[error(
        "array `{array}` already has a virtual volume `{vv}` that this plugin did not make for it ({why})"
    )]
    ForeignVv {
        /// The array.
        array: String,
        /// The VV.
        vv: VvName,
        /// What the comment says.
        why: String,
    },
    /// Under the VV's name is the replicated copy of a volume of this plugin.
    #[error(
        "virtual volume `{vv}` on array `{array}` is the copy of a volume that is at home on the array with system id {home}"
    )]
    Copy {
        /// The array.
        array: String,
        /// The VV.
        vv: VvName,
        /// The array it is at home on.
        home: SystemId,
    },
    /// One half of a replicated volume is gone, and not by this plugin's doing.
    #[error(
        "array `{missing}` has no virtual volume `{vv}` any more, but array `{array}` has its other half"
    )]
    HalfThere {
        /// The array that has a half.
        array: String,
        /// The one that has none.
        missing: String,
        /// The VV.
        vv: VvName,
    },
    /// Another host is at it.
    #[error("{} is {} it (operation `{op}`)", who(&op.machine, *.namesake), doing(*.state))]
    Busy {
        /// Its operation.
        op: OperationId,
        /// How far the volume is.
        state: State,
        /// It has the name of this host, and is another.
        namesake: bool,
    },
    /// The volume is on no array.
    #[error("there is no such volume")]
    NoSuchVolume,
    /// It cannot be known now.
    #[error("whether it exists is not known: {0}")]
    NotKnown(String),
    /// Mounted, or exported, here.
    #[error("it is mounted on this host at `{0}`")]
    MountedHere(String),
    /// Exported elsewhere.
    #[error("array `{array}` exports it to {to}")]
    ExportedElsewhere {
        /// The array.
        array: String,
        /// The hosts, as `showvlun -t` names them.
        to: String,
    },
    /// Exported elsewhere, and it stays so.
    #[error("{0}")]
    HeldElsewhere(Box<HeldElsewhere>),
    /// Another host has taken the volume over while this one was mounting it, or is about to.
    #[error("array `{array}`: host `{}` is taking it over from this host", by.name())]
    TakenOver {
        /// The array.
        array: String,
        /// That host.
        by: Machine,
    },
    /// The machine has one host object on an array, and that is in one domain.
    #[error(
        "array `{array}`: VV `{vv}` is in domain `{volumes}`, and this machine's host object `{host}` in domain `{hosts}`"
    )]
    OtherDomain {
        /// The array.
        array: String,
        /// The VV.
        vv: VvName,
        /// Its domain, or `none`.
        volumes: String,
        /// The host object.
        host: HostName,
        /// Its domain, or `none`.
        hosts: String,
    },
    /// The host object is not this machine alone.
    #[error(
        "host object `{host}` on array `{array}` also holds initiators that are not this machine's: {others}"
    )]
    SharedHost {
        /// The array.
        array: String,
        /// The object.
        host: String,
        /// The foreign initiators.
        others: String,
    },
    /// An administrator's further exports.
    #[error("array `{array}` exports it to {to}")]
    SeveralLuns {
        /// The array.
        array: String,
        /// In words.
        to: String,
    },
    /// A CHAP secret is wanted on a host object that somebody else has made.
    #[error(
        "host object `{host}` on array `{array}` was not made by this plugin, so no CHAP secret is set on it"
    )]
    ChapNotOurs {
        /// The array.
        array: String,
        /// The object.
        host: HostName,
    },
    /// Somebody else's CHAP secret.
    #[error(
        "host object `{host}` on array `{array}` already has a CHAP secret, under the name `{name}`, that this plugin did not set"
    )]
    ForeignChap {
        /// The array.
        array: String,
        /// The object.
        host: HostName,
        /// The name that goes with the secret.
        name: String,
    },
    /// No way to the array's volumes.
    #[error("array `{array}` has no port over which this machine could reach its volumes: {why}")]
    NoPorts {
        /// The array.
        array: String,
        /// What is missing.
        why: String,
    },
    /// A VV under this name that has another identity than the one known here.
    #[error("`{vv}` on array `{array}` now has WWN {is}; this host knows it as {was}")]
    OtherIdentity {
        /// The array.
        array: String,
        /// The VV.
        vv: VvName,
        /// WWN now.
        is: String,
        /// WWN known.
        was: String,
    },
    /// Nothing to format, or nothing that may be formatted.
    #[error("{0}")]
    Format(String),
    /// What a failed operation leaves, in words.
    #[error("{0}")]
    Half(&'static str),
    /// An unfinished operation has to be cleaned up first.
    #[error("an earlier {kind} of it (operation `{op}`) is not cleaned up yet: {why}")]
    Unfinished {
        /// What it was.
        kind: String,
        /// Its id.
        op: String,
        /// Why it could not be.
        why: String,
    },
    /// An unfinished operation that only its array can end, and hpe.conf does not say any more which that is.
    #[error(
        "an earlier {kind} of it (operation `{op}`, VV `{vv}`) is not cleaned up, and its backend `{backend}` is not in hpe.conf any more"
    )]
    Stranded {
        /// What it was.
        kind: OpKind,
        /// Its id.
        op: OperationId,
        /// The VV that may be left.
        vv: VvName,
        /// The backend that is missing.
        backend: BackendName,
    },
}

fn who(machine: &Machine, namesake: bool) -> String {
    let another = if namesake { "another " } else { "" };
    let named = if namesake { " named" } else { "" };
    format!("{another}host{named} `{}`", machine.name())
}

fn doing(state: State) -> &'static str {
    match state {
        State::Making => "making",
        State::Ready => "using",
        State::Removing => "removing",
    }
}

impl Cause {
    /// An operation of a backend that is not in hpe.conf.
    pub(super) fn stranded(entry: &JournalEntry) -> Self {
        Self::Stranded {
            kind: entry.kind,
            op: entry.op.clone(),
            vv: entry.vv.clone(),
            backend: entry.backend.clone(),
        }
    }

    /// The operation in a comment, which is not one that may be gone on with `here`.
    pub(super) fn busy(here: &Machine, comment: &Comment) -> Self {
        Self::Busy {
            op: comment.op.clone(),
            state: comment.state,
            namesake: comment.op.machine.name() == here.name() && !comment.op.machine.may_be(here),
        }
    }

    /// A VV has not the WWN that it had.
    pub(super) fn other_identity(array: &Array, vv: &Vv, was: &Wwn) -> Self {
        Self::OtherIdentity {
            array: array.label().to_owned(),
            vv: vv.name.clone(),
            is: vv.wwn.to_string(),
            was: was.to_string(),
        }
    }

    fn hint(&self) -> String {
        self.special_hint().unwrap_or_else(|| {
            "see the plugin's log and `hpe3par-docker transcript show --failed`".to_owned()
        })
    }

    fn special_hint(&self) -> Option<String> {
        match self {
            Self::Array(error) => error.hint(),
            Self::Shared(cause) => cause.special_hint(),
            Self::Host(error) => error.hint(),
            Self::Index(error) => error.hint(),
            Self::Replication { why, .. } => Some(why.hint()),
            Self::RolesChanged(_) => Some("try again".to_owned()),
            Self::GroupLocked { lock, .. } => Some(format!(
                "wait for it; a lock that is 10 minutes old is taken away by the next create or remove, and the plugin on `{}` cleans up after itself",
                lock.op.machine
            )),
            Self::ForeignLock { set, .. } => Some(format!(
                "see `showvvset -d {set}`; remove it if nothing is in need of it (`removevvset {set}`)"
            )),
            Self::NotServing(error) => Some(error.hint()),
            Self::IncompleteCopy(error) => Some(format!(
                "what array `{}` has of it cannot be used; bring the array back on which the volume was made",
                error.array
            )),
            Self::CutOff { .. } => Some(
                "stop the containers that use it here; then it can be mounted again, where nobody else has it".to_owned(),
            ),
            Self::MountedFromOther { .. } => Some(
                "stop the containers that use it here; the next one mounts it from the array that serves".to_owned(),
            ),
            Self::OldCopyInUse { .. } => Some(
                "stop what uses it there: what is written there now is overwritten when the group is recovered".to_owned(),
            ),
            Self::DifferentOptions(_) => {
                Some("remove the volume first, or use the options it was made with".to_owned())
            }
            Self::ForeignVv { vv, .. } => {
                Some(format!("use another volume name, or look at `showvv -d {vv}` on the array"))
            }
            Self::Copy { .. } => {
                Some("use the backend whose `san_ip` is the array it is at home on".to_owned())
            }
            Self::Busy { op, namesake, .. } => Some(format!(
                "wait for it, or start the plugin on {}: only that host cleans up after itself",
                if *namesake {
                    format!("that `{}`", op.machine.name())
                } else {
                    format!("`{}`", op.machine.name())
                }
            )),
            Self::HalfThere { array, vv, .. } => Some(format!(
                "look at `showvv -d {vv}` and `showrcopy groups` on `{array}`; an administrator removes what is left when nobody needs its data"
            )),
            Self::NoSuchBackend(_) => Some("see `-o help=backends`".to_owned()),
            Self::MountedHere(_) => Some("stop the containers that use it".to_owned()),
            Self::ExportedElsewhere { .. } => {
                Some("stop the containers that use it there; this plugin takes nothing from another host".to_owned())
            }
            Self::HeldElsewhere(held) => Some(held.hint()),
            Self::OtherDomain { host, .. } => Some(format!(
                "a machine can use volumes of one domain at a time: when nothing else is mounted here its host object `{host}` is removed, and made in the volume's domain for the next mount; one that an administrator made has to be moved"
            )),
            Self::TakenOver { by, .. } => Some(format!(
                "it was taken for dead there: see the plugin's log on `{}`; try again when it is not used there",
                by.name()
            )),
            Self::SharedHost { host, .. } => {
                Some(format!("give this machine a host object of its own (`showhost -d {host}`)"))
            }
            Self::SeveralLuns { array, .. } => Some(format!(
                "see `showvlun -t` on array `{array}`, and remove all but one of them"
            )),
            Self::ChapNotOurs { .. } => Some(
                "remove that host object while nothing uses it, and the plugin makes one of its own; or set \
                 `hpe3par_iscsi_chap_enabled = false`"
                    .to_owned(),
            ),
            Self::ForeignChap { host, .. } => Some(format!(
                "take that secret away (`sethost removechap {host}`), or set `hpe3par_iscsi_chap_enabled = false`"
            )),
            Self::NoPorts { array, .. } => Some(format!(
                "see `showport`, `showport -iscsi` and `showhost -d` on array `{array}`"
            )),
            Self::NotKnown(_) | Self::Unfinished { .. } => {
                Some("try again when the array answers".to_owned())
            }
            Self::Stranded { backend, .. } => {
                Some(format!("put backend `{backend}` back into hpe.conf until it is cleaned up"))
            }
            Self::OtherIdentity { .. } => {
                Some("somebody removed and made it anew; see `showvv -d`".to_owned())
            }
            Self::NoSuchVolume => {
                Some("create it with `docker volume create -d hpe`".to_owned())
            }
            Self::Half(_) | Self::Comment(_) | Self::Format(_) | Self::NotProven { .. } => None,
        }
    }

    /// True if nothing is known to be wrong but that the array cannot be asked.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Array(error) => error.is_unreachable() || error.is_in_doubt(),
            Self::Shared(cause) => cause.is_unreachable(),
            _ => false,
        }
    }
}

/// What became of the steps before the one that failed.
#[derive(Debug, Default)]
pub enum Aftermath {
    /// There was nothing to take back.
    #[default]
    Unchanged,
    /// All was taken back.
    Undone(Vec<String>),
    /// Something is left, journalled, and will be cleaned up.
    Left {
        /// What is left, and where.
        what: String,
        /// Why it could not be taken back now.
        why: String,
    },
}

/// A failed operation.
#[derive(Debug)]
pub struct VolumeError {
    /// The volume.
    pub volume: VolumeName,
    /// Why.
    pub cause: Cause,
    /// What became of the earlier steps.
    pub aftermath: Aftermath,
}

impl VolumeError {
    /// A failure that left nothing behind.
    pub fn clean(volume: &VolumeName, cause: impl Into<Cause>) -> Self {
        Self {
            volume: volume.clone(),
            cause: cause.into(),
            aftermath: Aftermath::Unchanged,
        }
    }
}

impl fmt::Display for VolumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "volume `{}`: {}", self.volume, self.cause)?;
        match &self.aftermath {
            Aftermath::Unchanged => Ok(()),
            Aftermath::Undone(what) if what.is_empty() => Ok(()),
            Aftermath::Undone(what) => write!(f, "; undone: {}", what.join(", ")),
            Aftermath::Left { what, why } => write!(
                f,
                "; still there: {what} ({why}); it is journalled, and completed or taken back when that is possible"
            ),
        }
    }
}

impl std::error::Error for VolumeError {}

impl From<VolumeError> for UserError {
    fn from(error: VolumeError) -> Self {
        Self {
            hint: Some(error.cause.hint()),
            message: error.to_string(),
        }
    }
}
