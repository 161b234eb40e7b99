//! The volume protocol over a real unix socket, byte by byte, with a volume service that does what the test wants.

mod fake;
mod forms;
mod get;
mod lifetime;
mod log_lines;
mod options;
mod server;
mod wire;
