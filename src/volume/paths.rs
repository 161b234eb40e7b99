//! The paths to volumes that are mounted here: what is missing is looked for again, and `docker volume inspect` shows all.
//!
//! A port that was dead when a volume was mounted is logged in to by nobody else when it is back, and an array of a Peer Persistence pair
//! that begins to export a mounted volume is a place nobody has looked at yet.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Map, Value, json};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    host::{Export, PathSeen, PathState, Place},
    index::JournalEntry,
    model::{Protocol, RequestId, Role, Side, Size, VolumeName, VvName, Wwn},
};

use super::{
    backend::Backend,
    detach,
    error::Cause,
    exports::{self, Exports},
    inner::Inner,
    ownership::lost,
    place, reconcile, second_export, unmount,
};

/// How often the paths of mounted volumes are looked at.
const LOOK: Duration = Duration::from_secs(30);
/// How often an array is asked anew which ports it has: one that was down at the mount may be up.
const READ_AGAIN: Duration = Duration::from_secs(300);
/// How long an inspect waits for what multipathd says.
const SHOWING: Duration = Duration::from_millis(1500);
/// How long a look for missing ones may take.
const ADDING: Duration = Duration::from_secs(20);

/// Where the volumes that are mounted here come from. Nothing is kept over a restart: the arrays are asked again.
#[derive(Debug, Default)]
pub(super) struct Paths {
    exports: Mutex<HashMap<VolumeName, (Export, Instant)>>,
    /// What the array calls the VVs that somebody has given another name, as it was told last.
    renamed: Mutex<HashMap<VolumeName, String>>,
}

fn locked<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Paths {
    fn all(&self) -> MutexGuard<'_, HashMap<VolumeName, (Export, Instant)>> {
        locked(&self.exports)
    }

    /// A volume has just been mounted.
    pub fn note(&self, name: &VolumeName, export: Export) {
        self.all().insert(name.clone(), (export, Instant::now()));
    }

    /// Its exports are other ones now, or it is not mounted any more.
    pub fn forget(&self, name: &VolumeName) {
        self.all().remove(name);
        self.is_called(name, None);
    }

    /// The array calls the VV of a mounted volume so, or as this plugin does. True if that is news.
    pub fn is_called(&self, name: &VolumeName, otherwise: Option<&str>) -> bool {
        let mut renamed = locked(&self.renamed);
        let before = match otherwise {
            Some(vv) => renamed.insert(name.clone(), vv.to_owned()),
            None => renamed.remove(name),
        };
        before.as_deref() != otherwise
    }

    fn of(&self, name: &VolumeName) -> Option<Export> {
        self.all().get(name).map(|(export, _)| export.clone())
    }

    fn is_old(&self, name: &VolumeName) -> bool {
        let all = self.all();
        all.get(name)
            .is_none_or(|(_, read)| read.elapsed() >= READ_AGAIN)
    }
}

/// Looks after the paths of what is mounted, for as long as the runtime lives.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut looks = JoinSet::new();
    loop {
        tokio::time::sleep(LOOK).await;
        for (name, _) in inner.index.mounts() {
            let inner = Arc::clone(&inner);
            looks.spawn(async move {
                let _lock = inner.locks.lock(&name).await;
                let request = RequestId::random();
                let _at_work = inner.at_work.enter(&name, &request);
                if let Err(cause) = complete(&inner, &request, &name).await {
                    log::debug!(volume = name.as_str(), request = request.as_str(), cause:% = cause; "paths are missing");
                }
            });
        }
        while looks.join_next().await.is_some() {}
    }
}

/// What a look at the paths of a volume asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adding {
    /// None is missing.
    Nothing,
    /// Some are, beside others.
    More,
    /// None is left.
    First,
}

impl Adding {
    /// By the states of all that there should be.
    fn by(states: &[PathState]) -> Self {
        let missing =
            |state: &PathState| matches!(state, PathState::Missing | PathState::NotConnected);
        match states.iter().filter(|state| missing(state)).count() {
            0 => Self::Nothing,
            all if all == states.len() => Self::First,
            _ => Self::More,
        }
    }
}

