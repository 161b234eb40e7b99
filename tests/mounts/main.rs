//! What is left on this machine when the plugin, the machine or a file of records ends badly, and how it goes away again.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;

mod bystander;
mod filesystems;
mod forgotten;
mod growing;
mod killed;
mod lost_records;
mod pending;
mod stage;
mod together;
mod tools;
mod unheard;
