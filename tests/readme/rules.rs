//! What may differ between a session in a document and the same session here. Everything else is compared to the letter.

use regex::Regex;

/// Where two sessions differ and yet say the same.
struct Rule {
    what: &'static str,
    pattern: &'static str,
    /// What stands in its place on both sides.
    becomes: &'static str,
}

const RULES: [Rule; 8] = [
    Rule {
        what: "the time of a record",
        pattern: r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
        becomes: "time=<time>",
    },
    Rule {
        what: "when arrays were looked at",
        pattern: r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
        becomes: "<time>",
    },
    Rule {
        what: "the clock of an array",
        pattern: r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
        becomes: "<array time>",
    },
    Rule {
        what: "the port of a simulated array",
        pattern: r"127\.0\.0\.1:\d{4,5}\b",
        becomes: "127.0.0.1:<port>",
    },
    Rule {
        what: "the id of a request",
        pattern: r"request=[0-9a-f]{8}\b",
        becomes: "request=<id>",
    },
    Rule {
        what: "the number of a session",
        pattern: r"session=\d+\b",
        becomes: "session=<number>",
    },
    Rule {
        what: "how long a command took",
        pattern: r"\bms=\d+\b",
        becomes: "ms=<milliseconds>",
    },
    Rule {
        what: "blanks that fill up the last column",
        pattern: r"(?m) +$",
        becomes: "",
    },
];

/// What is left when everything that may differ is taken out. Empty lines at the end do not count: a block ends there.
pub fn same_for_all(printed: &str) -> String {
    let mut text = printed.to_owned();
    for rule in &RULES {
        let pattern = Regex::new(rule.pattern).unwrap();
        text = pattern.replace_all(&text, rule.becomes).into_owned();
    }
    text.trim_end_matches('\n').to_owned()
}

#[test]
fn every_rule_is_needed() {
    let sessions: String = [crate::blocks::README, crate::blocks::REPLICATION]
        .iter()
        .flat_map(|document| crate::blocks::in_document(document, "console"))
        .map(|block| block.text())
        .collect();
    for rule in &RULES {
        assert!(
            Regex::new(rule.pattern).unwrap().is_match(&sessions),
            "no document shows anything of the rule for {}",
            rule.what
        );
    }
}

#[test]
fn what_no_rule_names_is_compared() {
    let shown = "# time=2026-11-22T19:17:57.150Z array=127.0.0.1:39033 request=18c645fd session=2 outcome=refused exit=1 ms=301";
    let same = shown
        .replace("19:17:57.150", "08:00:00.001")
        .replace("39033", "40001")
        .replace("18c645fd", "00000000")
        .replace("session=2", "session=14")
        .replace("301", "7")
        + "  \n\n";
    assert_eq!(same_for_all(shown), same_for_all(&same));
    for (this, that) in [
        ("refused", "done"),
        ("exit=1", "exit=0"),
        ("127.0.0.1", "127.0.0.2"),
        ("request=18c645fd", "request=none"),
        ("# ", "#"),
    ] {
        assert_ne!(
            same_for_all(shown),
            same_for_all(&shown.replace(this, that)),
            "{this}"
        );
    }
}
