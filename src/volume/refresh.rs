//! Keeping the index true: one filtered listing per array a minute, and the detail that an inspect shows.

use serde_json::{Map, Value, json};

use crate::{
    index::IndexedVolume,
    inform::{RcGroup, Vv, VvQuery},
    model::{BackendName, Comment, GroupName, RequestId, State, VolumeName},
};

use super::{backend::Backend, error::Cause, known, service::Inner};

/// Lists the VVs of this plugin on one array, and takes what is new or changed into the index. `backends` are all backends
/// of that array.
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
    let groups = groups_of(backends, request).await?;
    let mut seen = Vec::new();
    for vv in &vvs {
        let Ok(comment) = known::judge(inner, &first, vv) else {
            continue;
        };
        if comment.home != home {
            // A copy: its volume is at home elsewhere.
            continue;
        }
        seen.push((vv.name.clone(), vv.wwn.clone()));
        // Whoever works on the volume right now knows better than a listing that may be older.
        let Some(_lock) = inner.locks.try_lock(&comment.name) else {
            continue;
        };
        take_in(inner, backends, vv, &comment, group_of(&groups, vv), begun)?;
    }
    for backend in backends {
        for gone in inner.index.note_listing(&backend.name, begun, &seen)? {
            log::info!(volume = gone.name.as_str(), backend = backend.name.as_str(); "volume is gone from the array");
        }
        inner.index.set_seeded(&backend.name)?;
    }
    Ok(())
}

/// Puts what a listing, begun at `begun`, shows of a volume into the index. The caller holds the name's lock.
fn take_in(
    inner: &Inner,
    backends: &[&Backend],
    vv: &Vv,
    comment: &Comment,
    group: Option<GroupName>,
    begun: jiff::Timestamp,
) -> Result<(), Cause> {
    let known = inner.index.get(&comment.name);
    if inner.removed_since(&comment.name, begun) || known.as_ref().is_some_and(|k| k.seen > begun) {
        return Ok(());
    }
    match known {
        // What the user asked for, and when it was made, the array does not tell.
        Some(known) if known.wwn == vv.wwn => inner.index.put(IndexedVolume {
            vv_id: vv.id,
            format: comment.format,
            state: comment.state,
            group,
            seen: begun,
            missed: 0,
            ..known
        })?,
        // Half made by another host: not a volume yet. Being removed: not one any more.
        _ if comment.state != State::Ready => {}
        _ => {
            let backend = inner.backend(&choose(backends, vv, group.as_ref()))?;
            let volume = known::volume(inner, backend, vv, comment, group);
            inner.index.put(volume)?;
        }
    }
    Ok(())
}

async fn groups_of(backends: &[&Backend], request: &RequestId) -> Result<Vec<RcGroup>, Cause> {
    match backends.iter().find_map(|backend| backend.pair.as_ref()) {
        Some(pair) => Ok(pair.source.for_request(request).showrcopy_groups().await?),
        None => Ok(Vec::new()),
    }
}

fn group_of(groups: &[RcGroup], vv: &Vv) -> Option<GroupName> {
    groups
        .iter()
        .find(|group| group.holds(&vv.name))
        .map(|group| group.name.clone())
}

/// The backend a VV belongs to, where several share an array: the replicated ones are on the replication-enabled one, and
/// otherwise the CPG tells.
fn choose(backends: &[&Backend], vv: &Vv, group: Option<&GroupName>) -> BackendName {
    let fits = |backend: &&&Backend| backend.pair.is_some() == group.is_some();
    let has_cpg = |backend: &&&Backend| {
        vv.user_cpg
            .as_ref()
            .is_some_and(|c| backend.cpgs.contains(c))
    };
    backends
        .iter()
        .filter(fits)
        .find(has_cpg)
        .or_else(|| backends.iter().find(fits))
        .or_else(|| backends.first())
        .map(|backend| backend.name.clone())
        .unwrap_or_else(|| unreachable!("an array belongs to a backend"))
}

/// The backend of a VV found on an array that these backends share.
pub(super) async fn backend_for(
    backends: &[&Backend],
    vv: &Vv,
    request: &RequestId,
) -> Result<Backend, Cause> {
    let groups = groups_of(backends, request).await?;
    let name = choose(backends, vv, group_of(&groups, vv).as_ref());
    let backend = backends.iter().find(|backend| backend.name == name);
    Ok(backend
        .ok_or(Cause::NoSuchBackend(name))?
        .for_request(request))
}

/// The index entry of a VV found just now.
pub(super) async fn entry(
    inner: &Inner,
    backend: &Backend,
    vv: &Vv,
    comment: &Comment,
) -> Result<IndexedVolume, Cause> {
    let group = match &backend.pair {
        Some(pair) => group_of(&pair.source.showrcopy_groups().await?, vv),
        None => None,
    };
    Ok(known::volume(inner, backend, vv, comment, group))
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
        Err(cause) => status = unreachable_side(Some(&Value::Object(before)), &cause.to_string()),
    }
    // Only what is shown changed: a volume removed meanwhile must not come back.
    if let Err(error) = inner
        .index
        .put_status(name, &volume.wwn, Value::Object(status))
    {
        log::warn!(volume = name.as_str(), error:% = error; "could not keep what was seen of the volume");
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
