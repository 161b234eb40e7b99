//! From which of its two arrays a snapshot that was taken on both is mounted: the one that it was taken on, by every host, as long as that one has
//! it. They are two VVs, and each array knows only who has its own: two hosts that use different ones have one volume with two contents.

use crate::{
    model::{RequestId, VolumeName},
    volume::{
        backend::Backend,
        error::Cause,
        inner::Inner,
        kill_points::Doing,
        known::{self, Known},
    },
};

use super::error::SnapshotError;

/// The array to mount it from, by itself; `backend` for whatever is not on both. What this host has seen of it so far may be the other half.
///
/// # Errors
/// [`SnapshotError::UsedElsewhere`] while the array that it was taken on cannot be asked.
pub(in crate::volume) async fn used_from(
    inner: &Inner,
    request: &RequestId,
    backend: Backend,
    name: &VolumeName,
) -> Result<Backend, Cause> {
    let (Some(volume), Some(side)) = (inner.index.get(name), backend.alone_on()) else {
        return Ok(backend);
    };
    let snapshot = volume.options.source.snapshot();
    if !snapshot.is_some_and(|snapshot| snapshot.both)
        || backend.identity().await?.system.id == volume.home
    {
        return Ok(backend);
    }
    let whole = inner.backend(&volume.backend)?;
    let home = whole.alone(side.other()).for_request(request);
    let look = known::look(inner, &home, &volume.vv);
    match inner.points.around(Doing::Look, "twin", look).await {
        Ok(Known::Ours(vv, _)) => {
            inner.note_wwn(name, home.side(), &vv.wwn)?;
            Ok(home)
        }
        // It has expired there, or was removed.
        Ok(Known::Absent) => Ok(backend),
        Err(cause) if cause.is_unreachable() => Err(SnapshotError::UsedElsewhere {
            here: backend.array.label().to_owned(),
            home: home.array.label().to_owned(),
            why: cause.to_string(),
        }
        .into()),
        Err(cause) => Err(cause),
    }
}
