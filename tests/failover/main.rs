//! Which array a volume is mounted from, while its group is failed over and back, arrays die and return, and hosts are where they
//! should not be. No engine: the tests send what an engine sends.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../mounts/bystander.rs"]
mod bystander;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../mounts/stage.rs"]
mod stage;

mod first_mount;
mod former_primary;
mod half_made;
mod half_removed;
mod lives;
mod lone;
mod meanwhile;
mod scene;
