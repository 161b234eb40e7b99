//! Locks that a host left at a group for good: found after each listing, told, and ended.
//!
//! Whoever comes to change a group ends a lock that was left there (`group_lock`), but at a group that is only used nobody comes for weeks. Its
//! holder may have died between stop and start: then the group does not replicate, and with Peer Persistence nothing fails over. And where a
//! person has started it since, the lock would make the next stop, on purpose and weeks later, look like the holder's.

use std::sync::Arc;

use crate::{
    index::OpKind,
    inform::{ArrayError, RcGroup},
    model::{GroupLock, GroupName, GroupStatus, RequestId, SetName, Side, VolumeName},
    replication::Acting,
};

use super::{
    backend::Backend,
    error::Cause,
    group_lock, groups,
    inner::Inner,
    queue::{self, GroupKey, Site},
    steps::Steps,
};

/// A group of this plugin's volumes, on the array on which it is primary.
struct Watched {
    backend: Backend,
    acting: Acting,
    status: GroupStatus,
    /// As the backend's own array calls it.
    at_home: GroupName,
    key: GroupKey,
    /// Volumes of it.
    members: Vec<VolumeName>,
}

/// Looks at the groups that an array showed in its listing, in a task of its own: a start takes its time.
pub(super) fn after_listing(inner: &Arc<Inner>, array: usize, groups: &[RcGroup]) {
    let request = RequestId::random();
    let watched = watched(inner, &request, array, groups);
    if watched.is_empty() {
        return;
    }
    let inner = Arc::clone(inner);
    tokio::spawn(async move {
        for (group, lock) in left(&watched).await {
            // What this host had begun, however long ago, its journal goes on with.
            let mut open = inner.index.open_entries().into_iter();
            if open.any(|entry| entry.op == lock.op) {
                continue;
            }
            tell(group, &lock);
            if let Err(cause) = end(&inner, &request, group).await {
                log::error!(group = group.acting.group.as_str(), array = group.acting.array.label(), request = request.as_str(), cause:% = cause;
                    "the lock that was left cannot be ended yet");
            }
        }
    });
}

/// Groups at which something is to be done about a lock: those that are on their way are looked at when they have come to rest.
fn watched(inner: &Inner, request: &RequestId, array: usize, groups: &[RcGroup]) -> Vec<Watched> {
    let arrays = inner.arrays();
    let Some(login) = arrays.get(array) else {
        return Vec::new();
    };
    let volumes = inner.index.list();
    let is_due = |group: &&RcGroup| {
        let rests = matches!(
            group.status,
            GroupStatus::Started | GroupStatus::Stopped | GroupStatus::New
        );
        group.role.is_primary() && rests
    };
    let mut watched = Vec::new();
    for group in groups.iter().filter(is_due) {
        for (backend, side) in login.backends() {
            let (Some(pair), Some(source)) = (&backend.pair, backend.known_id()) else {
                continue;
            };
            let here = volumes
                .iter()
                .filter(|volume| volume.backend == backend.name && group.holds(&volume.vv));
            let is_here = |at_home: &GroupName| match side {
                Side::Source => *at_home == group.name,
                Side::Peer => pair.peer_name(at_home, source).as_ref() == Some(&group.name),
            };
            let at_home = here
                .clone()
                .find_map(|volume| volume.group.clone().filter(is_here));
            let Some(at_home) = at_home else { continue };
            let members = here.filter(|volume| volume.group.as_ref() == Some(&at_home));
            let backend = backend.for_request(request);
            watched.push(Watched {
                acting: Acting {
                    side,
                    array: backend.on(side).clone(),
                    other: backend.on(side.other()).clone(),
                    group: group.name.clone(),
                    target: group.target.clone(),
                },
                status: group.status,
                key: GroupKey::new(source, &at_home),
                members: members.map(|volume| volume.name.clone()).collect(),
                at_home,
                backend,
            });
            break;
        }
    }
    watched
}

