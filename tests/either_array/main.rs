//! A replicated volume is known, and used, from whichever of its two arrays can be asked.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;

mod gone;
mod lone_copy;
mod stage;
mod stale_exports;
mod whose;
