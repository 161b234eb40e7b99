//! The VV set that HPE's python plugin made for one of its volumes alone, for a QoS rule or the flash cache (`model/python.rs`). An adopted
//! volume is still in it. When the volume is removed its set goes, too, with the rule; when the volume is given back, it is as it was.
//!
//! The VV is taken out of it before it is removed, and the set goes after that: as long as the VV may have to be put back, so can all that
//! held for it. It is known by its name, of which every letter follows from what the VV was called, and by having nothing else in it; what
//! is another's, or exported, is a set like any other.

use serde_json::{Value, json};

use crate::{
    index::JournalEntry,
    inform::{Array, ArrayError, Refusal, VvSet},
    model::{Comment, FlashCache, PythonName, SetName, VvName},
    volume::{
        error::Cause,
        steps::{Intent, Seen, Steps},
    },
};

use super::{exports_of, join, part, set_is_gone, shown_rule};

/// Says in the journal which set a VV was taken out of, to be removed when that is gone.
const SET: &str = "python set";

/// What such a set of an adopted volume would be called.
fn name(comment: &Comment) -> Option<SetName> {
    PythonName::of(comment.was.as_ref()?)?.vv_set()
}

fn has_nothing_but(set: &VvSet, vv: &VvName) -> bool {
    matches!(set.members.as_slice(), [only] if only == vv)
}

/// The set of an adopted volume, if there is one that may go with it.
pub(super) async fn find(
    steps: &Steps,
    array: &Array,
    vv: &VvName,
    comment: &Comment,
) -> Result<Option<SetName>, Cause> {
    let Some(name) = name(comment) else {
        return Ok(None);
    };
    let found = steps.look("set", array.showvvset(Some(&name))).await?;
    if !found.first().is_some_and(|set| has_nothing_but(set, vv)) {
        return Ok(None);
    }
    let exports = exports_of(steps, array, &name).await?;
    Ok(exports.is_empty().then_some(name))
}

/// Takes the VV out of its set, which is to go with it.
pub(in crate::volume) async fn leave(
    steps: &mut Steps,
    array: &Array,
    vv: &VvName,
    comment: &Comment,
) -> Result<(), Cause> {
    let Some(set) = find(steps, array, vv, comment).await? else {
        return Ok(());
    };
    steps.record(&[(SET, set.as_str())])?;
    part(steps, array, vv, &set, std::slice::from_ref(vv)).await
}

/// The set that a VV was taken out of, by the journal.
pub(in crate::volume) fn left(entry: &JournalEntry) -> Option<SetName> {
    entry.facts.get(SET)?.parse().ok()
}

/// The VV stays after all: it is put back.
pub(super) async fn join_again(steps: &mut Steps, array: &Array, vv: &VvName) -> Result<(), Cause> {
    let Some(set) = left(steps.entry()) else {
        return Ok(());
    };
    let found = steps.look("set", array.showvvset(Some(&set))).await?;
    match found.first() {
        Some(is) if !is.members.contains(vv) => {
            super::must_not_be_exported(steps, array, &set).await?;
            join(steps, array, vv, &set).await
        }
        _ => Ok(()),
    }
}

/// The VV is gone, and the set that it was alone in goes, with its rule. What the array refuses keeps nobody: an empty set is in no way.
///
/// # Errors
/// If it is not known what became of it; then this is to be done again.
pub(in crate::volume) async fn remove_left(steps: &mut Steps, array: &Array) -> Result<(), Cause> {
    let Some(set) = left(steps.entry()) else {
        return Ok(());
    };
    let found = steps.look("set", array.showvvset(Some(&set))).await?;
    let Some(found) = found.first() else {
        return Ok(());
    };
    if !found.members.is_empty() {
        log::warn!(set = set.as_str(), array = array.label();
            "somebody put other volumes into the set that the python plugin made: the set is left to them");
        return Ok(());
    }
    match remove(steps, array, &set).await {
        Err(Cause::Array(error)) if error.refusal().is_some() => {
            log::warn!(set = set.as_str(), array = array.label(), error:% = error;
                "the set that the python plugin made is empty and stays");
            Ok(())
        }
        other => other,
    }
}

async fn remove(steps: &mut Steps, array: &Array, set: &SetName) -> Result<(), Cause> {
    // A set with a rule is not removed (array fact 123).
    if may_have_rule(steps, array, set).await? {
        let has_none = || async {
            Ok(match array.showqos(Some(set)).await {
                Ok(rules) if !rules.is_empty() => {
                    Seen::NotDone(format!("VV set `{set}` still has a QoS rule"))
                }
                Ok(_) => Seen::Done(()),
                // It did not refuse; whether the set can be removed will tell.
                Err(error) if is_not_understood(&error) => Seen::Done(()),
                Err(error) => return Err(error),
            })
        };
        let clear = array.setqos_clear(set);
        match steps.act(Intent::ClearRule, clear, has_none).await {
            Err(Cause::Array(error)) if error.refusal() == Some(Refusal::NoQosTarget) => {}
            other => other?,
        }
    }
    let gone = || set_is_gone(array, set);
    steps
        .act(Intent::RemovePythonSet, array.removevvset(set), gone)
        .await
}

async fn may_have_rule(steps: &Steps, array: &Array, set: &SetName) -> Result<bool, Cause> {
    match steps.look("rule", array.showqos(Some(set))).await {
        Ok(rules) => Ok(!rules.is_empty()),
        // Without the licence there are no rules.
        Err(Cause::Array(error)) if error.refusal() == Some(Refusal::NotLicensed) => Ok(false),
        // How an array lists its rules is a guess (array fact 123).
        Err(Cause::Array(error)) if is_not_understood(&error) => Ok(true),
        Err(cause) => Err(cause),
    }
}

fn is_not_understood(error: &ArrayError) -> bool {
    matches!(
        error,
        ArrayError::Unrecognised { .. } | ArrayError::Truncated { .. }
    )
}

/// What holds for an adopted volume by its set, for an inspect.
///
/// # Errors
/// If whether there is such a set cannot be told.
pub(in crate::volume) async fn shown(
    array: &Array,
    vv: &VvName,
    comment: &Comment,
) -> Result<Vec<(&'static str, Value)>, ArrayError> {
    let mut shown = Vec::new();
    let Some(set) = name(comment) else {
        return Ok(shown);
    };
    let found = array.showvvset(Some(&set)).await?;
    if !found.iter().any(|set| set.members.contains(vv)) {
        return Ok(shown);
    }
    match array.showqos(Some(&set)).await {
        Ok(rules) if rules.is_empty() => {}
        Err(error) if error.refusal() == Some(Refusal::NotLicensed) => {}
        rules => shown.push(("qos", shown_rule(&set, rules))),
    }
    match array.showflashcache_vvset(&set).await {
        Ok(FlashCache::Enable) => shown.push(("flash cache", json!(true))),
        Ok(FlashCache::Disable) => shown.push(("flash cache", json!(false))),
        // Not told, or there is none, or it cannot be read (array fact 124).
        Ok(FlashCache::Clear) | Err(_) => {}
    }
    Ok(shown)
}
