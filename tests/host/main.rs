//! What this machine does with devices, filesystems and mounts: on real loop devices, with the real tools, as root.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod attaching;
mod formatting;
mod lab;
mod mounting;
