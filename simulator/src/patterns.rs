//! Glob patterns in names: `*`, `?` and `[a-z]`.

/// Does `name` fit one of these names or patterns? No patterns at all fit every name.
pub fn any_matches<S: AsRef<str>>(patterns: &[S], name: &str) -> bool {
    patterns.is_empty()
        || patterns
            .iter()
            .any(|pattern| matches(pattern.as_ref(), name))
}

/// Does `name` fit this name or pattern?
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut expression = String::from("^");
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => {
                let class: String = rest.by_ref().take_while(|c| *c != ']').collect();
                expression += &format!("[{}]", class.replace('\\', ""));
            }
            _ => expression += &regex::escape(&c.to_string()),
        }
    }
    expression.push('$');
    regex::Regex::new(&expression).is_ok_and(|regex| regex.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::{any_matches, matches};

    #[test]
    fn globs() {
        assert!(matches("dk*-?1", "dkv-a1") && !matches("dk*-?1", "dkv-a12"));
        assert!(matches("v[0-3]", "v2") && !matches("v[0-3]", "v4"));
        assert!(!matches("a.b", "axb"));
        assert!(any_matches::<&str>(&[], "x") && !any_matches(&["y"], "x"));
    }
}
