//! The commands of an operation at which something can go wrong.

use std::fmt;

use hpe3par_sim::{Fault, engine::LogEntry};

use super::{rig::arrays::Arrays, stage::Stage};

/// The n-th command of this name on an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub array: String,
    pub name: String,
    pub nth: usize,
    /// It changes something.
    pub changes: bool,
}

impl Point {
    /// All commands since the log was cleared.
    pub fn all(arrays: &Arrays) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for entry in arrays.control.log(None) {
            let name = word(&entry).to_owned();
            // How a session begins. It belongs to no operation.
            if ["showversion", "showuserconn"].contains(&name.as_str()) {
                continue;
            }
            let earlier = |p: &&Self| p.array == entry.array && p.name == name;
            let nth = 1 + all.iter().filter(earlier).count();
            all.push(Self {
                array: entry.array,
                name,
                nth,
                changes: entry.changed,
            });
        }
        all
    }

    /// Lets it go wrong.
    pub fn arm(&self, stage: &Stage, fault: Fault) {
        let only = format!("^{}( |$)", self.name);
        let nth = u32::try_from(self.nth).unwrap();
        let fault = fault.on(&self.array).matching(&only).nth(nth);
        stage.arrays.control.clear_log();
        stage.arrays.control.fault(fault).unwrap();
    }

    /// The command itself, once it was sent.
    pub fn sent(&self, arrays: &Arrays) -> Option<LogEntry> {
        let log = arrays.control.log(Some(&self.array));
        let mut same = log.into_iter().filter(|entry| word(entry) == self.name);
        same.nth(self.nth - 1)
    }
}

fn word(entry: &LogEntry) -> &str {
    entry.line.split(' ').next().unwrap()
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} on {}", self.name, self.nth, self.array)
    }
}