/// Adds the paths that a mounted volume could have and does not. Nothing while an operation is at it, or once another host has had the
/// volume: what is mounted here is older than its data then. The caller holds the name's lock.
pub(super) async fn complete(
    inner: &Inner,
    request: &RequestId,
    name: &VolumeName,
) -> Result<(), Cause> {
    let Some(volume) = inner.index.get(name) else {
        return Ok(());
    };
    let backend = inner.backend_of(&volume)?.for_request(request);
    if backend.transport.protocol() == Protocol::Simulated || inner.handovers.lost(name).is_some() {
        return Ok(());
    }
    let Some(mounted) = reconcile::mounted_volume(inner, name)? else {
        inner.paths.forget(name);
        return Ok(());
    };
    let is_at_it = |entry: &JournalEntry| entry.name == *name && !detach::leaves_this_alone(entry);
    if inner.index.open_entries().iter().any(is_at_it) {
        return Ok(());
    }
    let wwn = &mounted.wwn;
    let known = inner.paths.of(name).filter(|known| known.wwn == *wwn);
    let export = if known.is_none() || inner.paths.is_old(name) {
        let read = read(inner, &backend, name, &volume.vv, wwn).await;
        // One array of a pair alone is no answer to keep: the other one's export may just have been added.
        if let Ok(Some(export)) = &read
            && (export.second.is_some() || !second_export::is_wanted(&backend))
        {
            inner.paths.note(name, export.clone());
        }
        read.or_else(|cause| known.map(Some).ok_or(cause))?
    } else {
        known
    };
    let Some(mut export) = export else {
        return Ok(());
    };
    // Whether it has grown is not for this to see to.
    if let Some(device) = backend.transport.find(wwn)? {
        export.size = Size::from_mib(device.bytes() >> 20);
    }
    // A LUN that was given to another volume meanwhile.
    let foreign = backend.transport.confirm(wwn).await?;
    if !foreign.is_empty() {
        log::error!(volume = name.as_str(), devices:? = foreign; "paths led to other volumes: taken out");
    }
    let seen = backend.transport.paths(wwn, &places(&export)).await?;
    let states: Vec<PathState> = seen.iter().map(|path| path.state).collect();
    match Adding::by(&states) {
        Adding::Nothing => return Ok(()),
        Adding::More => {}
        // The two exports of a pair are taken back where another host has had it: `second_export` sees to that.
        Adding::First if second_export::is_wanted(&backend) => {}
        // They may have been taken out because the volume was lost, before the plugin was started anew; and an export that is there again
        // tells nothing of who had the volume in between.
        Adding::First => {
            let array = backend.on(unmount::side_of(inner, name, Some(wwn)));
            if let Some(why) = lost::why_not_ours(inner, array, &volume.vv, wwn).await? {
                inner.paths.forget(name);
                inner.handovers.seen(name, Some(why));
                return Ok(());
            }
        }
    }
    let deadline = Instant::now() + ADDING;
    backend.transport.attach(&export, deadline).await?;
    Ok(())
}

/// What `docker volume inspect` shows of the paths of a volume that is mounted here, for each array.
pub(super) async fn shown(inner: &Inner, backend: &Backend, name: &VolumeName) -> Option<Value> {
    if backend.transport.protocol() == Protocol::Simulated {
        return None;
    }
    let mounted = reconcile::mounted_volume(inner, name).ok()??;
    let volume = inner.index.get(name)?;
    let known = inner
        .paths
        .of(name)
        .filter(|known| known.wwn == mounted.wwn);
    let export = match known {
        Some(known) => known,
        // Not kept: whoever has the name's lock may be changing it.
        None => {
            let read = read(inner, backend, name, &volume.vv, &mounted.wwn).await;
            read.ok()??
        }
    };
    let places = places(&export);
    let paths = backend.transport.paths(&mounted.wwn, &places);
    Some(match tokio::time::timeout(SHOWING, paths).await {
        Ok(Ok(seen)) => told(&places, &seen),
        Ok(Err(error)) => json!({ "not known": error.to_string() }),
        Err(_) => json!({ "not known": "multipathd did not answer in time" }),
    })
}

fn places(export: &Export) -> Vec<&Place> {
    [&export.serving]
        .into_iter()
        .chain(&export.second)
        .collect()
}

