//! What stands against an operation.

use crate::{
    model::{GroupName, GroupStatus, TargetName, VvName},
    replication::{Situation, Way},
};

use super::{AsOf, HostUse, Operation, caution::listed};

/// What stands against an operation. Some of it passes; see [`Objection::may_pass`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// Hosts have volumes of the group on an array that is stopped for them, or overwritten.
    #[error(
        "array `{array}` {what}, and hosts have volumes of the group there: {}",
        listed(uses)
    )]
    InUse {
        /// The array.
        array: String,
        /// Who has what.
        uses: Vec<HostUse>,
        /// What happens to it.
        what: &'static str,
    },
    /// Who has the volumes cannot be seen.
    #[error("which hosts have volumes of the group on array `{array}` is not known: {why}")]
    UseNotKnown {
        /// The array.
        array: String,
        /// Why not.
        why: String,
    },
    /// Copies are behind.
    #[error(
        "array `{array}` shows volumes that are not Synced: {}",
        listed(behind)
    )]
    NotSynced {
        /// The array.
        array: String,
        /// Those.
        behind: Vec<AsOf>,
    },
    /// The links do not work, or nobody knows.
    #[error("array `{array}` does not reach the other one: {}", way_told(target, way.as_ref()))]
    NoWay {
        /// The array.
        array: String,
        /// The other one, as it calls it.
        target: TargetName,
        /// What it shows of the way there.
        way: Option<Way>,
    },
    /// The secondary has not noticed that its primary is lost.
    #[error(
        "array `{array}` says that the group is {status}: it has not noticed that the other array is lost, or the other one is not lost"
    )]
    NotNoticed {
        /// The array.
        array: String,
        /// What it says.
        status: GroupStatus,
    },
    /// The primary answers over the links.
    #[error("array `{array}` cannot be asked from here ({why}), but it is not lost: {shown}")]
    OtherIsAlive {
        /// The array that cannot be asked.
        array: String,
        /// Why not.
        why: String,
        /// What the array that can be asked shows.
        shown: String,
    },
    /// Nobody knows whether the links work.
    #[error(
        "array `{array}` cannot be asked, and whether the links to it work is not known either: array `{seen}` did not tell"
    )]
    OtherMayBeAlive {
        /// The array that cannot be asked.
        array: String,
        /// The one that can.
        seen: String,
    },
    /// One side is Started or moves while the other does not.
    #[error("the group is {status} on array `{array}`, where it has to be Stopped")]
    NotStopped {
        /// The array.
        array: String,
        /// Its status there.
        status: GroupStatus,
    },
    /// The secondary does not receive.
    #[error("the group is Started on array `{array}`, and array `{other}` does not receive")]
    NotReceiving {
        /// The primary.
        array: String,
        /// The other one.
        other: String,
    },
    /// Another operation has not ended.
    #[error("the group is being started, stopped, failed over or failed back: {shown}")]
    Moving {
        /// What both arrays show.
        shown: String,
    },
    /// The plugin is at it.
    #[error("a volume is being admitted to or dismissed from the group: {0}")]
    BeingChanged(String),
    /// The host would lose its volume.
    #[error(
        "hosts have volumes on array `{array}` and no path to them on array `{other}`: {}",
        listed(uses)
    )]
    NoOtherPath {
        /// The array that serves.
        array: String,
        /// The one that is to serve.
        other: String,
        /// Who has what.
        uses: Vec<HostUse>,
    },
    /// A part of the data would replace all of it.
    #[error(
        "array `{array}` never had the whole of {}, and it would be copied over what array `{over}` has",
        names(volumes)
    )]
    Incomplete {
        /// The array whose copy is not whole.
        array: String,
        /// Its volumes.
        volumes: Vec<VvName>,
        /// The array that would be overwritten.
        over: String,
    },
    /// Nothing to fail over to.
    #[error("array `{array}` never had the whole of any volume of the group")]
    NothingComplete {
        /// The array.
        array: String,
    },
    /// No volumes.
    #[error(
        "group `{group}` on array `{array}` has no volumes, and the array refuses every operation on it"
    )]
    Empty {
        /// The array.
        array: String,
        /// The group there.
        group: GroupName,
    },
    /// The array on which something is to be done, or that is overwritten, cannot be asked.
    #[error("array `{array}` cannot be asked: {why}")]
    Unreadable {
        /// The array.
        array: String,
        /// Why not.
        why: String,
    },
    /// The group is Peer Persistence.
    #[error("the group has `path_management` (Peer Persistence): hosts have it on both arrays")]
    PeerPersistence,
    /// The group is not.
    #[error(
        "the group has no `path_management`: it is Active/Passive, and hosts do not change over by themselves"
    )]
    NotPeerPersistence,
    /// Both arrays serve at once.
    #[error(
        "the group has `active_active`: both arrays serve its volumes at once, and this plugin knows nothing of such groups"
    )]
    ActiveActive,
    /// Only Failsafe is overridden.
    #[error("no array is in Failsafe: {shown}")]
    NotInFailsafe {
        /// What both arrays show.
        shown: String,
    },
    /// Failsafe is there for the case that the other one took over.
    #[error(
        "array `{array}` cannot be asked ({why}), and it may have taken over: that is what Failsafe is for"
    )]
    OtherMayServe {
        /// The array that cannot be asked.
        array: String,
        /// Why not.
        why: String,
    },
    /// Roles do not tell which array has the newest data.
    #[error(
        "array `{failsafe}` is Primary-Rev in Failsafe and array `{other}` is Primary: one of them took over from the other, and which one the roles do not tell"
    )]
    EitherTookOver {
        /// The array that gave up.
        failsafe: String,
        /// The other one.
        other: String,
        /// What brings the group back if that one took over.
        line: String,
    },
    /// Another operation comes first.
    #[error("the group is {shown}: {}", situation.told())]
    First {
        /// What both arrays show.
        shown: String,
        /// What that means.
        situation: Situation,
        /// The operation that comes first.
        first: Operation,
    },
    /// It is only stopped.
    #[error("the group was not failed over, it is only stopped: {shown}")]
    OnlyStopped {
        /// What both arrays show.
        shown: String,
        /// The array to start it on.
        array: String,
        /// How.
        line: String,
    },
    /// The array with the data was lost on the way home.
    #[error(
        "array `{array}` is Secondary-Rev: the other array, which cannot be asked ({why}), has the newest data, and this one was being overwritten with them"
    )]
    LostOnTheWayHome {
        /// The array that can be asked.
        array: String,
        /// Why the other one cannot.
        why: String,
    },
    /// Failsafe ends when the arrays see each other.
    #[error(
        "the arrays reach each other, and array `{array}` ends Failsafe by itself when it sees that nobody took over"
    )]
    EndsByItself {
        /// The array that gave up.
        array: String,
    },
    /// Peer Persistence: it is in step after a switchover, and behind after a failover.
    #[error(
        "array `{array}` is Secondary-Rev: after a switchover that kept the natural direction it has everything, and after a failover only what was copied back until array `{other}` was lost; the roles do not tell which it was"
    )]
    MayBeBehind {
        /// The array that can be asked.
        array: String,
        /// The one that cannot.
        other: String,
    },
    /// It means nothing that a command of one kind brings to an end.
    #[error("the group is {shown}: {}", situation.told())]
    Unclear {
        /// What both arrays show.
        shown: String,
        /// What that means.
        situation: Situation,
    },
}

