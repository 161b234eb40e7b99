//! `hpe3par-docker group` as a storage administrator runs it, against two simulated arrays; what it says to type is typed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[allow(dead_code)] // Of the tests of groups the plugin changes; each test program uses its part.
#[path = "../replication/scene.rs"]
mod scene;
#[allow(dead_code)] // Of the tests of bad weather.
#[path = "../weather/stage.rs"]
mod stage;

mod administrator;
mod failsafe;
mod objections;
mod persistent;
mod plans;
mod reading;
mod watching;
