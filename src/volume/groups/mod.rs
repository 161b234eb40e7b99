//! Changing remote copy groups, step by step: where a group is changed, as both arrays show it. The commands are in `action`.

mod action;

use std::time::Duration;

use crate::{
    index::JournalEntry,
    inform::{Array, ExportedVv, RcGroup, VlunQuery, VvQuery},
    model::{Comment, GroupLock, GroupName, Namespace, Side, SystemId, TargetName, TargetStatus},
    replication::{Acting, GroupSide, GroupSides, Pair, ReplicationError},
};

use super::{
    backend::Backend,
    error::Cause,
    exports, group_lock,
    steps::Steps,
    taken::{self, NotTaken},
};

pub(super) use action::{already_so, carry_out, intent, told};

/// A group as both arrays showed it, and where it may be changed.
#[derive(Debug)]
pub(super) struct Found {
    /// The array on which it is Primary, or on which it is to be made.
    pub acting: Acting,
    /// The group there; none if it is to be made.
    pub now: Option<RcGroup>,
}

/// Where a group is looked at from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Outside: another operation may be driving a cycle.
    Before,
    /// Under the lock.
    Locked {
        /// The group was stopped by the operation itself, under that lock.
        stop_is_ours: bool,
    },
}

/// How long the other array is waited for where it need not be there: another host may wait for the lock.
const OTHER_HALF: Duration = Duration::from_secs(10);

/// Looks at a group on both arrays. The name is the one it has on the source.
pub(super) async fn find(
    steps: &Steps,
    backend: &Backend,
    pair: &Pair,
    group: &GroupName,
    standing: Standing,
) -> Result<Found, Cause> {
    let found = find_once(steps, backend, pair, group, standing).await;
    match found {
        // A cycle may just have ended between the looks at the group and at its lock.
        Err(Cause::Replication {
            why: ReplicationError::InTransition { .. },
            ..
        }) if standing == Standing::Before => {
            find_once(steps, backend, pair, group, standing).await
        }
        found => found,
    }
}

async fn find_once(
    steps: &Steps,
    backend: &Backend,
    pair: &Pair,
    group: &GroupName,
    standing: Standing,
) -> Result<Found, Cause> {
    let source = backend.identity().await?.system.id;
    let peer = backend.peer_identity(pair).await?.system.id;
    let name_there = pair.peer_name(group, source).ok_or_else(|| {
        refused(
            &pair.peer,
            ReplicationError::NameTooLong {
                group: group.clone(),
            },
        )
    })?;
    let (mut here, mut there) = halves(steps, pair, group, &name_there).await?;
    // Between the two looks another operation may have made the group, or removed it.
    if here.is_some() != there.is_some() {
        (here, there) = halves(steps, pair, group, &name_there).await?;
    }
    // A group to a third array has its other half there: nothing is missing, and nothing of it is to be removed.
    if let (Some(half), None) = (&here, &there)
        && half.target != pair.wants.target
    {
        let why = ReplicationError::OtherTarget {
            group: group.clone(),
            is: half.target.clone(),
            wanted: pair.wants.target.clone(),
        };
        return Err(refused(&pair.source, why));
    }
    let sides = sides(pair, group, &name_there, [&here, &there]);
    let side = match (sides.changeable(), sides.reversed_on_both()) {
        (Ok(side), _) => side,
        (Err(why @ ReplicationError::InTransition { .. }), Some(side)) => {
            let is_a_cycle = match (standing, side) {
                (Standing::Locked { stop_is_ours }, _) => stop_is_ours,
                (Standing::Before, Side::Source) => {
                    group_lock::is_taken(steps, &pair.source, group).await?
                }
                (Standing::Before, Side::Peer) => {
                    group_lock::is_taken(steps, &pair.peer, &name_there).await?
                }
            };
            if !is_a_cycle {
                return Err(refused(&pair.source, why));
            }
            side
        }
        (Err(why), _) => return Err(refused(&pair.source, why)),
    };
    Ok(match side {
        Side::Source => Found {
            acting: Acting {
                side,
                array: pair.source.clone(),
                other: pair.peer.clone(),
                group: group.clone(),
                target: target(steps, &pair.source, Some(&pair.wants.target), peer).await?,
            },
            now: here,
        },
        Side::Peer => Found {
            acting: Acting {
                side,
                array: pair.peer.clone(),
                other: pair.source.clone(),
                group: name_there,
                target: target(steps, &pair.peer, None, source).await?,
            },
            now: there,
        },
    })
}

fn sides(
    pair: &Pair,
    group: &GroupName,
    name_there: &GroupName,
    [here, there]: [&Option<RcGroup>; 2],
) -> GroupSides {
    let half = |array: &Array, name: &GroupName, half: &Option<RcGroup>| GroupSide {
        array: array.label().to_owned(),
        name: Some(name.clone()),
        half: half.clone().into(),
        way: None,
    };
    GroupSides {
        group: group.clone(),
        source: half(&pair.source, group, here),
        peer: half(&pair.peer, name_there, there),
    }
}

