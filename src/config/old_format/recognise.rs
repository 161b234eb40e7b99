//! Recognising a file of HPE's python plugin, which is no TOML.

use toml::de::DeValue;

/// Whether a text that is no TOML is rather a file of the python plugin: most of its values are not quoted.
pub(in crate::config) fn is_old(text: &str) -> bool {
    let bare = text.lines().filter(|line| is_bare(line)).count();
    let quoted = text
        .lines()
        .filter(|line| value(line).is_some_and(|v| v.starts_with(QUOTES)))
        .count();
    bare > quoted
}

/// Whether a line has a value that would need quotes in TOML. Numbers, `true` and lists look alike in both formats.
pub(in crate::config) fn is_bare(line: &str) -> bool {
    value(line).is_some_and(|value| {
        !value.is_empty()
            && !value.starts_with(QUOTES)
            && !value.starts_with('[')
            && DeValue::parse(value).is_err()
    })
}

const QUOTES: [char; 3] = ['"', '\'', '{'];

/// What follows `key =`.
fn value(line: &str) -> Option<&str> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let is_key = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    is_key.then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::is_old;

    #[test]
    fn a_file_without_quotes_is_old_and_a_forgotten_quote_is_not() {
        assert!(is_old(
            "[DEFAULT]\nssh_hosts_key_file = /root/.ssh/known\nsan_ip = 10.0.0.1\nsan_ssh_port = 22\n"
        ));
        assert!(is_old(
            "[DEFAULT]\nhpe3par_cpg=fast,slow\nlogging = DEBUG\n"
        ));
        assert!(!is_old(
            "[DEFAULT]\nsan_ip = \"10.0.0.1\nsan_login = \"x\"\n"
        ));
        assert!(!is_old(
            "[DEFAULT]\nsan_ip = 10.0.0.1\nsan_login = \"x\"\nlogging = \"info\"\n"
        ));
    }
}