impl Objection {
    /// True if the commands are right as soon as it is gone. Otherwise the plan has none.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::InUse { .. }
            | Self::UseNotKnown { .. }
            | Self::NotSynced { .. }
            | Self::NoWay { .. }
            | Self::NotNoticed { .. }
            | Self::OtherIsAlive { .. }
            | Self::OtherMayBeAlive { .. }
            | Self::NotStopped { .. }
            | Self::BeingChanged(_)
            | Self::OtherMayServe { .. }
            | Self::MayBeBehind { .. }
            | Self::EndsByItself { .. }
            | Self::NoOtherPath { .. } => true,
            Self::NotReceiving { .. }
            | Self::Moving { .. }
            | Self::Incomplete { .. }
            | Self::NothingComplete { .. }
            | Self::Empty { .. }
            | Self::Unreadable { .. }
            | Self::PeerPersistence
            | Self::NotPeerPersistence
            | Self::ActiveActive
            | Self::NotInFailsafe { .. }
            | Self::EitherTookOver { .. }
            | Self::First { .. }
            | Self::OnlyStopped { .. }
            | Self::LostOnTheWayHome { .. }
            | Self::Unclear { .. } => false,
        }
    }

    /// In a word or two, for a table.
    pub fn short(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "in use",
            Self::UseNotKnown { .. } => "use not known",
            Self::NotSynced { .. } => "not Synced",
            Self::NoWay { .. } => "links down",
            Self::NotNoticed { .. } => "not Stopped yet",
            Self::OtherIsAlive { .. } => "the links to the primary work",
            Self::OtherMayBeAlive { .. } => "links not known",
            Self::NotStopped { .. } => "not Stopped",
            Self::NotReceiving { .. } => "not replicating",
            Self::Moving { .. } => "moving",
            Self::BeingChanged(_) => "being changed",
            Self::NoOtherPath { .. } => "no path",
            Self::Incomplete { .. } | Self::NothingComplete { .. } => "never complete",
            Self::Empty { .. } => "empty",
            Self::Unreadable { .. } => "other array unknown",
            Self::PeerPersistence => "Peer Persistence",
            Self::NotPeerPersistence => "Active/Passive",
            Self::ActiveActive => "active-active",
            Self::NotInFailsafe { .. } => "not in Failsafe",
            Self::OtherMayServe { .. } => "the other one may serve",
            Self::EitherTookOver { .. } => "Failsafe",
            Self::First { first, .. } => match first {
                Operation::Failover => "failover first",
                Operation::Recover => "recover first",
                Operation::Restore => "restore first",
                Operation::Switchover => "switchover first",
                Operation::Override => "override first",
            },
            Self::OnlyStopped { .. } => "only stopped",
            Self::EndsByItself { .. } => "links up",
            Self::MayBeBehind { .. } => "perhaps behind",
            Self::LostOnTheWayHome { .. } => "newest data are on the other array",
            Self::Unclear { situation, .. } => match situation {
                Situation::NotMade => "no group",
                Situation::HalfMissing | Situation::HalfUnknown => "half a group",
                Situation::TwoPrimaries => "two primaries",
                Situation::NoPrimary => "no primary",
                Situation::HalfTurned => "half turned",
                Situation::Failsafe | Situation::LoneFailsafe => "Failsafe",
                Situation::LoneDoubtful => "perhaps two primaries",
                Situation::Dark => "nothing known",
                _ => "unclear",
            },
        }
    }
}

/// For people.
pub(super) fn names(volumes: &[VvName]) -> String {
    let names: Vec<String> = volumes.iter().map(|vv| format!("`{vv}`")).collect();
    names.join(", ")
}

fn way_told(target: &TargetName, way: Option<&Way>) -> String {
    match way {
        Some(way) => format!(
            "its target `{target}` is {}, {} of {} links are Up",
            way.status, way.up, way.links
        ),
        None => format!("what is with its target `{target}` is not known"),
    }
}
