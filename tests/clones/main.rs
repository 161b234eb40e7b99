//! Clones: made by the array on line, completed by the plugin, usable when their data are there.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[allow(dead_code)] // Each test program uses its part.
#[path = "../replication/scene.rs"]
mod scene;
#[allow(dead_code)]
#[path = "../weather/stage.rs"]
mod stage;

mod bench;
mod dying;
mod ending;
mod failed_over;
mod hosts;
mod levels;
mod lost;
mod making;
mod mounted;
mod replicated;
