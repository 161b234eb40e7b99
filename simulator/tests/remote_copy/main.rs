//! Remote copy groups: commands on both sides, refusals, and what time does.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod admission;
mod failover;
mod groups;
mod listing;
mod outages;
#[path = "../pair/mod.rs"]
mod pair;
mod peer_persistence;
mod starting;

use hpe3par_sim::state::Release::{self, V322, V331, V1050};
use pair::Desk;

/// Releases that differ in what remote copy prints and takes.
const RELEASES: [Release; 3] = [V322, V331, V1050];

const VOLUME: &str = "createvv -tpvv -snp_cpg fast fast v1 4g";
const CREATE: &str =
    "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g1 to_south:sync";

/// A volume and an empty synchronous group.
fn desk() -> Desk {
    desk_of(V331)
}

fn desk_of(release: Release) -> Desk {
    let mut desk = Desk::new(release);
    desk.quiet(&[&in_release(release, VOLUME), &in_release(release, CREATE)]);
    desk
}

/// A line as this release takes it: 10.x knows no snapshot CPG.
fn in_release(release: Release, line: &str) -> String {
    if release != V1050 {
        return line.to_owned();
    }
    let line = line.replace(" -snp_cpg fast to_south:slow", "");
    line.replace(" -snp_cpg fast to_south:fast", "")
        .replace(" -snp_cpg fast", "")
}

/// The same, admitted.
fn admitted() -> Desk {
    admitted_of(V331)
}

fn admitted_of(release: Release) -> Desk {
    let mut desk = desk_of(release);
    desk.quiet(&["admitrcopyvv -createvv v1 g1 to_south:v1"]);
    desk
}

/// The same, started and synced.
fn synced() -> Desk {
    synced_of(V331)
}

fn synced_of(release: Release) -> Desk {
    let mut desk = admitted_of(release);
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(60);
    desk.world.agreements.clear();
    desk
}

fn state(desk: &mut Desk, array: &str, group: &str) -> (String, String, Vec<String>) {
    let line = format!("showrcopy groups {group}");
    let text = desk.ask(array, &format!("{line} -csvtable")).stdout;
    let status = pair::column(&text, "Status").swap_remove(0);
    let role = pair::column(&text, "Role").swap_remove(0);
    (
        status,
        role,
        if text.contains("SyncStatus") {
            pair::column(&text, "SyncStatus")
        } else {
            Vec::new()
        },
    )
}

fn triple(status: &str, role: &str, sync: &[&str]) -> (String, String, Vec<String>) {
    (
        status.into(),
        role.into(),
        sync.iter().map(|word| (*word).to_owned()).collect(),
    )
}

/// A periodic group with a period, not started.
fn periodic(desk: &mut Desk) {
    desk.quiet(&[
        "createvv -tpvv -snp_cpg fast fast p1 1g",
        "creatercopygroup -usr_cpg fast to_south:fast -snp_cpg fast to_south:fast per to_south:periodic",
        "setrcopygroup period 15m to_south per",
        "admitrcopyvv -createvv -nowwn p1 per to_south:p1copy",
    ]);
}
