//! What the SSH layer has to know about an InForm command line.

use regex::Regex;

use crate::ssh;

/// Probe, session id and prompt of an InForm OS.
///
/// # Panics
/// Never: the one fixed expression is compiled in a test.
#[allow(clippy::expect_used, reason = "a fixed expression, compiled by a test")]
pub fn greeting() -> ssh::Greeting {
    ssh::Greeting {
        probe: "showversion".to_owned(),
        accepts: |answer| {
            answer
                .lines()
                .any(|line| line.trim().starts_with("Release version "))
        },
        identify: Some(("showuserconn -current".to_owned(), session_id)),
        // The system's name, which may hold dots and dashes, and ` cli%`. Not anchored at a line's beginning: after a silent
        // command two prompts stand on one line (array fact 46).
        prompt: Regex::new(r"\S+ cli%\s*$").expect("a fixed expression"),
    }
}

/// The first number of the row under the head row of `showuserconn -current`.
fn session_id(answer: &str) -> Option<String> {
    let mut lines = answer
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("Id "))
        .skip(1);
    let id = lines.next()?.split_whitespace().next()?;
    id.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_a_version_and_a_session_are_recognised() {
        let greeting = greeting();
        assert!(greeting.prompt.is_match("text\nlab-3par.example.org cli% "));
        assert!(greeting.prompt.is_match("lab cli% lab cli% "));
        assert!(!greeting.prompt.is_match("the cli% prompt ends a line\n"));
        assert!((greeting.accepts)("Release version 3.3.1 (MU5)\n"));
        assert!(!(greeting.accepts)(
            "bash: showversion: command not found\n"
        ));
        let listed = " Id Name   IP_Addr  Role\n417 docker 10.0.0.9 edit\n-----\n  1 total\n";
        assert_eq!(session_id(listed), Some("417".to_owned()));
        assert_eq!(session_id("no connections\n"), None);
        assert_eq!(session_id(" Id Name\n------\n"), None);
    }
}
