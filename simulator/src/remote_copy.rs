//! Remote copy: which group is whose other half, whether the other array can be reached, and what time does to groups.
//!
//! Each array has its own [`Group`]. The one with a Primary role sends and decides; what it decides is mirrored to the
//! other (every target is taken to have the policy `mirror_config`: array fact 13).

mod outages;
pub mod peer_persistence;
mod refusals;
mod takeover;
mod transitions;

pub use outages::agree_now;
pub use refusals::{
    check_target, groups_named, locate, must_be_ready, must_have_a_receiver, must_hide_its_copies,
    must_not_be_promoted, must_send, must_share_its_mode,
};
pub use takeover::{Wish, all_synced, begin, end_of_copy, hurry};
pub use transitions::{drop_snapshot, mirror, start, stop, sync, sync_to_the_end, tick};

use crate::state::{Array, Group, GroupStatus, Replicated, Target, World};

/// One array's side of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Half {
    /// System name.
    pub array: String,
    /// Name of the group on that array.
    pub group: String,
}

impl Half {
    /// This side of the group.
    pub fn new(array: &str, group: &str) -> Self {
        Self {
            array: array.to_owned(),
            group: group.to_owned(),
        }
    }

    /// The group, if it is still there.
    pub fn get<'w>(&self, world: &'w World) -> Option<&'w Group> {
        world.arrays.get(&self.array)?.groups.get(&self.group)
    }

    /// The group, to be changed.
    pub fn get_mut<'w>(&self, world: &'w mut World) -> Option<&'w mut Group> {
        world
            .arrays
            .get_mut(&self.array)?
            .groups
            .get_mut(&self.group)
    }

    /// The same group on the other array.
    pub fn other(&self, world: &World) -> Option<Self> {
        let group = self.get(world)?;
        let target = target(world, &self.array, &group.target)?;
        Some(Self::new(&target.array, &group.peer_name))
    }

    /// The same group on the other array, if that side receives from this one.
    pub fn receiver(&self, world: &World) -> Option<Self> {
        self.other(world)
            .filter(|other| other.get(world).is_some_and(|group| !group.sends()))
    }

    /// Can this side reach the other?
    pub fn connected(&self, world: &World) -> bool {
        self.get(world)
            .is_some_and(|group| ready(world, &self.array, &group.target))
    }
}

impl Group {
    /// Does this side send?
    pub fn sends(&self) -> bool {
        self.role.sends()
    }

    /// Started, or on the way.
    pub fn is_started(&self) -> bool {
        matches!(self.status, GroupStatus::Started | GroupStatus::Starting)
    }

    /// Not stopped yet: its members stay as they are.
    pub fn is_running(&self) -> bool {
        self.is_started() || self.status == GroupStatus::Stopping
    }

    /// Has it this policy?
    pub fn has_policy(&self, policy: &str) -> bool {
        self.policies.iter().any(|one| one == policy)
    }

    /// Do hosts have its volumes on both arrays?
    pub fn is_peer_persistent(&self) -> bool {
        self.has_policy("path_management") || self.has_policy("active_active")
    }

    /// The volume of that name here.
    pub fn volume(&self, local: &str) -> Option<&Replicated> {
        self.volumes.iter().find(|volume| volume.local == local)
    }
}

impl Array {
    /// Group that holds this VV.
    pub fn group_of(&self, vv: &str) -> Option<&Group> {
        self.groups
            .values()
            .find(|group| group.volume(vv).is_some())
    }
}

/// The VV on the array that sends, if this one receives every write from it.
pub fn in_step(world: &World, array: &str, vv: &str) -> Option<(String, String)> {
    let group = world.arrays.get(array)?.group_of(vv)?;
    let half = Half::new(array, &group.name);
    let sender = half.other(world)?;
    let sends = sender.get(world)?;
    let is_fed = !group.sends()
        && sends.sends()
        && sends.is_started()
        && sends.mode == crate::state::Mode::Sync
        && sender.connected(world);
    let volume = sends.volumes.iter().find(|volume| volume.remote == vv)?;
    (is_fed && volume.is_synced()).then(|| (sender.array, volume.local.clone()))
}

/// This array's definition of a target.
pub fn target<'w>(world: &'w World, array: &str, name: &str) -> Option<&'w Target> {
    world
        .arrays
        .get(array)?
        .targets
        .iter()
        .find(|target| target.name == name)
}

/// Word of the Status column of a target: `ready`, unless it was set to something else, the other array is off, or no
/// sending link is up.
pub fn target_status<'w>(world: &'w World, array: &str, target: &'w Target) -> &'w str {
    if target.status != "ready" {
        return &target.status;
    }
    let on = |name: &str| world.arrays.get(name).is_some_and(|array| array.up);
    if on(array) && on(&target.array) && target.links.iter().any(|link| link.up) {
        "ready"
    } else {
        "failed"
    }
}

/// Is this target ready?
pub fn ready(world: &World, array: &str, name: &str) -> bool {
    target(world, array, name).is_some_and(|target| target_status(world, array, target) == "ready")
}

/// Name of the group on the other array: the suffix is the decimal system id of the array that made it.
pub fn mirrored_name(group: &str, system: u32) -> String {
    format!("{group}.r{system}")
}

/// The VV set that an array keeps for a group, where it keeps one, holds the group's volumes.
pub fn keep_set(array: &mut Array, group: &str) {
    let members = array.groups.get(group).map(|group| {
        group
            .volumes
            .iter()
            .map(|volume| volume.local.clone())
            .collect()
    });
    let name = format!("RCP_{group}");
    match (array.vv_sets.get_mut(&name), members) {
        (Some(set), Some(members)) => set.members = members,
        (Some(_), None) => {
            array.vv_sets.remove(&name);
        }
        (None, _) => {}
    }
}

/// Takes a volume out of a group on both arrays, with its resync snapshot. `keep_snapshot`: that stays as
/// `sv.rcpy.<VV>`.
pub fn dismiss(world: &mut World, half: &Half, local: &str, keep_snapshot: bool) {
    let other = half.other(world);
    let volume = half
        .get(world)
        .and_then(|group| group.volume(local))
        .cloned();
    let Some(volume) = volume else { return };
    if keep_snapshot
        && let (Some(name), Some(array)) =
            (&volume.resync_snapshot, world.arrays.get_mut(&half.array))
        && let Some(mut snapshot) = array.vvs.remove(name)
    {
        snapshot.name = format!("sv.rcpy.{local}");
        array.vvs.insert(snapshot.name.clone(), snapshot);
    } else {
        drop_snapshot(world, half, local);
    }
    if let Some(other) = &other {
        drop_snapshot(world, other, &volume.remote);
    }
    for (side, name) in [
        (Some(half), local),
        (other.as_ref(), volume.remote.as_str()),
    ] {
        let Some(side) = side else { continue };
        if let Some(group) = side.get_mut(world) {
            group.volumes.retain(|volume| volume.local != name);
        }
        if let Some(array) = world.arrays.get_mut(&side.array) {
            keep_set(array, &side.group);
        }
    }
}
