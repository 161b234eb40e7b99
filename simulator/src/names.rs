//! Names of objects on an array, and how a command line refers to them.

/// Is every character one that names of VVs, sets, hosts and groups may hold, and is it not empty?
pub fn well_formed(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
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
    fn characters_of_names() {
        assert!(well_formed("dkv-a.B_1"));
        for bad in ["", "a b", "a/b", "a+b", "-a", "ä"] {
            assert!(!well_formed(bad), "{bad}");
        }
    }
}
