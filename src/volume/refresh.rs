//! Keeping the index true: one filtered listing per array a minute, and the detail that an inspect shows.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    index::{IndexError, IndexedVolume},
    inform::{ArrayError, RcGroup, Vv, VvQuery},
    model::{Comment, GroupName, RequestId, State, VolumeName},
};

use super::{backend::Backend, error::Cause, known, service::Inner};

/// Lists the VVs of this plugin on one array, and takes what is new or changed into the index. `backends` are all backends
/// of that array and login.
pub(super) async fn listing(
    inner: &Inner,
    request: &RequestId,
    backends: &[&Backend],
) -> Result<(), Cause> {
    let Some(first) = backends.first() else {
        return Ok(());
    };
    let first = first.for_request(request);
    let home = first.identity().await?.system.id;
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
        let Ok(comment) = known::judge(inner, &first, vv) else {
            continue;
        };
        if comment.home != home {
            // A copy: its volume is at home elsewhere.
            continue;
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
        for gone in inner.index.note_listing(&backend.name, begun, &seen)? {
            log::info!(volume = gone.name.as_str(), backend = backend.name.as_str(); "volume is gone from the array");
        }
        if complete {
            inner.index.set_seeded(&backend.name)?;
        }
    }
    Ok(())
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
        Some(known) if known.wwn == vv.wwn => {
            let now = IndexedVolume {
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
            log::error!(volume = comment.name.as_str(), known = known.wwn.as_str(), known_on = known.home.0, other = vv.wwn.as_str(), other_on = comment.home.0;
                "two arrays have a volume of this name; the one known first is kept");
        }
        // Half made by another host: not a volume yet. Being removed: not one any more.
        _ if comment.state != State::Ready => {}
        _ => {
            if let Some((backend, group)) = place(inner, backends, vv, groups)? {
                inner
                    .index
                    .put(known::volume(inner, backend, vv, comment, group))?;
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
            let volume = known::volume(inner, backend, vv, comment, group);
            (backend.for_request(request), volume)
        }),
    )
}

/// Asks both arrays about a known volume and keeps the answers in the index. A side that cannot be asked stays as it was last
/// seen, with the reason.
pub(super) async fn status(inner: &Inner, request: &RequestId, name: &VolumeName) {
    let Some(volume) = inner.index.get(name) else {
        return;
    };
    let Ok(backend) = inner.backend(&volume.backend) else {
        return;
    };
    let backend = backend.for_request(request);
    let before = volume.status.as_object().cloned().unwrap_or_default();
    let mut status = Map::new();
    match side(inner, &backend, &volume).await {
        Ok((fields, group)) => {
            inner.news.reached(&backend.name);
            status.extend(fields);
            status.insert("seen".to_owned(), json!(jiff::Timestamp::now().to_string()));
            if let (Some(pair), Some(group)) = (&backend.pair, &group) {
                status.insert("replication".to_owned(), json!(replication(group)));
                let peer = match backend.identity().await {
                    Ok(identity) => pair.peer_name(&group.name, identity.system.id),
                    Err(_) => None,
                };
                let there = match peer {
                    Some(peer) => pair.peer.showrcopy_group(&peer).await,
                    None => Ok(None),
                };
                let shown = match there {
                    Ok(Some(there)) => {
                        let mut shown = replication(&there);
                        shown.insert("seen".to_owned(), json!(jiff::Timestamp::now().to_string()));
                        shown
                    }
                    Ok(None) => Map::from_iter([("state".to_owned(), json!("no such group"))]),
                    Err(error) => unreachable_side(before.get("peer"), &error.to_string()),
                };
                status.insert("peer".to_owned(), json!(shown));
            }
        }
        Err(cause) => {
            if cause.is_unreachable() {
                inner.news.not_reached(&backend.name, cause.to_string());
            }
            status = unreachable_side(Some(&Value::Object(before)), &cause.to_string());
        }
    }
    // Only what is shown changed: a volume removed meanwhile must not come back.
    if let Err(error) =
        inner
            .index
            .put_status(name, &volume.wwn, Value::Object(status), |one, other| {
                without_times(one) == without_times(other)
            })
    {
        log::warn!(volume = name.as_str(), error:% = error; "could not keep what was seen of the volume");
    }
}

