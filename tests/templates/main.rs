//! What the templates make of answers: fixtures, hostile answers, captures of real arrays, an administrator's files,
//! recorded answers read again.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod captures;
mod fixtures;
mod hostile;
#[path = "../rig/needs.rs"]
mod needs;
mod overrides;
mod replay;
