//! Typed calls against scripted answers: what is sent, how often, and what becomes of the answer.

mod bench;
mod command_lines;
mod copies;
mod exports;
pub mod in_memory;
mod listings;
mod lost_connections;
mod recorded;
mod refusals;
mod releases;
mod remote_copy;
mod schedules;
mod service_levels;
mod simulated;
mod simulated_copies;
mod snapshots;
