//! The steps of taking a snapshot. It is complete with the one command that takes it: that carries its comment, its expiry and its
//! retention, which nobody can take back.

use crate::{
    index::{IndexedVolume, JournalEntry},
    inform::{Array, CreateSv, Vv, VvQuery},
    model::{Comment, CreateVolume, OperationId, Origin, SnapshotOf, State},
    volume::{
        backend::{Backend, Identity},
        error::Cause,
        inner::Inner,
        known, mark,
        snapshots::{Original, SnapshotError, TWIN, TWIN_WWN, schedules, twin_array},
        steps::{Intent, Steps},
    },
};

use super::making::ours_by_op;

/// Takes the snapshot, on the other array too if that was asked, and gives what the index is to know of it.
pub(super) async fn take(
    inner: &Inner,
    identity: &Identity,
    steps: &mut Steps,
    asked: &CreateVolume,
    snapshot: &SnapshotOf,
    original: &Original,
) -> Result<IndexedVolume, Cause> {
    let JournalEntry { vv, op, .. } = steps.entry().clone();
    let array = &original.backend.array;
    let comment = comment(identity, asked, snapshot, original, op);
    // Refused before anything is made, if it does not fit.
    comment.can_be_used()?;
    if original.twin.is_some() {
        steps.record(&[(TWIN, "yes")])?;
    }
    schedules::make(steps, array, &original.volume.vv, snapshot).await?;
    let taken = CreateSv {
        name: vv.clone(),
        source: original.volume.vv.clone(),
        read_only: false,
        expires: snapshot.expiration,
        retained: snapshot.retention,
        both_arrays: original.twin.is_some(),
        comment: Some(comment.encode()?),
    };
    let made = steps
        .act(Intent::TakeSnapshot, array.createsv(&taken), || async {
            Ok(ours_by_op(
                array.label(),
                array.showvv(VvQuery::Name(&vv)).await?,
                &comment,
            ))
        })
        .await?;
    let twin = match &original.twin {
        Some(twin) => Some(twin_of(steps, twin, &comment).await?),
        None => None,
    };
    let mut volume = known::volume(
        inner,
        &original.backend,
        original.backend.side(),
        &made,
        &comment,
        None,
    );
    if let (Some(backend), Some(twin)) = (&original.twin, twin) {
        volume.note_wwn(backend.side(), twin.wwn);
    }
    Ok(IndexedVolume {
        options: CreateVolume {
            cpg: volume.options.cpg,
            snap_cpg: volume.options.snap_cpg,
            ..asked.clone()
        },
        created: Some(inner.now()),
        ..volume
    })
}

/// The other array's snapshot of the same instant, with its comment.
async fn twin_of(steps: &mut Steps, twin: &Backend, comment: &Comment) -> Result<Vv, Cause> {
    let vv = steps.entry().vv.clone();
    let array = &twin.array;
    let found = steps
        .look("twin", array.showvv(VvQuery::Name(&vv)))
        .await?
        .into_iter()
        .next();
    let found = found.ok_or_else(|| SnapshotError::NoTwin {
        array: array.label().to_owned(),
        vv: vv.clone(),
    })?;
    mark_twin(steps, array, &found, comment).await?;
    Ok(found)
}

/// The twin has its comment, and is seen.
async fn mark_twin(
    steps: &mut Steps,
    array: &Array,
    twin: &Vv,
    comment: &Comment,
) -> Result<(), Cause> {
    if twin.comment.as_deref() != Some(comment.encode()?.as_str()) {
        mark::copy(steps, Intent::MarkReady, array, &twin.name, comment).await?;
    }
    steps.record(&[(TWIN_WWN, twin.wwn.as_str())])
}

fn comment(
    identity: &Identity,
    asked: &CreateVolume,
    snapshot: &SnapshotOf,
    original: &Original,
    op: OperationId,
) -> Comment {
    let of = &original.comment;
    Comment {
        state: State::Ready,
        // Whatever is on it came from its volume: nothing is ever made on it.
        origin: Origin::Data,
        // What its filesystem is like.
        format: of.format,
        fs_type: of.fs_type,
        fs_owner: of.fs_owner,
        fs_mode: of.fs_mode,
        of: Some(original.volume.name.clone()),
        both: snapshot.both,
        schedule: snapshot.schedule.clone(),
        ..Comment::asked(of.namespace.clone(), identity.system.id, op, asked)
    }
}

/// True if a create of a snapshot is complete: what was to be seen of it was seen, or its VV is there by itself.
pub(in crate::volume) fn is_complete(entry: &JournalEntry) -> bool {
    Intent::TakeSnapshot.is_in(entry)
        && (!entry.facts.contains_key(TWIN) || entry.facts.contains_key(TWIN_WWN))
}

/// A snapshot on both arrays that was not seen on the other one, and that nobody can take back: what there is of it is seen now.
pub(in crate::volume) async fn settle_retained(
    inner: &Inner,
    steps: &mut Steps,
    comment: &Comment,
) -> Result<(), Cause> {
    if is_complete(steps.entry()) || !Intent::TakeSnapshot.is_in(steps.entry()) {
        return Ok(());
    }
    let Some(array) = twin_array(inner, steps.entry())? else {
        return Ok(());
    };
    let vv = steps.entry().vv.clone();
    let look = array.showvv(VvQuery::Name(&vv));
    let found = steps.look("twin", look).await?.into_iter().next();
    let Some(found) = found else {
        log::error!(vv = vv.as_str(), array = array.label(); "the snapshot is on one array only, and cannot be taken back");
        return steps.record(&[(TWIN_WWN, "none")]);
    };
    mark_twin(steps, &array, &found, comment).await
}