fn told(places: &[&Place], seen: &[PathSeen]) -> Value {
    let of = |place: &Place| {
        let paths: Vec<&PathSeen> = seen.iter().filter(|p| p.array == place.array).collect();
        let usable = paths.iter().filter(|path| path.is_usable()).count();
        let each = paths.iter().map(|path| {
            json!({
                "port": path.port.to_string(),
                "device": path.device,
                "state": path.state.to_string(),
                "access": path.access.map(|access| access.to_string()),
            })
        });
        json!({
            "usable": format!("{usable} of {}", paths.len()),
            "paths": each.collect::<Vec<_>>(),
        })
    };
    let all = places.iter().map(|place| (place.array.clone(), of(place)));
    Value::Object(all.collect::<Map<_, _>>())
}

/// From where the volume comes, as the arrays show it now. None if nobody exports it to this machine, or it is not known whether both
/// arrays of a pair show one volume: what the one shows that does not serve may be other data.
async fn read(
    inner: &Inner,
    backend: &Backend,
    name: &VolumeName,
    vv: &VvName,
    wwn: &Wwn,
) -> Result<Option<Export>, Cause> {
    let Some(device) = backend.transport.find(wwn)? else {
        return Ok(None);
    };
    let roles = inner.index.get(name).map(|volume| volume.last_roles);
    let is_primary = |side: Side| {
        let role = roles.as_ref().and_then(|roles| match side {
            Side::Source => roles.source,
            Side::Peer => roles.peer,
        });
        role.is_some_and(Role::is_primary)
    };
    let sides = if !second_export::is_wanted(backend) {
        vec![unmount::side_of(inner, name, Some(wwn))]
    } else if is_primary(Side::Peer) && !is_primary(Side::Source) {
        vec![Side::Peer, Side::Source]
    } else {
        Side::BOTH.to_vec()
    };
    let kept = inner.second_exports.of(name);
    let by = kept.as_ref().and_then(|kept| kept.certainly_by());
    if second_export::is_wanted(backend) && by.is_none() {
        return Ok(None);
    }
    let may_show = |side: &Side| {
        let label = backend.on(*side).label();
        by.is_none_or(|by| by.iter().any(|one| one == label))
    };
    let mut found = Vec::new();
    let mut failed = None;
    for side in sides.into_iter().filter(may_show) {
        match seen_place(inner, backend, side, vv).await {
            Ok(place) => found.extend(place),
            // The other one may have it.
            Err(cause) => failed = Some(cause),
        }
    }
    let mut found = found.into_iter();
    let Some(serving) = found.next() else {
        return failed.map_or(Ok(None), Err);
    };
    Ok(Some(Export {
        serving,
        second: found.next(),
        wwn: wwn.clone(),
        size: Size::from_mib(device.bytes() >> 20),
    }))
}

async fn seen_place(
    inner: &Inner,
    backend: &Backend,
    side: Side,
    vv: &VvName,
) -> Result<Option<Place>, Cause> {
    let Exports::Ours(template) = exports::seen(backend, backend.on(side), vv).await? else {
        return Ok(None);
    };
    place::seen(inner, backend, side, &template).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_path_is_told_from_one_more() {
        use PathState::{Blocked, Failed, Missing, NotConnected, Offline, Running};
        let table: [(&[PathState], Adding); 7] = [
            (&[], Adding::Nothing),
            (&[Running, Offline, Failed], Adding::Nothing),
            (&[Running, Missing], Adding::More),
            (&[NotConnected, Blocked], Adding::More),
            (&[Failed, Missing], Adding::More),
            (&[Missing], Adding::First),
            (&[Missing, NotConnected], Adding::First),
        ];
        for (states, adding) in table {
            assert_eq!(Adding::by(states), adding, "{states:?}");
        }
    }

    #[test]
    fn another_name_is_news_once() {
        let paths = Paths::default();
        let db1 = VolumeName::new("db1").unwrap();
        assert!(!paths.is_called(&db1, None));
        assert!(paths.is_called(&db1, Some("kept")));
        assert!(!paths.is_called(&db1, Some("kept")));
        assert!(paths.is_called(&db1, Some("kept_longer")));
        assert!(paths.is_called(&db1, None));
        assert!(paths.is_called(&db1, Some("kept_longer")));
        paths.forget(&db1);
        assert!(paths.is_called(&db1, Some("kept_longer")));
    }
}
