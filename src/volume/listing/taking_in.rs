//! What a listing shows of one volume, taken into the index.

use std::sync::{MutexGuard, PoisonError};

use crate::{
    index::IndexedVolume,
    inform::{RcGroup, Vv},
    model::{Comment, GroupName, Side, Source, VolumeName},
    volume::{
        arrays::Login,
        backend::Backend,
        error::Cause,
        inner::Inner,
        known,
        membership::{Groups, Place},
        whose::{self, CopyGroup, View},
    },
};

/// The locks that listings take are for others.
pub(super) fn turn(inner: &Inner) -> MutexGuard<'_, ()> {
    let turn = inner.taking_in.lock();
    turn.unwrap_or_else(PoisonError::into_inner)
}

/// When a listing was begun, and when its groups were asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub begun: jiff::Timestamp,
    pub asked: jiff::Timestamp,
}

/// Puts what a listing, begun at `begun`, shows of a volume on a backend's own array into the index. The caller holds the name's lock.
///
/// # Errors
/// [`Cause::NotKnown`] for a new volume of which nobody can say now to which backend it belongs.
pub(super) fn take_in(
    inner: &Inner,
    login: &Login<'_>,
    vv: &Vv,
    comment: &Comment,
    groups: &Groups,
    begun: jiff::Timestamp,
) -> Result<(), Cause> {
    let known = inner.index.get(&comment.name);
    // What was seen on the peer since says nothing of this array.
    let is_older = |known: &IndexedVolume| known.wwn.is_some() && known.seen > begun;
    if inner.removed_since(&comment.name, begun) || known.as_ref().is_some_and(is_older) {
        return Ok(());
    }
    let role = match groups.of(vv) {
        Place::In(group) => Some(group.role),
        Place::InNone | Place::NotKnown => None,
    };
    match known {
        // What the user asked for, and when it was made, the array does not tell.
        Some(known) if known.wwn.as_ref() == Some(&vv.wwn) => {
            let mut now = IndexedVolume {
                vv_id: vv.id,
                format: comment.format,
                state: comment.state,
                group: match groups.of(vv) {
                    Place::In(group) => Some(group.name.clone()),
                    Place::InNone => None,
                    Place::NotKnown => known.group.clone(),
                },
                missed: 0,
                ..known.clone()
            };
            now.last_roles.note_listed(Side::Source, role, groups.asked);
            // Grown, by another host or by a person. While it is copied it has the size of what is copied.
            if comment.becomes.is_none() {
                now.options.size = now.options.size.max(vv.size);
            }
            // That it was seen is noted with the whole listing, and not worth a write of its own.
            if now != known {
                inner.index.put(IndexedVolume { seen: begun, ..now })?;
            }
        }
        // Known only by its copy so far, and perhaps by a guess as to whose that is.
        Some(known) if known.wwn.is_none() && known.home == comment.home => {
            let as_known = inner.backend(&known.backend);
            let as_known = as_known.ok().filter(|backend| login.is_of(&backend.array));
            let (backend, group) = match (place(inner, login, (vv, comment), groups), as_known) {
                (Ok(Some(place)), _) => place,
                (Ok(None), _) => return Ok(()),
                (Err(_), Some(backend)) => (backend, known.group.clone()),
                (Err(cause), None) => return Err(cause),
            };
            let mut now = IndexedVolume {
                copy_wwn: known.copy_wwn,
                last_roles: known.last_roles,
                created: known.created,
                status: known.status,
                seen: known.seen.max(begun),
                copy_missed: known.copy_missed,
                ..known::volume(inner, backend, Side::Source, vv, comment, group)
            };
            now.last_roles.note_listed(Side::Source, role, groups.asked);
            log::info!(volume = now.name.as_str(), backend = now.backend.as_str(); "known by its copy so far, now seen on its own array");
            inner.index.put(now)?;
        }
        // Containers use the one, and a name that changes its volume under them is the end of their data.
        Some(known) if known.home != comment.home && known.missed == 0 && !known.is_gone() => {
            two_of_a_name(&known, vv, comment);
        }
        // Half made by another host: not a volume yet. Being removed: not one any more.
        _ if !comment.state.is_there() => {}
        _ => {
            if let Some((backend, group)) = place(inner, login, (vv, comment), groups)? {
                let mut volume = known::volume(inner, backend, Side::Source, vv, comment, group);
                volume
                    .last_roles
                    .note_listed(Side::Source, role, groups.asked);
                inner.index.put(volume)?;
            }
        }
    }
    Ok(())
}

fn two_of_a_name(known: &IndexedVolume, vv: &Vv, comment: &Comment) {
    log::error!(volume = known.name.as_str(), known:? = known.wwns().next(), known_on = known.home.0, other = vv.wwn.as_str(), other_on = comment.home.0;
        "two arrays have a volume of this name; the one known first is kept");
}

