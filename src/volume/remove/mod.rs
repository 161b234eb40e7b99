//! `docker volume rm`: the way through. What becomes of one that fails or dies is in `undo`.

mod marks;
mod undo;

use crate::{
    index::OpKind,
    inform::{Array, RcGroup, VlunTemplate, VvQuery},
    model::{Comment, GroupName, RequestId, State, VolumeName, VvName},
    replication::{self, Acting, Change},
};

use super::{
    backend::Backend,
    create::{put_in_order, remove_vv},
    detach,
    error::{Cause, VolumeError},
    exports::{self, Exports},
    group_lock,
    groups::{self, Found, Standing},
    inner::Inner,
    kill_points::Doing,
    known::{self, Known},
    lookup,
    mark::{self, Mark},
    queue::{Coming, GroupKey},
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
    let mut coming = inner.queues.nobody_yet();
    if let (Some(id), Some(group)) = (backend.known_id(), group_of(inner, name)) {
        coming.announce(GroupKey::new(id, &group));
    }
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match take_away(inner, &backend, &mut coming, &mut steps).await {
        Ok(()) => {
            inner.forget(name).map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), request = request.as_str(); "removed");
            Ok(())
        }
        Err(cause) => {
            let aftermath = match back_out(inner, &backend, &mut coming, steps).await {
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

/// The group that the volume was in when it was seen last.
fn group_of(inner: &Inner, name: &VolumeName) -> Option<GroupName> {
    inner.index.get(name)?.options.replication_group
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
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
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
            let Found { acting, now } =
                groups::find(steps, backend, pair, &group.name, Standing::Before).await?;
            let now = now.unwrap_or_else(|| group.clone());
            let array = acting.array.label();
            let plan = |now: Option<&RcGroup>| match now {
                Some(now) => replication::check_dismissal(array, now),
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

    let Some(comment) = marks::set(steps, backend).await? else {
        return Ok(());
    };
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
    finish_removal(inner, backend, coming, steps, comment.group_is_ours).await
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

/// Where the volume's group is changed; none if the volume is in no group.
fn acting(steps: &Steps, backend: &Backend) -> Option<Acting> {
    let pair = backend.pair.as_ref()?;
    groups::recall(steps.entry(), pair)
}

/// From the mark to the end. It may be the second attempt: what is done already is seen to be done.
async fn finish_removal(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    group_is_ours: bool,
) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    let other = match acting(steps, backend) {
        Some(acting) => {
            let dismiss = Change::Dismiss(vv.clone());
            put_in_order(
                inner,
                backend,
                coming,
                steps,
                &acting,
                dismiss,
                group_is_ours,
            )
            .await?;
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
    let array = groups::acting_array(steps.entry(), backend).clone();
    match mark::read(steps, &array).await? {
        Mark::Gone => Ok(()),
        Mark::Own(_) => remove_vv(steps, &array, &vv).await,
        Mark::Others(comment) => Err(mark::not_ours(
            &steps.entry().op.machine,
            &array,
            &vv,
            comment,
        )),
    }
}
