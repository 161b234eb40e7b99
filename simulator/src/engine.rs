//! The arrays at work: one state behind one lock, the clock, the sessions, the faults, and the record of what was asked.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::data;
use crate::description::{Description, Exports};
use crate::faults::Armed;
use crate::lio::Lio;
use crate::passing;
use crate::simulated_paths;
use crate::state::World;

mod saved;
mod seat;

use saved::Saved;
pub use seat::{Delivery, NoSeat, Seat};

/// Everything the sessions and the control share.
pub struct Engine {
    inner: Mutex<Inner>,
    released: watch::Sender<u64>,
    places: Places,
}

/// Where things are kept on this machine.
struct Places {
    state: Option<PathBuf>,
    data: Option<PathBuf>,
    exports: Option<PathBuf>,
}

/// Targets that a description with `exports = "lio"` has; none otherwise.
///
/// # Errors
/// The data directory cannot be made.
pub(crate) fn lio(description: &Description) -> Result<Option<Lio>, StartError> {
    let Some(dir) = description
        .data_dir
        .as_ref()
        .filter(|_| description.exports == Exports::Lio)
    else {
        return Ok(None);
    };
    let strangers = description.arrays.iter().map(|array| {
        let initiators = array.initiators.keys().cloned().collect();
        (array.name.clone(), initiators)
    });
    let lio = Lio::new(dir, strangers.collect()).map_err(|source| StartError::Io {
        what: format!("data directory `{}`", dir.display()),
        source,
    })?;
    Ok(Some(lio))
}

/// What the lock protects.
pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) faults: Armed,
    pub(crate) log: Vec<LogEntry>,
    /// Entries that were there before and are forgotten.
    pub(crate) log_forgotten: usize,
    pub(crate) stations: BTreeMap<String, Station>,
    /// The state that the files follow.
    settled: Option<World>,
    /// The kernel's targets, if exports are such.
    lio: Option<Lio>,
}

/// What belongs to an array as a machine on the network, not to what it stores.
pub(crate) struct Station {
    /// Virtual milliseconds before an answer.
    pub(crate) latency_ms: u64,
    pub(crate) session_limit: Option<usize>,
    /// Free space of CPGs that were filled, MiB.
    pub(crate) before_full: BTreeMap<String, u64>,
    /// How often it went down: commands of an earlier life die.
    pub(crate) life: u64,
    /// Passwords that did not fit.
    pub(crate) wrong_passwords: usize,
    next_session: u32,
}

