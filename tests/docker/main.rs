//! The plugin as an engine meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod protocol;
