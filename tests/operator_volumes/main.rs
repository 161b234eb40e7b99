//! `hpe3par-docker volume`: the command beside a plugin that runs, over its second socket.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../rig/mod.rs"]
mod rig;
#[allow(dead_code)] // Of the tests of replication; each test program uses its part.
#[path = "../replication/scene.rs"]
mod scene;
#[allow(dead_code)] // Of the tests of bad weather.
#[path = "../weather/stage.rs"]
mod stage;

mod adopting;
mod command;
mod data;
mod forgetting;
mod growing;
mod killed;
mod listing;
mod mounted;
mod promoting;
mod replicated;
mod without_backend;
