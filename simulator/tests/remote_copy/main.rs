//! Remote copy groups: commands on both sides, refusals, and what time does.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod admission;
mod auto_synchronize;
mod failover;
mod failures;
mod going_home;
mod groups;
mod listing;
mod outages;
#[path = "../pair/mod.rs"]
mod pair;
mod paths;
mod peer_persistence;
mod periods;
mod starting;
mod takeover;
mod turning;

use hpe3par_sim::state::Release::{self, V322, V331, V1050};
use pair::Desk;

/// Releases that differ in what remote copy prints and takes.
const RELEASES: [Release; 3] = [V322, V331, V1050];

const VOLUME: &str = "createvv -tpvv -snp_cpg fast fast v1 4g";
const CREATE: &str =
    "creatercopygroup -usr_cpg fast to_south:slow -snp_cpg fast to_south:slow g1 to_south:sync";

/// Name of the group `g1` in the south.
const SOUTH: &str = "g1.r4101";

/// Runs a test with every release; what it prints tells with which it failed.
fn in_each(test: impl Fn(Release)) {
    for release in RELEASES {
        println!("{release:?}");
        test(release);
    }
}

/// A volume and an empty synchronous group.
fn desk(release: Release) -> Desk {
    let mut desk = Desk::new(release);
    desk.prepare(&[VOLUME, CREATE]);
    desk
}

/// The same, admitted.
fn admitted(release: Release) -> Desk {
    let mut desk = desk(release);
    desk.quiet(&["admitrcopyvv -createvv v1 g1 to_south:v1"]);
    desk
}

/// The same, started and synced.
fn synced(release: Release) -> Desk {
    let mut desk = admitted(release);
    desk.quiet(&["startrcopygroup g1"]);
    desk.pass(60);
    desk.world.agreements.clear();
    desk
}

/// A synced group that its primary stopped.
fn stopped(release: Release) -> Desk {
    let mut desk = synced(release);
    desk.quiet(&["stoprcopygroup -f g1"]);
    desk.world.agreements.clear();
    desk
}

/// The same, failed over to the south.
fn failed_over(release: Release) -> Desk {
    let mut desk = stopped(release);
    desk.ask("south", "setrcopygroup failover -f g1.r4101");
    desk.pass(1);
    desk
}

/// Status and role of the group `g1` on both sides.
fn both(desk: &mut Desk) -> String {
    let (north, south) = (state(desk, "north", "g1"), state(desk, "south", SOUTH));
    let word = |(status, role, _): &(String, String, Vec<String>)| format!("{status} {role}");
    format!("{} | {}", word(&north), word(&south))
}

/// Cuts or mends the links in both directions; the arrays notice.
fn set_links(desk: &mut Desk, up: bool) {
    for array in ["north", "south"] {
        let links = &mut desk.array(array).targets[0].links;
        links.iter_mut().for_each(|link| link.up = up);
    }
    desk.pass(0);
}

/// (array that sends, array that receives) of the copies that are due.
fn copies(desk: &Desk) -> Vec<(&str, &str)> {
    let pairs = desk.world.agreements.iter();
    pairs
        .map(|one| (one.from.0.as_str(), one.to.0.as_str()))
        .collect()
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
    desk.prepare(&[
        "createvv -tpvv -snp_cpg fast fast p1 1g",
        "creatercopygroup -usr_cpg fast to_south:fast -snp_cpg fast to_south:fast per to_south:periodic",
        "setrcopygroup period 15m to_south per",
        "admitrcopyvv -createvv -nowwn p1 per to_south:p1copy",
    ]);
}
