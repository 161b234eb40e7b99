//! What a user asks for: create, remove, mount, unmount, inspect. Knows nothing of HTTP or Docker's messages.

mod api;

pub use api::*;
