//! Peer Persistence with data: one volume on two arrays, what hosts have of it, and what becomes of it when something is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod one_file;
mod outages;
mod scene;
mod stopped;
mod switchover;
mod way_home;
