//! What is going to happen, from a seed: pure, and the same each time. What a request meets is another matter.

use std::fmt;

use hpe3par_sim::{Fault, Kind as FaultKind};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{
    rig::arrays::{HOME, PEER},
    volumes::{ALL, GROUPS},
};

/// A virtual minute.
#[derive(Debug, Clone)]
pub struct Round {
    pub number: usize,
    pub begins: Vec<Event>,
    pub requests: Vec<Request>,
}

/// What happens to arrays and plugins before, or while, the requests run.
#[derive(Debug, Clone)]
pub enum Event {
    CutLinks,
    RestoreLinks,
    Down(&'static str),
    Up(&'static str),
    CutWitness(&'static str),
    RestoreWitness(&'static str),
    /// A command of this round goes wrong.
    Fault(Fault),
    /// The plugin of this host dies when the arrays were asked so many commands in this round.
    Kill {
        host: usize,
        after: usize,
    },
    /// The administrator moves a group towards the other array, a step.
    Over(&'static str),
    /// The administrator moves a group towards home, a step.
    Home(&'static str),
}

/// What an engine asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Create,
    Remove,
    Mount,
    Unmount,
    Get,
    List,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub host: usize,
    pub verb: Verb,
    pub volume: &'static str,
}

/// Commands that a fault may meet.
const MET: [&str; 8] = [
    "^create",
    "^admitrcopyvv",
    "^(stop|start)rcopygroup",
    "^setvv",
    "^remove",
    "^dismissrcopyvv",
    "^showrcopy",
    "^show",
];

/// So many rounds.
pub fn of(seed: u64, rounds: usize) -> Vec<Round> {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut outages = Outages::default();
    (1..=rounds)
        .map(|number| {
            let mut begins = outages.end(number);
            begins.extend(outages.begin(number, &mut chance));
            begins.extend(administrator(&mut chance));
            // Last: they are for the plugins' commands.
            begins.extend((0..2).filter_map(|_| command_fault(&mut chance)));
            begins.extend(death(&mut chance));
            let count = chance.random_range(5..=12);
            let requests = (0..count).map(|_| request(&mut chance)).collect();
            Round {
                number,
                begins,
                requests,
            }
        })
        .collect()
}

/// Outages last some rounds. Of links and arrays only one is out at once; the witness may be, besides.
#[derive(Default)]
struct Outages {
    site: Option<(usize, Event)>,
    witness: Option<(usize, Event)>,
}

impl Outages {
    fn end(&mut self, number: usize) -> Vec<Event> {
        let over = |outage: &mut (usize, Event)| outage.0 <= number;
        [self.site.take_if(over), self.witness.take_if(over)]
            .into_iter()
            .flatten()
            .map(|(_, end)| end)
            .collect()
    }

    fn begin(&mut self, number: usize, chance: &mut StdRng) -> Vec<Event> {
        let mut begins = Vec::new();
        if self.site.is_none() && chance.random_bool(0.25) {
            let until = number + chance.random_range(1..=3);
            let array = array(chance);
            let (begin, end) = if chance.random_bool(0.5) {
                (Event::CutLinks, Event::RestoreLinks)
            } else {
                (Event::Down(array), Event::Up(array))
            };
            begins.push(begin);
            self.site = Some((until, end));
        }
        if self.witness.is_none() && chance.random_bool(0.1) {
            let array = array(chance);
            begins.push(Event::CutWitness(array));
            let until = number + chance.random_range(1..=2);
            self.witness = Some((until, Event::RestoreWitness(array)));
        }
        begins
    }
}

fn array(chance: &mut StdRng) -> &'static str {
    if chance.random_bool(0.5) { HOME } else { PEER }
}

fn command_fault(chance: &mut StdRng) -> Option<Event> {
    if !chance.random_bool(0.3) {
        return None;
    }
    let kinds = [
        FaultKind::DropBefore,
        FaultKind::DropAfter,
        FaultKind::DropMid,
        FaultKind::HangBefore,
        FaultKind::HangAfter,
        FaultKind::Truncate,
        FaultKind::NoStatus,
    ];
    let kind = *kinds.choose(chance).unwrap();
    let fault = Fault::new(kind)
        .on(array(chance))
        .matching(MET.choose(chance).unwrap())
        .nth(chance.random_range(1..=6))
        .bytes(chance.random_range(1..=200));
    Some(Event::Fault(fault))
}

fn death(chance: &mut StdRng) -> Option<Event> {
    chance.random_bool(0.2).then(|| Event::Kill {
        host: chance.random_range(0..2),
        after: chance.random_range(1..=60),
    })
}

fn administrator(chance: &mut StdRng) -> Option<Event> {
    let (group, _) = *GROUPS.choose(chance).unwrap();
    match chance.random_range(0..10) {
        0..=1 => Some(Event::Over(group)),
        2..=5 => Some(Event::Home(group)),
        _ => None,
    }
}

fn request(chance: &mut StdRng) -> Request {
    let verbs = [
        (Verb::Create, 26),
        (Verb::Remove, 22),
        (Verb::Mount, 26),
        (Verb::Unmount, 26),
        (Verb::Get, 8),
        (Verb::List, 4),
    ];
    Request {
        host: chance.random_range(0..2),
        verb: verbs
            .choose_weighted(chance, |(_, weight)| *weight)
            .unwrap()
            .0,
        volume: ALL.choose(chance).unwrap().0,
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "round {}:", self.number)?;
        for event in &self.begins {
            write!(f, " [{event}]")?;
        }
        for request in &self.requests {
            write!(f, " {request},")?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutLinks => write!(f, "links cut"),
            Self::RestoreLinks => write!(f, "links back"),
            Self::Down(array) => write!(f, "{array} down"),
            Self::Up(array) => write!(f, "{array} up"),
            Self::CutWitness(array) => write!(f, "{array} loses the witness"),
            Self::RestoreWitness(array) => write!(f, "{array} sees the witness"),
            Self::Fault(fault) => write!(
                f,
                "{:?} at {} {} on {}",
                fault.kind,
                fault.matching.as_deref().unwrap_or("any"),
                fault.nth,
                fault.array.as_deref().unwrap_or("both")
            ),
            Self::Kill { host, after } => {
                write!(f, "host{} dies after {after} commands", host + 1)
            }
            Self::Over(group) => write!(f, "{group} over"),
            Self::Home(group) => write!(f, "{group} home"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host{} {:?} {}", self.host + 1, self.verb, self.volume)
    }
}

#[test]
fn a_seed_is_a_plan() {
    let told = |seed| {
        of(seed, 60)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(told(7), told(7));
    assert_ne!(told(7), told(8));
}
