//! Copies of VVs, promotions of snapshots, and what cannot be done meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod data;
mod growing;
mod offline;
mod online;
#[path = "../pair/mod.rs"]
mod pair;
mod promoting;
mod tasks;

use hpe3par_sim::state::Release::{self, V331, V1050};
use pair::Desk;

/// A parent of 4 GiB and a destination of the same size.
fn desk(release: Release) -> Desk {
    let mut desk = Desk::new(release);
    desk.prepare(&[
        "createvv -tpvv -snp_cpg fast fast db 4g",
        "createvv -tpvv -snp_cpg fast fast copy 4g",
    ]);
    desk
}

/// Starts something and gives the number of its task.
fn task(desk: &mut Desk, line: &str) -> String {
    let answer = desk.ask("north", line);
    assert_eq!(answer.status, 0, "{line}: {answer:?}");
    let (_, number) = answer.stdout.trim_end().rsplit_once(' ').unwrap();
    number.to_owned()
}

/// Type and Detailed_State.
fn state(desk: &mut Desk, vv: &str) -> String {
    let line = format!("showvv -showcols Type,Detailed_State {vv}");
    let kind = desk.column("north", &line, "Type").swap_remove(0);
    let state = desk.column("north", &line, "Detailed_State").swap_remove(0);
    format!("{kind} {state}")
}

/// Says for each line why it is refused.
fn all_refused(desk: &mut Desk, lines: &[(&str, &str)]) {
    for (line, words) in lines {
        let said = desk.refused("north", line);
        assert!(said.contains(words), "{line}: {said}");
    }
}

/// In both flavours.
fn in_each(test: impl Fn(Release)) {
    for release in [V331, V1050] {
        println!("{release:?}");
        test(release);
    }
}
