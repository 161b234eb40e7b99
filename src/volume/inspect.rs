//! What `docker volume inspect` shows: the last look at both arrays, and what is known here.

use serde_json::{Map, Value, json};

use crate::{
    index::IndexedVolume,
    inform::{Array, ArrayError, RcGroup, VvKind, VvQuery},
    model::{GroupName, RequestId, Side, Source, State, VolumeName},
    replication::{GroupSide, GroupSides, Half, Pair},
};

use super::{
    backend::Backend, copying, error::Cause, inner::Inner, kill_points::KillPoints, known, news,
    paths, pending::Pending, second_export, service_levels, snapshots, unmount,
};

/// Asks both arrays about a known volume and keeps the answers in the index. A side that cannot be asked stays as it was last
/// seen, with the reason.
pub(super) async fn status(inner: &Inner, request: &RequestId, name: &VolumeName) {
    let Some(volume) = inner.index.get(name) else {
        return;
    };
    let Ok(backend) = inner.backend_of(&volume) else {
        return;
    };
    let backend = backend.for_request(request);
    let before = volume.status.as_object().cloned().unwrap_or_default();
    let (here, there, schedule) = tokio::join!(
        own_side(inner, &backend, &volume),
        peer_side(inner, &backend, &volume),
        schedule(inner, &backend, &volume)
    );
    let mut status = Map::new();
    let here = match here {
        Ok((fields, group)) => {
            status.extend(fields);
            status.insert("seen".to_owned(), now());
            if let Some(group) = &group {
                status.insert("replication".to_owned(), json!(replication(group)));
            }
            group.into()
        }
        Err(why) => {
            status = unreachable_side(Some(&Value::Object(before.clone())), &why);
            Half::Unreadable {
                why,
                last_seen: volume.last_roles.source,
            }
        }
    };
    let mut volume = volume;
    if let (Some(pair), Some(group), Some(there)) = (&backend.pair, volume.group.clone(), there) {
        let sides = sides(pair, &volume, &group, here, &there);
        for side in Side::BOTH {
            volume.last_roles.note(side, sides.role(side));
        }
        status.insert("serving".to_owned(), json!(serving(pair, &sides)));
        let (situation, _) = sides.situation();
        status.insert("group state".to_owned(), json!(situation.told()));
        let shown = match there {
            Ok(Some(there)) => {
                let mut shown = replication(&there.group);
                if !there.snapshots.is_empty() {
                    shown.insert("snapshots".to_owned(), json!(there.snapshots));
                }
                shown.insert("array".to_owned(), json!({ "address": pair.peer.label() }));
                shown.insert("seen".to_owned(), now());
                shown
            }
            Ok(None) => Map::from_iter([("state".to_owned(), json!("no such group"))]),
            Err(why) => unreachable_side(before.get("peer"), &why),
        };
        status.insert("peer".to_owned(), json!(shown));
    }
    match schedule {
        Some(runs) => status.insert("schedule runs".to_owned(), json!(runs)),
        None => status.remove("schedule runs"),
    };
    match paths::shown(inner, &backend, name).await {
        Some(paths) => status.insert("paths".to_owned(), paths),
        None => status.remove("paths"),
    };
    // Only what is shown changed: a volume removed meanwhile must not come back.
    if let Err(error) = inner
        .index
        .put_status(&volume, Value::Object(status), |one, other| {
            without_times(one) == without_times(other)
        })
    {
        log::warn!(volume = name.as_str(), error:% = error; "could not keep what was seen of the volume");
    }
}

fn now() -> Value {
    json!(jiff::Timestamp::now().to_string())
}

/// True unless every array that the volume is on could not be reached a moment ago.
pub(super) fn may_have_news(inner: &Inner, volume: &IndexedVolume) -> bool {
    let silent = |array: &Array| inner.news.out_of_reach(array.label()).is_some();
    match inner.backend_of(volume) {
        Ok(backend) => !Side::BOTH
            .map(|side| backend.on(side))
            .into_iter()
            .all(silent),
        Err(_) => false,
    }
}

/// The volume on the backend's own array, unless that could not be reached a moment ago.
async fn own_side(
    inner: &Inner,
    backend: &Backend,
    volume: &IndexedVolume,
) -> Result<(Map<String, Value>, Option<RcGroup>), String> {
    let label = backend.array.label();
    if let Some(why) = inner.news.out_of_reach(label) {
        return Err(why);
    }
    let seen = side(inner, backend, volume).await;
    match &seen {
        Err(cause) if cause.is_unreachable() => inner.news.not_reached(label, cause.to_string()),
        _ => inner.news.reached(label),
    }
    seen.map_err(|cause| cause.to_string())
}

/// What the peer shows of a volume.
#[derive(Debug, Clone)]
struct PeerSide {
    group: RcGroup,
    /// What is made of the volume's copy, as people know it.
    snapshots: Vec<String>,
}

