//! `docker volume rm`: the way through. What becomes of one that fails or dies is in `undo`.

pub(super) mod forget;
mod joined;
mod marks;
pub(super) mod release;
mod undo;

use crate::{
    index::OpKind,
    inform::{Array, RcGroup, VlunTemplate, Vv, VvQuery},
    model::{Comment, GroupName, ImportPolicy, Origin, RequestId, VolumeName, VvName},
    replication::{self, Acting, Change},
};

use super::{
    backend::Backend,
    copying,
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
    pending,
    queue::{Coming, GroupKey},
    service_levels::{self, ServiceLevel},
    snapshots::{self, schedules},
    steps::{Intent, Steps},
    unmount,
};

use release::Release;
pub(super) use undo::resume;
use undo::{BackedOut, back_out};

/// Removes the volume and its copy. A volume that certainly does not exist is removed already.
pub(super) async fn remove(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), VolumeError> {
    end(inner, request, name, Ending::AsImported).await
}

/// What becomes of a volume that was imported or adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// What was said when it was imported.
    AsImported,
    /// It is given back.
    Release,
}

/// Removes the volume and its copy, or releases it.
pub(super) async fn end(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    ending: Ending,
) -> Result<(), VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    pending::wait_a_little(inner, name).await;
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
    copying::note_completed(inner, request, name)
        .await
        .map_err(clean)?;
    let backend = match lookup::backend_of(inner, request, name)
        .await
        .map_err(clean)?
    {
        Some(backend) => backend,
        None if ending == Ending::Release => return Err(clean(Cause::NoSuchVolume)),
        None => return Ok(()),
    };
    // A snapshot that was taken on both arrays goes from the other one first: what is left of a remove that fails is the volume. Like a
    // volume with a copy it goes from neither while one of them cannot say what it has: that might be all that anybody could use now.
    if let Some(twin) = snapshots::twin(inner, name, &backend) {
        let twin = twin.for_request(request);
        look(inner, name, &backend).await.map_err(clean)?;
        from(inner, request, name, &twin, ending).await?;
    }
    from(inner, request, name, &backend, ending).await?;
    log::info!(volume = name.as_str(), request = request.as_str(); "removed");
    Ok(())
}

