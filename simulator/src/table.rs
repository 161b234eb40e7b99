//! The one table printer: every listing goes through it.
