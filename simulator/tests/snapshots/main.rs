//! Snapshots and schedules.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod both_arrays;
mod expiry;
mod kept;
mod making;
#[path = "../pair/mod.rs"]
mod pair;
mod schedules;

use hpe3par_sim::state::Release;
use pair::Desk;

/// All releases.
const RELEASES: [Release; 3] = [Release::V322, Release::V331, Release::V1050];

/// Arrays with a VV `db` that can have snapshots.
fn desk(release: Release) -> Desk {
    let mut desk = Desk::new(release);
    desk.prepare(&["createvv -tpvv -snp_cpg fast fast db 1g"]);
    desk
}

fn names(desk: &mut Desk, array: &str) -> Vec<String> {
    let vvs = desk.array(array).vvs.values();
    vvs.filter(|vv| vv.prov == "snp")
        .map(|vv| vv.name.clone())
        .collect()
}
