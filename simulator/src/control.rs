//! What makes things happen to the arrays from outside: for tests in the same process, and by [`socket`] for others.

mod dump;
pub mod socket;
mod verb;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::commands::{Answer, Environment};
use crate::engine::{Delivery, Engine, Inner, LogEntry, NoSeat, Seat};
use crate::faults::Fault;
use crate::host_keys::HostKeyError;
use crate::simulator::Port;
use crate::state::Array;
use crate::{description, passing, remote_copy, words};

pub use verb::Verb;

/// A handle on a running simulator; clones are the same simulator.
#[derive(Clone)]
pub struct Control {
    pub(crate) engine: Arc<Engine>,
    ports: Arc<BTreeMap<String, Port>>,
}

/// Why something does not happen.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is no array of this name.
    #[error("there is no array `{0}`")]
    NoArray(String),
    /// The array has no CPG of this name.
    #[error("array `{array}` has no CPG `{cpg}`")]
    NoCpg {
        /// System name.
        array: String,
        /// Name of the CPG.
        cpg: String,
    },
    /// The CPG was not filled before.
    #[error("CPG `{0}` was not filled")]
    NotFilled(String),
    /// No links lead from one array to the other.
    #[error("no links lead from `{0}` to `{1}`")]
    NoLinks(String, String),
    /// The array has no port at this position.
    #[error("array `{array}` has no port `{port}`")]
    NoPort {
        /// System name.
        array: String,
        /// `N:S:P`.
        port: String,
    },
    /// There is no switch of this name.
    #[error("there is no switch `{0}`")]
    NoSwitch(String),
    /// `matching` is no regular expression.
    #[error("`matching`: {0}")]
    Expression(#[from] regex::Error),
    /// No new host key could be made.
    #[error("host key: {0}")]
    HostKey(#[from] HostKeyError),
    /// Nobody can log in.
    #[error(transparent)]
    NoSeat(#[from] NoSeat),
    /// The line is not split into words.
    #[error("{0}")]
    Line(String),
}

type Done<T> = Result<T, ControlError>;

impl Control {
    pub(crate) fn new(engine: Arc<Engine>, ports: BTreeMap<String, Port>) -> Self {
        Self {
            engine,
            ports: Arc::new(ports),
        }
    }

    pub(crate) fn end(&self) {
        self.ports.values().for_each(Port::end);
    }

    fn port(&self, array: &str) -> Done<&Port> {
        self.ports
            .get(array)
            .ok_or_else(|| ControlError::NoArray(array.to_owned()))
    }

    fn alter_array<T>(&self, array: &str, change: impl FnOnce(&mut Array) -> T) -> Done<T> {
        self.engine.alter(|inner| Ok(change(state(inner, array)?)))
    }

    /// System names.
    pub fn arrays(&self) -> Vec<String> {
        self.ports.keys().cloned().collect()
    }

    /// A session without SSH: for those who bring their own clock.
    ///
    /// # Errors
    /// The array has as many as it takes, is off, or is not there at all.
    pub fn sit_down(&self, array: &str, user: &str) -> Result<Arc<Seat>, NoSeat> {
        self.engine.sit_down(array, user, "127.0.0.1")
    }

    /// Where an array listens.
    ///
    /// # Errors
    /// No such array.
    pub fn address(&self, array: &str) -> Done<SocketAddr> {
        self.port(array).map(Port::address)
    }

    /// The line for known_hosts.
    ///
    /// # Errors
    /// No such array.
    pub fn host_key_line(&self, array: &str) -> Done<String> {
        let line = self.port(array)?.host_key_line();
        line.ok_or_else(|| ControlError::NoArray(array.to_owned()))
    }

    /// What a user types on an array, without a connection: the last answer of the line. Faults meet it as any other.
    ///
    /// # Errors
    /// No such array, or it is off; a line that has no words.
    pub async fn type_in(&self, array: &str, user: &str, line: &str) -> Done<Answer> {
        let seat = self.engine.sit_down(array, user, "127.0.0.1")?;
        let mut environment = Environment::default();
        let mut delivery = Delivery::default();
        for command in words::split(line).map_err(ControlError::Line)? {
            delivery = seat.carry_out(&command, &mut environment, false).await;
        }
        Ok(delivery.answer)
    }

    /// Everything the arrays hold, to compare before and after: without clocks, id counters, ended tasks, sessions and
    /// faults.
    pub fn dump(&self) -> Value {
        self.engine.alter(|inner| dump::of(&inner.world))
    }

    /// Every command that reached an array, in order; only one array's if `array` is given.
    pub fn log(&self, array: Option<&str>) -> Vec<LogEntry> {
        let inner = self.engine.lock();
        inner
            .log
            .iter()
            .filter(|entry| array.is_none_or(|array| entry.array == array))
            .cloned()
            .collect()
    }

    /// How many wrong passwords an array was given, by any method: what a real one counts before it locks an account.
    ///
    /// # Errors
    /// No such array.
    pub fn wrong_passwords(&self, array: &str) -> Done<usize> {
        self.port(array)?;
        let inner = self.engine.lock();
        Ok(inner
            .stations
            .get(array)
            .map_or(0, |station| station.wrong_passwords))
    }

    /// Forgets the commands so far.
    pub fn clear_log(&self) {
        let mut inner = self.engine.lock();
        inner.log_forgotten += inner.log.len();
        inner.log.clear();
    }

    /// Arms a fault.
    ///
    /// # Errors
    /// No such array, or `matching` is no regular expression.
    pub fn fault(&self, fault: Fault) -> Done<()> {
        if let Some(array) = &fault.array {
            self.port(array)?;
        }
        Ok(self.engine.lock().faults.arm(fault)?)
    }

    /// Disarms all faults.
    pub fn clear_faults(&self) {
        self.engine.lock().faults.clear();
    }

    /// Lets every command go on that hangs.
    pub fn release(&self) {
        self.engine.release();
    }

    /// Virtual milliseconds before each answer.
    ///
    /// # Errors
    /// No such array.
    pub fn latency(&self, array: &str, ms: u64) -> Done<()> {
        self.port(array)?;
        if let Some(station) = self.engine.lock().stations.get_mut(array) {
            station.latency_ms = ms;
        }
        Ok(())
    }

    /// Sessions at once; none is no limit.
    ///
    /// # Errors
    /// No such array.
    pub fn session_limit(&self, array: &str, limit: Option<usize>) -> Done<()> {
        self.port(array)?;
        if let Some(station) = self.engine.lock().stations.get_mut(array) {
            station.session_limit = limit;
        }
        Ok(())
    }

    /// Switches an array off: its connections are cut, new ones are refused, commands that had not taken effect never
    /// do. Synchronous groups in step had sent every write before.
    ///
    /// # Errors
    /// No such array.
    pub async fn down(&self, array: &str) -> Done<()> {
        self.engine.alter(|inner| {
            remote_copy::agree_now(&mut inner.world);
            let array = state(inner, array)?;
            array.up = false;
            array.connections.clear();
            notice(inner);
            Done::Ok(())
        })?;
        if let Some(station) = self.engine.lock().stations.get_mut(array) {
            station.life += 1;
        }
        self.port(array)?.switch(false).await;
        Ok(())
    }

    /// Switches an array on again, at the same address.
    ///
    /// # Errors
    /// No such array.
    pub async fn up(&self, array: &str) -> Done<()> {
        self.engine.alter(|inner| {
            state(inner, array)?.up = true;
            notice(inner);
            Done::Ok(())
        })?;
        self.port(array)?.switch(true).await;
        Ok(())
    }

    /// Cuts the links between two arrays, in both directions.
    ///
    /// # Errors
    /// No such array, or no links.
    pub fn cut_links(&self, one: &str, other: &str) -> Done<()> {
        self.set_links(one, other, false)
    }

    /// Mends the links between two arrays, in both directions.
    ///
    /// # Errors
    /// No such array, or no links.
    pub fn restore_links(&self, one: &str, other: &str) -> Done<()> {
        self.set_links(one, other, true)
    }

    fn set_links(&self, one: &str, other: &str, up: bool) -> Done<()> {
        self.engine.alter(|inner| put_links(inner, one, other, up))
    }

    /// Cuts an array from another one and from the quorum witness, at the same instant: what the arrays make of the one depends on
    /// when the other was lost.
    ///
    /// # Errors
    /// No such array, or no links.
    pub fn cut_off(&self, array: &str, other: &str) -> Done<()> {
        self.engine.alter(|inner| {
            put_witness_away(inner, array)?;
            put_links(inner, array, other, false)
        })
    }

    /// Pulls the cable of a port (`N:S:P`): whoever is logged in there loses the path, without a word from the array.
    ///
    /// # Errors
    /// No such array or port.
    pub fn cut_port(&self, array: &str, port: &str) -> Done<()> {
        self.set_port(array, port, true)
    }

    /// Plugs the cable of a port in again.
    ///
    /// # Errors
    /// No such array or port.
    pub fn restore_port(&self, array: &str, port: &str) -> Done<()> {
        self.set_port(array, port, false)
    }

    fn set_port(&self, array: &str, position: &str, cut: bool) -> Done<()> {
        let found = self.alter_array(array, |array| {
            let mut ports = array.ports.iter_mut();
            let port = ports.find(|port| port.position == position);
            port.map(|port| port.cut = cut)
        })?;
        found.ok_or_else(|| ControlError::NoPort {
            array: array.to_owned(),
            port: position.to_owned(),
        })
    }

    /// Cuts an array from the quorum witness.
    ///
    /// # Errors
    /// No such array.
    pub fn cut_witness(&self, array: &str) -> Done<()> {
        self.engine.alter(|inner| put_witness_away(inner, array))
    }

    /// Lets an array reach the quorum witness again.
    ///
    /// # Errors
    /// No such array.
    pub fn restore_witness(&self, array: &str) -> Done<()> {
        self.alter_array(array, |array| array.witness_lost = None)
    }

    /// Takes the free space of a CPG away.
    ///
    /// # Errors
    /// No such array or CPG.
    pub fn cpg_full(&self, array: &str, cpg: &str) -> Done<()> {
        self.engine.alter(|inner| {
            let free = std::mem::take(free_space(inner, array, cpg)?);
            if let Some(station) = inner.stations.get_mut(array) {
                station.before_full.entry(cpg.to_owned()).or_insert(free);
            }
            Ok(())
        })
    }

    /// Gives a CPG the free space back that [`Control::cpg_full`] took.
    ///
    /// # Errors
    /// No such array or CPG, or it was not filled.
    pub fn cpg_restore(&self, array: &str, cpg: &str) -> Done<()> {
        self.engine.alter(|inner| {
            let before = inner
                .stations
                .get_mut(array)
                .and_then(|station| station.before_full.remove(cpg));
            let before = before.ok_or_else(|| ControlError::NotFilled(cpg.to_owned()))?;
            *free_space(inner, array, cpg)? += before;
            Ok(())
        })
    }

    /// Another host key for the connections to come. Gives its line for known_hosts.
    ///
    /// # Errors
    /// No such array, or no key could be made.
    pub fn change_host_key(&self, array: &str) -> Done<String> {
        self.port(array)?.change_host_key()?;
        self.host_key_line(array)
    }

    /// An initiator (iSCSI name or WWN) logs in at these ports (`N:S:P`).
    ///
    /// # Errors
    /// No such array.
    pub fn login(&self, array: &str, initiator: &str, ports: &[&str]) -> Done<()> {
        let ports = ports.iter().map(|port| (*port).to_owned()).collect();
        self.alter_array(array, |array| {
            array.logins.insert(initiator.to_owned(), ports);
        })
    }

    /// An initiator is gone from all ports.
    ///
    /// # Errors
    /// No such array.
    pub fn logout(&self, array: &str, initiator: &str) -> Done<()> {
        self.alter_array(array, |array| {
            array
                .logins
                .retain(|name, _| !name.eq_ignore_ascii_case(initiator))
        })
    }

    /// Skips this many seconds of virtual time.
    pub fn advance(&self, seconds: u32) {
        self.engine.lock().clock.advance(seconds);
        self.engine.alter(|_| ());
    }

    /// Virtual time, seconds since 1970.
    pub fn now(&self) -> i64 {
        self.engine.lock().clock.now()
    }

    /// Turns a switch on or off.
    ///
    /// # Errors
    /// No such array or switch.
    pub fn switch(&self, array: &str, name: &str, on: bool) -> Done<()> {
        if !description::known_switch(name) {
            return Err(ControlError::NoSwitch(name.to_owned()));
        }
        self.alter_array(array, |array| {
            array.switches.insert(name.to_owned(), on);
        })
    }
}

fn put_links(inner: &mut Inner, one: &str, other: &str, up: bool) -> Done<()> {
    if !up {
        remote_copy::agree_now(&mut inner.world);
    }
    let mut found = false;
    for (from, to) in [(one, other), (other, one)] {
        let targets = state(inner, from)?
            .targets
            .iter_mut()
            .filter(|target| target.array == to);
        for link in targets.flat_map(|target| &mut target.links) {
            link.up = up;
            found = true;
        }
    }
    if found {
        notice(inner);
        Ok(())
    } else {
        Err(ControlError::NoLinks(one.to_owned(), other.to_owned()))
    }
}

fn put_witness_away(inner: &mut Inner, array: &str) -> Done<()> {
    let now = inner.clock.now();
    state(inner, array)?.witness_lost.get_or_insert(now);
    Ok(())
}

fn state<'a>(inner: &'a mut Inner, array: &str) -> Done<&'a mut Array> {
    inner
        .world
        .arrays
        .get_mut(array)
        .ok_or_else(|| ControlError::NoArray(array.to_owned()))
}

/// The arrays notice at this instant what happened to links and power.
fn notice(inner: &mut Inner) {
    let now = inner.clock.now();
    passing::tick(&mut inner.world, now);
}

fn free_space<'a>(inner: &'a mut Inner, array: &str, cpg: &str) -> Done<&'a mut u64> {
    let found = state(inner, array)?
        .cpgs
        .iter_mut()
        .find(|known| known.name == cpg);
    let no_cpg = || ControlError::NoCpg {
        array: array.to_owned(),
        cpg: cpg.to_owned(),
    };
    found.map(|cpg| &mut cpg.free_mib).ok_or_else(no_cpg)
}
