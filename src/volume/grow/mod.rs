//! `volume grow`: a VV, its copy, its device and its filesystem are made larger while all of them are in use. Of a replicated volume the
//! group is stopped for that, in a cycle of its own (`replicated`); the filesystem follows when every array has the new size.
//!
//! `growvv` is told what to add, so given twice it grows twice: the size is looked at before each, and read back after it.

mod error;
mod replicated;

use serde::{Deserialize, Serialize};

use crate::{
    index::OpKind,
    inform::{Array, Vv, VvKind, VvQuery},
    model::{Format, GroupName, NewSize, RequestId, Side, Size, Source, State, VolumeName, VvName},
    replication::{self, Acting},
};

use super::{
    Progress,
    backend::Backend,
    error::{Aftermath, Cause, VolumeError},
    group_lock,
    groups::{self, Found, Standing},
    growth,
    inner::Inner,
    known, lookup,
    queue::{Coming, GroupKey},
    steps::{Intent, Seen, Steps},
};

pub use error::GrowError;

/// A volume that is larger now, or was so already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grown {
    /// Docker's name.
    pub name: VolumeName,
    /// What it had.
    pub before_mib: Size,
    /// What it has.
    pub size_mib: Size,
    /// What became of it on this host.
    pub here: Here,
}

/// Device and filesystem on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Here {
    /// It is not mounted here: they grow at the next mount, and where it is mounted within a minute or so.
    NotMounted,
    /// They have grown, too.
    Follows,
    /// They have not, and are tried again every minute.
    Smaller(String),
}

/// Makes a volume larger. One that is as large already is only looked at.
pub(super) async fn grow(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
    to: NewSize,
    progress: &Progress,
) -> Result<Grown, VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    inner.clean_up_after(request, name).await.map_err(clean)?;
    let backend = lookup::backend_of(inner, request, name)
        .await
        .map_err(clean)?
        .ok_or_else(|| clean(Cause::NoSuchVolume))?;
    if let Some(volume) = inner.index.get(name)
        && let Source::Snapshot(snapshot) = volume.options.source
    {
        return Err(clean(GrowError::Snapshot { of: snapshot.of }.into()));
    }
    let entry = inner.new_entry(request, OpKind::Grow, name, &backend);
    let mut coming = inner.queues.nobody_yet();
    let mut steps = Steps::begin(&inner.index, &inner.points, entry)
        .await
        .map_err(clean)?;
    match larger(inner, &backend, &mut coming, &mut steps, to, progress).await {
        Ok((before, size)) => {
            note_size(inner, name, size).map_err(clean)?;
            let here = growth::at_once(inner, name, size).await.map_err(clean)?;
            steps.finish().map_err(clean)?;
            log::info!(volume = name.as_str(), request = request.as_str(), before:% = before, size:% = size; "grown");
            Ok(Grown {
                name: name.clone(),
                before_mib: before,
                size_mib: size,
                here,
            })
        }
        Err(cause) => {
            let aftermath = after_failure(&backend, steps).await;
            Err(VolumeError {
                volume: name.clone(),
                cause,
                aftermath,
            })
        }
    }
}

/// Its sizes before and after.
async fn larger(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    steps: &mut Steps,
    to: NewSize,
    progress: &Progress,
) -> Result<(Size, Size), Cause> {
    let known = inner.index.get(&steps.entry().name);
    let known = known.and_then(|volume| volume.group);
    let acting = where_it_is_changed(backend, steps, known.as_ref()).await?;
    let (side, array) = match &acting {
        Some(acting) => (acting.side, acting.array.clone()),
        None => (Side::Source, backend.array.clone()),
    };
    let vv = look(steps, &array).await?;
    check(inner, steps, side, &array, &vv)?;
    // What cannot be is refused before anything is stopped.
    let wanted = wanted(vv.size, to)?;
    let size = match &acting {
        Some(acting) => {
            if let (Some(id), Some(group)) =
                (backend.known_id(), groups::name_at_home(steps.entry()))
            {
                coming.announce(GroupKey::new(id, &group));
            }
            replicated::grow(inner, backend, coming, steps, acting, to, progress).await?;
            look(steps, &array).await?.size
        }
        None => to_size(steps, Intent::Grow, &array, vv.size, wanted).await?,
    };
    Ok((vv.size, size))
}

/// Where the volume's group is changed, which is `known` to be this one; none if it is in no group. What does not let the group be stopped is
/// refused here.
async fn where_it_is_changed(
    backend: &Backend,
    steps: &mut Steps,
    known: Option<&GroupName>,
) -> Result<Option<Acting>, Cause> {
    let Some(pair) = &backend.pair else {
        return Ok(None);
    };
    let vv = steps.entry().vv.clone();
    let mut groups = steps.look("groups", pair.source.showrcopy_groups()).await?;
    groups.retain(|group| group.holds(&vv));
    // A listing of all has no total: what is not in it may be there all the same.
    if groups.is_empty()
        && let Some(known) = known
    {
        let look = pair.source.showrcopy_group(known);
        groups.extend(steps.look("group", look).await?);
        groups.retain(|group| group.holds(&vv));
    }
    let Some(group) = groups.first() else {
        return Ok(None);
    };
    let Found { acting, now } =
        groups::find(steps, backend, pair, &group.name, Standing::Before).await?;
    let now = now.unwrap_or_else(|| group.clone());
    let array = acting.array.label();
    group_lock::judge(steps, &acting, Some(now), |now| match now {
        Some(now) => replication::check_growth(array, now),
        None => Ok(()),
    })
    .await?;
    groups::remember(steps, &acting, &group.name)?;
    Ok(Some(acting))
}

