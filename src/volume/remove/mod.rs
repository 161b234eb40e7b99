//! `docker volume rm`: the way through. What becomes of one that fails or dies is in `undo`.

mod undo;

use crate::{
    index::{JournalEntry, OpKind},
    inform::{Array, RcGroup, VlunTemplate, VvQuery},
    model::{Comment, GroupName, GroupStatus, RequestId, State, VolumeName, VvName},
    replication::{self, Acting, Action},
};

use super::{
    backend::Backend,
    create::remove_vv,
    detach,
    error::{Cause, VolumeError},
    exports::{self, Exports},
    group_lock,
    groups::{self, Found},
    inner::Inner,
    kill_points::Doing,
    known::{self, Known},
    lookup, mark,
    steps::{Intent, Steps},
    unmount,
};

pub(super) use undo::resume;
use undo::{BackedOut, back_out};

/// Removes the volume and its copy. A volume that certainly does not exist is removed already.
pub(super) async fn remove(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    inner.clean_up_after(request, name).await.map_err(clean)?;
    // An engine removes only what it does not use. What an engine before it used it may have forgotten to unmount: the kernel
    // knows. What was counted since is somebody's, perhaps another engine's.
    let counted = inner
        .index
        .mount(name)
        .is_some_and(|record| record.has_live_references());
    if let Some(mountpoint) = inner.mounted(name)
        && (counted || !unmount::release_if_unused(inner, request, name).await?)
    {
        return Err(clean(Cause::MountedHere(mountpoint.display().to_string())));
    }
    let backend = match lookup::backend_of(inner, request, name)
        .await
        .map_err(clean)?
    {
        Some(backend) => backend,
        None => return Ok(()),
    };
    let vv = name.vv_name(&inner.namespace);
    let look = known::look(inner, &backend, &vv);
    let comment = match inner.points.around(Doing::Look, "vv", look).await {
        Ok(Known::Ours(_, comment)) => comment,
        Ok(Known::Absent) => {
            nothing_on_the_peer(inner, &backend, &vv)
                .await
                .map_err(clean)?;
            inner.forget(name).map_err(clean)?;
            return Ok(());
        }
        Err(cause) => return Err(clean(cause)),
    };
    if comment.state != State::Ready && comment.op.machine != inner.machine {
        return Err(clean(Cause::busy(&inner.machine, &comment)));
    }

    let entry = inner.new_entry(request, OpKind::Remove, name, &backend);
    let _turn = inner.group_turn(&backend).await;
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match take_away(&backend, &mut steps, *comment).await {
        Ok(()) => {
            inner.forget(name).map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), request = request.as_str(); "removed");
            Ok(())
        }
        Err(cause) => {
            let aftermath = match back_out(&backend, steps).await {
                BackedOut::Gone(steps) => {
                    inner.forget(name).map_err(clean)?;
                    steps.finish().map_err(clean)?;
                    log::warn!(volume = name.as_str(), request = request.as_str(), cause:% = cause;
                        "removed, although that was not seen at first");
                    return Ok(());
                }
                BackedOut::Back(aftermath) => aftermath,
            };
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}

/// A replicated volume is gone when its own array has no VV any more, and the peer none that names this array or itself as its home:
/// that would be the half that is left.
async fn nothing_on_the_peer(inner: &Inner, backend: &Backend, vv: &VvName) -> Result<(), Cause> {
    let Some(pair) = &backend.pair else {
        return Ok(());
    };
    let look = pair.peer.showvv(VvQuery::Name(vv));
    let found = inner
        .points
        .around(Doing::Look, "vv on the peer", look)
        .await?;
    let comment = found.first().and_then(|vv| vv.comment.as_deref());
    match comment.map(Comment::parse) {
        Some(Ok(comment)) if comment.namespace == inner.namespace => Err(Cause::HalfThere {
            array: pair.peer.label().to_owned(),
            missing: backend.array.label().to_owned(),
            vv: vv.clone(),
        }),
        _ => Ok(()),
    }
}

