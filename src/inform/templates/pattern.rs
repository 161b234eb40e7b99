//! Regular expressions as values of a TOML file.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{LazyLock, Mutex, PoisonError},
};

use regex::Regex;
use serde::Deserialize;

/// Found anywhere in a line, unless it anchors itself; with `WHOLE`, it matches a whole cell.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern<const WHOLE: bool = false>(Regex);

pub(super) type CellPattern = Pattern<true>;

impl<const WHOLE: bool> TryFrom<String> for Pattern<WHOLE> {
    type Error = regex::Error;

    fn try_from(text: String) -> Result<Self, regex::Error> {
        // As it stands first, so that a message shows what the author wrote.
        let anywhere = compiled(&text)?;
        if WHOLE {
            compiled(&format!("^(?:{text})$")).map(Self)
        } else {
            Ok(Self(anywhere))
        }
    }
}

/// Each expression is compiled once: that is most of what starting the plugin costs, and half of all columns have the same one.
fn compiled(text: &str) -> Result<Regex, regex::Error> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = compiled.get(text) {
        return Ok(regex.clone());
    }
    let regex = Regex::new(text)?;
    compiled.insert(text.to_owned(), regex.clone());
    Ok(regex)
}

impl<const WHOLE: bool> Pattern<WHOLE> {
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// What the named groups hold, trimmed, if it matches.
    pub(super) fn groups(&self, text: &str) -> Option<BTreeMap<String, String>> {
        let captures = self.0.captures(text)?;
        let names = self.0.capture_names().flatten();
        let pairs = names.filter_map(|name| {
            let group = captures.name(name)?.as_str().trim();
            Some((name.to_owned(), group.to_owned()))
        });
        Some(pairs.collect())
    }
}
