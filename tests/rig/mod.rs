//! What the tests of whole programs stand on: simulated arrays, a configuration, the plugin as a process, a real engine.
#![allow(dead_code)] // Each test program uses its part.

pub mod arrays;
pub mod compare;
pub mod engine;
pub mod needs;
pub mod plugin;
pub mod private;
pub mod relay;