/// All that can be refused is looked at before anything is changed.
async fn take_away(
    backend: &Backend,
    steps: &mut Steps,
    mut comment: Comment,
) -> Result<(), Cause> {
    let source = &backend.array;
    let vv = steps.entry().vv.clone();
    let mut ours: Vec<_> = export_to_us(steps, backend, source)
        .await?
        .into_iter()
        .collect();
    if let Some(pair) = &backend.pair {
        let groups = steps.look("groups", pair.source.showrcopy_groups()).await?;
        if let Some(group) = groups.iter().find(|group| group.holds(&vv)) {
            let Found { acting, now } = groups::find(steps, backend, pair, &group.name).await?;
            let now = now.unwrap_or_else(|| group.clone());
            let array = acting.array.label();
            let plan = |now: Option<&RcGroup>| match now {
                Some(now) => {
                    replication::plan_dismissal(array, now, &vv, comment.group_is_ours).map(drop)
                }
                None => Ok(()),
            };
            group_lock::judge(steps, &acting, Some(now), plan).await?;
            groups::remember(steps, &acting, &group.name)?;
            ours.extend(export_to_us(steps, backend, &pair.peer).await?);
        }
    }
    for (array, template) in &ours {
        // Left over from a mount that ended badly: nothing is mounted here, remove() has looked.
        detach::device(steps, backend, array, &vv).await?;
        exports::withdraw(steps, Intent::Withdraw, array, template).await?;
    }

    comment.state = State::Removing;
    comment.op = steps.entry().op.clone();
    mark_both(steps, backend, Intent::MarkRemoving, &comment).await?;
    // Who exported it between the first look and the mark has not seen the mark. Who exports it from now on sees it, and
    // withdraws.
    let peer = backend.pair.as_ref().map(|pair| &pair.peer);
    for array in std::iter::once(source).chain(peer) {
        let since = exports::look_on(steps, array, &vv).await?;
        if !since.is_empty() {
            return Err(Cause::ExportedElsewhere {
                array: array.label().to_owned(),
                to: exports::names(&since),
            });
        }
    }
    finish_removal(backend, steps, comment.group_is_ours).await
}

/// The export of the VV on one array to this machine, if there is one. Nobody else may have one.
async fn export_to_us(
    steps: &Steps,
    backend: &Backend,
    array: &Array,
) -> Result<Option<(Array, VlunTemplate)>, Cause> {
    match exports::look(steps, backend, array, &steps.entry().vv).await? {
        Exports::None => Ok(None),
        Exports::Ours(template) => Ok(Some((array.clone(), template))),
        Exports::Foreign { to, .. } => Err(Cause::ExportedElsewhere {
            array: array.label().to_owned(),
            to,
        }),
    }
}

/// Writes the comment on the volume, and on its copy if it has one.
async fn mark_both(
    steps: &mut Steps,
    backend: &Backend,
    intent: Intent,
    comment: &Comment,
) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    match acting(steps, backend) {
        Some(acting) => {
            mark::home(steps, intent, &acting.array, &vv, comment).await?;
            mark::copy(steps, intent, &acting.other, &vv, comment).await?;
        }
        None => {
            mark::home(steps, intent, &backend.array, &vv, comment).await?;
        }
    }
    Ok(())
}

/// Where the volume's group is changed; none if the volume is in no group.
fn acting(steps: &Steps, backend: &Backend) -> Option<Acting> {
    let pair = backend.pair.as_ref()?;
    groups::recall(steps.entry(), pair)
}

