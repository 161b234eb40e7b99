//! The arrays at work: one state behind one lock, the clock, the sessions, the faults, and the record of what was asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::commands::{self, Answer, Call, Environment};
use crate::data;
use crate::description::{Description, Exports};
use crate::faults::{Armed, Fault, Kind};
use crate::remote_copy;
use crate::simulated_paths;
use crate::state::{Connection, World};

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
    /// It was carried out (it may have been refused all the same).
    pub ran: bool,
    /// It changed the state of an array.
    pub changed: bool,
}

/// What is written to the state directory.
#[derive(Serialize, Deserialize)]
struct Saved {
    now_ms: i64,
    world: World,
}

/// A command's answer, and how it goes on its way.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// What the command prints.
    pub answer: Answer,
    /// Only this many bytes of it arrive.
    pub only: Option<usize>,
    /// Afterwards the connection is cut. Without `only` nothing of the answer arrives.
    pub cut: bool,
    /// One byte at a time.
    pub trickle: bool,
    /// No exit status.
    pub no_status: bool,
}

/// A session of a user on an array. Ends for `showuserconn` when it is closed and none of its commands runs any more.
pub struct Seat {
    engine: Arc<Engine>,
    /// System name.
    pub array: String,
    /// Login name.
    pub user: String,
    /// As `showuserconn` prints it.
    pub id: u32,
    life: u64,
}

/// The array has as many sessions as it takes.
#[derive(Debug, thiserror::Error)]
#[error("Too many local CLI connections.")]
pub struct TooMany;

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
        if let Some(saved) = state_dir.map(read_saved).transpose()?.flatten() {
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
        remote_copy::tick(&mut inner.world, now);
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
        match &self.places.data {
            Some(dir) => {
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
            }
        }
        if let Some(dir) = &self.places.state {
            let saved = Saved {
                now_ms: inner.clock.now_ms(),
                world: inner.world.clone(),
            };
            complain("saved state", write_saved(dir, &saved));
        }
        inner.settled = Some(inner.world.clone());
    }

    /// A session of this user.
    ///
    /// # Errors
    /// The array has as many as it takes.
    pub fn sit_down(
        self: &Arc<Self>,
        array: &str,
        user: &str,
        address: &str,
    ) -> Result<Arc<Seat>, TooMany> {
        let mut inner = self.lock();
        let since = inner.clock.now();
        let Inner {
            world, stations, ..
        } = &mut *inner;
        let (Some(state), Some(station)) = (world.arrays.get_mut(array), stations.get_mut(array))
        else {
            return Err(TooMany);
        };
        if station
            .session_limit
            .is_some_and(|limit| state.connections.len() >= limit)
        {
            return Err(TooMany);
        }
        let id = station.next_session;
        station.next_session += 1;
        let life = station.life;
        state.connections.push(Connection {
            id,
            user: user.to_owned(),
            address: address.to_owned(),
            since,
            closed: false,
            running: 0,
        });
        drop(inner);
        let (array, user) = (array.to_owned(), user.to_owned());
        Ok(Arc::new(Seat {
            engine: Arc::clone(self),
            array,
            user,
            id,
            life,
        }))
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

impl Seat {
    /// Carries out one command, with latency and faults. Goes on to the end if nobody waits for it any more, unless the
    /// future itself is dropped.
    pub async fn carry_out(
        &self,
        words: &[String],
        environment: &mut Environment,
        confirmed: bool,
    ) -> Delivery {
        let Some((name, args)) = words.split_first() else {
            return Delivery::default();
        };
        let running = Running::start(self);
        let line = display(words);
        let (entry, faults) = {
            let mut inner = self.engine.lock();
            inner.log.push(LogEntry {
                array: self.array.clone(),
                session: self.id,
                user: self.user.clone(),
                line: line.clone(),
                ran: false,
                changed: false,
            });
            (
                inner.log_forgotten + inner.log.len() - 1,
                inner.faults.meet(&self.array, &line),
            )
        };
        self.engine.wait_latency(&self.array).await;
        let has = |kind: Kind| faults.iter().any(|fault: &Fault| fault.kind == kind);
        if has(Kind::DropBefore) {
            return Delivery {
                cut: true,
                ..Delivery::default()
            };
        }
        if has(Kind::HangBefore) {
            self.engine.wait_for_release().await;
        }
        if let Some(fault) = faults.iter().find(|fault| fault.kind == Kind::Refuse) {
            return Delivery {
                answer: Answer::refuses(format!("{}\n", fault.words)),
                ..Delivery::default()
            };
        }
        let answer = self.engine.alter(|inner| {
            if inner
                .stations
                .get(&self.array)
                .is_none_or(|station| station.life != self.life)
            {
                return None;
            }
            let now = inner.clock.now();
            let before = inner.world.clone();
            let mut call = Call {
                world: &mut inner.world,
                array: &self.array,
                user: &self.user,
                session: self.id,
                args,
                now,
                environment: *environment,
                confirmed,
            };
            let answer = commands::run(&mut call, name);
            *environment = call.environment;
            let changed = inner.world != before;
            let entry = entry
                .checked_sub(inner.log_forgotten)
                .and_then(|at| inner.log.get_mut(at));
            if let Some(entry) = entry {
                entry.ran = answer.question.is_none();
                entry.changed = changed;
            }
            Some(answer)
        });
        log::debug!(array = self.array.as_str(), session = self.id, line = line.as_str(); "command");
        let Some(answer) = answer else {
            return Delivery {
                cut: true,
                ..Delivery::default()
            };
        };
        if has(Kind::HangAfter) {
            self.engine.wait_for_release().await;
        }
        drop(running);
        let bytes = |kind: Kind| {
            faults
                .iter()
                .find(|fault| fault.kind == kind)
                .map(|fault| fault.bytes)
        };
        Delivery {
            answer,
            only: bytes(Kind::DropMid).or(bytes(Kind::Truncate)),
            cut: has(Kind::DropAfter) || has(Kind::DropMid),
            trickle: has(Kind::Trickle),
            no_status: has(Kind::NoStatus),
        }
    }

    /// Waits for ever, that is until [`Engine::release`], and counts as running.
    pub async fn hang(&self) {
        let _running = Running::start(self);
        self.engine.wait_for_release().await;
    }

    /// The client is gone.
    pub fn close(&self) {
        self.update(|connection| connection.closed = true);
    }

    fn update(&self, change: impl FnOnce(&mut Connection)) {
        let mut inner = self.engine.lock();
        let Some(array) = inner.world.arrays.get_mut(&self.array) else {
            return;
        };
        if let Some(connection) = array
            .connections
            .iter_mut()
            .find(|connection| connection.id == self.id)
        {
            change(connection);
        }
        array
            .connections
            .retain(|connection| !connection.closed || connection.running > 0);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.close();
    }
}

/// A command of this session runs, until this is dropped.
struct Running<'a>(&'a Seat);

