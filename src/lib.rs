//! A Docker volume plugin for HPE 3PAR arrays with remote copy, driven by the InForm command line over SSH.
//!
//! Who may know whom is written in docs/architecture.md and checked by `tests/layers`.

pub mod config;
pub mod docker;
pub mod host;
pub mod index;
pub mod inform;
pub mod model;
pub mod operator;
pub mod operator_socket;
pub mod replication;
pub mod socket;
pub mod ssh;
pub mod transcript;
pub mod volume;
