//! Which volumes there are: answered from the index, and from the arrays only for a name nobody here knows.

use std::time::Duration;

use futures_util::future::join_all;

use crate::model::{RequestId, State, VolumeName};

use super::{
    Listed, Lookup, Volume,
    backend::Backend,
    error::Cause,
    known::{self, Known},
    refresh,
    service::Inner,
};

/// How long an unknown name may be looked for on the arrays.
const LOOK: Duration = Duration::from_secs(8);
/// How long an inspect waits for news of a known volume.
const NEWS: Duration = Duration::from_secs(2);

/// The backend of a volume, if there is such a volume.
///
/// # Errors
/// [`Cause::NotKnown`] when no array has it but not all could be asked.
pub(super) async fn backend_of(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<Option<Backend>, Cause> {
    if let Some(volume) = inner.index.get(name) {
        return Ok(Some(inner.backend(&volume.backend)?.for_request(request)));
    }
    Ok(find(inner, request, name)
        .await?
        .map(|(backend, _)| backend))
}

/// Looks for a name on every array at once. A volume that is ready goes into the index; one that somebody is making or removing
/// is told apart by its state.
async fn find(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<Option<(Backend, State)>, Cause> {
    let vv = name.vv_name(&inner.namespace);
    let looks = inner.arrays().into_iter().map(|backends| {
        let vv = vv.clone();
        async move {
            let backend = backends[0].for_request(request);
            let seen = tokio::time::timeout(LOOK, known::look(inner, &backend, &vv)).await;
            (backends, seen)
        }
    });
    let mut silent = Vec::new();
    for (backends, seen) in join_all(looks).await {
        match seen {
            Ok(Ok(Known::Absent) | Err(Cause::ForeignVv { .. })) => {}
            Ok(Ok(Known::Ours(vv, comment))) => {
                let backend = refresh::backend_for(&backends, &vv, request).await?;
                if comment.state != State::Ready {
                    return Ok(Some((backend, comment.state)));
                }
                let volume = refresh::entry(inner, &backend, &vv, &comment).await?;
                inner.index.put(volume)?;
                return Ok(Some((backend, comment.state)));
            }
            Ok(Err(cause)) => {
                silent.push(format!("array `{}`: {cause}", backends[0].array.label()))
            }
            Err(_) => silent.push(format!(
                "array `{}` did not answer within {} s",
                backends[0].array.label(),
                LOOK.as_secs()
            )),
        }
    }
    if silent.is_empty() {
        Ok(None)
    } else {
        Err(Cause::NotKnown(silent.join("; ")))
    }
}

/// Answers `Get`. Nothing here ever says "absent" of a volume that may exist: the engine would forget it.
pub(super) async fn get(inner: &Inner, request: &RequestId, name: &VolumeName) -> Lookup {
    if let Some(volume) = inner.index.get(name) {
        let news = refresh::status(inner, request, name);
        if tokio::time::timeout(NEWS, news).await.is_err() {
            log::debug!(volume = name.as_str(); "no news of the volume in time, shown as last seen");
        }
        let volume = inner.index.get(name).unwrap_or(volume);
        return Lookup::Found(show(inner, &volume));
    }
    if !name.is_anonymous() {
        match find(inner, request, name).await {
            // Half made, or half removed, by somebody: not a volume yet, or any more.
            Ok(Some((_, State::Making | State::Removing))) => return Lookup::Absent,
            Ok(Some((_, State::Ready))) => {
                return match inner.index.get(name) {
                    Some(volume) => Lookup::Found(show(inner, &volume)),
                    None => Lookup::Unknown,
                };
            }
            Ok(None) => return Lookup::Absent,
            Err(cause) => {
                log::warn!(volume = name.as_str(), cause:% = cause; "not all arrays could be asked for an unknown name");
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
        created_at: Some(volume.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        status: refresh::shown(inner, volume),
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
