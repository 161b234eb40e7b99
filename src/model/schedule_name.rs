//! What schedules, and the snapshots they make, are called.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{VolumeName, VvName, names::fitted};

/// Why a text is no name of a schedule, or no prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a valid {what}: use 1 to {max} letters, digits, `.`, `_` and `-`, and do not begin with `-`"
)]
pub struct ScheduleNameError {
    /// What the text is for.
    pub what: &'static str,
    /// The text, cut to 80 characters.
    pub text: String,
    /// Most characters.
    pub max: usize,
}

fn check(what: &'static str, text: &str, max: usize) -> Result<String, ScheduleNameError> {
    let ok = (1..=max).contains(&text.len())
        && !text.starts_with('-')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if ok {
        Ok(text.to_owned())
    } else {
        Err(ScheduleNameError {
            what,
            text: text.chars().take(80).collect(),
            max,
        })
    }
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $type:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Most characters.
            pub const MAX: usize = $max;

            /// Checks the text.
            ///
            /// # Errors
            /// [`ScheduleNameError`] with the rule.
            pub fn new(text: &str) -> Result<Self, ScheduleNameError> {
                check($what, text, Self::MAX).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $type {
            type Err = ScheduleNameError;
            fn from_str(text: &str) -> Result<Self, ScheduleNameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = ScheduleNameError;
            fn try_from(text: String) -> Result<Self, ScheduleNameError> {
                Self::new(&text)
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> String {
                text.0
            }
        }
    };
}

checked_text!(
    /// A schedule on an array: 1 to 31 characters (array fact 1).
    ScheduleName, "schedule name", 31
);
checked_text!(
    /// What the names of a schedule's snapshots begin with: 1 to 15 characters. A dot and the time follow.
    SnapshotPrefix, "snapshot prefix", 15
);

impl ScheduleName {
    /// The name for the schedule of a snapshot, where none is given.
    pub fn of_snapshot(volume: &VolumeName) -> Self {
        Self(fitted(
            "dks-",
            volume.as_str(),
            Self::MAX,
            &[volume.as_str()],
        ))
    }
}

impl SnapshotPrefix {
    /// The name in which the array puts its local time: `<prefix>.@y@@m@@d@@H@@M@@S@`, at most 28 characters when it has (array fact 114).
    pub fn name_with_time(&self) -> String {
        format!("{}.@y@@m@@d@@H@@M@@S@", self.0)
    }

    /// True if a schedule with this prefix gives such names.
    pub fn is_of(&self, name: &VvName) -> bool {
        let rest = name.as_str().strip_prefix(&self.0);
        let digits = rest.and_then(|rest| rest.strip_prefix('.'));
        digits
            .is_some_and(|digits| digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_digit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_array() {
        assert!(ScheduleName::new(&"n".repeat(31)).is_ok());
        for bad in ["", "-n", "a b", "a\"b", "a;b", "a/b", "é", &"n".repeat(32)] {
            assert!(ScheduleName::new(bad).is_err(), "{bad}");
        }
        let longest = SnapshotPrefix::new(&"p".repeat(15)).unwrap();
        let name = longest.name_with_time();
        let expanded = ["y", "m", "d", "H", "M", "S"]
            .iter()
            .fold(name, |name, word| name.replace(&format!("@{word}@"), "26"));
        assert_eq!(expanded.len(), 28);
        let vv = |name: &str| VvName::new(name).unwrap();
        assert!(longest.is_of(&vv(&expanded)));
        assert!(!longest.is_of(&vv(&expanded[..27])));
        let short = SnapshotPrefix::new("p").unwrap();
        assert!(!short.is_of(&vv(&expanded)));
        assert!(!short.is_of(&vv("p.26112800000x")));
        assert!(SnapshotPrefix::new(&"p".repeat(16)).is_err());
    }
}