/// What an operation began on an array is put in order there only while that is the primary, and alone: somebody may have failed the group
/// over since, and have stopped it. The other array need not be there for that.
pub(super) async fn check_still_here(
    steps: &Steps,
    backend: &Backend,
    pair: &Pair,
    group: &GroupName,
    (acting, now): (&Acting, &RcGroup),
) -> Result<(), Cause> {
    if !now.role.is_primary() {
        let why = ReplicationError::Role {
            group: now.name.clone(),
            role: now.role,
            array: acting.array.label().to_owned(),
        };
        return Err(refused(&acting.array, why));
    }
    let Some(source) = backend.known_id() else {
        return Ok(());
    };
    let Some(name_there) = pair.peer_name(group, source) else {
        return Ok(());
    };
    let name = match acting.side {
        Side::Source => &name_there,
        Side::Peer => group,
    };
    let look = steps.look("the other half", acting.other.showrcopy_group(name));
    let Ok(Ok(Some(other))) = tokio::time::timeout(OTHER_HALF, look).await else {
        return Ok(());
    };
    if !other.role.is_primary() {
        return Ok(());
    }
    let halves = match acting.side {
        Side::Source => [&Some(now.clone()), &Some(other)],
        Side::Peer => [&Some(other), &Some(now.clone())],
    };
    match sides(pair, group, &name_there, halves).changeable() {
        Ok(_) => Ok(()),
        Err(why) => Err(refused(&acting.array, why)),
    }
}

async fn halves(
    steps: &Steps,
    pair: &Pair,
    group: &GroupName,
    name_there: &GroupName,
) -> Result<(Option<RcGroup>, Option<RcGroup>), Cause> {
    let here = pair.source.showrcopy_group(group);
    let here = steps.look("group", here).await?;
    let there = pair.peer.showrcopy_group(name_there);
    let there = steps.look("group on the peer", there).await?;
    Ok((here, there))
}

/// An array's name for the other one. What hpe.conf says must lead to the array whose address it gives; what it does not say is found
/// by the other array's id, for a name is no identity (array fact 15).
async fn target(
    steps: &Steps,
    array: &Array,
    configured: Option<&TargetName>,
    to: SystemId,
) -> Result<TargetName, Cause> {
    let targets = steps
        .look("targets", array.showrcopy_targets_detail())
        .await?;
    let found = targets.iter().find(|t| match configured {
        Some(name) => t.name == *name,
        None => t.system_id == Some(to),
    });
    let Some(found) = found else {
        let why = match configured {
            Some(name) => ReplicationError::Target {
                target: name.clone(),
                array: array.label().to_owned(),
                complaint: "does not exist".to_owned(),
            },
            None => ReplicationError::NoTarget {
                array: array.label().to_owned(),
                to,
            },
        };
        return Err(refused(array, why));
    };
    let complaint = match (found.system_id, found.status) {
        (Some(id), _) if id != to => Some(format!(
            "leads to the array with system id {id}, and the `san_ip` of `replication_device` to the one with {to}"
        )),
        (_, TargetStatus::Ready) => None,
        (_, status) => Some(format!("is {status}")),
    };
    match complaint {
        None => Ok(found.name.clone()),
        Some(complaint) => Err(refused(
            array,
            ReplicationError::Target {
                target: found.name.clone(),
                array: array.label().to_owned(),
                complaint,
            },
        )),
    }
}

/// The array on which an operation changes its volume: the backend's own, unless the journal says that the peer acted.
pub(super) fn acting_array<'a>(entry: &JournalEntry, backend: &'a Backend) -> &'a Array {
    match &backend.pair {
        Some(pair)
            if entry
                .facts
                .get("acting")
                .is_some_and(|label| label == pair.peer.label()) =>
        {
            &pair.peer
        }
        _ => &backend.array,
    }
}

/// False if the array on which an operation acted has another name in hpe.conf since, so that it cannot be told which it is.
pub(super) fn knows_acting(entry: &JournalEntry, backend: &Backend) -> bool {
    let Some(acting) = entry.facts.get("acting") else {
        return true;
    };
    let peer = backend.pair.as_ref().map(|pair| &pair.peer);
    let mut arrays = std::iter::once(&backend.array).chain(peer);
    arrays.any(|array| acting == array.label()) || backend.alone_on().is_some()
}

/// Writes down where an operation changes a group, for the run of the plugin that may have to end it.
pub(super) fn remember(
    steps: &mut Steps,
    acting: &Acting,
    group_at_home: &GroupName,
) -> Result<(), Cause> {
    steps.record(&facts(acting, group_at_home))
}

