//! The lab: the plugin, an engine and arrays in a virtual machine, where iSCSI sessions, paths and multipath maps are the kernel's.
//! `make lab` builds the machine and runs this; see docs/lab.md.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/needs.rs"]
mod needs;

mod both_arrays;
mod crashes;
mod engine_ways;
mod failed_over;
mod growing;
mod machine;
mod machine_itself;
mod paths;
mod run;
mod stage;
mod taken_over;
mod writer;
mod wrong_volume;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut run = run::Run::from_arguments();
    run.group("machine", machine_itself::SCENARIOS, &mut None);
    let stage = &mut None;
    run.group("paths", paths::SCENARIOS, stage);
    run.group("both_arrays", both_arrays::SCENARIOS, stage);
    run.group("failed_over", failed_over::SCENARIOS, stage);
    run.group("engine_ways", engine_ways::SCENARIOS, stage);
    run.group("wrong_volume", wrong_volume::SCENARIOS, stage);
    run.group("growing", growing::SCENARIOS, stage);
    run.group("crashes", crashes::SCENARIOS, stage);
    // The machine is another one after that.
    run.group("taken_over", taken_over::SCENARIOS, stage);
    run.finish()
}
