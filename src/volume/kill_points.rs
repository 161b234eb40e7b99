//! Where a test can end the plugin as by `kill -9`. In a release build there is nothing here.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What is done between the two points around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// One array command that reads.
    Look,
    /// One array command that changes something.
    Act,
    /// One write to the journal, the index or the mount records.
    Writing,
    /// Something on this machine.
    Local,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look => "look",
            Self::Act => "act",
            Self::Writing => "writing",
            Self::Local => "local",
        })
    }
}

/// The points passed so far, and the one to die at.
#[derive(Debug, Clone, Default)]
pub struct KillPoints(Option<Arc<Armed>>);

#[derive(Debug)]
struct Armed {
    passed: AtomicUsize,
    die_at: usize,
    list: Option<PathBuf>,
    from: Option<PathBuf>,
}

impl KillPoints {
    /// Reads `HPE3PAR_DOCKER_KILL_AT=<n>`, `HPE3PAR_DOCKER_KILL_LIST=<file>` (each point is appended to it as a line) and
    /// `HPE3PAR_DOCKER_KILL_FROM=<file>` (no point counts before that file is there). A release build does not look.
    pub fn from_environment() -> Self {
        if !cfg!(debug_assertions) {
            return Self::default();
        }
        let die_at = std::env::var("HPE3PAR_DOCKER_KILL_AT")
            .ok()
            .and_then(|n| n.parse().ok());
        let list = std::env::var_os("HPE3PAR_DOCKER_KILL_LIST").map(PathBuf::from);
        let from = std::env::var_os("HPE3PAR_DOCKER_KILL_FROM").map(PathBuf::from);
        if die_at.is_none() && list.is_none() {
            return Self::default();
        }
        Self(Some(Arc::new(Armed {
            passed: AtomicUsize::new(0),
            die_at: die_at.unwrap_or(0),
            list,
            from,
        })))
    }

    /// Does something that can fail between two points. The second is passed only if it did not.
    pub(super) async fn around<T, E>(
        &self,
        doing: Doing,
        what: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        self.before(doing, what);
        let done = work.await?;
        self.after(doing, what);
        Ok(done)
    }

    /// Writes something to the disk between two points.
    pub(super) fn writing<T, E>(
        &self,
        what: &str,
        write: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.before(Doing::Writing, what);
        let written = write()?;
        self.after(Doing::Writing, what);
        Ok(written)
    }

    /// The point right before something.
    pub(super) fn before(&self, doing: Doing, what: &str) {
        self.pass("before", doing, what);
    }

    /// The point right after something.
    pub(super) fn after(&self, doing: Doing, what: &str) {
        self.pass("after", doing, what);
    }

    fn pass(&self, when: &str, doing: Doing, what: &str) {
        let Some(armed) = &self.0 else { return };
        if armed.from.as_ref().is_some_and(|from| !from.exists()) {
            return;
        }
        let n = armed.passed.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(list) = &armed.list {
            use std::io::Write;
            let file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(list);
            if let Ok(mut file) = file {
                // A test reads this file; it has no other reader to tell about a full disk.
                let _ = writeln!(file, "{n} {when} {doing} {what}");
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