impl<'a> Running<'a> {
    fn start(seat: &'a Seat) -> Self {
        seat.update(|connection| connection.running += 1);
        Self(seat)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.update(|connection| connection.running -= 1);
    }
}

/// The words as one line that would be split into the same words.
fn display(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        let plain = !word.is_empty()
            && !word.contains(|c: char| c.is_whitespace() || ";\"{}\\".contains(c));
        if plain {
            word.clone()
        } else {
            format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

const SAVED: &str = "world.json";

fn read_saved(dir: &Path) -> Result<Option<Saved>, StartError> {
    let file = dir.join(SAVED);
    let what = |source| StartError::Io {
        what: format!("state directory `{}`", dir.display()),
        source,
    };
    fs::create_dir_all(dir).map_err(what)?;
    if !file.try_exists().map_err(what)? {
        return Ok(None);
    }
    let text = fs::read(&file).map_err(what)?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| StartError::Saved { file, source })
}

/// Writes beside, then renames: a crash leaves the old state or the new one.
fn write_saved(dir: &Path, saved: &Saved) -> io::Result<()> {
    let text = serde_json::to_vec(saved)?;
    let beside = tempfile::NamedTempFile::new_in(dir)?;
    fs::write(beside.path(), text)?;
    beside.as_file().sync_all()?;
    beside.persist(dir.join(SAVED))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::display;
    use crate::words;

    #[test]
    fn a_displayed_line_splits_into_the_same_words() {
        let line = ["setvv", "-comment", "", "a b", "x;y", "q\"\\z", "dkv-1"].map(str::to_owned);
        assert_eq!(words::split(&display(&line)).unwrap(), [line.to_vec()]);
    }
}