/// Puts what the listing of a peer shows of a copy into the index. What the backend's own array ever said of the volume counts more than
/// its copy's comment, which is written by itself and may be behind. The caller holds the name's lock.
pub(super) fn take_in_copy(
    inner: &Inner,
    backend: &Backend,
    vv: &Vv,
    comment: &Comment,
    group: &CopyGroup,
    times: Times,
) -> Result<(), Cause> {
    let name = &comment.name;
    if inner.removed_since(name, times.begun) {
        return Ok(());
    }
    let Some(known) = inner.index.get(name) else {
        if comment.state.is_there() {
            inner
                .index
                .put(copy_alone(inner, backend, vv, comment, group, times))?;
        }
        return Ok(());
    };
    if known.home != comment.home || known.backend != backend.name {
        if known.missed == 0 && !known.is_gone() {
            two_of_a_name(&known, vv, comment);
        }
        return Ok(());
    }
    if known.copy_wwn.is_some() && known.seen > times.begun {
        return Ok(());
    }
    note_copy(inner, name, vv, |volume| {
        volume
            .last_roles
            .note_listed(Side::Peer, group.role, times.asked);
        if volume.wwn.is_none() {
            volume.state = comment.state;
            // A clone that is to come into the group is in none yet.
            if comment.becomes.is_some() {
                volume.group = None;
            } else if !matches!(volume.options.source, Source::Snapshot(_)) {
                volume.group = Some(group.name.clone());
            }
            // A filesystem that was seen is there, whatever the comment says.
            volume.format = volume.format.max(comment.format);
        }
    })
}

/// A volume of which only the copy is known.
pub(super) fn copy_alone(
    inner: &Inner,
    backend: &Backend,
    vv: &Vv,
    comment: &Comment,
    group: &CopyGroup,
    times: Times,
) -> IndexedVolume {
    let in_group = comment.becomes.is_none().then(|| group.name.clone());
    let mut volume = known::volume(inner, backend, Side::Peer, vv, comment, in_group);
    volume
        .last_roles
        .note_listed(Side::Peer, group.role, times.asked);
    log::info!(volume = volume.name.as_str(), backend = backend.name.as_str(), array = backend.on(Side::Peer).label();
        "known by its copy, until its own array shows it");
    volume
}

/// Writes down which VV on the peer is the volume's copy. One that is mounted here stays what it was: somebody may have made the copy
/// anew under its name, and it is not that.
fn note_copy(
    inner: &Inner,
    name: &VolumeName,
    vv: &Vv,
    further: impl FnOnce(&mut IndexedVolume),
) -> Result<(), Cause> {
    let mounted = inner.index.mount(name).map(|record| record.place.wwn);
    inner.index.change(name, |volume| {
        let was = volume.copy_wwn.as_ref();
        if was.is_some() && was != Some(&vv.wwn) && was == mounted.as_ref() {
            log::error!(volume = name.as_str(), known:? = was, is = vv.wwn.as_str(); "the copy that is mounted here has another WWN by now");
            return;
        }
        volume.copy_wwn = Some(vv.wwn.clone());
        volume.copy_missed = 0;
        further(volume);
    })?;
    Ok(())
}

/// A copy that never got its comment: of a known volume, its group tells.
pub(super) async fn copy_without_comment(
    inner: &Inner,
    view: &View<'_>,
    vv: &Vv,
    begun: jiff::Timestamp,
) -> Result<(), Cause> {
    let volumes = inner.index.list();
    let Some(known) = volumes.into_iter().find(|volume| volume.vv == vv.name) else {
        return Ok(());
    };
    let is_new = known.copy_wwn.as_ref() != Some(&vv.wwn);
    if is_new && view.is_copy_of(vv, &known).await? {
        let _turn = turn(inner);
        let Some(_lock) = inner.locks.try_lock(&known.name) else {
            return Ok(());
        };
        if !inner.removed_since(&known.name, begun) {
            note_copy(inner, &known.name, vv, |_| {})?;
        }
    }
    Ok(())
}

/// The backend that a VV on its own array belongs to, and its group: the replicated ones are on a replication-enabled one, of several on
/// one that replicates in the way of the group, and otherwise the CPG tells. `None` if that is one with another login.
///
/// # Errors
/// [`Cause::NotKnown`] if its group is not known.
pub(super) fn place<'a>(
    inner: &'a Inner,
    login: &Login<'a>,
    (vv, comment): (&Vv, &Comment),
    groups: &Groups,
) -> Result<Option<(&'a Backend, Option<GroupName>)>, Cause> {
    let group: Option<&RcGroup> = match groups.of_original(vv) {
        Place::In(group) => Some(group),
        Place::InNone => None,
        Place::NotKnown => return Err(whose::no_group(vv)),
    };
    let Some(first) = login.own.first() else {
        return Ok(None);
    };
    let others = || {
        let on_it = inner.all_on(login.array());
        let own = on_it.filter_map(|(backend, side)| (side == Side::Source).then_some(backend));
        own.filter(|backend| !login.is_of(&backend.array))
    };
    let all = || login.own.iter().copied().chain(others());
    // A clone that is being copied is not in its group yet.
    let becomes = comment.becomes.as_ref();
    let replicated = group.is_some() || becomes.is_some_and(|to| to.group.is_some());
    let fits = |backend: &&Backend| backend.pair.is_some() == replicated;
    let has_cpg = |backend: &&Backend| {
        vv.user_cpg
            .as_ref()
            .is_some_and(|c| backend.cpgs.contains(c))
    };
    let in_its_way = |backend: &&Backend| {
        let pair = backend.pair.as_ref().zip(group);
        pair.is_none_or(|(pair, group)| pair.wants.describe(group))
    };
    let best = all()
        .filter(fits)
        .min_by_key(|backend| (!in_its_way(backend), !has_cpg(backend)))
        .unwrap_or(first);
    let own = login.own.iter().any(|backend| backend.name == best.name);
    Ok(own.then(|| (best, group.map(|group| group.name.clone()))))
}
