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

/// Before what is known of a backend on its own array is taken for gone: another array may answer at its address. `named`: there are other VVs of
/// these names, as where both arrays of a pair are exchanged in hpe.conf.
///
/// # Errors
/// [`Cause::NotKnown`] if none of it was made on the array that answers, or on its peer while that served; what keeps it from being asked.
pub(super) async fn must_have_made_one(
    array: &Array,
    here: SystemId,
    backend: &Backend,
    known: &[IndexedVolume],
    named: bool,
) -> Result<(), Cause> {
    if known.iter().any(|volume| volume.home == here) {
        return Ok(());
    }
    let peer = match &backend.pair {
        Some(pair) if !named => backend.peer_id(pair).await?,
        _ => None,
    };
    match known.first() {
        Some(other) if known.iter().all(|volume| Some(volume.home) != peer) => {
            Err(Cause::NotKnown(format!(
                "array `{}` has the id {here} and does not show what backend `{}` had on the array with the id {}; see `san_ip`, or call the backend otherwise in hpe.conf if that array is gone for good",
                array.label(),
                backend.name,
                other.home
            )))
        }
        _ => Ok(()),
    }
}
