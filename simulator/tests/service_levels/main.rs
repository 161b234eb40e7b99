//! Quality of service, flash cache, dedup and compression.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod flash_cache;
mod kept;
#[path = "../pair/mod.rs"]
mod pair;
mod qos;
mod reduction;

use hpe3par_sim::state::Release;
use pair::Desk;

/// Two VV sets, and every licence.
fn desk(release: Release) -> Desk {
    let mut desk = Desk::new(release);
    for licence in ["Adaptive Flash Cache", "Priority Optimization"] {
        desk.array("north").licenses.push(licence.into());
    }
    desk.quiet(&["createvvset gold", "createvvset bulk"]);
    desk
}

/// The same without one of them.
fn without(release: Release, licence: &str) -> Desk {
    let mut desk = desk(release);
    desk.array("north")
        .licenses
        .retain(|known| known != licence);
    desk
}

/// Says for each line why it is refused.
fn all_refused(desk: &mut Desk, lines: &[(&str, &str)]) {
    for (line, words) in lines {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
}
