//! Peer Persistence: a volume that both arrays export, while they change places, die, lose each other and come back. No engine: the
//! tests send what an engine sends, and write to the mounted volume meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../mounts/bystander.rs"]
mod bystander;
#[path = "../rig/mod.rs"]
mod rig;
#[path = "../mounts/stage.rs"]
mod stage;

mod active_active;
mod failover;
mod keeping;
mod late_commands;
mod one_array;
mod out_of_group;
mod scene;
mod switchover;
mod two_hosts;
mod writer;
