//! Text that a terminal shows as it is, and back again without loss.

use super::record::MARK;

/// Writes one line of an answer (without its line feed) visibly.
pub(super) fn show_line(line: &str, out: &mut String) {
    match line.strip_prefix('#') {
        Some(rest) if line.starts_with(MARK) => {
            out.push_str("\\u{23}");
            show(rest, out);
        }
        _ => show(line, out),
    }
}

/// Writes text visibly; a line feed in it becomes `\n`.
pub(super) fn show(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\t' => out.push('\t'),
            _ if c.is_control() || turns_direction(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
}

/// Marks that make a terminal or editor show the following text in another order than it is in.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The inverse of [`show`] and [`show_line`]. What is no escape of theirs (a file edited by hand) is kept as it is.
pub(super) fn unshow(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let (c, used) = match tail.chars().next() {
            Some('\\') => ('\\', 1),
            Some('n') => ('\n', 1),
            Some('r') => ('\r', 1),
            Some('0') => ('\0', 1),
            Some('u') => unicode(tail).unwrap_or(('\\', 0)),
            _ => ('\\', 0),
        };
        out.push(c);
        rest = &tail[used..];
    }
    out.push_str(rest);
}

/// The character of `u{…}` and the length of that text.
fn unicode(tail: &str) -> Option<(char, usize)> {
    let (digits, _) = tail.strip_prefix("u{")?.split_once('}')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    Some((c, digits.len() + 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        show_line(text, &mut out);
        out
    }

    #[test]
    fn what_a_terminal_would_act_on_is_written_out() {
        assert_eq!(shown("a\tb c"), "a\tb c");
        assert_eq!(shown("50%\r"), "50%\\r");
        assert_eq!(shown("\u{1b}[2J\0"), "\\u{1b}[2J\\0");
        assert_eq!(shown("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(shown("# time=now"), "\\u{23} time=now");
        assert_eq!(shown("# a comment"), "# a comment");
    }

    #[test]
    fn a_text_that_only_looks_like_an_escape_is_kept() {
        for text in [
            "\\",
            "\\q",
            "\\u",
            "\\u{",
            "\\u{}",
            "\\u{zz}",
            "\\u{110000}",
            "\\u{+41}",
        ] {
            let mut back = String::new();
            unshow(text, &mut back);
            assert_eq!(back, text);
            let mut back = String::new();
            unshow(&shown(text), &mut back);
            assert_eq!(back, text);
        }
    }
}