/// The groups with a lock that was left. One look at the sets of the array, and one at its clock for each lock.
async fn left(watched: &[Watched]) -> Vec<(&Watched, GroupLock)> {
    let Some(first) = watched.first() else {
        return Vec::new();
    };
    let array = &first.acting.array;
    let look = async {
        let only = SetName::lock_of(&first.acting.group);
        let sets = array
            .showvvset((watched.len() == 1).then_some(&only))
            .await?;
        let mut left = Vec::new();
        for group in watched {
            let name = SetName::lock_of(&group.acting.group);
            let set = sets.iter().find(|set| set.name == name);
            let lock = set.and_then(|set| GroupLock::parse(set.comment.as_deref()?).ok());
            if let Some(lock) = lock
                && group_lock::is_left(array, &lock).await?
            {
                left.push((group, lock));
            }
        }
        Ok::<_, ArrayError>(left)
    };
    look.await.unwrap_or_else(|error| {
        log::debug!(array = array.label(), error:% = error; "whether a lock of a group was left is not known");
        Vec::new()
    })
}

fn tell(group: &Watched, lock: &GroupLock) {
    let (name, array) = (group.acting.group.as_str(), group.acting.array.label());
    if group.status == GroupStatus::Started {
        log::warn!(group = name, array = array, holder:% = lock.op, since:% = lock.since;
            "the lock of the group was left by its holder, and the group runs: the lock is taken away");
    } else {
        log::error!(group = name, array = array, status:% = group.status, holder:% = lock.op, since:% = lock.since;
            "the group does not replicate: its lock was left by its holder; it is started");
    }
}

/// Ends one, unless somebody of this plugin is at the group anyway: whoever takes the lock ends it first.
async fn end(inner: &Inner, request: &RequestId, group: &Watched) -> Result<(), Cause> {
    let Some(pair) = &group.backend.pair else {
        return Ok(());
    };
    if inner.queues.is_anybody_at(&group.key) || has_begun(inner, group) {
        return Ok(());
    }
    // The journal knows operations by their volume: one of them that nobody works on.
    let mut members = group.members.iter();
    let locked = members.find_map(|name| Some((name, inner.locks.try_lock(name)?)));
    let Some((name, _lock)) = locked else {
        return Ok(());
    };
    let _at_work = inner.at_work.enter(name, request);
    let entry = inner.new_entry(request, OpKind::LeftLock, name, &group.backend);
    let mut steps = Steps::begin(&inner.index, &inner.points, entry).await?;
    groups::remember(&mut steps, &group.acting, &group.at_home)?;
    let site = Site {
        namespace: &inner.namespace,
        backend: &group.backend,
        pair,
        acting: &group.acting,
        group_at_home: &group.at_home,
    };
    let mut coming = inner.queues.nobody_yet();
    let ended = queue::end_left_lock(&mut coming, &mut steps, &site).await;
    // A start that may still be running stays in the journal, and nothing more is sent to the group from here until it has ended.
    if !steps.is_in_doubt() {
        steps.finish()?;
    }
    if ended?.is_changed() {
        log::info!(group = group.acting.group.as_str(), array = group.acting.array.label(), request = request.as_str();
            "the lock that was left is gone");
    }
    Ok(())
}

/// True if an earlier attempt at this group may still be on its way.
fn has_begun(inner: &Inner, group: &Watched) -> bool {
    let open = inner.index.open_entries();
    open.iter().any(|entry| {
        entry.kind == OpKind::LeftLock
            && entry.backend == group.backend.name
            && groups::name_at_home(entry).as_ref() == Some(&group.at_home)
    })
}

/// Closes what an earlier run, or an attempt that lost its connection, left open: the next listing shows what became of it.
pub(super) async fn settle(backend: &Backend, mut steps: Steps) -> Result<(), Cause> {
    steps.must_be_still(backend).await?;
    steps.finish()
}