/// From the mark to the end. It may be the second attempt: what is done already is seen to be done.
async fn finish_removal(
    backend: &Backend,
    steps: &mut Steps,
    group_is_ours: bool,
) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    let other = match acting(steps, backend) {
        Some(acting) => {
            dismiss(backend, steps, &acting, group_is_ours).await?;
            Some(acting.other)
        }
        None => backend.pair.as_ref().map(|pair| pair.peer.clone()),
    };
    if let Some(other) = other {
        let copy = steps.look("copy", other.showvv(VvQuery::Name(&vv))).await?;
        if !copy.is_empty() {
            return Err(Cause::NotProven {
                intent: Intent::Dismiss.to_string(),
                found: format!("`{vv}` is still on array `{}`", other.label()),
            });
        }
    }
    // Another host may have removed it meanwhile, and made another of that name: only what carries this operation's mark is removed.
    let array = groups::acting_array(steps.entry(), backend);
    let found = steps.look("vv", array.showvv(VvQuery::Name(&vv))).await?;
    let Some(found) = found.first() else {
        return Ok(());
    };
    let comment = found.comment.as_deref().map(Comment::parse);
    match comment {
        Some(Ok(comment)) if comment.op == steps.entry().op => {}
        Some(Ok(comment)) => {
            return Err(Cause::busy(&steps.entry().op.machine, &comment));
        }
        _ => {
            return Err(Cause::ForeignVv {
                array: array.label().to_owned(),
                vv,
                why: "its comment was changed while it was being removed".to_owned(),
            });
        }
    }
    remove_vv(steps, array, &vv).await
}

/// Out of the group, under its lock.
async fn dismiss(
    backend: &Backend,
    steps: &mut Steps,
    acting: &Acting,
    group_is_ours: bool,
) -> Result<(), Cause> {
    let held = locked(backend, steps, acting).await?;
    let vv = steps.entry().vv.clone();
    let now = steps
        .look("group", acting.array.showrcopy_group(&acting.group))
        .await?;
    let plan = match &now {
        Some(group) if group.holds(&vv) => {
            let array = acting.array.label();
            let mut plan = replication::plan_dismissal(array, group, &vv, group_is_ours)
                .map_err(|why| groups::refused(&acting.array, why))?;
            if held {
                restart_others(steps.entry(), group, &mut plan);
            }
            plan
        }
        Some(group) => leftover_group(steps.entry(), group, group_is_ours, held),
        None => Vec::new(),
    };
    groups::carry_out_all(steps, &acting.array, &plan, &mut Vec::new()).await?;
    group_lock::release(steps, acting).await
}

/// Takes the lock. True if the operation had it already: then it may have stopped the group, and nobody else has since. Between the
/// first look and the lock somebody may have failed the group over.
async fn locked(backend: &Backend, steps: &mut Steps, acting: &Acting) -> Result<bool, Cause> {
    let held = group_lock::is_ours(steps, acting).await?;
    group_lock::take(steps, acting).await?;
    let at_home = steps.entry().facts.get("group at home");
    let at_home = at_home.and_then(|name| GroupName::new(name).ok());
    if let (Some(pair), Some(group)) = (&backend.pair, at_home) {
        let found = groups::find(steps, backend, pair, &group).await?;
        if found.now.is_some() && found.acting.side != acting.side {
            return Err(Cause::RolesChanged(group));
        }
    }
    Ok(held)
}

/// The stop before the crash was ours: so is the start.
fn restart_others(entry: &JournalEntry, group: &RcGroup, plan: &mut Vec<Action>) {
    let start = Action::Start(group.name.clone());
    let others = group.volumes.iter().any(|v| v.local != entry.vv);
    let starts = plan.iter().any(|action| matches!(action, Action::Start(_)));
    if Intent::StopGroup.may_have_happened(entry) && others && !starts {
        plan.push(start);
    }
}

/// The volume is out of its group already, or still in it: the group is started for those that are in it, or, empty and ours,
/// removed.
fn leftover_group(entry: &JournalEntry, group: &RcGroup, ours: bool, held: bool) -> Vec<Action> {
    let stopped = group.status == GroupStatus::Stopped;
    match group.volumes.is_empty() {
        true if ours => vec![Action::Remove(group.name.clone())],
        false if stopped && held && Intent::StopGroup.may_have_happened(entry) => {
            vec![Action::Start(group.name.clone())]
        }
        _ => Vec::new(),
    }
}
