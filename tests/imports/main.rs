//! Volumes that are on an array before Docker knows of them: imported, released, adopted from HPE's python plugin. What is refused changes
//! nothing, what dies is complete or undone, and what is given back is as it was, byte for byte.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[allow(dead_code)] // Bad weather in general uses the rest of it.
#[path = "../weather/stage.rs"]
mod stage;

mod adopting;
mod begun;
mod dying;
mod flash_cache;
mod given_back;
mod groups;
mod in_a_group;
mod lost;
mod moved;
mod process;
mod put_back;
mod refused;
mod scene;
mod sets;
mod snapshots;
mod taken;
mod two_desks;
mod wrong;
