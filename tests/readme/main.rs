//! What README.md shows is what happens, and `make demo` tells its story to the end.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod blocks;
mod configuration;
mod demo;
#[path = "../rig/needs.rs"]
mod needs;
mod plain;
mod rules;
mod sessions;
mod stage;
