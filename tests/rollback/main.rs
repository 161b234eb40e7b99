//! Whatever goes wrong at whichever step of a create or a remove, and whoever else is at work on the same groups: what was begun ends
//! complete or undone, the error says what became of it, and nothing of anybody else's is touched.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[allow(dead_code)] // Bad weather in general uses the rest of it.
#[path = "../weather/stage.rs"]
mod stage;

mod changed;
mod copies;
mod dying;
mod job;
mod many;
mod meeting;
mod outages;
mod point;
mod stopped;
mod two_hosts;
mod wrong;
