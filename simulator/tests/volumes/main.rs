//! VVs and VV sets.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod listing;
mod making;
#[path = "../pair/mod.rs"]
mod pair;
mod sets;

use hpe3par_sim::state::Release::V331;
use pair::Desk;

fn desk() -> Desk {
    Desk::new(V331)
}

fn names(desk: &mut Desk, line: &str) -> Vec<String> {
    desk.column("north", line, "Name")
}
