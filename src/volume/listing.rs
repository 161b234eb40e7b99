//! Keeping the index true: one filtered listing per array a minute.

use std::collections::BTreeSet;

use crate::{
    index::{IndexError, IndexedVolume},
    inform::{ArrayError, RcGroup, Vv, VvQuery},
    model::{Comment, GroupName, RequestId, Side, State, SystemId},
};

use super::{backend::Backend, error::Cause, inner::Inner, known};

/// Lists the VVs of this plugin on one array, and takes what is new or changed into the index. `backends` are all backends
/// of that array and login.
pub(super) async fn list(
    inner: &Inner,
    request: &RequestId,
    backends: &[&Backend],
) -> Result<(), Cause> {
    let Some(first) = backends.first() else {
        return Ok(());
    };
    let first = first.for_request(request);
    let home = first.identity().await?.system.id;
    let mut peers = None;
    let begun = jiff::Timestamp::now();
    let vvs = first
        .array
        .showvv(VvQuery::Prefix(&inner.namespace.vv_prefix()))
        .await?;
    let groups = groups(inner, request, backends).await?;
    let mut seen = Vec::new();
    let mut complete = true;
    for vv in &vvs {
        // Before the comment is judged: a volume does not go away because somebody edited that.
        seen.push((vv.name.clone(), vv.wwn.clone()));
        let Ok(comment) = known::judge(inner, &first.array, vv) else {
            continue;
        };
        if comment.home != home {
            // A copy: its volume is at home elsewhere. Or a volume that was made while its group was Primary on the peer.
            let peers = match &mut peers {
                Some(known) => known,
                none => none.insert(peer_ids(inner, &first).await?),
            };
            let own_group =
                matches!(groups.of(vv), Place::In(group) if !group.is_of_another_array());
            if !own_group || !peers.contains(&comment.home) {
                continue;
            }
        }
        // Whoever works on the volume right now knows better than a listing that may be older.
        let Some(_lock) = inner.locks.try_lock(&comment.name) else {
            continue;
        };
        match take_in(inner, backends, vv, &comment, &groups, begun) {
            Ok(()) => {}
            // One volume in conflict keeps no other out.
            Err(Cause::Index(conflict @ IndexError::OtherVolume { .. })) => {
                log::error!(volume = comment.name.as_str(), vv = vv.name.as_str(), array = first.array.label(), error:% = conflict;
                    "volume left as it was known");
            }
            Err(Cause::NotKnown(why)) => {
                complete = false;
                log::warn!(volume = comment.name.as_str(), array = first.array.label(), why = why.as_str(); "volume not taken in");
            }
            Err(cause) => return Err(cause),
        }
    }
    for backend in backends {
        for gone in inner
            .index
            .note_listing(&backend.name, Side::Source, begun, &seen)?
        {
            log::info!(volume = gone.name.as_str(), backend = backend.name.as_str(); "volume is gone from the array");
        }
        if complete {
            inner.index.set_seeded(&backend.name)?;
        }
    }
    Ok(())
}

/// The arrays that this one replicates to, by what hpe.conf says.
async fn peer_ids(inner: &Inner, backend: &Backend) -> Result<Vec<SystemId>, Cause> {
    let mut ids = Vec::new();
    for (backend, pair) in inner.pairs_of(backend) {
        ids.extend(backend.peer_id(pair).await?);
    }
    Ok(ids)
}

/// Puts what a listing, begun at `begun`, shows of a volume into the index. The caller holds the name's lock.
///
/// # Errors
/// [`Cause::NotKnown`] for a new volume of which nobody can say now to which backend it belongs.
fn take_in(
    inner: &Inner,
    backends: &[&Backend],
    vv: &Vv,
    comment: &Comment,
    groups: &Groups,
    begun: jiff::Timestamp,
) -> Result<(), Cause> {
    let known = inner.index.get(&comment.name);
    if inner.removed_since(&comment.name, begun) || known.as_ref().is_some_and(|k| k.seen > begun) {
        return Ok(());
    }
    match known {
        // What the user asked for, and when it was made, the array does not tell.
        Some(known) if known.wwn.as_ref().is_none_or(|wwn| *wwn == vv.wwn) => {
            let now = IndexedVolume {
                wwn: Some(vv.wwn.clone()),
                vv_id: vv.id,
                format: comment.format,
                state: comment.state,
                group: match groups.of(vv) {
                    Place::In(group) => Some(group.clone()),
                    Place::InNone => None,
                    Place::NotKnown => known.group.clone(),
                },
                missed: 0,
                ..known.clone()
            };
            // That it was seen is noted with the whole listing, and not worth a write of its own.
            if now != known {
                inner.index.put(IndexedVolume { seen: begun, ..now })?;
            }
        }
        // Containers use the one, and a name that changes its volume under them is the end of their data.
        Some(known) if known.home != comment.home && known.missed == 0 => {
            log::error!(volume = comment.name.as_str(), known:? = known.wwn, known_on = known.home.0, other = vv.wwn.as_str(), other_on = comment.home.0;
                "two arrays have a volume of this name; the one known first is kept");
        }
        // Half made by another host: not a volume yet. Being removed: not one any more.
        _ if comment.state != State::Ready => {}
        _ => {
            if let Some((backend, group)) = place(inner, backends, vv, groups)? {
                inner.index.put(known::volume(
                    inner,
                    backend,
                    Side::Source,
                    vv,
                    comment,
                    group,
                ))?;
            }
        }
    }
    Ok(())
}

