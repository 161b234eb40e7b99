//! The house rules that a program can check: who may know whom, what the plugin is linked with, and what is written about it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod dependencies;
mod facts;
mod imports;
mod source;
mod threads;
mod wording;
