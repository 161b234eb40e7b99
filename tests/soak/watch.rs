//! Never is one volume mounted on both hosts, each with a path on which it could write: looked at all the time, in the kernel's tables
//! and the arrays' exports. A mount from an array that is dead hangs until somebody ends it.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{
    host::{Host, Mount, mounts, reaches},
    place::BOTH,
};

/// How often.
const EVERY: Duration = Duration::from_millis(20);

/// Looks until the value ends.
pub struct Watch {
    seen: Arc<Mutex<Option<String>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    pub fn over(hosts: &[Host; 2]) -> Self {
        let tables = hosts.each_ref().map(|host| Table {
            mounts: host.mountinfo(),
            exports: host.exports(),
            host: host.name().to_owned(),
        });
        let (seen, ended) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (found, stop): (Arc<Mutex<Option<String>>>, _) =
            (Arc::clone(&seen), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if let Some(twice) = look(&tables) {
                    found.lock().unwrap().get_or_insert(twice);
                }
                std::thread::sleep(EVERY);
            }
        });
        Self {
            seen,
            ended,
            thread: Some(thread),
        }
    }

    /// Nothing was seen so far.
    #[track_caller]
    pub fn assert_never_twice(&self) {
        assert_eq!(*self.seen.lock().unwrap(), None, "on both hosts at once");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Where a host's mounts and paths are seen.
struct Table {
    mounts: PathBuf,
    exports: PathBuf,
    host: String,
}

/// One that the second host has while the first had it both before and after.
fn look(tables: &[Table; 2]) -> Option<String> {
    let [first, second] = tables;
    let (before, there, after) = (on(first), on(second), on(first));
    let both = before
        .iter()
        .filter(|mount| after.contains(mount))
        .find(|mount| there.iter().any(|other| other.wwn == mount.wwn))?;
    Some(format!("{both:?} and {there:?}"))
}

fn on(table: &Table) -> Vec<Mount> {
    let mut all = mounts(&std::fs::read_to_string(&table.mounts).unwrap_or_default());
    all.retain(|mount| {
        BOTH.iter()
            .any(|array| reaches(&table.exports, array, &table.host, &mount.wwn))
    });
    all
}
