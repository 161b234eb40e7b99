//! Snapshots (V4). A snapshot is a volume by itself, on one array or, taken at the same instant, on both. It is in no remote copy group,
//! whatever its volume is in: so it is used like a volume of a backend that has only that array.

mod error;
mod removing;
pub(super) mod schedules;
mod taking;
mod used_from;

use std::collections::BTreeMap;

use crate::{
    index::{IndexedVolume, JournalEntry},
    inform::Array,
    model::{Side, SnapshotOf, Source, VolumeName, Wwn},
};

use super::{backend::Backend, error::Cause, inner::Inner};

pub use error::{NotOnBoth, SnapshotError};
pub(super) use removing::{copies, must_have_no_copies, must_not_be_retained};
pub(super) use taking::{Original, original};
pub(super) use used_from::used_from;

/// Says in the journal that a snapshot is taken on both arrays.
pub(super) const TWIN: &str = "twin";
/// What was seen of it on the other array.
pub(super) const TWIN_WWN: &str = "twin wwn";
/// Says in the journal which array of the backend an operation is about.
const ALONE: &str = "alone";
/// And what that array is called in messages: hpe.conf may name another one by the time the operation is ended.
const ALONE_ARRAY: &str = "alone array";

/// What a new journal entry says of the array that a snapshot is on.
pub(super) fn facts(backend: &Backend) -> BTreeMap<String, String> {
    let word = match backend.alone_on() {
        Some(Side::Source) => "source",
        Some(Side::Peer) => "peer",
        None => return BTreeMap::new(),
    };
    let facts = [(ALONE, word), (ALONE_ARRAY, backend.array.label())];
    facts
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// The array that an operation was about, by itself.
///
/// # Errors
/// [`Cause::NotKnown`] if hpe.conf names another array there by now, or none.
pub(super) fn alone_of_entry(
    backend: &Backend,
    side: Side,
    entry: &JournalEntry,
) -> Result<Backend, Cause> {
    let alone = backend.alone(side);
    let was = entry.facts.get(ALONE_ARRAY);
    if was.is_none_or(|was| was == alone.array.label()) && alone.side() == side {
        return Ok(alone);
    }
    Err(Cause::NotKnown(format!(
        "array `{}`, on which backend `{}` had a snapshot, is not in hpe.conf any more",
        was.map_or("", String::as_str),
        backend.name
    )))
}

/// The array of the backend that an operation is about, if that is one by itself.
pub(super) fn side_of_entry(entry: &JournalEntry) -> Option<Side> {
    match entry.facts.get(ALONE)?.as_str() {
        "source" => Some(Side::Source),
        "peer" => Some(Side::Peer),
        _ => None,
    }
}

/// The other array, of an operation that takes its snapshot on both.
pub(super) fn twin_array(inner: &Inner, entry: &JournalEntry) -> Result<Option<Array>, Cause> {
    let (Some(_), Some(side)) = (entry.facts.get(TWIN), side_of_entry(entry)) else {
        return Ok(None);
    };
    let backend = inner.backend(&entry.backend)?.alone(side.other());
    let request = &entry.op.request;
    Ok(Some(backend.array.for_request(request)))
}

/// What an operation saw of its snapshot on the other array.
pub(super) fn twin_seen(entry: &JournalEntry) -> Option<Wwn> {
    entry.facts.get(TWIN_WWN)?.parse().ok()
}

/// The arrays on which a snapshot was seen; none for what is no snapshot, or of a backend without replication.
pub(super) fn sides(backend: &Backend, volume: &IndexedVolume) -> Vec<Side> {
    if backend.pair.is_none() || !matches!(volume.options.source, Source::Snapshot(_)) {
        return Vec::new();
    }
    let seen = Side::BOTH.into_iter();
    seen.filter(|side| volume.wwn_on(*side).is_some()).collect()
}

/// The backend of a volume that was seen on one of its arrays: of a snapshot that array by itself.
pub(super) fn on(backend: &Backend, side: Side, volume: &IndexedVolume) -> Backend {
    match volume.options.source {
        Source::Snapshot(_) => backend.alone(side),
        _ => backend.clone(),
    }
}

/// Why a snapshot that was known is not on its array any more, if that can be its expiry.
pub(super) fn expired(inner: &Inner, name: &VolumeName, array: &Array) -> Option<SnapshotError> {
    let volume = inner.index.get(name)?;
    let after = volume.options.source.snapshot()?.expiration?;
    Some(SnapshotError::Expired {
        after: after.to_string(),
        array: array.label().to_owned(),
    })
}

/// The other array of a snapshot that was taken on both.
pub(super) fn twin(inner: &Inner, name: &VolumeName, backend: &Backend) -> Option<Backend> {
    let volume = inner.index.get(name)?;
    let whole = inner.backend(&volume.backend).ok()?;
    let other = backend.alone_on()?.other();
    // What this host has not seen yet, the comment tells.
    let said = |snapshot: &SnapshotOf| snapshot.both;
    let is_on_both = volume.options.source.snapshot().is_some_and(said);
    (is_on_both || volume.wwn_on(other).is_some()).then(|| whole.alone(other))
}

/// The VV of a volume is gone from a backend's array: all there was of it, or one of two snapshots.
pub(super) fn gone(inner: &Inner, name: &VolumeName, backend: &Backend) -> Result<(), Cause> {
    let known = inner.index.get(name);
    let side = backend.alone_on();
    match (known, side) {
        (Some(volume), Some(side)) if volume.wwn_on(side.other()).is_some() => {
            inner.index.change(name, |volume| volume.drop_wwn(side))?;
            Ok(())
        }
        _ => inner.forget(name),
    }
}

/// The array that a snapshot is used from: where it is mounted, or else where its volume was served when it was taken.
pub(super) fn side(inner: &Inner, backend: &Backend, volume: &IndexedVolume) -> Option<Side> {
    let sides = sides(backend, volume);
    if let [only] = sides.as_slice() {
        return Some(*only);
    }
    // One that has expired on one array alone is used from the other.
    let lost = volume.lost_on();
    let left: Vec<Side> = sides
        .iter()
        .copied()
        .filter(|side| Some(*side) != lost)
        .collect();
    if let [only] = left.as_slice() {
        return Some(*only);
    }
    let first = *sides.first()?;
    let mounted = inner.index.mount(&volume.name);
    let used = mounted.and_then(|record| {
        let mut sides = sides.iter();
        sides.find(|side| volume.wwn_on(**side) == Some(&record.place.wwn))
    });
    let at_home = || match backend.known_id() {
        Some(id) if id != volume.home => Side::Peer,
        _ => first,
    };
    Some(used.copied().unwrap_or_else(at_home))
}
