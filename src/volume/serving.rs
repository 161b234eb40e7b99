//! From which array a volume is used (decision 17).

use crate::{
    inform::{ActiveVlun, Array, System, VlunQuery},
    model::{GroupStatus, Role, Side, SyncStatus, VolumeName, VvName},
    replication::{GroupSides, Pair, SecondExport},
};

use super::{backend::Backend, error::Cause, groups, inner::Inner, sides, steps::Steps};

/// The array that serves a volume now.
#[derive(Debug, Clone)]
pub(super) struct Serving {
    pub side: Side,
    pub array: Array,
    pub system: System,
    /// The other array of the pair could be asked.
    pub other_answers: bool,
    /// The group serves in its natural direction; so does a volume without a group.
    pub natural: bool,
    /// Both arrays replicate, and this volume is equal on both.
    pub in_step: bool,
    /// Peer Persistence: whether the other array is to export it, too.
    pub second: Option<SecondExport>,
}

/// Asks which array serves the volume. Both sides are asked at every mount.
pub(super) async fn find(
    inner: &Inner,
    backend: &Backend,
    name: &VolumeName,
    vv: &VvName,
) -> Result<Serving, Cause> {
    let Some(pair) = &backend.pair else {
        return Ok(Serving {
            side: backend.side(),
            array: backend.array.clone(),
            system: backend.identity().await?.system.clone(),
            other_answers: false,
            natural: true,
            in_step: false,
            second: None,
        });
    };
    let sides = sides::of_volume(inner, backend, pair, name, vv, sides::PATIENCE).await?;
    sides
        .must_not_be_active_active()
        .map_err(|why| groups::refused(&pair.source, why))?;
    let found = sides.serving(pair.wants.lone_primary)?;
    sides.check_copy(found.side, vv)?;
    let here = sides.on(found.side);
    if found.alone {
        log::warn!(volume = name.as_str(), group = sides.group.as_str(), array = here.array.as_str(), shown:% = sides;
            "served by this array, as far as it can be known without the other one");
    }
    let system = match found.side {
        Side::Source => backend.identity().await?.system.clone(),
        Side::Peer => backend.peer_identity(pair).await?.system.clone(),
    };
    let other = sides.on(found.side.other());
    if other.half.seen().is_some_and(|half| half.role.is_primary()) {
        not_in_use_there(backend, pair.on(found.side.other()), vv).await?;
    }
    let role = here.half.seen().map(|group| group.role);
    Ok(Serving {
        side: found.side,
        array: pair.on(found.side).clone(),
        system,
        other_answers: !other.half.is_unreadable(),
        natural: role == Some(Role::Primary),
        in_step: in_step(&sides, found.side, vv),
        second: second(pair, &sides, found.side, vv),
    })
}

impl Serving {
    /// After the export: the array still serves. Somebody may have failed the group over between the look and the export.
    pub async fn still_serves(
        &self,
        inner: &Inner,
        backend: &Backend,
        steps: &Steps,
    ) -> Result<(), Cause> {
        let Some(pair) = &backend.pair else {
            return Ok(());
        };
        let entry = steps.entry();
        let sides = sides::of_volume(
            inner,
            backend,
            pair,
            &entry.name,
            &entry.vv,
            sides::PATIENCE,
        )
        .await?;
        let now = sides.serving(pair.wants.lone_primary)?;
        // An export was made there that must not be there by now.
        let parted = self.second == Some(SecondExport::Wanted)
            && matches!(
                second(pair, &sides, now.side, &entry.vv),
                Some(SecondExport::Unwanted(_))
            );
        if now.side == self.side && !parted {
            Ok(())
        } else {
            Err(Cause::RolesChanged(sides.group))
        }
    }
}

fn second(pair: &Pair, sides: &GroupSides, side: Side, vv: &VvName) -> Option<SecondExport> {
    let wanted = pair.wants.peer_persistence;
    wanted.then(|| sides.second_export(side, vv))
}

fn in_step(sides: &GroupSides, side: Side, vv: &VvName) -> bool {
    let started = sides.both().into_iter().all(|side| {
        let half = side.half.seen();
        half.is_some_and(|half| half.status == GroupStatus::Started)
    });
    let synced = sides.on(side).half.seen().is_some_and(|half| {
        let mut volumes = half.volumes.iter();
        volumes.any(|v| v.local == *vv && v.sync == SyncStatus::Synced)
    });
    started && synced
}

/// After a failover the former primary still says Primary and takes writes. A host that is logged in to it there goes on with data
/// that are no longer the volume's.
async fn not_in_use_there(backend: &Backend, other: &Array, vv: &VvName) -> Result<(), Cause> {
    let here = backend.transport.initiators();
    let active = other.showvlun_a(VlunQuery::Vv(vv)).await?;
    let own = |path: &ActiveVlun| path.initiator.as_ref().is_some_and(|i| here.contains(i));
    let mut foreign: Vec<String> = active
        .iter()
        .filter(|path| !own(path))
        .map(|path| format!("`{}`", path.host))
        .collect();
    foreign.sort();
    foreign.dedup();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Cause::OldCopyInUse {
        array: other.label().to_owned(),
        vv: vv.clone(),
        by: foreign.join(", "),
    })
}
