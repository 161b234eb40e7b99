//! Regular expressions as values of a TOML file: a wrong one is an error with its line.

use std::ops::Deref;

use regex::Regex;
use serde::{Deserialize, Deserializer, de::Error};

/// Found anywhere in a line, unless it anchors itself.
#[derive(Debug, Clone)]
pub(in crate::inform) struct Pattern(Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Regex::new(&text).map(Self).map_err(D::Error::custom)
    }
}

impl Deref for Pattern {
    type Target = Regex;
    fn deref(&self) -> &Regex {
        &self.0
    }
}

/// Matches a whole cell.
#[derive(Debug, Clone)]
pub(in crate::inform) struct CellPattern(Regex);

impl<'de> Deserialize<'de> for CellPattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        // Compiled as it stands first, so that a message shows what the author wrote.
        Regex::new(&text).map_err(D::Error::custom)?;
        Regex::new(&format!("^(?:{text})$"))
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl Deref for CellPattern {
    type Target = Regex;
    fn deref(&self) -> &Regex {
        &self.0
    }
}
