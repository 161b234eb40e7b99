//! A login that has lost its domain, or whose CPGs somebody has put into another one, is shown an array without volumes, and no error (array
//! fact 127). What is known to be there is not gone because of that.

use std::collections::BTreeSet;

use crate::{
    inform::Array,
    model::{CpgName, Side},
};

use super::{backend::Backend, error::Cause};

/// Before a known volume is taken for gone: whoever is shown none of a backend's CPGs is not shown its volumes either.
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
        "array `{}` shows this login neither a volume nor a CPG of backend `{}`; see its domain in `showuser`, and `showcpg`",
        array.label(),
        backend.name
    )))
}
