//! How far a group is on its way to Synced, by what both arrays show: pure.

use serde::Serialize;

use crate::{
    inform::RcGroup,
    model::{GroupStatus, SyncStatus},
    replication::{GroupSides, Half, Situation},
};

/// One look at a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Progress {
    /// Where it stands.
    pub state: State,
    /// What both arrays show, and what that means.
    pub shown: String,
    /// Volumes that are Synced.
    pub synced: usize,
    /// All volumes.
    pub volumes: usize,
    /// Of everything that is to be copied, as far as the array tells.
    pub percent: u8,
    /// Each volume that is not Synced.
    pub behind: Vec<String>,
    /// Why an array could not be asked.
    pub not_known: Vec<String>,
}

impl State {
    /// In a word or two.
    pub fn told(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Copying => "copying",
            Self::Stuck => "not going on",
        }
    }
}

/// Where a group stands on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Every volume is Synced.
    Synced,
    /// It goes on.
    Copying,
    /// By itself it does not go on, unless a task that was just begun changes it.
    Stuck,
}

impl Progress {
    /// By what was shown.
    pub fn of(sides: &GroupSides) -> Self {
        let (situation, side) = sides.situation();
        let sends = side.and_then(|side| sides.on(side).half.seen());
        let sends = sends.filter(|group| group.role.is_primary());
        let volumes = sends.map_or(&[][..], |group| &group.volumes);
        let done = |volume: &&crate::inform::RcVolume| volume.sync == SyncStatus::Synced;
        let behind = volumes.iter().filter(|volume| !done(volume));
        let not_known = sides
            .both()
            .into_iter()
            .filter_map(|side| match &side.half {
                Half::Unreadable { why, .. } => Some(why.clone()),
                Half::Seen(_) | Half::Absent => None,
            });
        let percent: usize = volumes.iter().map(|volume| percent(volume.sync)).sum();
        Self {
            state: state(situation, sends),
            shown: format!("{sides}: {}", situation.told()),
            synced: volumes.iter().filter(done).count(),
            volumes: volumes.len(),
            percent: u8::try_from(percent.checked_div(volumes.len()).unwrap_or(0)).unwrap_or(100),
            behind: behind
                .map(|volume| format!("{} {}", volume.local, volume.sync))
                .collect(),
            not_known: not_known.collect(),
        }
    }

    /// In one line.
    pub fn told(&self) -> String {
        let not_known: String = self
            .not_known
            .iter()
            .map(|why| format!(" ({why})"))
            .collect();
        if self.volumes == 0 {
            return format!("{}{not_known}", self.shown);
        }
        let behind = if self.behind.is_empty() {
            String::new()
        } else {
            format!(" ({})", self.behind.join(", "))
        };
        format!(
            "{} of {} volumes Synced, {}%{behind}; {}{not_known}",
            self.synced, self.volumes, self.percent, self.shown
        )
    }
}

fn state(situation: Situation, sends: Option<&RcGroup>) -> State {
    let Some(group) = sends else {
        return State::Stuck;
    };
    let on_its_way = match situation {
        Situation::InStep | Situation::Reversed | Situation::Changing | Situation::InTransition => {
            true
        }
        // What the other array shows cannot be seen, and the primary says what it sends.
        Situation::LonePrimary | Situation::LoneReversed => group.status == GroupStatus::Started,
        _ => false,
    };
    let hopeless = group
        .volumes
        .iter()
        .any(|volume| volume.sync == SyncStatus::Stale);
    if !on_its_way || hopeless || group.volumes.is_empty() {
        State::Stuck
    } else if group.status == GroupStatus::Started
        && group
            .volumes
            .iter()
            .all(|volume| volume.sync == SyncStatus::Synced)
    {
        State::Synced
    } else {
        State::Copying
    }
}

/// What an array does not say counts as nothing.
fn percent(sync: SyncStatus) -> usize {
    match sync {
        SyncStatus::Synced => 100,
        SyncStatus::Syncing(Some(percent)) => usize::from(percent).min(99),
        _ => 0,
    }
}
