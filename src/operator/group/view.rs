//! A group as it is printed: the same for people and as JSON.

use serde::Serialize;

use super::seen::{Found, Names, docker_name};
use crate::{
    inform::{RcGroup, RcVolume},
    model::{GroupStatus, LonePrimary, Role, Side, SyncStatus},
    replication::{Exposure, GroupKind, GroupSides, Half, InUse, Wants, Witness, Witnesses},
    volume::PairAsked,
};

/// One array's half of a group.
#[derive(Debug, Serialize)]
pub(super) struct SideView {
    /// Address, as hpe.conf has it.
    pub array: String,
    /// The array's own name and id.
    pub system: Option<SystemView>,
    /// When it showed this, or could not be asked.
    pub seen: String,
    /// Why it cannot be asked.
    pub unreadable: Option<String>,
    /// The group's name there.
    pub group: Option<String>,
    pub role: Option<Role>,
    pub status: Option<GroupStatus>,
    pub mode: Option<String>,
    pub policies: Vec<String>,
    /// Seconds.
    pub period: Option<u32>,
    pub last_sync: Option<String>,
    pub target: Option<TargetView>,
}

#[derive(Debug, Serialize)]
pub(super) struct SystemView {
    pub name: String,
    pub id: u32,
    pub model: String,
}

#[derive(Debug, Serialize)]
pub(super) struct TargetView {
    pub name: String,
    pub status: Option<String>,
    pub links_up: Option<usize>,
    pub links: Option<usize>,
}

/// Who has live paths to the volumes of a group on one array.
#[derive(Debug, Serialize)]
pub(super) struct InUseView {
    pub array: String,
    /// Why it is not known.
    pub not_known: Option<String>,
    pub uses: Vec<UseView>,
}

#[derive(Debug, Serialize)]
pub(super) struct UseView {
    pub vv: String,
    pub host: String,
}

impl InUseView {
    pub fn of(sides: &GroupSides, exposure: &Exposure) -> Vec<Self> {
        let view = |side: Side| {
            let (not_known, uses) = match exposure.on(side) {
                InUse::NotShown { why } => (Some(why.clone()), Vec::new()),
                InUse::Shown(uses) => {
                    let uses = uses.iter().map(|one| UseView {
                        vv: one.vv.to_string(),
                        host: one.host.to_string(),
                    });
                    (None, uses.collect())
                }
            };
            Self {
                array: sides.on(side).array.clone(),
                not_known,
                uses,
            }
        };
        Side::BOTH.into_iter().map(view).collect()
    }

    /// For people.
    pub fn told(&self) -> String {
        let array = &self.array;
        if self.not_known.is_some() {
            return format!("who has live paths to its volumes on array `{array}` is not known");
        }
        if self.uses.is_empty() {
            return format!("no host has a live path to its volumes on array `{array}`");
        }
        let uses: Vec<String> = self
            .uses
            .iter()
            .map(|one| format!("`{}` by host `{}`", one.vv, one.host))
            .collect();
        format!(
            "live paths to its volumes on array `{array}`: {}",
            uses.join("; ")
        )
    }
}

/// What one array shows of the quorum witness.
#[derive(Debug, Serialize)]
pub(super) struct WitnessView {
    pub array: String,
    /// Its address.
    pub server: Option<String>,
    /// None: not known.
    pub seen: Option<bool>,
    /// What the array calls the state.
    pub state: Option<String>,
    /// Why it is not known.
    pub not_known: Option<String>,
}

impl WitnessView {
    /// Of the arrays that were asked.
    pub fn of(sides: &GroupSides, witnesses: &Witnesses) -> Vec<Self> {
        let view = |side: Side| {
            let mut view = Self {
                array: sides.on(side).array.clone(),
                server: None,
                seen: None,
                state: None,
                not_known: None,
            };
            match witnesses.on(side) {
                Witness::NotAsked => return None,
                Witness::None => view.seen = Some(false),
                Witness::Seen { server } => {
                    (view.server, view.seen) = (Some(server.clone()), Some(true));
                }
                Witness::NotSeen { server, state } => {
                    (view.server, view.seen) = (Some(server.clone()), Some(false));
                    view.state = Some(state.clone());
                }
                Witness::NotReadable { why } => view.not_known = Some(why.clone()),
            }
            Some(view)
        };
        Side::BOTH.into_iter().filter_map(view).collect()
    }