/// The group as the peer shows it, if it has one of that name; none if the volume is in no group.
async fn peer_side(
    inner: &Inner,
    backend: &Backend,
    volume: &IndexedVolume,
) -> Option<Result<Option<PeerSide>, String>> {
    let (pair, group) = (backend.pair.as_ref()?, volume.group.as_ref()?);
    // A volume that was made on the peer is at home there; the backend's own array has been asked by then.
    let source = backend.known_id().unwrap_or(volume.home);
    let name = pair.peer_name(group, source)?;
    // What the own array shows is not kept back by a peer that hangs.
    let label = pair.peer.label();
    if let Some(why) = inner.news.out_of_reach(label) {
        return Some(Err(why));
    }
    let look = async {
        let Some(group) = pair.peer.showrcopy_group(&name).await? else {
            return Ok::<_, ArrayError>(None);
        };
        // Of another VV of that name nothing is told.
        let copies = match group.holds(&volume.vv) {
            true => pair.peer.showvv(VvQuery::CopiesOf(&volume.vv)).await?,
            false => Vec::new(),
        };
        let snapshots = snapshots::copies(inner, &copies);
        Ok(Some(PeerSide { group, snapshots }))
    };
    let look = tokio::time::timeout(news::patience_beside(), look);
    Some(match look.await {
        Ok(Err(error)) if error.is_unreachable() => {
            inner.news.not_reached(label, error.to_string());
            Err(error.to_string())
        }
        Ok(answer) => {
            inner.news.reached(label);
            answer.map_err(|error| error.to_string())
        }
        Err(_) => Err(too_late(&pair.peer)),
    })
}

fn too_late(array: &Array) -> String {
    format!(
        "array `{}` did not answer within {} ms",
        array.label(),
        news::patience_beside().as_millis()
    )
}

/// When the schedule runs that goes with a snapshot, or why that is not known.
async fn schedule(inner: &Inner, backend: &Backend, volume: &IndexedVolume) -> Option<String> {
    let array = &backend.array;
    let name = volume.schedule()?;
    let source = volume
        .options
        .source
        .snapshot()?
        .of
        .vv_name(&inner.namespace);
    let look = async {
        if let Some(why) = inner.news.out_of_reach(array.label()) {
            return Err(why);
        }
        let runs = snapshots::schedules::runs_at(array, name, &source).await;
        runs.map_err(|error| error.to_string())
    };
    let runs = tokio::time::timeout(news::patience_beside(), look).await;
    let runs = runs.unwrap_or_else(|_| Err(too_late(array)));
    Some(runs.unwrap_or_else(|why| format!("not known: {why}")))
}

/// The group as both arrays showed it just now.
fn sides(
    pair: &Pair,
    volume: &IndexedVolume,
    group: &GroupName,
    here: Half,
    there: &Result<Option<PeerSide>, String>,
) -> GroupSides {
    let side = |array: &Array, half: Half| GroupSide {
        array: array.label().to_owned(),
        name: half.seen().map(|group| group.name.clone()),
        half,
        way: None,
    };
    let there = match there {
        Ok(seen) => seen.as_ref().map(|there| there.group.clone()).into(),
        Err(why) => Half::Unreadable {
            why: why.clone(),
            last_seen: volume.last_roles.peer,
        },
    };
    GroupSides {
        group: group.clone(),
        source: side(&pair.source, here),
        peer: side(&pair.peer, there),
    }
}