/// Removes the volume from a backend's array, and its copy. The caller holds the name's lock.
async fn from(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    backend: &Backend,
    ending: Ending,
) -> Result<(), VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let vv = name.vv_name(&inner.namespace);
    let (found, comment) = match look(inner, name, backend).await {
        Ok(Known::Ours(found, comment)) => (found, comment),
        Ok(Known::Absent) => {
            nothing_on_the_peer(inner, backend, &vv)
                .await
                .map_err(clean)?;
            without_vv(inner, request, name, backend).await?;
            return snapshots::gone(inner, name, backend).map_err(clean);
        }
        Err(cause) => return Err(clean(cause)),
    };

    let given_back = release::wanted(backend, &found, &comment, ending).map_err(clean)?;
    // What is only given back is renamed, and stays.
    if given_back.is_none() {
        let free = snapshots::must_not_be_retained(inner, &backend.array, &found).await;
        free.map_err(clean)?;
    }
    let entry = inner.new_entry(request, OpKind::Remove, name, backend);
    let mut coming = inner.queues.nobody_yet();
    if let (Some(id), Some(group)) = (backend.known_id(), group_of(inner, name)) {
        coming.announce(GroupKey::new(id, &group));
    }
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match take_away(
        inner,
        backend,
        (&found, &comment),
        &mut coming,
        &mut steps,
        given_back.as_ref(),
    )
    .await
    {
        Ok(()) => {
            snapshots::gone(inner, name, backend).map_err(clean)?;
            steps.finish().map_err(clean)
        }
        Err(cause) => {
            let aftermath = match back_out(inner, backend, &mut coming, steps).await {
                BackedOut::Gone(steps) => {
                    snapshots::gone(inner, name, backend).map_err(clean)?;
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

/// What is under the volume's name on a backend's array.
///
/// # Errors
/// [`Cause::Busy`] while another host makes or removes it.
async fn look(inner: &Inner, name: &VolumeName, backend: &Backend) -> Result<Known, Cause> {
    let vv = name.vv_name(&inner.namespace);
    let look = known::look(inner, backend, &vv);
    let found = inner.points.around(Doing::Look, "vv", look).await?;
    match &found {
        Known::Ours(_, comment)
            if !comment.state.is_there() && comment.op.machine != inner.machine =>
        {
            Err(Cause::busy(&inner.machine, comment))
        }
        _ => Ok(found),
    }
}

/// Somebody has removed the VV of a snapshot: its schedule, which goes with it, may be there still.
async fn without_vv(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    backend: &Backend,
) -> Result<(), VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let known = inner.index.get(name);
    if known.is_none_or(|volume| volume.schedule().is_none()) {
        return Ok(());
    }
    let entry = inner.new_entry(request, OpKind::Remove, name, backend);
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match remove_left_schedule(inner, &mut steps, &backend.array).await {
        Ok(()) => steps.finish().map_err(clean),
        // The volume stays known, so that its next removal goes on with it.
        Err(cause) => {
            steps.finish().map_err(clean)?;
            Err(clean(cause))
        }
    }
}

/// Removes the schedule of a snapshot whose VV somebody else has removed, by what the index knows of it.
async fn remove_left_schedule(
    inner: &Inner,
    steps: &mut Steps,
    array: &Array,
) -> Result<(), Cause> {
    let Some(volume) = inner.index.get(&steps.entry().name) else {
        return Ok(());
    };
    let Some(snapshot) = volume.options.source.snapshot() else {
        return Ok(());
    };
    let Some(schedule) = &snapshot.schedule else {
        return Ok(());
    };
    let source = snapshot.of.vv_name(&inner.namespace);
    let prefix = snapshot.scheduled.as_ref().map(|it| &it.prefix);
    schedules::remove(steps, array, schedule, &source, prefix).await?;
    Ok(())
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
    (found, comment): (&Vv, &Comment),
    coming: &mut Coming,
    steps: &mut Steps,
    given_back: Option<&Release>,
) -> Result<(), Cause> {
    let source = &backend.array;
    let vv = steps.entry().vv.clone();
    let comment = &Comment {
        // As it will be marked.
        import: given_back.map_or(comment.import, |_| Some(ImportPolicy::Release)),
        ..comment.clone()
    };
    for array in std::iter::once(source).chain(backend.pair.as_ref().map(|pair| &pair.peer)) {
        // What is only given back keeps its snapshots and its sets. Its copy is removed.
        if given_back.is_none() || array.label() != source.label() {
            snapshots::must_have_no_copies(inner, steps, array, &vv).await?;
            let group = group_of(inner, &comment.name);
            let group = group.as_ref();
            service_levels::must_be_in_no_foreign_set(steps, backend, array, &vv, comment, group)
                .await?;
        }
    }
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
    if let Some(release) = given_back {
        release::check(inner, steps, backend, release).await?;
    }
    for (array, template) in &ours {
        // Left over from a mount that ended badly: nothing is mounted here, remove() has looked.
        detach::device(steps, backend, array, &vv).await?;
        exports::withdraw(steps, Intent::Withdraw, array, template).await?;
    }

    let into = comment.becomes.as_ref();
    let into = into.and_then(|becomes| becomes.group.clone());
    let Some(comment) = marks::set(steps, backend, &found.wwn).await? else {
        return Ok(());
    };
    if let Some(group) = into {
        joined::look(steps, backend, &group, &comment).await?;
    }
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
    finish_removal(inner, backend, coming, steps, &comment).await
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
    comment: &Comment,
) -> Result<(), Cause> {
    let vv = steps.entry().vv.clone();
    let group_is_ours = comment.group_is_ours;
    let level = ServiceLevel::of(comment);
    let peer = backend.pair.as_ref().map(|pair| &pair.peer);
    for array in std::iter::once(&backend.array).chain(peer) {
        service_levels::leave(steps, array, &vv, &level).await?;
    }
    if !release::is_one(steps.entry()) {
        service_levels::python::leave(steps, &backend.array, &vv, comment).await?;
    }
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
    if release::is_one(steps.entry()) {
        return release::give_back(inner, backend, steps).await;
    }
    // Another host may have removed it meanwhile, and made another of that name: only what carries this operation's mark is removed.
    let array = groups::acting_array(steps.entry(), backend).clone();
    match mark::read(steps, &array).await? {
        Mark::Gone => remove_left_schedule(inner, steps, &array).await?,
        Mark::Own(comment) if release::is_to_be_kept(&comment) => {
            return Err(release::imported_since(&array, &vv));
        }
        Mark::Own(comment) => {
            remove_schedule(steps, &array, &comment).await?;
            // A clone may be on its way yet.
            if comment.origin == Origin::Data {
                copying::end(steps, &array, &vv).await?;
            }
            remove_vv(steps, &array, &vv).await?;
        }
        Mark::Others(comment) => {
            let here = &steps.entry().op.machine;
            return Err(mark::not_ours(here, &array, &vv, comment));
        }
    }
    service_levels::python::remove_left(steps, &backend.array).await
}

/// The schedule of a snapshot goes with it.
async fn remove_schedule(steps: &mut Steps, array: &Array, comment: &Comment) -> Result<(), Cause> {
    if comment.schedule.is_none() {
        return Ok(());
    }
    let look = array.showvv(VvQuery::Name(&steps.entry().vv));
    let found = steps.look("vv", look).await?;
    match found.first().and_then(|vv| vv.copy_of.as_ref()) {
        Some(source) => schedules::remove_of(steps, array, comment, source).await,
        None => Ok(()),
    }
}
