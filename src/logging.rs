//! The log: one event a line, `message key=value …`, to standard error.

use std::{fmt::Write as _, io::Write as _};

use jiff::Timestamp;
use log::{
    Level, LevelFilter, Record,
    kv::{Error, Key, Value, VisitSource},
};

/// Starts logging at `level`, or as `RUST_LOG` says. Under systemd the journal keeps the time, and a priority goes in front.
pub(crate) fn start(level: LevelFilter) {
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let mut builder = env_logger::Builder::new();
    builder.filter_level(level).parse_default_env();
    builder.format(move |out, record| {
        let front = if journal {
            format!("<{}>", priority(record.level()))
        } else {
            format!("{:.3} {:5} ", Timestamp::now(), record.level())
        };
        writeln!(out, "{front}{}", line(record))
    });
    builder.init();
}

/// As sd-daemon(3) numbers them.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// Message and pairs on one line; a value with blanks or control characters is quoted, a pair without a value left out.
fn line(record: &Record<'_>) -> String {
    let message = record.args().to_string();
    let mut line = if message.contains(char::is_control) {
        message.escape_debug().to_string()
    } else {
        message
    };
    // Writing into a String does not fail.
    let _ = record.key_values().visit(&mut Pairs(&mut line));
    line
}

struct Pairs<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let text = value.to_string();
        if text.is_empty() {
            return Ok(());
        }
        let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"');
        if plain {
            write!(self.0, " {key}={text}")?
        } else {
            write!(self.0, " {key}={text:?}")?
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_is_one_line_whatever_is_in_it() {
        let pairs = [
            ("array", "prod"),
            ("text", "a b\n<3>forged"),
            ("words", "a b"),
            ("empty", ""),
        ];
        let said = line(
            &Record::builder()
                .args(format_args!("command done"))
                .key_values(&pairs)
                .build(),
        );
        assert_eq!(
            said,
            r#"command done array=prod text="a b\n<3>forged" words="a b""#
        );
        let said = line(&Record::builder().args(format_args!("two\nlines")).build());
        assert_eq!(said, "two\\nlines");
    }
}
