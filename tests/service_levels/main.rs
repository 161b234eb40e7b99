//! QoS rules, flash cache and compression: asked for, refused, and gone with the volume.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[allow(dead_code)] // Of the tests of replication; each test program uses its part.
#[path = "../replication/scene.rs"]
mod scene;
#[allow(dead_code)] // Of the tests of bad weather.
#[path = "../weather/stage.rs"]
mod stage;

mod compression;
mod killed;
mod sets;
