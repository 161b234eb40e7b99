//! What goes wrong with a volume, and how it is told.

mod hint;
mod outcome;

use std::{path::PathBuf, sync::Arc};

use crate::{
    host::HostError,
    index::{IndexError, JournalEntry, OpKind},
    inform::{Array, ArrayError, Vv, VvState},
    model::{
        BackendName, Comment, CommentError, FsType, GroupLock, GroupName, HostName, Machine,
        OperationId, SetName, State, SystemId, VolumeName, VvName, Wwn,
    },
    replication::{IncompleteCopy, NotServing, ReplicationError},
};

use super::{
    create::Inherited, grow::GrowError, ownership::HeldElsewhere, promote::PromoteError,
    service_levels::ServiceLevelError, snapshots::SnapshotError, taken::NotTaken,
};

pub use outcome::{Aftermath, VolumeError};

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
        "array `{array}`: operation `{}` has held the lock of remote copy group `{group}` since {}{}",
        lock.op,
        lock.since,
        puts_back(lock)
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
    /// A service level.
    #[error(transparent)]
    ServiceLevel(#[from] ServiceLevelError),
    /// A clone cannot have what its volume has.
    #[error("{why}; `{option}` was not given, so it is that of volume `{of}`")]
    Inherited {
        /// The volume.
        of: VolumeName,
        /// What it has.
        option: Inherited,
        /// What stands in the way.
        why: Box<Cause>,
    },
    /// A snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A growth.
    #[error(transparent)]
    Grow(#[from] GrowError),
    /// A promotion.
    #[error(transparent)]
    Promote(#[from] PromoteError),
    /// What is known of a volume, and nothing can be done with it.
    #[error("its backend `{0}` is not in hpe.conf any more")]
    BackendLeft(BackendName),
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
    /// A clone without all its data.
    #[error(transparent)]
    Copying(#[from] StillCopying),
    /// A clone that never gets all its data.
    #[error("it is a clone of `{of}`, and not all of its data were copied: {why}")]
    CopyFailed {
        /// What it is a clone of.
        of: String,
        /// What the array says.
        why: String,
    },
    /// The array writes other data into it, or did not get to the end of that.
    #[error(
        "VV `{vv}` on array `{array}` is in state `{state}`, so it may have a part of its data only"
    )]
    HalfWritten {
        /// The array.
        array: String,
        /// The VV.
        vv: VvName,
        /// Its state.
        state: VvState,
    },
    /// A clone of which nobody can tell any more whether it has all its data.
    #[error(
        "it is a clone of `{of}`, and the array does not tell any more how the copy ended, so it may have a part of the data only"
    )]
    CopyEndUnknown {
        /// What it is a clone of.
        of: String,
    },
    /// A clone with all its data that cannot be made what it is to be.
    #[error("it is a clone with all its data, and could not be completed yet: {why}")]
    NotCompleted {
        /// Why not.
        why: String,
    },
    /// A clone of an empty volume: nothing is made on what was not made empty here.
    #[error(
        "it was made of `{of}`, which had never been mounted by then, so that it has no filesystem"
    )]
    NeverFormatted {
        /// What it is a clone of.
        of: VolumeName,
    },
    /// What is to be cloned is served by the other array of its pair.
    #[error(
        "`{of}` is served by array `{serving}` now, and a clone of it would be made there, but volumes of backend `{backend}` are made on array `{wanted}`"
    )]
    ServedElsewhere {
        /// What is to be cloned.
        of: VolumeName,
        /// The array that serves it, or whose group it is to join.
        serving: String,
        /// The clone's backend.
        backend: BackendName,
        /// The array of that.
        wanted: String,
    },
    /// The group that a clone is to join is changed on the other array now.
    #[error(
        "remote copy group `{group}` is primary on array `{primary}` now, and the clone of `{of}` is made on array `{wanted}`, from where it could not be admitted"
    )]
    GroupElsewhere {
        /// The group.
        group: GroupName,
        /// The array that it is primary on.
        primary: String,
        /// What is cloned.
        of: VolumeName,
        /// The array on which the clone is made.
        wanted: String,
    },
    /// What is to be cloned has no data that could be used.
    #[error("`{of}` cannot be cloned now: {why}")]
    NotToBeCloned {
        /// What is to be cloned.
        of: VolumeName,
        /// Why.
        why: String,
    },
    /// The array needs it for its clones.
    #[error("{0}")]
    BeingCopied(String),
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
    /// A VV is not imported, adopted, or given back.
    #[error("VV `{vv}` on array `{array}` {why}")]
    NotTaken {
        /// The array.
        array: String,
        /// The VV, by the name it has.
        vv: VvName,
        /// Why not.
        why: NotTaken,
    },
    /// Nothing to format, or nothing that may be formatted.
    #[error("{0}")]
    Format(String),
    /// Somebody made a filesystem of another type on a volume than the plugin did.
    #[error("VV `{vv}` was made with an {made} filesystem, but on this host's device `{device}` (WWN `{wwn}`) there is one of type `{found}`", device = device.display())]
    OtherFilesystem {
        /// The VV.
        vv: VvName,
        /// Where it is here.
        device: PathBuf,
        /// Which volume that is.
        wwn: Wwn,
        /// The type that it was made with.
        made: FsType,
        /// What there is.
        found: String,
    },
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
        why: Box<Cause>,
    },
    /// There is nothing that `volume release --forget` could end.
    #[error("nothing of it is unfinished for want of its VV")]
    NothingToForget,
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

/// A clone that no host may have yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is a clone of `{of}` that is still being copied{}", how_far(*.percent, .by))]
pub struct StillCopying {
    /// What it is a clone of.
    pub of: String,
    /// How much is copied; none once all is, and the clone still has to grow or to come into its group.
    pub percent: Option<u8>,
    /// The host that completes it.
    pub by: Machine,
}

fn how_far(percent: Option<u8>, by: &Machine) -> String {
    match percent {
        Some(percent) => format!(" ({percent} %)"),
        None => format!(
            "; its data are there, and host `{}` completes it",
            by.name()
        ),
    }
}

fn who(machine: &Machine, namesake: bool) -> String {
    let another = if namesake { "another " } else { "" };
    let named = if namesake { " named" } else { "" };
    format!("{another}host{named} `{}`", machine.name())
}

/// Of the lock of a promotion: why the group is stopped.
fn puts_back(lock: &GroupLock) -> String {
    let why = |snapshot| {
        format!(", and has stopped the group while it puts back what is in snapshot `{snapshot}`")
    };
    lock.promotes.as_ref().map(why).unwrap_or_default()
}

fn doing(state: State) -> &'static str {
    match state {
        State::Making => "making",
        State::Copying => "copying",
        State::Ready => "using",
        State::Removing => "removing",
    }
}

impl Cause {
    /// An operation that could not be ended.
    pub(super) fn unfinished(entry: &JournalEntry, why: Self) -> Self {
        Self::Unfinished {
            kind: entry.kind.to_string(),
            op: entry.op.to_string(),
            why: Box::new(why),
        }
    }

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

    /// True if nothing is known to be wrong but that the array cannot be asked.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Array(error) => error.is_unreachable() || error.is_in_doubt(),
            Self::Shared(cause) => cause.is_unreachable(),
            _ => false,
        }
    }
}
