//! A Docker volume plugin for HPE 3PAR arrays with remote copy, driven by the InForm command line over SSH.
//!
//! Who may know whom is written in docs/architecture.md and checked by `tests/layers`.

pub mod inform;
pub mod model;
pub mod ssh;
pub mod transcript;
