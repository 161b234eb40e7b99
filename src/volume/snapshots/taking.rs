//! What is looked at before a snapshot is taken: where its volume is served, and that it is one to take a snapshot of.

use crate::{
    index::IndexedVolume,
    inform::{Array, Vv, VvQuery},
    model::{Comment, CreateVolume, Format, Mode, Side, SnapshotOf, State},
    volume::{
        backend::Backend,
        copying,
        error::Cause,
        inner::Inner,
        kill_points::Doing,
        known::{self, Known},
        serving,
    },
};

use super::error::{NotOnBoth, SnapshotError};

/// A volume of which a snapshot may be taken, and where.
#[derive(Debug)]
pub(in crate::volume) struct Original {
    /// The array that serves it, by itself.
    pub backend: Backend,
    /// What is known of it.
    pub volume: IndexedVolume,
    /// Its comment there.
    pub comment: Comment,
    /// The other array, if the snapshot is to be taken there, too.
    pub twin: Option<Backend>,
}

/// Looks up what a snapshot is to be of. `backend` is tied to the request.
pub(in crate::volume) async fn original(
    inner: &Inner,
    backend: &Backend,
    asked: &CreateVolume,
    snapshot: &SnapshotOf,
) -> Result<Original, Cause> {
    let gone = || SnapshotError::NoOriginal(snapshot.of.clone());
    let volume = inner.index.get(&snapshot.of).ok_or_else(gone)?;
    let (side, in_step) = match (&backend.pair, &volume.group) {
        (Some(_), Some(_)) => {
            let from = serving::find(inner, backend, &volume.name, &volume.vv).await?;
            (from.side, from.in_step)
        }
        _ => (copying::side(&volume).unwrap_or(Side::Source), false),
    };
    let twin = if snapshot.both {
        must_be_one_instant(backend, &volume, in_step)?;
        Some(backend.alone(side.other()))
    } else {
        None
    };
    let here = backend.alone(side);
    let mut comment = comment(inner, &here, backend, &volume).await?;
    known::note_filesystem(&volume, side, &mut comment);
    not_ready(&volume, &comment).map_or(Ok(()), |doing| {
        Err(SnapshotError::NotReady {
            of: volume.name.clone(),
            doing,
        })
    })?;
    // The other array may have a snapshot of this name that was taken while it served.
    if let Some(pair) = &backend.pair {
        let other = backend.alone(side.other());
        let vv = asked.name.vv_name(&inner.namespace);
        let look = known::look(inner, &other, &vv);
        match inner.points.around(Doing::Look, "other array", look).await {
            Ok(Known::Absent) => {}
            Ok(Known::Ours(..)) => {
                return Err(Cause::DifferentOptions(format!(
                    "it is on array `{}`, not on `{}`",
                    other.array.label(),
                    here.array.label()
                )));
            }
            Err(cause) if cause.is_unreachable() && twin.is_none() => {
                log::warn!(volume = asked.name.as_str(), array = pair.on(side.other()).label(), cause:% = cause;
                    "could not ask whether there is a snapshot of this name on the other array");
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(Original {
        backend: here,
        volume,
        comment,
        twin,
    })
}

/// The comment of a volume on the array that serves it.
async fn comment(
    inner: &Inner,
    here: &Backend,
    backend: &Backend,
    volume: &IndexedVolume,
) -> Result<Comment, Cause> {
    let side = here.side();
    let gone = || SnapshotError::NoOriginal(volume.name.clone());
    let vv = look(inner, &here.array, volume).await?.ok_or_else(gone)?;
    if let Some(was) = volume.wwn_on(side).filter(|was| **was != vv.wwn) {
        return Err(Cause::other_identity(&here.array, &vv, was));
    }
    match known::judge(inner, &here.array, &vv) {
        Ok(comment) => Ok(comment),
        // An array that takes none on a secondary, which serves now: the other one has it.
        Err(cause) => {
            let Some(pair) = &backend.pair else {
                return Err(cause);
            };
            let other = pair.on(side.other());
            let vv = look(inner, other, volume).await?.ok_or(cause)?;
            known::judge(inner, other, &vv)
        }
    }
}

async fn look(inner: &Inner, array: &Array, volume: &IndexedVolume) -> Result<Option<Vv>, Cause> {
    let look = array.showvv(VvQuery::Name(&volume.vv));
    let found = inner.points.around(Doing::Look, "original", look).await?;
    Ok(found.into_iter().next())
}

/// Why nothing is to be made of a volume now.
fn not_ready(volume: &IndexedVolume, comment: &Comment) -> Option<String> {
    match (comment.state, comment.format) {
        (State::Ready, Format::Doing) => Some("its filesystem is being made".to_owned()),
        (State::Ready, Format::No | Format::Done) => {
            (comment.name != volume.name).then(|| "its VV is another volume's".to_owned())
        }
        (state, _) => Some(format!("it is {state}")),
    }
}

fn must_be_one_instant(
    backend: &Backend,
    volume: &IndexedVolume,
    in_step: bool,
) -> Result<(), SnapshotError> {
    let why = match (&backend.pair, &volume.group) {
        (Some(pair), Some(group)) if pair.wants.mode != Mode::Sync => NotOnBoth::Mode {
            group: group.clone(),
            mode: pair.wants.mode,
        },
        (Some(_), Some(group)) if !in_step => NotOnBoth::NotInStep {
            group: group.clone(),
        },
        (Some(_), Some(_)) => return Ok(()),
        _ => NotOnBoth::NoGroup,
    };
    Err(SnapshotError::NotOnBoth { why })
}
