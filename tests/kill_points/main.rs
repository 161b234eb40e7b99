//! The plugin dies, as by `kill -9`, before and after every array command and every write to its own files, and is started again:
//! every operation ends complete or clean.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;

mod creating;
mod every;
mod hanging;
mod mounting;
mod points;
mod removing;
mod stage;
mod together;
