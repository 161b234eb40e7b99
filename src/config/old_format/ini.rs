//! The lines of an old file as sections and entries, each with its line number.
//!
//! `configparser` knows sections, comments, delimiters and continued lines, but not where anything stood. So every line is
//! given its number, in front of what it says, before the library reads it; that also keeps keys apart that are given twice.

use configparser::ini::Ini;

/// Between a line's number and the line itself.
const MARK: char = '\u{1}';

/// A section, put together from all its parts in the file.
pub(in crate::config) struct IniSection {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) entries: Vec<Entry>,
}

/// `key = value`.
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) key: String,
    /// The lines of the value with their numbers; never empty. `None` if there was no delimiter.
    pub(super) value: Option<Vec<(usize, String)>>,
}

/// Sections in the order of their first heads. Entries before any head are in one without a name.
///
/// # Errors
/// The line, and what the library says about it; it never shows the line itself.
pub(super) fn read(text: &str) -> Result<Vec<IniSection>, (Option<usize>, String)> {
    let mut rules = Ini::new_cs().defaults();
    rules.default_section = String::new();
    rules.multiline = true;
    // A password may hold `#` and `;`.
    rules.enable_inline_comments = false;
    let parsed = Ini::new_from_defaults(rules)
        .read(numbered(text))
        .map_err(|words| {
            let parts = words.strip_prefix("line ").and_then(|w| w.split_once(": "));
            match parts.and_then(|(line, words)| Some((line.parse().ok()?, words))) {
                Some((line, words)) => (Some(line), words.to_owned()),
                None => (None, words.clone()),
            }
        })?;
    let mut parts: Vec<IniSection> = parsed
        .into_iter()
        .map(|(head, entries)| {
            let (line, name) = number(&head).unwrap_or((1, &head));
            let entries = entries.into_iter().filter_map(|(key, value)| {
                let (line, key) = number(&key)?;
                Some(Entry {
                    line,
                    key: key.trim().to_owned(),
                    value: value.map(|value| lines(line, &value)),
                })
            });
            IniSection {
                name: name.trim().to_owned(),
                line,
                entries: entries.collect(),
            }
        })
        .collect();
    parts.sort_by_key(|part| part.line);
    let mut sections: Vec<IniSection> = Vec::new();
    for part in parts {
        match sections.iter_mut().find(|s| s.name == part.name) {
            Some(section) => section.entries.extend(part.entries),
            None => sections.push(part),
        }
    }
    for section in &mut sections {
        section.entries.sort_by_key(|entry| entry.line);
    }
    Ok(sections)
}

/// The text with a number in front of every line that is neither blank nor a comment.
fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for (n, line) in (1..).zip(text.lines()) {
        let rest = line.trim_start();
        let indent = &line[..line.len() - rest.len()];
        if rest.is_empty() || rest.starts_with(['#', ';']) {
            // A number would make it a value.
        } else if let Some(name) = rest.strip_prefix('[').filter(|_| indent.is_empty()) {
            out.push_str(&format!("[{n}{MARK}{name}"));
        } else {
            out.push_str(&format!("{indent}{n}{MARK}{rest}"));
        }
        out.push('\n');
    }
    out
}

fn number(text: &str) -> Option<(usize, &str)> {
    let (line, text) = text.split_once(MARK)?;
    Some((line.parse().ok()?, text))
}

/// The first line of a value has the number of its key, the others have their own.
fn lines(first: usize, value: &str) -> Vec<(usize, String)> {
    let mut lines = value.split('\n');
    let head = (first, unquoted(lines.next().unwrap_or_default()).to_owned());
    let others = lines.filter_map(number);
    std::iter::once(head)
        .chain(others.map(|(line, text)| (line, text.trim().to_owned())))
        .collect()
}

/// oslo.config takes quotes off that stand round the whole value.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}
