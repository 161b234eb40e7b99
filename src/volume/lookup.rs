//! Which volumes there are: answered from the index, and from the arrays only for a name nobody here knows.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use crate::{
    index::IndexedVolume,
    inform::Array,
    model::{CreateVolume, RequestId, Side, State, VolumeName, VvName},
};

use super::{
    Listed, Lookup, UserError, Volume,
    arrays::Login,
    backend::Backend,
    error::{Cause, VolumeError},
    inner::Inner,
    inspect, known, listing, news, pending, shown,
    whose::{View, Whose},
};

/// How long an unknown name may be looked for on the arrays.
pub(super) const LOOK: Duration = Duration::from_secs(8);

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
        return Ok(Some(inner.backend_of(&volume)?.for_request(request)));
    }
    match find(inner, request, name).await {
        // A snapshot is used from the array that has it.
        Found::Here(backend, _) => match inner.index.get(name) {
            Some(volume) => Ok(Some(inner.backend_of(&volume)?.for_request(request))),
            None => Ok(Some(*backend)),
        },
        Found::Nowhere => Ok(None),
        Found::NotAllAsked(why) => Err(Cause::NotKnown(why)),
        Found::Hidden(cause) => Err(cause),
    }
}

/// Looks for a name on every backend's own array at once. Where that does not answer its peers are asked, which have the copies. A volume
/// that is ready goes into the index; one that somebody is making or removing is told apart by its state.
async fn find(inner: &Inner, request: &RequestId, name: &VolumeName) -> Found {
    let vv = name.vv_name(&inner.namespace);
    let looks = inner
        .arrays()
        .into_iter()
        .filter(|login| !login.own.is_empty())
        .map(|login| {
            let vv = vv.clone();
            async move {
                let own = look(inner, request, &login, &vv, &[]).await;
                let copies = if matches!(own, Look::Silent(_)) {
                    let peers = inner.peers_of(&login);
                    let looks = peers
                        .iter()
                        .map(|peer| look(inner, request, peer, &vv, &login.own));
                    join_all(looks).await
                } else {
                    Vec::new()
                };
                (own, copies)
            }
        });
    let (mut silent, mut hidden, mut copy) = (Vec::new(), None, None);
    let (own, copies): (Vec<_>, Vec<_>) = join_all(looks).await.into_iter().unzip();
    // A volume counts more than somebody's copy.
    for look in own.into_iter().chain(copies.into_iter().flatten()) {
        match look {
            Look::Absent => {}
            Look::Volume(backend, volume) => {
                let state = volume.state;
                if state.is_there()
                    && let Err(error) = inner.index.put(*volume)
                {
                    hidden = Some(error.into());
                    continue;
                }
                return Found::Here(backend, state);
            }
            Look::Hidden(cause) => hidden = Some(cause),
            Look::Copy(cause) => copy = Some(cause),
            Look::Silent(why) => silent.push(why),
        }
    }
    // A copy is no volume; but while not every array answers, its volume may be on the silent one.
    match hidden.or(copy.filter(|_| !silent.is_empty())) {
        Some(cause) => Found::Hidden(cause),
        None if silent.is_empty() => nowhere(inner, request).await,
        None => Found::NotAllAsked(silent.join("; ")),
    }
}

/// No array shows it. One that was never listed, and of whose backend nothing is shown, may hide it.
async fn nowhere(inner: &Inner, request: &RequestId) -> Found {
    let backends = inner.backends.values();
    for backend in backends.filter(|backend| !inner.index.seeded(&backend.name)) {
        let array = backend.array.for_request(request);
        let look = shown::must_show_a_cpg(&array, backend, Side::Source);
        match tokio::time::timeout(LOOK, look).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => return Found::NotAllAsked(cause.to_string()),
            Err(_) => return Found::NotAllAsked(silent(&array)),
        }
    }
    Found::Nowhere
}

/// What one array says of a name nobody here knows.
enum Look {
    Absent,
    /// This volume, or the copy that it is known by.
    Volume(Box<Backend>, Box<IndexedVolume>),
    /// Something is there, and it cannot be said now what.
    Hidden(Cause),
    /// The copy of a volume of no backend.
    Copy(Cause),
    /// It could not be asked.
    Silent(String),
}

