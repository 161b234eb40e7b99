//! Why a snapshot's data are not put back.

use crate::model::{Format, FsType, GroupName, SetName, Size, VolumeName, VvName};

use super::{listed, task::Ill};

/// What stands against a promotion.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// There is nothing that it could be put back into.
    #[error("it is no snapshot")]
    NotASnapshot,
    /// Its volume is gone, or is not what it was taken of.
    #[error("its volume `{of}` is not there any more, or not the one that it was taken of")]
    NoVolume {
        /// The volume it was taken of.
        of: VolumeName,
    },
    /// Somebody would find other data under its feet.
    #[error("`{name}` is mounted on this host at `{at}`")]
    Mounted {
        /// The volume, or the snapshot.
        name: VolumeName,
        /// Where.
        at: String,
    },
    /// Somebody has it, or may mount it at any moment.
    #[error("array `{array}` exports `{name}` to {to}")]
    Exported {
        /// The volume, or the snapshot.
        name: VolumeName,
        /// The array.
        array: String,
        /// The hosts.
        to: String,
    },
    /// It is being made, removed, copied, or its filesystem is.
    #[error("`{name}` is not ready ({doing})")]
    NotReady {
        /// The volume, or the snapshot.
        name: VolumeName,
        /// What is done to it.
        doing: String,
    },
    /// What the comment says of the filesystem would not be true any more.
    #[error(
        "the filesystem of `{of}` was made (`fmt={}`), and when the snapshot was taken that was `fmt={}`",
        volume,
        snapshot
    )]
    Formats {
        /// The volume.
        of: VolumeName,
        /// Of the volume, now.
        volume: Format,
        /// Of the snapshot.
        snapshot: Format,
    },
    /// The volume's comment stays as it is, and a volume with another type of filesystem than that is not mounted.
    #[error(
        "`{of}` was made with an {volume} filesystem, and there is one of type {snapshot} on the snapshot"
    )]
    FsTypes {
        /// The volume.
        of: VolumeName,
        /// That it was made with.
        volume: FsType,
        /// That was found on the snapshot when it was mounted.
        snapshot: FsType,
    },
    /// No array makes a volume smaller (array fact 121).
    #[error(
        "`{of}` has {volume} now, and had {snapshot} when the snapshot was taken: no array puts that back"
    )]
    Sizes {
        /// The volume.
        of: VolumeName,
        /// Its size.
        volume: Size,
        /// The snapshot's.
        snapshot: Size,
    },
    /// What is put back here would be sent to the other array as it comes.
    #[error("remote copy group `{group}` of `{of}` is not stopped on array `{array}`")]
    GroupRuns {
        /// The volume.
        of: VolumeName,
        /// The group.
        group: GroupName,
        /// The array.
        array: String,
        /// The other volumes in it.
        others: Vec<String>,
    },
    /// Somebody dismissed it while the group was waited for.
    #[error("`{of}` is not in remote copy group `{group}` any more")]
    NotInGroup {
        /// The volume.
        of: VolumeName,
        /// The group.
        group: GroupName,
    },
    /// An array does not let what it receives be changed.
    #[error(
        "the snapshot is on array `{array}`, from which remote copy group `{group}` of `{of}` is not served"
    )]
    Receives {
        /// The volume.
        of: VolumeName,
        /// The group.
        group: GroupName,
        /// The array.
        array: String,
    },
    /// It goes on without this plugin.
    #[error("array `{array}` is still putting the data of `{snapshot}` back into it (task {task})")]
    Underway {
        /// The snapshot's VV.
        snapshot: VvName,
        /// The array.
        array: String,
        /// Its task.
        task: String,
    },
    /// It did not end well, or nobody can tell how.
    #[error(
        "{}: `{of}` may have a part of the snapshot's data only{}",
        how(ill, array),
        kept.as_deref().map(Kept::told).unwrap_or_default()
    )]
    Failed {
        /// The volume.
        of: VolumeName,
        /// The array.
        array: String,
        /// How it ended.
        ill: Box<Ill>,
        /// Its group, if it has one.
        kept: Option<Box<Kept>>,
    },
}

/// A group that stays stopped after a promotion that failed: a start would send a part of the data over the last good ones.
#[derive(Debug)]
pub struct Kept {
    /// The group.
    pub group: GroupName,
    /// The array on which it is Primary.
    pub array: String,
    /// Its lock, if the plugin stopped it; otherwise a person did.
    pub lock: Option<SetName>,
}

impl Kept {
    fn told(&self) -> String {
        let Self { group, lock, .. } = self;
        let locked = if lock.is_some() { " and locked" } else { "" };
        format!(
            "; remote copy group `{group}` stays stopped{locked}, because the other array may have the last good data"
        )
    }
}

fn how(ill: &Ill, array: &str) -> String {
    let Ill { task, status, said } = ill;
    let task = task.map_or_else(
        || format!("the task on array `{array}`"),
        |task| format!("task {task} on array `{array}`"),
    );
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(" ({said})")
    };
    format!("{task} is {status}{said}")
}

impl PromoteError {
    /// True if the group stays stopped and locked, and nothing ends that but a person.
    pub(super) fn keeps_the_group(&self) -> bool {
        matches!(self, Self::Failed { kept: Some(kept), .. } if kept.lock.is_some())
    }

    /// What to do next.
    pub(in crate::volume) fn hint(&self) -> String {
        match self {
            Self::NotASnapshot => "`hpe3par-docker volume list` tells which are".to_owned(),
            Self::NoVolume { .. } => "mount the snapshot by itself, and copy the files".to_owned(),
            Self::Mounted { .. } => "stop the containers that use it".to_owned(),
            Self::Exported { .. } => "stop the containers that use it there; what an administrator exported, an administrator takes back".to_owned(),
            Self::NotReady { .. } => "wait for that to end".to_owned(),
            Self::Formats { .. } => "there was nothing on the volume then: make a new one instead".to_owned(),
            Self::FsTypes { .. } | Self::Sizes { .. } => "mount the snapshot by itself, and copy the files".to_owned(),
            Self::GroupRuns { others, .. } => format!(
                "add `--stop-group`: the group is stopped, and started again when the data are back, which may take hours; {}",
                not_replicated(others)
            ),
            Self::NotInGroup { .. } => "look with `hpe3par-docker volume show`, and try again".to_owned(),
            Self::Receives { .. } => "take a snapshot where the volume is served, or bring the group back to that array".to_owned(),
            Self::Underway { .. } => "wait for its end (`showtask -active`)".to_owned(),
            Self::Failed { of, kept, .. } => match kept.as_deref() {
                None => format!("do not use `{of}` as it is; see `showtask -d`, and promote the snapshot again"),
                Some(Kept { group, lock: None, .. }) => format!(
                    "do not start `{group}`; see `showtask -d`, and promote the snapshot again, or fail the group over to the other array (`hpe3par-docker group plan failover`)"
                ),
                Some(Kept { group, array, lock: Some(lock) }) => format!(
                    "promote the snapshot again (`hpe3par-docker volume promote SNAPSHOT --yes`), and the group is started after that; or go back to what the other array has (`hpe3par-docker group plan failover {group}`); or give `{of}` up: `removevvset -f {lock}` on array `{array}` leaves the group to you, stopped"
                ),
            },
        }
    }
}

/// What a stopped group means for the others in it.
pub(super) fn not_replicated(others: &[String]) -> String {
    match others {
        [] => "no other volume is in it".to_owned(),
        others => format!(
            "until then these are not replicated either: {}",
            listed(others)
        ),
    }
}
