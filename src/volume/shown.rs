//! A login that has lost its domain, or whose CPGs somebody has put into another one, is shown an array without volumes, and no error (array
//! fact 127). What is known to be there is not gone because of that. Whoever has CPGs in two domains and loses one of them is not noticed here.

use std::collections::BTreeSet;

use crate::{
    index::IndexedVolume,
    inform::Array,
    model::{CpgName, Side, SystemId},
};

use super::{backend::Backend, error::Cause};

/// Before a known volume is taken for gone: whoever is shown none of a backend's CPGs may be shown none of its volumes.
///
/// # Errors
/// [`Cause::NotKnown`] if none is shown; what keeps the array from being asked.
pub(super) async fn must_show_a_cpg(
    array: &Array,
    backend: &Backend,
    side: Side,
) -> Result<(), Cause> {
    let cpgs: BTreeSet<&CpgName> = match (side, &backend.pair) {
        (Side::Peer, Some(pair)) => pair.wants.cpg_map.values().collect(),
        _ => backend.cpgs.iter().collect(),
    };
    let shown = array.showcpg().await?;
    if cpgs.is_empty() || shown.iter().any(|cpg| cpgs.contains(&cpg.name)) {
        return Ok(());
    }
    Err(Cause::NotKnown(format!(
        "array `{}` shows this login no CPG of backend `{}`, and so perhaps no volume; see its domain in `showuser`, and `showcpg`",
        array.label(),
        backend.name
    )))
}

/// Before what is known of a backend on its own array is taken for gone: another array may answer at its address.
///
/// # Errors
/// [`Cause::NotKnown`] if none of it was made on the array that answers.
pub(super) fn must_have_made_one(
    array: &Array,
    here: SystemId,
    backend: &Backend,
    known: &[IndexedVolume],
) -> Result<(), Cause> {
    match known.first() {
        Some(other) if known.iter().all(|volume| volume.home != here) => {
            Err(Cause::NotKnown(format!(
                "array `{}` has the id {here} and does not show what backend `{}` had on the array with the id {}; see `san_ip`",
                array.label(),
                backend.name,
                other.home
            )))
        }
        _ => Ok(()),
    }
}