/// Which array serves the volume, by what both show.
fn serving(pair: &Pair, sides: &GroupSides) -> String {
    match sides.serving(pair.wants.lone_primary) {
        Ok(found) if found.alone => format!(
            "{}, as far as it can be known without `{}`",
            pair.on(found.side).label(),
            pair.on(found.side.other()).label()
        ),
        Ok(found) => pair.on(found.side).label().to_owned(),
        Err(why) => format!("none: {why}"),
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
    let comment = known::judge(inner, &backend.array, &vv)?;
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
    if comment.state == State::Copying
        && let Some((vv, progress)) =
            copying::look(&KillPoints::default(), array, &volume.vv).await?
    {
        put(
            "copying",
            copying::shown(&comment, &vv, &progress, backend.side()),
        );
    }
    put(
        "filesystem",
        json!({ "type": comment.fs_type, "made": comment.format.to_string() }),
    );
    for (key, value) in service_levels::python::shown(array, &volume.vv, &comment).await? {
        put(key, value);
    }
    if let Some(set) = comment.rule_of() {
        put("qos", service_levels::shown(array, set).await);
    }
    if let Some(on) = comment.flash_cache {
        put("flash cache", json!(on));
    }
    if let Some(expires) = &vv.expires {
        put("expires", json!(expires.to_string()));
    }
    if let Some(until) = &vv.retained_until {
        put("retained until", json!(until.to_string()));
    }
    if vv.kind != VvKind::VirtualCopy {
        let copies = array.showvv(VvQuery::CopiesOf(&volume.vv)).await?;
        let copies = snapshots::copies(inner, &copies);
        if !copies.is_empty() {
            put("snapshots", json!(copies));
        }
    }
    if let Some(held) = &comment.held {
        put("last mounted by", json!(held.name()));
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
pub(super) fn shown(
    inner: &Inner,
    volume: &IndexedVolume,
    pending: Option<Pending>,
) -> Map<String, Value> {
    let mut shown = volume.status.as_object().cloned().unwrap_or_default();
    shown.insert("backend".to_owned(), json!(volume.backend));
    shown
        .entry("vv")
        .or_insert_with(|| json!({ "name": volume.vv, "wwn": volume.wwn }));
    match &volume.options.source {
        Source::Snapshot(snapshot) => {
            shown.insert("snapshot of".to_owned(), json!(snapshot.of));
            if let Some(schedule) = &snapshot.schedule {
                shown.insert("schedule".to_owned(), json!(schedule));
            }
        }
        Source::Clone { of } => {
            shown.insert("clone of".to_owned(), json!(of));
        }
        Source::Blank | Source::Import { .. } => {}
    }
    let sides = inner.backends.get(&volume.backend).map(|backend| {
        let sides = snapshots::sides(backend, volume);
        let labels = sides
            .iter()
            .map(|side| backend.on(*side).label().to_owned());
        labels.collect::<Vec<_>>()
    });
    if let Some(on @ [_, _]) = sides.as_deref() {
        shown.insert("taken on".to_owned(), json!(on));
    }
    if let (Some(wwn), None) = (&volume.copy_wwn, copying::side(volume)) {
        shown.insert("copy".to_owned(), json!({ "wwn": wwn }));
    }
    shown
        .entry("size")
        .or_insert_with(|| json!(volume.options.size.to_string()));
    shown
        .entry("seen")
        .or_insert_with(|| json!(volume.seen.to_string()));
    let backend = inner.backend_of(volume);
    if let Err(cause) = &backend {
        shown.insert("unusable".to_owned(), json!(cause.to_string()));
    }
    let backend = backend.ok();
    let array = backend.as_ref().map(|b| b.array.label());
    if let Some(why) = array.and_then(|array| inner.news.out_of_reach(array)) {
        shown.entry("unreachable").or_insert_with(|| json!(why));
    }
    if let Some(group) = &volume.group {
        shown.entry("group").or_insert_with(|| json!(group));
    }
    if let (Some(side), Some(backend)) = (volume.lost_on(), inner.backends.get(&volume.backend)) {
        let lost = format!(
            "array `{}` has no VV of it any more",
            backend.on(side).label()
        );
        shown.insert("half".to_owned(), json!(lost));
    }
    if let Some(schedule) = volume.schedule().filter(|_| volume.is_gone()) {
        let left = format!(
            "its VV is not there any more; schedule `{schedule}` goes on until `docker volume rm {}`",
            volume.name
        );
        shown.insert("gone".to_owned(), json!(left));
    }
    if volume.state != State::Ready {
        shown.insert("state".to_owned(), json!(volume.state.to_string()));
    }
    if let Some(why) = inner.copies.why_not(&volume.name) {
        shown.insert("not completed".to_owned(), json!(why));
    }
    let mut stranded = inner.stranded().into_iter();
    if let Some(entry) = stranded.find(|entry| entry.name == volume.name) {
        let cause = Cause::stranded(&entry).to_string();
        shown.insert("unfinished".to_owned(), json!(cause));
    }
    if let Some(pending) = pending {
        shown.insert("detach pending".to_owned(), json!(pending));
    }
    if let Some(record) = inner.index.mount(&volume.name) {
        let side = unmount::side_of(inner, &volume.name, Some(&record.place.wwn));
        let array = backend.as_ref().map(|b| b.on(side));
        let mut here = Map::new();
        here.insert("device".to_owned(), json!(record.place.device));
        here.insert("users".to_owned(), json!(record.references()));
        if let Some(why) = inner.growth.why_not(&record.place.wwn) {
            here.insert("smaller than its VV".to_owned(), json!(why));
        }
        if let Some(kept) = inner.second_exports.of(&volume.name) {
            here.insert("from".to_owned(), json!(kept.by()));
            here.insert("exported by".to_owned(), json!(kept.told()));
        } else if backend.as_ref().is_some_and(second_export::is_wanted) {
            here.insert("exported by".to_owned(), json!("not looked at yet"));
        } else {
            here.insert("from".to_owned(), json!(array.map(Array::label)));
        }
        if let Some(told) = inner.handovers.lost(&volume.name) {
            here.insert("lost".to_owned(), json!(told));
        }
        if let Some(told) = inner.handovers.taken(&volume.name) {
            here.insert("taken over".to_owned(), json!(told));
        }
        shown.insert("mounted here".to_owned(), json!(here));
    }
    shown
}
