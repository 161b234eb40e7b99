//! Who of two holders was the last, without a clock: a host at one array of a pair may not see what was written on the other.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Side, UnknownWord};

/// How often a volume of a Peer Persistence group came to another host, counted by the array that served it then. Every host counts on
/// from what it sees on both arrays, so whoever came later and saw the earlier one has more of at least one, and less of neither. Two
/// that did not see each other have each more of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Holds {
    source: u64,
    peer: u64,
}

impl Holds {
    /// Whoever counted these saw those, or counted the same.
    pub fn cover(self, earlier: Self) -> bool {
        self.source >= earlier.source && self.peer >= earlier.peer
    }

    /// All that either of them saw.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            source: self.source.max(other.source),
            peer: self.peer.max(other.peer),
        }
    }

    /// It comes to another host from the array on this side.
    #[must_use]
    pub fn one_more(mut self, from: Side) -> Self {
        let count = match from {
            Side::Source => &mut self.source,
            Side::Peer => &mut self.peer,
        };
        *count = count.saturating_add(1);
        self
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.source, self.peer)
    }
}

impl FromStr for Holds {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let both = text.split_once('.').and_then(|(source, peer)| {
            Some(Self {
                source: source.parse().ok()?,
                peer: peer.parse().ok()?,
            })
        });
        both.ok_or_else(|| UnknownWord {
            what: "count of holders",
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_saw_another_covers_it_and_those_apart_do_not() {
        let first = Holds::default().one_more(Side::Source);
        let second = first.one_more(Side::Source);
        let apart = first.one_more(Side::Peer);
        assert!(second.cover(first) && !first.cover(second));
        assert!(!second.cover(apart) && !apart.cover(second));
        let both = second.with(apart);
        assert!(both.cover(second) && both.cover(apart) && !second.cover(both));
        assert_eq!(both.to_string(), "2.1");
    }

    #[test]
    fn is_read_as_it_is_written() {
        for text in ["0.0", "12.3", "18446744073709551615.1"] {
            assert_eq!(text.parse::<Holds>().unwrap().to_string(), text);
        }
        for text in ["", "3", "a.1", "1.2.3", "-1.0"] {
            assert!(text.parse::<Holds>().is_err(), "{text}");
        }
    }
}
