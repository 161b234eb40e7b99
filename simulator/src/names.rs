//! Names of objects on an array: what may be one, and what a pattern matches.

use regex::Regex;

/// Is every character one that names of VVs, sets, hosts and groups may hold, and is it not empty?
pub fn well_formed(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// Does `name` match a glob pattern (`*`, `?`, `[a-z]`, `[!a]`)? A pattern that is none matches itself.
pub fn matches(pattern: &str, name: &str) -> bool {
    let mut expression = String::from("^");
    let mut in_class = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if !in_class => expression.push_str(".*"),
            '?' if !in_class => expression.push('.'),
            '[' if !in_class => {
                in_class = true;
                expression.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    expression.push('^');
                }
            }
            ']' if in_class => {
                in_class = false;
                expression.push(']');
            }
            '-' if in_class => expression.push('-'),
            other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push('$');
    Regex::new(&expression).map_or(pattern == name, |regex| regex.is_match(name))
}

/// Does `name` match one of the patterns of a comma separated list?
pub fn matches_list(list: &str, name: &str) -> bool {
    list.split(',').any(|pattern| matches(pattern, name))
}

/// Name inside `set:<name>`.
pub fn set_name(word: &str) -> Option<&str> {
    word.strip_prefix("set:")
}

/// The question of a command that removes or switches something, in the form of the array's own help pages.
pub fn question(what: &str) -> String {
    format!("{what}\nselect q=quit y=yes n=no: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        assert!(matches("ab*", "abc"));
        assert!(matches("a?c.[0-3]", "abc.2"));
        assert!(!matches("a?c.[!0-3]", "abc.2"));
        assert!(!matches("ab", "abc"));
        assert!(matches("a.c", "a.c"));
        assert!(!matches("a.c", "abc"));
        assert!(matches("a[", "a["));
        assert!(matches_list("x,ab*", "abc"));
    }

    #[test]
    fn characters_of_names() {
        assert!(well_formed("dkv-a.B_1"));
        for bad in ["", "a b", "a/b", "a+b", "-a", "ä"] {
            assert!(!well_formed(bad), "{bad}");
        }
    }
}