/// Asks an array for a VV. Of copies only those of the volumes `of` these backends count.
async fn look(
    inner: &Inner,
    request: &RequestId,
    login: &Login<'_>,
    vv: &VvName,
    of: &[&Backend],
) -> Look {
    let array = login.array().label();
    let view = View::new(inner, request, login);
    let seen = tokio::time::timeout(LOOK, known::find(inner, &view, vv)).await;
    let (vv, comment, whose) = match seen {
        Ok(Ok(known::Found::Absent)) => return Look::Absent,
        Ok(Ok(known::Found::Here(vv, comment, whose))) => (vv, comment, whose),
        // Perhaps ours, with a comment that somebody edited. Or a copy of nobody knows which.
        Ok(Err(cause @ (Cause::ForeignVv { .. } | Cause::NotKnown(_)))) => {
            return Look::Hidden(cause);
        }
        Ok(Err(cause)) => return Look::Silent(format!("array `{array}`: {cause}")),
        Err(_) => return Look::Silent(silent(login.array())),
    };
    match &whose {
        Whose::Own => {}
        Whose::CopyOf(backend, _) if of.iter().any(|of| of.name == backend.name) => {}
        // Its own array was asked.
        Whose::CopyOf(..) | Whose::Foreign => {
            return Look::Copy(known::is_copy(&view, &vv, &comment));
        }
    }
    match listing::entry(inner, &view, &vv, &comment, &whose).await {
        Ok(Some((backend, volume))) => {
            Look::Volume(Box::new(backend.for_request(request)), Box::new(volume))
        }
        Ok(None) => Look::Hidden(known::other_login(&vv)),
        Err(cause) => Look::Hidden(cause),
    }
}

/// Why an array is taken for one that cannot be asked, for people.
pub(super) fn silent(array: &Array) -> String {
    format!(
        "array `{}` did not answer within {} s",
        array.label(),
        LOOK.as_secs()
    )
}

/// Answers `Get`. Nothing here ever says "absent" of a volume that may exist: the engine would forget it.
pub(super) async fn get(inner: &Arc<Inner>, request: &RequestId, name: &VolumeName) -> Lookup {
    if let Some(volume) = inner.index.get(name) {
        if inspect::may_have_news(inner, &volume) {
            let (asking, request, about) = (Arc::clone(inner), request.clone(), name.clone());
            let question = || async move { inspect::status(&asking, &request, &about).await };
            if !inner.news.ask(name, news::patience(), question).await {
                log::debug!(volume = name.as_str(); "no news of the volume in time, shown as last seen");
            }
        }
        let volume = inner.index.get(name).unwrap_or(volume);
        return Lookup::Found(show(inner, &volume).await);
    }
    if !name.is_anonymous() {
        match find(inner, request, name).await {
            // Half made, or half removed, by somebody: not a volume yet, or any more.
            Found::Here(_, State::Making | State::Removing) => return Lookup::Absent,
            Found::Here(_, State::Copying | State::Ready) => {
                return match inner.index.get(name) {
                    Some(volume) => Lookup::Found(show(inner, &volume).await),
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

/// How a volume was made, for what is to be made of it. `None` if there certainly is none.
pub(super) async fn made_as(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<Option<CreateVolume>, UserError> {
    let known = || inner.index.get(name).map(|volume| volume.made_as());
    if let Some(options) = known() {
        return Ok(Some(options));
    }
    match backend_of(inner, request, name).await {
        // One that is not in the index by now is not a volume yet, or not any more.
        Ok(_) => Ok(known()),
        Err(cause) => Err(VolumeError::clean(name, cause).into()),
    }
}

async fn show(inner: &Inner, volume: &crate::index::IndexedVolume) -> Volume {
    let pending = pending::look(inner, &volume.name).await;
    Volume {
        name: volume.name.clone(),
        mountpoint: inner.mounted(&volume.name),
        created_at: volume
            .created
            .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        status: inspect::shown(inner, volume, pending),
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
