//! Remote copy groups as the plugin meets them on two arrays: which it refuses, on which array it changes them, and under which lock.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[allow(dead_code)] // Of the tests of bad weather; each test program uses its part.
#[path = "../weather/stage.rs"]
mod stage;

mod locks;
mod making;
mod moved;
mod refused;
mod removing;
mod scene;
mod seen;
mod switched;
