//! Running arrays, met as a client meets them: over SSH with libssh2, and over the control.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod client;
mod control_socket;
mod data;
mod faults;
mod login;
mod persistence;
mod sessions;
mod shell;
mod system_commands;

use std::path::Path;

use hpe3par_sim::{Description, Simulator};

/// The arrays of the tests: north and south, no latency, ports of their own.
pub fn description() -> Description {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pair.toml"))
            .unwrap();
    let mut description = Description::from_toml(&text).unwrap();
    for array in &mut description.arrays {
        array.ssh_port = 0;
        array.latency_ms = 0;
        array.auth_rejection_ms = 0;
    }
    description
}

pub const NORTH: &str = "par-north";
pub const SOUTH: &str = "par-south";

pub async fn start() -> Simulator {
    Simulator::start(description()).await.unwrap()
}
