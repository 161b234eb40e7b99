//! `volume release --forget`: the way out of a release, or of an import that is taken back, whose VV is nowhere any more
//! ([`NotTaken::Lost`]), because somebody removed or renamed it on the array meanwhile. Nothing is changed on any array: the journal entry is
//! closed, and the volume forgotten.

use serde::{Deserialize, Serialize};

use crate::{
    index::JournalEntry,
    inform::{Vv, VvQuery},
    model::{RequestId, VolumeName, VvName, Wwn},
    volume::{
        backend::Backend,
        error::{Cause, VolumeError},
        inner::Inner,
        kill_points::Doing,
        recover,
        taken::{self, NotTaken, Was},
    },
};

/// A volume that is none any more, and whose VV was nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// Docker's name of it.
    pub name: VolumeName,
    /// What its VV was called before Docker had it.
    pub was: VvName,
    /// What that VV is known by, wherever it may be.
    pub wwn: Wwn,
}

/// Forgets it. What can still be ended is ended, and is no matter of forgetting.
///
/// # Errors
/// If the VV is there after all, or that cannot be told; [`Cause::NothingToForget`].
pub(in crate::volume) async fn forget(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<Forgotten, VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(name, cause);
    let _lock = inner.locks.lock(name).await;
    let mut forgotten = None;
    for entry in inner.index.open_entries() {
        if entry.name == *name {
            let ended = end(inner, request, entry).await.map_err(clean)?;
            forgotten = forgotten.or(ended);
        }
    }
    forgotten.ok_or_else(|| clean(Cause::NothingToForget))
}

/// Ends what was begun; none if that went as always.
async fn end(
    inner: &Inner,
    request: &RequestId,
    entry: JournalEntry,
) -> Result<Option<Forgotten>, Cause> {
    let Ok(backend) = inner.backend_of_entry(&entry) else {
        return Err(Cause::stranded(&entry));
    };
    match recover::end(inner, request, entry.clone()).await {
        Ok(()) => return Ok(None),
        Err(Cause::NotTaken {
            why: NotTaken::Lost { .. },
            ..
        }) => {}
        Err(cause) => return Err(Cause::unfinished(&entry, cause)),
    }
    let was = Was::recall(&entry)
        .ok_or_else(|| Cause::NotKnown("the journal does not say what it was".to_owned()))?;
    must_be_nowhere(inner, &backend.for_request(request), &entry, &was).await?;
    if let Some(mountpoint) = inner.mounted(&entry.name) {
        return Err(Cause::MountedHere(mountpoint.display().to_string()));
    }
    // What has the name by now may be another volume.
    let known = inner.index.get(&entry.name);
    if known.is_some_and(|known| known.wwn.is_none_or(|wwn| wwn == was.wwn)) {
        inner.forget(&entry.name)?;
    }
    inner.write("finish", |index| index.finish(&entry.op))?;
    log::warn!(volume = entry.name.as_str(), op:% = entry.op, kind:% = entry.kind, vv = entry.vv.as_str(), was = was.name.as_str(), wwn = was.wwn.as_str();
        "forgotten, as its VV is nowhere");
    Ok(Some(Forgotten {
        name: entry.name,
        was: was.name,
        wwn: was.wwn,
    }))
}

/// Neither by its new name nor by its old one, on any array of the backend; nor anything that carries the mark of this operation.
async fn must_be_nowhere(
    inner: &Inner,
    backend: &Backend,
    entry: &JournalEntry,
    was: &Was,
) -> Result<(), Cause> {
    let peer = backend.pair.as_ref().map(|pair| &pair.peer);
    for array in std::iter::once(&backend.array).chain(peer) {
        for name in [&entry.vv, &was.name] {
            let look = array.showvv(VvQuery::Name(name));
            let found = inner.points.around(Doing::Look, "vv", look).await?;
            let is_it = |vv: &Vv| vv.wwn == was.wwn || taken::op_of(vv).as_ref() == Some(&entry.op);
            if found.iter().any(is_it) {
                return Err(taken::not_taken(array, name, NotTaken::StillThere));
            }
        }
    }
    Ok(())
}
