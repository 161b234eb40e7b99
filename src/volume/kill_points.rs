//! Where a test can end the plugin as by `kill -9`. In a release build there is nothing here.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The points passed so far, and the one to die at.
#[derive(Debug, Clone, Default)]
pub struct KillPoints(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    passed: AtomicUsize,
    die_at: usize,
    list: Option<std::path::PathBuf>,
}

impl KillPoints {
    /// Reads `HPE3PAR_DOCKER_KILL_AT=<n>` and `HPE3PAR_DOCKER_KILL_LIST=<file>` (each point is appended to it as a line).
    /// A release build does not look.
    pub fn from_environment() -> Self {
        if !cfg!(debug_assertions) {
            return Self::default();
        }
        let die_at = std::env::var("HPE3PAR_DOCKER_KILL_AT")
            .ok()
            .and_then(|n| n.parse().ok());
        let list = std::env::var_os("HPE3PAR_DOCKER_KILL_LIST").map(Into::into);
        if die_at.is_none() && list.is_none() {
            return Self::default();
        }
        Self(Some(Arc::new(Armed {
            passed: AtomicUsize::new(0),
            die_at: die_at.unwrap_or(0),
            list,
        })))
    }

    /// A point right before or right after something.
    pub(super) fn pass(&self, what: &str, before: bool) {
        let Some(armed) = &self.0 else { return };
        let n = armed.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(list) = &armed.list {
            use std::io::Write;
            let file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(list);
            if let Ok(mut file) = file {
                let when = if before { "before" } else { "after" };
                // A test reads this file; it has no other reader to tell about a full disk.
                let _ = writeln!(file, "{n} {when} {what}");
            }
        }
        if n == armed.die_at {
            // Not exit(): nothing may be flushed, closed or undone.
            let _ =
                nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL);
            loop {
                std::thread::park();
            }
        }
    }
}
