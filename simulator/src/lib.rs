//! Simulated HPE 3PAR arrays that answer the InForm command line over SSH.
//!
//! Written from manuals and captures of real arrays, never from the plugin's readers. What is a guess is listed in
//! FIDELITY.md.

pub mod clock;
pub mod commands;
pub mod control;
mod copies;
pub mod data;
pub mod description;
pub mod engine;
pub mod exports;
pub mod faults;
pub mod host_keys;
mod lio;
pub mod names;
pub mod passing;
pub mod patterns;
pub mod remote_copy;
mod schedules;
mod simulated_paths;
mod simulator;
mod snapshots;
mod ssh;
pub mod state;
pub mod table;
mod terminal;
pub mod volumes;
pub mod words;

pub use control::Control;
pub use description::Description;
pub use faults::{Fault, Kind};
pub use simulator::{Simulator, take_down};
