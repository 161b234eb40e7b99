//! Who has a volume that two hosts want: the one that has it is waited for, a dead one is taken over, and what an administrator has
//! exported is left alone. No engine: the tests send what an engine sends.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[path = "../mounts/stage.rs"]
mod stage;

mod conflicts;
mod duel;
mod host_objects;
mod take_overs;