fn check(inner: &Inner, steps: &Steps, side: Side, array: &Array, vv: &Vv) -> Result<(), Cause> {
    let comment = known::judge(inner, array, vv)?;
    let known = inner.index.get(&steps.entry().name);
    let was = known.as_ref().and_then(|volume| volume.wwn_on(side));
    if let Some(was) = was.filter(|was| **was != vv.wwn) {
        return Err(Cause::other_identity(array, vv, was));
    }
    let doing = match (comment.state, comment.format, &vv.kind) {
        (State::Ready, Format::Doing, _) => "its filesystem is being made".to_owned(),
        (State::Ready, _, VvKind::Base) => return Ok(()),
        (State::Ready, _, kind) => format!("its VV is of the kind `{kind}`"),
        (state, _, _) => format!("it is {state}"),
    };
    Err(GrowError::NotReady { doing }.into())
}

fn wanted(is: Size, to: NewSize) -> Result<Size, GrowError> {
    let wanted = to.of(is);
    if wanted < is {
        Err(GrowError::Smaller { is, asked: wanted })
    } else if wanted > Size::from_gib(Size::MAX_GIB) {
        Err(GrowError::TooLarge { is, wanted })
    } else {
        Ok(wanted)
    }
}

/// The VV on one array.
async fn look(steps: &Steps, array: &Array) -> Result<Vv, Cause> {
    let vv = &steps.entry().vv;
    let found = steps.look("vv", array.showvv(VvQuery::Name(vv))).await?;
    found.into_iter().next().ok_or(Cause::NoSuchVolume)
}

/// Adds what one array's VV lacks, which was looked at just now. It counts only when it reads back; a command of which nobody knows whether
/// it ran is waited for before the next look. Gives what was read back: more than was wanted, if another host has grown it, too.
pub(super) async fn to_size(
    steps: &mut Steps,
    intent: Intent,
    array: &Array,
    is: Size,
    wanted: Size,
) -> Result<Size, Cause> {
    if is >= wanted {
        return Ok(is);
    }
    let vv = steps.entry().vv.clone();
    let added = Size::from_mib(wanted.mib() - is.mib());
    let grown = || seen(array, &vv, wanted);
    steps.act(intent, array.growvv(&vv, added), grown).await
}

async fn seen(
    array: &Array,
    vv: &VvName,
    wanted: Size,
) -> Result<Seen<Size>, crate::inform::ArrayError> {
    let found = array.showvv(VvQuery::Name(vv)).await?;
    Ok(match found.first() {
        Some(now) if now.size >= wanted => Seen::Done(now.size),
        Some(now) => Seen::NotDone(format!(
            "`{vv}` has {} on array `{}`",
            now.size,
            array.label()
        )),
        None => Seen::NotDone(format!("`{vv}` is gone from array `{}`", array.label())),
    })
}

fn note_size(inner: &Inner, name: &VolumeName, size: Size) -> Result<(), Cause> {
    let note = |volume: &mut crate::index::IndexedVolume| volume.options.size = size;
    inner.write("size", |index| index.change(name, note))
}

/// What became of the steps before the one that failed. The entry stays open while a command may be running, or the group is not as it was.
async fn after_failure(backend: &Backend, steps: Steps) -> Aftermath {
    let left = if steps.is_in_doubt() {
        Some("a command that may still be running".to_owned())
    } else {
        replicated::left(backend, &steps).await
    };
    match left {
        None => steps.close(Aftermath::Unchanged),
        Some(what) => Aftermath::Left {
            what,
            why: "it could not be put in order now".to_owned(),
        },
    }
}

/// Ends a growth that was interrupted: complete, or as if it had not begun. Only what may have left two sizes is gone on with.
pub(super) async fn settle(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> Result<(), Cause> {
    steps.must_be_still(backend).await?;
    let acting = replicated::settle(inner, backend, coming, &mut steps).await?;
    let array = acting.map_or_else(|| backend.array.clone(), |acting| acting.array);
    if Intent::Grow.is_in(steps.entry()) {
        let name = steps.entry().name.clone();
        let size = look(&steps, &array).await?.size;
        note_size(inner, &name, size)?;
        growth::at_once(inner, &name, size).await?;
    }
    steps.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_never_made_smaller_nor_larger_than_an_array_makes() {
        let is = Size::from_gib(3);
        let total = |gib| wanted(is, NewSize::Total(Size::from_gib(gib)));
        assert!(matches!(total(2), Err(GrowError::Smaller { .. })));
        assert_eq!(total(3).unwrap(), is);
        assert_eq!(total(4).unwrap(), Size::from_gib(4));
        assert_eq!(total(16_384).unwrap(), Size::from_gib(16_384));
        let more = NewSize::More(Size::from_gib(16_382));
        assert!(matches!(wanted(is, more), Err(GrowError::TooLarge { .. })));
    }
}
