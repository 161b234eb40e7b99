//! What `-o help` and `-o help=backends` print, and the page docs/options.md. All from the schema.

use std::fmt::Write as _;

use super::schema::{OPTIONS, OptionSpec, Place};
use crate::volume::{BackendState, BackendStatus};

/// The text round the options; `{options}` stands where they go.
const TEMPLATE: &str = include_str!("../../templates/docker/help.txt");

/// The answer to `-o help`, several lines.
pub(super) fn text() -> String {
    let mut options = String::new();
    for option in OPTIONS {
        let _ = writeln!(options, "  -o {}=<{}>", option.name, option.value);
        let _ = writeln!(options, "      {}", option.help);
        let _ = writeln!(options, "      {}", remarks(option));
    }
    TEMPLATE.replace("{options}\n", &options)
}

fn remarks(option: &OptionSpec) -> String {
    match option.place {
        Place::With(_) => format!(
            "{}; default: {}; since {}",
            option.place, option.default, option.since
        ),
        Place::ReplicatedBackend | Place::Alone => {
            format!("{}; since {}", option.place, option.since)
        }
    }
}

/// The answer to `-o help=backends`, several lines.
pub(super) fn backends(backends: &[BackendStatus]) -> String {
    if backends.is_empty() {
        return "hpe.conf has no backend".to_owned();
    }
    let heads = ["BACKEND", "REPLICATION", "STATE"].map(str::to_owned);
    let rows = backends.iter().map(|backend| {
        let replication = backend.replication.map_or("none", |mode| mode.conf());
        let mut state = match &backend.state {
            BackendState::Starting => "starting".to_owned(),
            BackendState::Ready => "ready".to_owned(),
            BackendState::Failed(why) => format!("failed: {}", one_line(why)),
        };
        if !backend.unfinished.is_empty() {
            state += &format!("; not finished: {}", backend.unfinished.join(", "));
        }
        [backend.name.to_string(), replication.to_owned(), state]
    });
    let rows: Vec<[String; 3]> = std::iter::once(heads).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (first, second) = (width(0), width(1));
    // The engine puts a prefix before the text; the table begins on a line of its own (array fact 29).
    let lines = rows.iter().map(|[name, replication, state]| {
        format!("\n{name:first$}  {replication:second$}  {state}")
    });
    lines.collect()
}

/// A text without control characters and runs of spaces, so that it cannot break a line or a terminal.
pub(super) fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The page docs/options.md.
#[cfg(test)]
fn markdown() -> String {
    let mut page = String::from(
        "<!-- Made from src/docker/schema. After a change there: UPDATE_DOCS=1 cargo test --lib docker::help -->\n\
         # Options of `docker volume create`\n\n\
         ```\n\
         docker volume create -d hpe --name db1 -o size=50 -o replicationGroup=prod_rcg -o backend=mirror\n\
         ```\n\n\
         Upper and lower case count. An empty value (`-o size=`, or an unset variable in a Compose file) is the same as not\n\
         giving the option. All mistakes are reported at once and nothing is created.\n\n\
         | option | value | default | may be given | meaning | since |\n\
         |---|---|---|---|---|---|\n",
    );
    for OptionSpec {
        name,
        value,
        default,
        place,
        help,
        since,
        ..
    } in OPTIONS
    {
        let _ = writeln!(
            page,
            "| `{name}` | {value} | {default} | {place} | {help} | {since} |"
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BackendName, Mode};

    #[test]
    fn help_explains_every_option_and_leaves_no_placeholder() {
        let text = text();
        for option in OPTIONS {
            assert!(
                text.contains(&format!("-o {}=<", option.name)),
                "{}",
                option.name
            );
            assert!(text.contains(option.help), "{}", option.name);
        }
        assert!(!text.contains(['{', '}']), "{text}");
        assert!(text.lines().all(|line| line.len() <= 120), "{text}");
    }

    #[test]
    fn backends_stand_in_columns() {
        let row = |name: &str, replication, state, unfinished: &[&str]| BackendStatus {
            name: BackendName::new(name).unwrap(),
            replication,
            state,
            unfinished: unfinished.iter().map(|&what| what.to_owned()).collect(),
        };
        let table = backends(&[
            row("DEFAULT", None, BackendState::Ready, &[]),
            row(
                "mirror-north",
                Some(Mode::Periodic),
                BackendState::Starting,
                &["one", "another"],
            ),
            row(
                "old",
                Some(Mode::Sync),
                BackendState::Failed("no route\nto host".to_owned()),
                &[],
            ),
        ]);
        let expected = "\
            \nBACKEND       REPLICATION   STATE\
            \nDEFAULT       none          ready\
            \nmirror-north  asynchronous  starting; not finished: one, another\
            \nold           synchronous   failed: no route to host";
        assert_eq!(table, expected);
        assert_eq!(backends(&[]), "hpe.conf has no backend");
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line("a\nb\r\n\tc\u{1b}[31m  d "), "a b c [31m d");
    }

    #[test]
    fn the_page_of_options_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/options.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            page,
            markdown(),
            "docs/options.md is old: UPDATE_DOCS=1 cargo test --lib docker::help"
        );
    }
}
