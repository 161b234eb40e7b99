//! The running plugin's second socket, `<run_dir>/operator.sock`, for its owner alone: what `hpe3par-docker volume` asks it to do, by its own
//! locks, index and journal, and both ends of the connection. A request is one JSON value, an answer JSON lines: what happens while it
//! happens, and at last how it ended.

mod client;
mod messages;
mod server;

use std::path::{Path, PathBuf};

pub use client::{ClientError, ask};
pub use messages::{
    Adoptions, Answer, Candidate, Candidates, Failure, Line, Listing, Request, Shown,
};
pub use server::serve;

/// Where the socket is, by `run_dir` of hpe.conf.
pub fn path(run_dir: &Path) -> PathBuf {
    run_dir.join("operator.sock")
}
