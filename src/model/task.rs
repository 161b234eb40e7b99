//! Tasks of an array: what it goes on doing after a command has been answered.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::UnknownWord;

/// Number of a task on one array, 1 to 29999. They are given again after they have wrapped, so one alone names a task only for
/// as long as somebody follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct TaskId(u16);

impl TaskId {
    /// The highest.
    pub const LAST: Self = Self(29_999);
}

impl TryFrom<u16> for TaskId {
    type Error = UnknownWord;
    fn try_from(number: u16) -> Result<Self, UnknownWord> {
        if (1..=Self::LAST.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err(UnknownWord {
                what: "task id (1 to 29999)",
                text: number.to_string(),
            })
        }
    }
}

impl From<TaskId> for u16 {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

impl FromStr for TaskId {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let number = text.parse::<u16>().ok();
        number
            .and_then(|number| Self::try_from(number).ok())
            .ok_or_else(|| UnknownWord {
                what: "task id (1 to 29999)",
                text: text.to_owned(),
            })
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_is_a_number_of_the_arrays() {
        assert_eq!("7191".parse::<TaskId>().unwrap().to_string(), "7191");
        for bad in ["", "0", "30000", "70000", "-1", "x"] {
            assert!(bad.parse::<TaskId>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<TaskId>("0").is_err());
    }
}