/// A status without when it was seen.
fn without_times(status: &Value) -> Value {
    match status {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "seen")
            .map(|(key, value)| (key.clone(), without_times(value)))
            .collect(),
        other => other.clone(),
    }
}

fn unreachable_side(before: Option<&Value>, why: &str) -> Map<String, Value> {
    let mut last = before
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    last.insert("unreachable".to_owned(), json!(why));
    last
}

async fn side(
    inner: &Inner,
    backend: &Backend,
    volume: &IndexedVolume,
) -> Result<(Map<String, Value>, Option<RcGroup>), Cause> {
    let array = &backend.array;
    let identity = backend.identity().await?;
    let vv = array
        .showvv(VvQuery::Name(&volume.vv))
        .await?
        .into_iter()
        .next()
        .ok_or(Cause::NoSuchVolume)?;
    let comment = known::judge(inner, backend, &vv)?;
    let group = match &volume.group {
        Some(group) => array.showrcopy_group(group).await?,
        None => None,
    };
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    put(
        "array",
        json!({ "name": identity.system.name, "address": array.label(), "id": identity.system.id }),
    );
    put(
        "vv",
        json!({ "name": vv.name, "id": vv.id, "wwn": vv.wwn, "state": vv.state.to_string() }),
    );
    put("size", json!(vv.size.to_string()));
    put("provisioning", json!(volume.options.provisioning));
    put("cpg", json!(vv.user_cpg));
    put("snapcpg", json!(vv.snap_cpg));
    put("state", json!(comment.state.to_string()));
    put(
        "filesystem",
        json!({ "type": comment.fs_type, "made": comment.format.to_string() }),
    );
    if let Some(held) = &comment.held {
        put("last mounted by", json!(held));
    }
    Ok((fields, group))
}

fn replication(group: &RcGroup) -> Map<String, Value> {
    let volumes: Vec<Value> = group
        .volumes
        .iter()
        .map(|v| json!({ "vv": v.local, "sync": v.sync.to_string(), "last sync": v.last_sync }))
        .collect();
    let mut shown = Map::new();
    shown.insert("group".to_owned(), json!(group.name));
    shown.insert("target".to_owned(), json!(group.target));
    shown.insert("role".to_owned(), json!(group.role));
    shown.insert("status".to_owned(), json!(group.status));
    shown.insert("mode".to_owned(), json!(group.mode.to_string()));
    shown.insert("policies".to_owned(), json!(group.options.policies));
    shown.insert("volumes".to_owned(), json!(volumes));
    shown
}

/// What an inspect shows: the last look at the arrays, and what is known here.
pub(super) fn shown(inner: &Inner, volume: &IndexedVolume) -> Map<String, Value> {
    let mut shown = volume.status.as_object().cloned().unwrap_or_default();
    shown.insert("backend".to_owned(), json!(volume.backend));
    shown
        .entry("vv")
        .or_insert_with(|| json!({ "name": volume.vv, "wwn": volume.wwn }));
    shown
        .entry("size")
        .or_insert_with(|| json!(volume.options.size.to_string()));
    shown
        .entry("seen")
        .or_insert_with(|| json!(volume.seen.to_string()));
    if let Some(why) = inner.news.out_of_reach(&volume.backend) {
        shown.entry("unreachable").or_insert_with(|| json!(why));
    }
    if volume.state != State::Ready {
        shown.insert("state".to_owned(), json!(volume.state.to_string()));
    }
    if let Some(record) = inner.index.mount(&volume.name) {
        shown.insert(
            "mounted here".to_owned(),
            json!({ "device": record.place.device, "users": record.references() }),
        );
    }
    shown
}