    /// For people.
    pub fn told(&self) -> String {
        let array = &self.array;
        match (&self.server, &self.state, &self.not_known) {
            (_, _, Some(why)) => {
                format!("quorum witness of array `{array}`: not readable: {why}")
            }
            (Some(server), Some(state), None) => {
                format!("quorum witness of array `{array}`: {server}, NOT seen ({state})")
            }
            (Some(server), None, None) => {
                format!("quorum witness of array `{array}`: {server}, seen")
            }
            (None, _, None) => format!("quorum witness of array `{array}`: none"),
        }
    }
}

/// The arrays tell hosts which of them to use: Peer Persistence.
pub(super) fn manages_paths(sides: &GroupSides) -> bool {
    sides.kind().is_some_and(GroupKind::manages_paths)
}

/// A volume of a group, on both arrays.
#[derive(Debug, Serialize)]
pub(super) struct VolumeView {
    /// In Docker; none: not this plugin's, or not known.
    pub volume: Option<String>,
    pub source: Option<CopyView>,
    pub peer: Option<CopyView>,
}

#[derive(Debug, Serialize)]
pub(super) struct CopyView {
    pub vv: String,
    pub sync: SyncStatus,
    pub last_sync: Option<String>,
}

impl SideView {
    pub fn of(asked: &PairAsked, sides: &GroupSides, side: Side) -> Self {
        let shown = sides.on(side);
        let group = shown.half.seen();
        let system = asked
            .on(side)
            .answer
            .as_ref()
            .ok()
            .map(|answer| SystemView {
                name: answer.system.name.clone(),
                id: answer.system.id.0,
                model: answer.system.model.clone(),
            });
        Self {
            array: shown.array.clone(),
            system,
            seen: format!("{:.3}", asked.on(side).at),
            unreadable: match &shown.half {
                Half::Unreadable { why, .. } => Some(why.clone()),
                Half::Seen(_) | Half::Absent => None,
            },
            group: shown.name.as_ref().map(ToString::to_string),
            role: group.map(|group| group.role),
            status: group.map(|group| group.status),
            mode: group.map(|group| group.mode.to_string()),
            policies: group.map_or_else(Vec::new, |group| group.options.policies.clone()),
            period: group.and_then(|group| group.options.period_s),
            last_sync: group.and_then(|group| group.options.last_sync.clone()),
            target: group.map(|group| TargetView {
                name: group.target.to_string(),
                status: shown.way.as_ref().map(|way| way.status.to_string()),
                links_up: shown.way.as_ref().map(|way| way.up),
                links: shown.way.as_ref().map(|way| way.links),
            }),
        }
    }
}

impl CopyView {
    fn of(volume: &RcVolume) -> Self {
        Self {
            vv: volume.local.to_string(),
            sync: volume.sync,
            last_sync: volume.last_sync.clone(),
        }
    }

    /// For people.
    pub fn told(&self) -> String {
        match &self.last_sync {
            Some(time) => format!("{}, last sync {time}", self.sync),
            None => self.sync.to_string(),
        }
    }
}

/// The volumes of a group, each with both of its copies.
pub(super) fn volumes(sides: &GroupSides, names: &[Names; 2]) -> Vec<VolumeView> {
    let here = sides.source.half.seen();
    let there = sides.peer.half.seen();
    let mut views = Vec::new();
    let listed = |group: Option<&RcGroup>| group.map_or_else(Vec::new, |g| g.volumes.clone());
    for volume in listed(here) {
        let copy = there.and_then(|group| {
            let mut volumes = group.volumes.iter();
            volumes.find(|copy| copy.local == volume.remote)
        });
        let name = docker_name(names, Some(&volume.local), Some(&volume.remote));
        views.push(VolumeView {
            volume: name.map(ToString::to_string),
            source: Some(CopyView::of(&volume)),
            peer: copy.map(CopyView::of),
        });
    }
    for copy in listed(there) {
        let known = here.is_some_and(|group| {
            let mut volumes = group.volumes.iter();
            volumes.any(|volume| volume.remote == copy.local)
        });
        if !known {
            let name = docker_name(names, Some(&copy.remote), Some(&copy.local));
            views.push(VolumeView {
                volume: name.map(ToString::to_string),
                source: None,
                peer: Some(CopyView::of(&copy)),
            });
        }
    }
    views
}

