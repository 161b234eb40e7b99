//! The lab: the plugin, an engine and arrays in a virtual machine, where iSCSI sessions, paths and multipath maps are the kernel's.
//! `make lab` builds the machine and runs this; see docs/lab.md.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/needs.rs"]
mod needs;

mod both_arrays;
mod crashes;
mod engine_ways;
mod failed_over;
mod machine;
mod machine_itself;
mod paths;
mod run;
mod stage;
mod writer;
mod wrong_volume;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut run = run::Run::from_arguments();
    run.group("machine", machine_itself::SCENARIOS);
    run.group("paths", paths::SCENARIOS);
    run.group("both_arrays", both_arrays::SCENARIOS);
    run.group("failed_over", failed_over::SCENARIOS);
    run.group("engine_ways", engine_ways::SCENARIOS);
    run.group("wrong_volume", wrong_volume::SCENARIOS);
    run.group("crashes", crashes::SCENARIOS);
    run.finish()
}
