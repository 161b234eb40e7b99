//! The export of the array that does not serve is taken back: with the device, or, where that array is away, in an entry of its own
//! that nobody waits for.

use crate::{
    index::{JournalEntry, OpKind},
    inform::Array,
    model::RequestId,
    volume::{
        backend::Backend,
        detach,
        error::Cause,
        exports, groups,
        inner::Inner,
        place, reconcile,
        steps::{Intent, Steps},
    },
};

use super::{AWAY, in_time, other_than_acting};

/// What earlier mounts and unmounts of the volume left open, because an array was away, is about the device that this mount has now: it
/// keeps its hands off this machine. The caller holds the name's lock.
pub(in crate::volume) fn overtake(inner: &Inner, by: &JournalEntry) -> Result<(), Cause> {
    let (fact, yes) = detach::left_here();
    for open in inner.index.open_entries() {
        let exports = matches!(open.kind, OpKind::Mount | OpKind::Unmount);
        if exports && open.name == by.name && open.op != by.op {
            inner.write("facts", |index| {
                index.intend(&open.op, "facts", &[(&fact, &yes)])
            })?;
        }
    }
    Ok(())
}

/// Takes the export of the other array back, after the device is gone. An array that cannot be asked, or refuses, keeps it for now:
/// that gets an entry of its own in the journal, and nothing waits for it.
///
/// # Errors
/// [`Cause::Index`] if it cannot be written down.
pub(in crate::volume) async fn withdraw(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
) -> Result<(), Cause> {
    let entry = steps.entry().clone();
    let Some(other) = other_than_acting(backend, &entry) else {
        return Ok(());
    };
    let untouched = entry.facts.contains_key(AWAY) && !Intent::ExportSecond.is_in(&entry);
    if untouched {
        // What may be there in spite of it, the journal does not know.
        inner.unexplained.send_replace(());
        return Ok(());
    }
    let Err(cause) = withdraw_from(inner, backend, steps, other).await else {
        return Ok(());
    };
    log::warn!(volume = entry.name.as_str(), array = other.label(), cause:% = cause;
        "the export of the other array is not taken back yet");
    let is_pending = |open: &JournalEntry| {
        open.name == entry.name
            && open.kind == OpKind::Unmount
            && open.op != entry.op
            && groups::acting_array(open, backend).label() == other.label()
    };
    if inner.index.open_entries().iter().any(is_pending) {
        return Ok(());
    }
    leave_open(inner, backend, steps, other, OpKind::Unmount).await
}

async fn withdraw_from(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    array: &Array,
) -> Result<(), Cause> {
    let entry = steps.entry();
    let has_sent = Intent::ExportSecond.is_in(entry) || Intent::WithdrawSecond.is_in(entry);
    if steps.is_resumed() && has_sent && !steps.no_earlier_session(array).await? {
        return Err(Cause::NotKnown(format!(
            "a session of this plugin's earlier run is still open on array `{}`, and its command may still be running",
            array.label()
        )));
    }
    let vv = steps.entry().vv.clone();
    let exports = in_time(array, exports::look(steps, backend, array, &vv)).await?;
    // An array that was away and has come back may have brought disks with it: the kernel scans Fibre Channel ports by itself.
    if let Some(wwn) = detach::wwn_of(steps.entry()).filter(|_| exports.told().here) {
        in_time(array, place::leave(backend, array, &wwn)).await?;
    }
    let intent = Intent::WithdrawSecond;
    detach::withdraw_and_tidy(inner, backend, steps, array, intent, exports).await
}

/// A command to the other array that may still be running gets an entry of its own, and is nobody else's to wait for: what it did is looked
/// at when it has ended.
///
/// # Errors
/// [`Cause::Index`] if it cannot be written down.
pub(in crate::volume) async fn hand_over_doubt(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
) -> Result<(), Cause> {
    let entry = steps.entry();
    let Some(other) = other_than_acting(backend, entry) else {
        return Ok(());
    };
    let is = |key: &str, value: &str| entry.facts.get(key).is_some_and(|fact| fact == value);
    let open = entry.facts.contains_key("doubt") && !is("doubt", "");
    if !open || !is("doubt array", other.label()) {
        return Ok(());
    }
    leave_open(inner, backend, steps, other, OpKind::Export).await
}

/// Leaves what is to be done on the other array to an entry of its own, with the command that may still be running there.
async fn leave_open(
    inner: &Inner,
    backend: &Backend,
    steps: &mut Steps,
    other: &Array,
    kind: OpKind,
) -> Result<(), Cause> {
    let entry = steps.entry();
    let mut pending = inner.new_entry(&RequestId::random(), kind, &entry.name, backend);
    let doubt = ["doubt", "doubt array", "doubt session", "doubt until"];
    let about_other = entry.facts.get("doubt array").map(String::as_str) == Some(other.label());
    for (key, value) in &entry.facts {
        if key == "wwn" || (about_other && doubt.contains(&key.as_str())) {
            pending.facts.insert(key.clone(), value.clone());
        }
    }
    let acting = ("acting".to_owned(), other.label().to_owned());
    pending.facts.extend([acting, detach::left_here()]);
    Steps::begin(&inner.index, &inner.points, pending).await?;
    if about_other {
        steps.record(&[("doubt", "")])?;
    }
    Ok(())
}

/// Ends an export that was added or taken back under a mount when the plugin died, or when its outcome was not known: one beside another
/// host's is taken back, and so is one of a volume that is not mounted any more.
///
/// # Errors
/// [`Cause::NotKnown`] while something is mounted under the volume's name that is not recognised as a volume: its paths may be in use, and
/// cannot be found to be taken out before their LUN is given to another volume.
pub(in crate::volume) async fn settle(
    inner: &Inner,
    backend: &Backend,
    mut steps: Steps,
) -> Result<(), Cause> {
    steps.must_be_still(backend).await?;
    let entry = steps.entry().clone();
    let array = groups::acting_array(&entry, backend);
    let exports = in_time(array, exports::look(&steps, backend, array, &entry.vv)).await?;
    let mounted = reconcile::mounted_volume(inner, &entry.name)?;
    if mounted.is_none()
        && let Some(at) = inner.mounted(&entry.name)
    {
        return Err(Cause::NotKnown(format!(
            "the device that is mounted at `{}` is not recognised now, and the export of array `{}` stays",
            at.display(),
            array.label()
        )));
    }
    let elsewhere = !exports.foreign().is_empty();
    if elsewhere || mounted.is_none() {
        if let Some(wwn) = mounted.map(|place| place.wwn) {
            place::leave(backend, array, &wwn).await?;
        }
        inner.paths.forget(&entry.name);
        detach::withdraw_own(&mut steps, array, Intent::WithdrawSecond, exports).await?;
    }
    steps.finish()
}