/// What [`recall`] reads.
pub(super) fn facts<'a>(
    acting: &'a Acting,
    group_at_home: &'a GroupName,
) -> [(&'static str, &'a str); 4] {
    [
        ("acting", acting.array.label()),
        ("group", acting.group.as_str()),
        ("group at home", group_at_home.as_str()),
        ("target", acting.target.as_str()),
    ]
}

/// Where an operation changes a group, as it wrote it down.
pub(super) fn recall(entry: &JournalEntry, pair: &Pair) -> Option<Acting> {
    let fact = |key: &str| entry.facts.get(key);
    let on_the_peer = fact("acting").is_some_and(|label| label == pair.peer.label());
    let (side, array, other) = if on_the_peer {
        (Side::Peer, &pair.peer, &pair.source)
    } else {
        (Side::Source, &pair.source, &pair.peer)
    };
    Some(Acting {
        side,
        array: array.clone(),
        other: other.clone(),
        group: GroupName::new(fact("group")?).ok()?,
        target: TargetName::new(fact("target")?).ok()?,
    })
}

/// The group of an operation by its name on the backend's own array, as it wrote it down.
pub(super) fn name_at_home(entry: &JournalEntry) -> Option<GroupName> {
    GroupName::new(entry.facts.get("group at home")?).ok()
}

/// Where a group is changed now, if that is not where an operation began to. None if it is, or if there is no such group any more.
pub(super) async fn moved(
    steps: &Steps,
    backend: &Backend,
    pair: &Pair,
    at_home: &GroupName,
    before: &Acting,
) -> Result<Option<Acting>, Cause> {
    let Found { acting, now } = find(steps, backend, pair, at_home, Standing::Before).await?;
    let moved = now.is_some() && acting.side != before.side;
    if moved {
        log::info!(volume = steps.entry().name.as_str(), group = acting.group.as_str(), array = acting.array.label();
            "the group has changed its roles since: going on there");
    }
    Ok(moved.then_some(acting))
}

/// A dismissal removes the VV on the array that is not Primary. Nothing is dismissed where that would be the VV that has to stay. `home`:
/// where that is.
///
/// # Errors
/// [`NotTaken::FailedOver`] while the group is changed on the other array.
pub(super) fn must_be_at_home(
    steps: &Steps,
    backend: &Backend,
    home: Side,
    acting: &Acting,
) -> Result<(), Cause> {
    if acting.side == home {
        return Ok(());
    }
    let vv = &steps.entry().vv;
    let group = name_at_home(steps.entry()).unwrap_or_else(|| acting.group.clone());
    Err(taken::not_taken(
        backend.on(home),
        vv,
        NotTaken::FailedOver(group),
    ))
}

/// What the arrays showed does not fit.
pub(super) fn refused(array: &Array, why: ReplicationError) -> Cause {
    Cause::Replication {
        array: array.label().to_owned(),
        why,
    }
}

/// Another operation has the group.
pub(super) fn locked(group: &GroupName, array: &Array, lock: GroupLock) -> Cause {
    Cause::GroupLocked {
        group: group.clone(),
        array: array.label().to_owned(),
        lock: Box::new(lock),
    }
}

/// A group whose members carry `grp=ours` was made by this plugin; one that is missing is about to be.
pub(super) async fn is_ours(
    namespace: &Namespace,
    steps: &Steps,
    array: &Array,
    now: Option<&RcGroup>,
) -> Result<bool, Cause> {
    let Some(now) = now else {
        return Ok(true);
    };
    let Some(member) = now.volumes.first() else {
        return Ok(false);
    };
    if !member.local.is_ours(namespace) {
        return Ok(false);
    }
    let look = array.showvv(VvQuery::Name(&member.local));
    let vvs = steps.look("group member", look).await?;
    Ok(vvs
        .first()
        .and_then(|vv| vv.comment.as_deref())
        .and_then(|text| Comment::parse(text).ok())
        .is_some_and(|comment| comment.group_is_ours))
}

/// The array keeps a VV set of its own for a group. Where that is exported, an admitted volume is seen by other hosts at once.
pub(super) async fn check_set_exports(steps: &Steps, acting: &Acting) -> Result<(), Cause> {
    let (array, group) = (&acting.array, &acting.group);
    let prefix = format!("RCP_{group}");
    let all = steps
        .look("exports", array.showvlun_t(VlunQuery::All))
        .await?;
    let of_the_group = |vv: &ExportedVv| match vv {
        ExportedVv::Set(set) => set.as_str().starts_with(&prefix),
        ExportedVv::One(_) => false,
    };
    let seen: Vec<_> = all.into_iter().filter(|t| of_the_group(&t.vv)).collect();
    match seen.first() {
        None => Ok(()),
        Some(first) => Err(Cause::Replication {
            array: array.label().to_owned(),
            why: ReplicationError::SetExported {
                group: group.clone(),
                set: first.vv.to_string(),
                to: exports::names(&seen),
            },
        }),
    }
}
