//! What can be made to go wrong with a command, and when.

use regex::Regex;
use serde::{Deserialize, Serialize};

/// One way for a command to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The connection is cut; the command takes no effect.
    DropBefore,
    /// The command takes effect, then the connection is cut without an answer.
    DropAfter,
    /// The connection is cut after the first `bytes` of the answer.
    DropMid,
    /// Nothing happens until `release`; then the command takes effect, even if its connection is gone.
    HangBefore,
    /// The command takes effect; the answer waits for `release`.
    HangAfter,
    /// The answer ends after `bytes`, as if it were whole.
    Truncate,
    /// The answer comes one byte at a time.
    Trickle,
    /// An exec channel ends without an exit status.
    NoStatus,
    /// The array answers `words`, with status 1, and does nothing.
    Refuse,
}

fn first() -> u32 {
    1
}

/// A fault that waits for its command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub struct Fault {
    /// What goes wrong.
    pub kind: Kind,
    /// Only on this array.
    #[arg(long)]
    #[serde(default)]
    pub array: Option<String>,
    /// Only for command lines that this regular expression finds.
    #[arg(long)]
    #[serde(default)]
    pub matching: Option<String>,
    /// The how many-th of these commands from now on, 1 or more.
    #[arg(long, default_value_t = 1)]
    #[serde(default = "first")]
    pub nth: u32,
    /// Bytes of the answer that arrive, for `drop-mid` and `truncate`.
    #[arg(long, default_value_t = 0)]
    #[serde(default)]
    pub bytes: usize,
    /// What the array says, for `refuse`.
    #[arg(long, default_value = "")]
    #[serde(default)]
    pub words: String,
    /// From then on every time instead of once.
    #[arg(long)]
    #[serde(default)]
    pub repeat: bool,
}

impl Fault {
    /// The next command of any array goes wrong in this way.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            array: None,
            matching: None,
            nth: 1,
            bytes: 0,
            words: String::new(),
            repeat: false,
        }
    }

    /// Only on this array.
    pub fn on(self, array: &str) -> Self {
        Self {
            array: Some(array.to_owned()),
            ..self
        }
    }

    /// Only for command lines that this regular expression finds.
    pub fn matching(self, expression: &str) -> Self {
        Self {
            matching: Some(expression.to_owned()),
            ..self
        }
    }

    /// The how many-th of these commands.
    pub fn nth(self, nth: u32) -> Self {
        Self { nth, ..self }
    }

    /// How much of the answer arrives.
    pub fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// What the array says.
    pub fn words(self, words: &str) -> Self {
        Self {
            words: words.to_owned(),
            ..self
        }
    }

    /// Every time instead of once.
    pub fn repeat(self) -> Self {
        Self {
            repeat: true,
            ..self
        }
    }
}

/// The faults that wait for their commands.
#[derive(Debug, Default)]
pub struct Armed(Vec<(Fault, Option<Regex>, u32)>);

impl Armed {
    /// Arms one more.
    ///
    /// # Errors
    /// If `matching` is no regular expression.
    pub fn arm(&mut self, fault: Fault) -> Result<(), regex::Error> {
        let expression = fault.matching.as_deref().map(Regex::new).transpose()?;
        self.0.push((fault, expression, 0));
        Ok(())
    }

    /// Disarms all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The faults that this command meets. Each is disarmed, unless it repeats.
    pub fn meet(&mut self, array: &str, line: &str) -> Vec<Fault> {
        let mut met = Vec::new();
        self.0.retain_mut(|(fault, expression, seen)| {
            let here = fault.array.as_deref().is_none_or(|only| only == array)
                && expression
                    .as_ref()
                    .is_none_or(|expression| expression.is_match(line));
            if !here {
                return true;
            }
            *seen += 1;
            if *seen < fault.nth {
                return true;
            }
            met.push(fault.clone());
            fault.repeat
        });
        met
    }
}

#[cfg(test)]
mod tests {
    use super::{Armed, Fault, Kind};

    #[test]
    fn a_fault_waits_for_its_array_its_line_and_its_turn() {
        let mut armed = Armed::default();
        armed
            .arm(
                Fault::new(Kind::DropAfter)
                    .on("north")
                    .matching("^createvv")
                    .nth(2),
            )
            .unwrap();
        assert!(armed.meet("south", "createvv a").is_empty());
        assert!(armed.meet("north", "showvv").is_empty());
        assert!(armed.meet("north", "createvv a").is_empty());
        assert_eq!(armed.meet("north", "createvv b").len(), 1);
        assert!(armed.meet("north", "createvv c").is_empty(), "armed once");
    }

    #[test]
    fn a_repeated_fault_stays_and_a_bad_expression_is_refused() {
        let mut armed = Armed::default();
        armed
            .arm(Fault::new(Kind::Trickle).nth(2).repeat())
            .unwrap();
        let met: Vec<usize> = (0..3)
            .map(|_| armed.meet("north", "showvv").len())
            .collect();
        assert_eq!(met, [0, 1, 1]);
        armed.clear();
        assert!(armed.meet("north", "showvv").is_empty());
        assert!(armed.arm(Fault::new(Kind::Trickle).matching("(")).is_err());
    }
}
