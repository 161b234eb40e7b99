//! Which volumes there are: answered from the index, and from the arrays only for a name nobody here knows.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use crate::{
    inform::Vv,
    model::{Comment, RequestId, State, VolumeName},
};

use super::{
    Listed, Lookup, Volume,
    backend::Backend,
    error::Cause,
    inner::Inner,
    inspect,
    known::{self, Known},
    listing,
};

/// How long an unknown name may be looked for on the arrays.
const LOOK: Duration = Duration::from_secs(8);
/// How long an inspect waits for news of a known volume.
const NEWS: Duration = Duration::from_secs(2);

/// What the arrays say of a name nobody here knows.
enum Found {
    /// No array has it; all were asked.
    Nowhere,
    /// It is there.
    Here(Box<Backend>, State),
    /// No array that answered has it.
    NotAllAsked(String),
    /// Something is there, and it cannot be said now what.
    Hidden(Cause),
}

/// The backend of a volume, if there is such a volume.
///
/// # Errors
/// [`Cause::NotKnown`] when no array has it but not all could be asked; whatever keeps a VV of its name from being a volume.
pub(super) async fn backend_of(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<Option<Backend>, Cause> {
    if let Some(volume) = inner.index.get(name) {
        return Ok(Some(inner.backend(&volume.backend)?.for_request(request)));
    }
    match find(inner, request, name).await {
        Found::Here(backend, _) => Ok(Some(*backend)),
        Found::Nowhere => Ok(None),
        Found::NotAllAsked(why) => Err(Cause::NotKnown(why)),
        Found::Hidden(cause) => Err(cause),
    }
}

/// Looks for a name on every array at once. A volume that is ready goes into the index; one that somebody is making or removing
/// is told apart by its state.
async fn find(inner: &Inner, request: &RequestId, name: &VolumeName) -> Found {
    let vv = name.vv_name(&inner.namespace);
    let looks = inner.arrays().into_iter().map(|backends| {
        let vv = vv.clone();
        async move {
            let backend = backends[0].for_request(request);
            let seen = tokio::time::timeout(LOOK, known::look(inner, &backend, &vv)).await;
            (backends, seen)
        }
    });
    let (mut silent, mut hidden, mut copy) = (Vec::new(), None, None);
    for (backends, seen) in join_all(looks).await {
        let array = backends[0].array.label();
        match seen {
            Ok(Ok(Known::Absent)) => {}
            Ok(Ok(Known::Ours(vv, comment))) => {
                match take_in(inner, request, &backends, &vv, &comment).await {
                    Ok(backend) => return Found::Here(Box::new(backend), comment.state),
                    Err(cause) => hidden = Some(cause),
                }
            }
            // Perhaps ours, with a comment that somebody edited.
            Ok(Err(cause @ Cause::ForeignVv { .. })) => hidden = Some(cause),
            Ok(Err(cause @ Cause::Copy { .. })) => copy = Some(cause),
            Ok(Err(cause)) => silent.push(format!("array `{array}`: {cause}")),
            Err(_) => silent.push(format!(
                "array `{array}` did not answer within {} s",
                LOOK.as_secs()
            )),
        }
    }
    // A copy is no volume; but while not every array answers, its volume may be on the silent one.
    match hidden.or(copy.filter(|_| !silent.is_empty())) {
        Some(cause) => Found::Hidden(cause),
        None if silent.is_empty() => Found::Nowhere,
        None => Found::NotAllAsked(silent.join("; ")),
    }
}

/// The backend of a volume that was just found. If it is ready, it is in the index from here on.
async fn take_in(
    inner: &Inner,
    request: &RequestId,
    backends: &[&Backend],
    vv: &Vv,
    comment: &Comment,
) -> Result<Backend, Cause> {
    let entry = listing::entry(inner, request, backends, vv, comment).await?;
    let (backend, volume) = entry.ok_or_else(|| {
        Cause::NotKnown(format!(
            "`{}` belongs to a backend with another login",
            vv.name
        ))
    })?;
    if comment.state == State::Ready {
        inner.index.put(volume)?;
    }
    Ok(backend)
}

/// Answers `Get`. Nothing here ever says "absent" of a volume that may exist: the engine would forget it.
pub(super) async fn get(inner: &Arc<Inner>, request: &RequestId, name: &VolumeName) -> Lookup {
    if let Some(volume) = inner.index.get(name) {
        if inner.news.out_of_reach(&volume.backend).is_none() {
            let (asking, request, about) = (Arc::clone(inner), request.clone(), name.clone());
            let question = || async move { inspect::status(&asking, &request, &about).await };
            if !inner.news.ask(name, NEWS, question).await {
                log::debug!(volume = name.as_str(); "no news of the volume in time, shown as last seen");
            }
        }
        let volume = inner.index.get(name).unwrap_or(volume);
        return Lookup::Found(show(inner, &volume));
    }
    if !name.is_anonymous() {
        match find(inner, request, name).await {
            // Half made, or half removed, by somebody: not a volume yet, or any more.
            Found::Here(_, State::Making | State::Removing) => return Lookup::Absent,
            Found::Here(_, State::Ready) => {
                return match inner.index.get(name) {
                    Some(volume) => Lookup::Found(show(inner, &volume)),
                    None => Lookup::Unknown,
                };
            }
            Found::Nowhere => return Lookup::Absent,
            Found::Hidden(cause) => {
                log::warn!(volume = name.as_str(), cause:% = cause; "an array has something under an unknown name");
                return Lookup::Unknown;
            }
            Found::NotAllAsked(why) => {
                log::warn!(volume = name.as_str(), why = why.as_str(); "not all arrays could be asked for an unknown name");
            }
        }
    }
    if inner.all_seeded() {
        Lookup::Absent
    } else {
        Lookup::Unknown
    }
}

fn show(inner: &Inner, volume: &crate::index::IndexedVolume) -> Volume {
    Volume {
        name: volume.name.clone(),
        mountpoint: inner.mounted(&volume.name),
        created_at: volume
            .created
            .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        status: inspect::shown(inner, volume),
    }
}

/// Answers `List` from the index alone.
pub(super) fn list(inner: &Inner) -> Vec<Listed> {
    inner
        .index
        .list()
        .into_iter()
        .map(|volume| Listed {
            mountpoint: inner.mounted(&volume.name),
            name: volume.name,
        })
        .collect()
}