/// Remote copy groups of an array, as far as it could be asked.
struct Groups {
    found: Vec<RcGroup>,
    all: bool,
}

/// Where a VV is.
enum Place<'a> {
    In(&'a GroupName),
    InNone,
    NotKnown,
}

impl Groups {
    fn of(&self, vv: &Vv) -> Place<'_> {
        match self.found.iter().find(|group| group.holds(&vv.name)) {
            Some(group) => Place::In(&group.name),
            None if self.all => Place::InNone,
            None => Place::NotKnown,
        }
    }
}

/// The groups on the array of these backends. Where the whole listing cannot be read, because of one group that nobody understands,
/// those of known volumes are asked for one by one.
async fn groups(
    inner: &Inner,
    request: &RequestId,
    backends: &[&Backend],
) -> Result<Groups, Cause> {
    let own = backends.iter().find_map(|backend| backend.pair.as_ref());
    let others = || {
        inner
            .other_logins(backends.first()?)
            .find_map(|backend| backend.pair.as_ref())
    };
    let Some(pair) = own.or_else(others) else {
        return Ok(Groups {
            found: Vec::new(),
            all: true,
        });
    };
    let array = pair.source.for_request(request);
    let error = match array.showrcopy_groups().await {
        Ok(found) => return Ok(Groups { found, all: true }),
        Err(error) => error,
    };
    // What another login cannot be asked stops nothing that belongs to this one.
    if own.is_some() && !matches!(error, ArrayError::Unrecognised { .. }) {
        return Err(error.into());
    }
    log::warn!(array = array.label(), error:% = error; "remote copy groups cannot be listed, asking for known ones by name");
    let known: BTreeSet<GroupName> = inner
        .index
        .list()
        .into_iter()
        .filter(|volume| backends.iter().any(|b| b.name == volume.backend))
        .filter_map(|volume| volume.group)
        .collect();
    let mut found = Vec::new();
    for name in &known {
        match array.showrcopy_group(name).await {
            Ok(group) => found.extend(group),
            Err(error) if error.is_unreachable() && own.is_some() => return Err(error.into()),
            Err(error) => {
                log::warn!(array = array.label(), group = name.as_str(), error:% = error; "group left as it was known");
            }
        }
    }
    Ok(Groups { found, all: false })
}

/// The backend a VV belongs to, and its group: the replicated ones are on the replication-enabled one, and otherwise the CPG tells.
/// `None` if that is one with another login.
///
/// # Errors
/// [`Cause::NotKnown`] if its group is not known.
fn place<'a>(
    inner: &'a Inner,
    backends: &[&'a Backend],
    vv: &Vv,
    groups: &Groups,
) -> Result<Option<(&'a Backend, Option<GroupName>)>, Cause> {
    let group = match groups.of(vv) {
        Place::In(group) => Some(group.clone()),
        Place::InNone => None,
        Place::NotKnown => {
            return Err(Cause::NotKnown(format!(
                "the array cannot say whether `{}` is in a remote copy group",
                vv.name
            )));
        }
    };
    let Some(first) = backends.first() else {
        return Ok(None);
    };
    let all = || backends.iter().copied().chain(inner.other_logins(first));
    let fits = |backend: &&Backend| backend.pair.is_some() == group.is_some();
    let has_cpg = |backend: &&Backend| {
        vv.user_cpg
            .as_ref()
            .is_some_and(|c| backend.cpgs.contains(c))
    };
    let best = all()
        .filter(fits)
        .find(has_cpg)
        .or_else(|| all().find(fits))
        .unwrap_or(first);
    let own = backends.iter().any(|backend| backend.name == best.name);
    Ok(own.then_some((best, group)))
}

/// The backend and the index entry of a VV found just now on an array that these backends share. `None` if it is a backend with
/// another login.
///
/// # Errors
/// If the array cannot say in which group it is.
pub(super) async fn entry(
    inner: &Inner,
    request: &RequestId,
    backends: &[&Backend],
    vv: &Vv,
    comment: &Comment,
) -> Result<Option<(Backend, IndexedVolume)>, Cause> {
    let groups = groups(inner, request, backends).await?;
    Ok(
        place(inner, backends, vv, &groups)?.map(|(backend, group)| {
            let volume = known::volume(inner, backend, Side::Source, vv, comment, group);
            (backend.for_request(request), volume)
        }),
    )
}