/// Which array serves, and why, or why none does.
#[derive(Debug, Serialize)]
pub(super) struct ServingView {
    /// Its address.
    pub array: Option<String>,
    /// The other array could not be asked whether it agrees.
    pub alone: bool,
    pub why: String,
}

/// By what both show. The running plugin may know more: what an array showed when it was last seen is in its index.
pub(super) fn serving(sides: &GroupSides, wants: &Wants) -> ServingView {
    let mut view = serving_alone(sides, wants.lone_primary);
    if view.array.is_some() {
        view.why += match sides.kind() {
            Some(kind) if kind.manages_paths() => {
                "; Peer Persistence: hosts have the volumes on both arrays, and multipath uses this one"
            }
            Some(GroupKind::ActiveActive) => "; active-active: the other one serves hosts as well",
            _ => "",
        };
    }
    view
}

fn serving_alone(sides: &GroupSides, lone_primary: LonePrimary) -> ServingView {
    match sides.serving(lone_primary) {
        Ok(found) => {
            let here = sides.on(found.side);
            let role = sides
                .role(found.side)
                .map_or_else(String::new, |role| role.to_string());
            let why = if found.alone {
                format!(
                    "it is {role}, and array `{}` cannot be asked; the running plugin refuses it if that was primary when it was last seen",
                    sides.on(found.side.other()).array
                )
            } else {
                format!(
                    "it is {role}, and array `{}` is {}",
                    sides.on(found.side.other()).array,
                    sides.on(found.side.other()).half
                )
            };
            ServingView {
                array: Some(here.array.clone()),
                alone: found.alone,
                why,
            }
        }
        Err(why) => ServingView {
            array: None,
            alone: false,
            why: format!("{}; hint: {}", why.situation.told(), why.hint()),
        },
    }
}

/// The side whose word counts for the volumes: the one that sends, otherwise any that was seen.
pub(super) fn counting(sides: &GroupSides) -> Option<&RcGroup> {
    let side = sides
        .situation()
        .1
        .and_then(|side| sides.on(side).half.seen());
    side.or_else(|| sides.source.half.seen())
        .or_else(|| sides.peer.half.seen())
}

/// For example: 2 Synced, 1 Syncing (40%).
pub(super) fn sync_told(group: Option<&RcGroup>) -> String {
    let Some(group) = group else {
        return "not known".to_owned();
    };
    if group.volumes.is_empty() {
        return "no volumes".to_owned();
    }
    let mut counted: Vec<(String, usize)> = Vec::new();
    for volume in &group.volumes {
        let word = volume.sync.to_string();
        match counted.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counted.push((word, 1)),
        }
    }
    let counted: Vec<String> = counted
        .into_iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    counted.join(", ")
}

/// What both arrays show means, for JSON.
#[derive(Debug, Serialize)]
pub(super) struct Head {
    pub group: String,
    pub backend: String,
    pub seen: String,
    pub situation: &'static str,
    pub mode: Option<String>,
    /// If it is another than Active/Passive.
    pub kind: Option<&'static str>,
    pub source: SideView,
    pub peer: SideView,
    pub notes: Vec<String>,
}

impl Head {
    pub fn of(found: &Found) -> Self {
        let sides = &found.sides;
        Self {
            group: sides.group.to_string(),
            backend: found.backend.name.to_string(),
            seen: format!("{:.3}", found.at),
            situation: sides.situation().0.told(),
            mode: counting(sides).map(|group| group.mode.to_string()),
            kind: sides.kind().and_then(GroupKind::told),
            source: SideView::of(&found.asked, sides, Side::Source),
            peer: SideView::of(&found.asked, sides, Side::Peer),
            notes: found.notes.clone(),
        }
    }
}
