//! What this machine does with devices, filesystems and mounts: on real loop devices, with the real tools, as root.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;

mod attaching;
mod damaged;
mod formatting;
mod growing;
mod lab;
mod mounting;
