//! Simulated HPE 3PAR arrays that answer the InForm command line over SSH.
//!
//! Written from manuals and captures of real arrays, never from the plugin's readers. What is a guess is listed in
//! FIDELITY.md.

pub mod clock;
pub mod commands;
pub mod exports;
pub mod names;
pub mod remote_copy;
pub mod description;
pub mod patterns;
pub mod state;
pub mod table;
pub mod volumes;
pub mod words;
