//! The lab: the plugin, an engine and arrays in a virtual machine, where iSCSI sessions, paths and multipath maps are the kernel's.
//! `make lab` builds the machine and runs this; see docs/lab.md.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/needs.rs"]
mod needs;

mod machine;
mod machine_itself;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut run = run::Run::from_arguments();
    run.group("machine", machine_itself::SCENARIOS);
    run.finish()
}
