//! Takes secrets out of a text.

use std::borrow::Cow;

use crate::model::Secret;

/// What stands for a secret.
const MASK: &str = "***";

/// Replaces every occurrence of every secret. Occurrences that overlap are replaced together, so that no end of one stays.
pub(super) fn redact<'t>(text: &'t str, secrets: &[Secret]) -> Cow<'t, str> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for secret in secrets
        .iter()
        .map(Secret::reveal)
        .filter(|secret| !secret.is_empty())
    {
        let mut from = 0;
        while let Some(at) = text[from..].find(secret).map(|at| from + at) {
            found.push((at, at + secret.len()));
            // One character on, not one secret on: occurrences of one secret may overlap too.
            from = at + secret.chars().next().map_or(1, char::len_utf8);
        }
    }
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end) in found {
        if start > done || (done == 0 && start == 0) {
            out.push_str(&text[done..start]);
            out.push_str(MASK);
        }
        done = done.max(end);
    }
    out.push_str(&text[done..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str, secrets: &[&str]) -> String {
        let secrets: Vec<Secret> = secrets
            .iter()
            .map(|s| Secret::new((*s).to_owned()))
            .collect();
        redact(text, &secrets).into_owned()
    }

    #[test]
    fn every_occurrence_goes() {
        assert_eq!(masked("a pw b pw", &["pw"]), "a *** b ***");
        assert_eq!(masked("pw", &["pw"]), "***");
        assert_eq!(masked("nothing here", &["pw", ""]), "nothing here");
        assert_eq!(masked("grün-pw", &["grün"]), "***-pw");
    }

    #[test]
    fn no_end_of_an_overlapping_secret_stays() {
        assert_eq!(masked("abcdef", &["abcd", "cdef"]), "***");
        assert_eq!(masked("xaaay", &["aa"]), "x***y");
        assert_eq!(
            masked("open sesame street", &["sesame", "open sesame"]),
            "*** street"
        );
        assert_eq!(masked("open sesame!", &["open sesame!", "open"]), "***");
        assert_eq!(masked("open sesame!", &["open sesame!", "sesame"]), "***");
    }

    #[test]
    fn neighbours_are_one_stretch_of_stars_or_two_but_never_text() {
        let text = masked("pwpw", &["pw"]);
        assert!(text.chars().all(|c| c == '*'), "{text}");
    }
}
