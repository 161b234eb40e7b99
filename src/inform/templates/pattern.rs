//! Regular expressions as values of a TOML file.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError},
};

use regex::Regex;
use serde::Deserialize;

/// Found anywhere in a line, unless it anchors itself; with `WHOLE`, it matches a whole cell.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Pattern<const WHOLE: bool = false>(Arc<Expression>);

pub(super) type CellPattern = Pattern<true>;

/// Its syntax is looked at when the plugin starts. It is compiled when a first line is read with it: all of them would be most of what a
/// start costs, and half of all columns have the same one.
#[derive(Debug)]
struct Expression {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

/// All there are, by their text.
static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Expression>>>> = LazyLock::new(Mutex::default);

impl<const WHOLE: bool> TryFrom<String> for Pattern<WHOLE> {
    type Error = regex_syntax::Error;

    fn try_from(text: String) -> Result<Self, regex_syntax::Error> {
        let wanted = if WHOLE {
            format!("^(?:{text})$")
        } else {
            text.clone()
        };
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(expression) = known.get(&wanted) {
            return Ok(Self(Arc::clone(expression)));
        }
        // As it stands, so that a message shows what the author wrote; and that it is one expression between brackets.
        regex_syntax::parse(&text)?;
        let expression = Arc::new(Expression {
            text: wanted.clone(),
            compiled: OnceLock::new(),
        });
        known.insert(wanted, Arc::clone(&expression));
        Ok(Self(expression))
    }
}

impl Expression {
    /// None if it is larger than any that is compiled: then it matches no line, and every line it is for is one that is not understood.
    fn regex(&self) -> Option<&Regex> {
        let compile = || {
            let regex = Regex::new(&self.text);
            regex
                .inspect_err(
                    |why| log::error!(pattern = self.text.as_str(), why:% = why; "a pattern of a template cannot be used"),
                )
                .ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

impl<const WHOLE: bool> Pattern<WHOLE> {
    pub(super) fn is_match(&self, text: &str) -> bool {
        self.0.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// What the named groups hold, trimmed, if it matches.
    pub(super) fn groups(&self, text: &str) -> Option<BTreeMap<String, String>> {
        let regex = self.0.regex()?;
        let captures = regex.captures(text)?;
        let names = regex.capture_names().flatten();
        let pairs = names.filter_map(|name| {
            let group = captures.name(name)?.as_str().trim();
            Some((name.to_owned(), group.to_owned()))
        });
        Some(pairs.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So none of them is too large; one that is matches nothing.
    #[test]
    fn every_pattern_of_the_templates_compiles() {
        let templates = crate::inform::Templates::load(None).unwrap();
        let known = KNOWN.lock().unwrap().clone();
        assert!(known.len() > templates.iter().count());
        for expression in known.values() {
            assert!(expression.regex().is_some(), "{}", expression.text);
        }

        let pattern = Pattern::<false>::try_from(r"(\w{100}){1000}".to_owned()).unwrap();
        assert!(!pattern.is_match(&"a".repeat(100_000)));
        assert_eq!(pattern.groups("a"), None);
    }

    #[test]
    fn what_is_no_expression_is_refused_at_once() {
        for wrong in ["(", "a)(b", r"(?=a)"] {
            assert!(
                Pattern::<true>::try_from(wrong.to_owned()).is_err(),
                "{wrong}"
            );
        }
    }
}