/// A command that reached an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// System name.
    pub array: String,
    /// Id of the session.
    pub session: u32,
    /// Login name.
    pub user: String,
    /// The command as one line.
    pub line: String,
    /// When it came: virtual time, milliseconds since 1970.
    pub received_ms: i64,
    /// When it was carried out, if it was: it took effect then, or was refused.
    pub ran_ms: Option<i64>,
    /// It was carried out (it may have been refused all the same).
    pub ran: bool,
    /// It changed the state of an array.
    pub changed: bool,
}

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The description is not usable.
    #[error(transparent)]
    Description(#[from] crate::description::DescriptionError),
    /// A file, directory or port is not usable.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        source: io::Error,
    },
    /// A saved state is not readable.
    #[error("`{file}` holds no state of this simulator: {source}")]
    Saved {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A host key is not usable.
    #[error("host key: {0}")]
    HostKey(#[from] crate::host_keys::HostKeyError),
}

impl Engine {
    /// The arrays as described, or as `state_dir` kept them.
    ///
    /// # Errors
    /// A wrong description, or files that cannot be read or made.
    pub fn new(
        description: &Description,
        state_dir: Option<&Path>,
    ) -> Result<Arc<Self>, StartError> {
        description.check()?;
        let mut world = description.world();
        let mut clock = Clock::starting_now(description.factor);
        for array in world.arrays.values_mut() {
            array.add_system_vvs(clock.now());
        }
        if let Some(saved) = state_dir.map(Saved::read).transpose()?.flatten() {
            world = saved.world;
            // Time never goes back, and what happened while nothing ran counts as passed.
            clock = Clock::starting_at(saved.now_ms.max(clock.now_ms()), description.factor);
        }
        let stations = description.arrays.iter().map(|array| {
            let station = Station {
                latency_ms: array.latency_ms,
                session_limit: array.session_limit,
                before_full: BTreeMap::new(),
                life: 0,
                wrong_passwords: 0,
                next_session: 1,
            };
            (array.name.clone(), station)
        });
        let inner = Inner {
            world,
            clock,
            faults: Armed::default(),
            log: Vec::new(),
            log_forgotten: 0,
            settled: None,
            lio: lio(description)?,
            stations: stations.collect(),
        };
        let exports = description
            .exports_dir
            .clone()
            .filter(|_| description.exports == Exports::Simulated);
        let places = Places {
            state: state_dir.map(Path::to_path_buf),
            data: description.data_dir.clone(),
            exports,
        };
        let engine = Arc::new(Self {
            inner: Mutex::new(inner),
            released: watch::channel(0).0,
            places,
        });
        engine.alter(|_| ());
        Ok(engine)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something under the lock: first time moves on, afterwards files follow the state.
    pub(crate) fn alter<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let now = inner.clock.now();
        passing::tick(&mut inner.world, now);
        if let Inner {
            world,
            lio: Some(lio),
            ..
        } = &mut *inner
        {
            lio.look_at_logins(world);
        }
        self.settle(&mut inner);
        let result = change(&mut inner);
        self.settle(&mut inner);
        result
    }

    /// Files follow the state: volume data, exports, the saved state. What goes wrong is logged; the arrays go on.
    fn settle(&self, inner: &mut Inner) {
        if inner.settled.as_ref() == Some(&inner.world) {
            return;
        }
        let complain = |what: &str, result: io::Result<()>| {
            if let Err(error) = result {
                log::error!(error:%; "{what} could not follow the state");
            }
        };
        let mut failed = false;
        match &self.places.data {
            Some(dir) => {
                if let Some(lio) = &mut inner.lio {
                    let withdrawn = lio.withdraw(&inner.world);
                    failed |= withdrawn.is_err();
                    complain("targets that hosts lose", withdrawn);
                }
                complain("volume data", data::settle(&mut inner.world, dir));
                if let Some(exports) = &self.places.exports {
                    complain(
                        "exports",
                        simulated_paths::settle(&inner.world, dir, exports),
                    );
                }
            }
            None => {
                inner.world.agreements.clear();
                inner.world.handovers.clear();
                inner.world.spoiled.clear();
            }
        }
        if let Some(dir) = &self.places.state {
            let saved = Saved {
                now_ms: inner.clock.now_ms(),
                world: inner.world.clone(),
            };
            complain("saved state", saved.write(dir));
        }
        // After the state is saved: data that went over must not go over again if the simulator is killed here.
        if let Some(lio) = &mut inner.lio {
            let settled = lio.settle(&inner.world);
            failed |= settled.is_err();
            complain("targets", settled);
        }
        // Targets that could not follow are tried again at the next look at the clock.
        inner.settled = (!failed).then(|| inner.world.clone());
    }

    /// Lets everything that hangs go on.
    pub fn release(&self) {
        self.released.send_modify(|count| *count += 1);
    }

    /// Waits for the next [`Engine::release`].
    pub async fn wait_for_release(&self) {
        // Fails only if the engine itself is gone.
        let _ = self.released.subscribe().changed().await;
    }

    /// Is this switch of the array on?
    pub fn switch(&self, array: &str, name: &str) -> bool {
        self.lock()
            .world
            .arrays
            .get(array)
            .is_some_and(|array| array.switch(name))
    }

    /// Waits as long as this array takes for an answer.
    pub async fn wait_latency(&self, array: &str) {
        let wait = {
            let inner = self.lock();
            inner
                .stations
                .get(array)
                .map(|station| inner.clock.real(station.latency_ms))
        };
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            tokio::time::sleep(wait).await;
        }
    }
}
