//! Sessions, and the commands they carry out.

use std::sync::Arc;

use super::{Engine, Inner, LogEntry};
use crate::commands::{self, Answer, Call, Environment, sethost};
use crate::faults::{Fault, Kind};
use crate::state::Connection;

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

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum NoSeat {
    /// The array has as many sessions as it takes.
    #[error("Too many local CLI connections.")]
    TooMany,
    /// The array is off.
    #[error("array `{0}` is off")]
    Off(String),
    /// There is no array of this name.
    #[error("there is no array `{0}`")]
    NoArray(String),
}

impl Engine {
    /// A session of this user.
    ///
    /// # Errors
    /// The array has as many as it takes, is off, or is not there at all.
    pub fn sit_down(
        self: &Arc<Self>,
        array: &str,
        user: &str,
        address: &str,
    ) -> Result<Arc<Seat>, NoSeat> {
        let mut inner = self.lock();
        let since = inner.clock.now();
        let Inner {
            world, stations, ..
        } = &mut *inner;
        let (Some(state), Some(station)) = (world.arrays.get_mut(array), stations.get_mut(array))
        else {
            return Err(NoSeat::NoArray(array.to_owned()));
        };
        if !state.up {
            return Err(NoSeat::Off(array.to_owned()));
        }
        if station
            .session_limit
            .is_some_and(|limit| state.connections.len() >= limit)
        {
            return Err(NoSeat::TooMany);
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
        let line = display(&sethost::without_secret(words));
        let (entry, faults) = {
            let mut inner = self.engine.lock();
            let received_ms = inner.clock.now_ms();
            inner.log.push(LogEntry {
                array: self.array.clone(),
                session: self.id,
                user: self.user.clone(),
                line: line.clone(),
                received_ms,
                ran_ms: None,
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
            let is_on = inner
                .world
                .arrays
                .get(&self.array)
                .is_some_and(|array| array.up);
            let station = inner.stations.get(&self.array);
            if !is_on || station.is_none_or(|station| station.life != self.life) {
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
            let ran_ms = inner.clock.now_ms();
            if let Some(entry) = entry {
                entry.ran = answer.question.is_none();
                entry.ran_ms = entry.ran.then_some(ran_ms);
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
