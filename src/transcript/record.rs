//! One command and its answer: as it is given, as it is written, as it is read back.

use std::{borrow::Cow, fmt::Write, time::Duration};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::visible::{show, show_line};
use crate::model::RequestId;

/// How a header begins; nothing else in a transcript does.
pub(super) const MARK: &str = "# time=";

/// What a header's value may hold unencoded.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'.')
    .remove(b'_')
    .remove(b':')
    .remove(b'@')
    .remove(b'-');

/// A command that was sent (or could not be), and what came back.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The Docker request or task it was sent for.
    pub request: &'a RequestId,
    /// The array's name for the session, if it told.
    pub session: Option<&'a str>,
    /// The command line as sent.
    pub command: &'a str,
    /// One word, for example `ok` or `refused`.
    pub outcome: &'a str,
    /// Exit status, if the array gave one.
    pub exit_status: Option<i32>,
    /// From sending the command to the last byte of the answer.
    pub elapsed: Duration,
    /// The answer, as complete as it came.
    pub output: &'a str,
}

/// A record read back from a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Record {
    /// When the answer was complete, to the millisecond.
    #[serde(serialize_with = "as_rfc3339")]
    pub time: Timestamp,
    /// The array, by the name the plugin has for it.
    pub array: String,
    /// The request it belongs to.
    pub request: RequestId,
    /// The array's name for the session.
    pub session: Option<String>,
    /// The command line.
    pub command: String,
    /// One word.
    pub outcome: String,
    /// Exit status.
    pub exit_status: Option<i32>,
    /// Milliseconds from sending to the last byte.
    pub elapsed_ms: u64,
    /// The answer, exactly as it came (secrets aside).
    pub output: String,
}

impl Record {
    /// The record as the file has it, ready to be printed.
    pub fn text(&self) -> String {
        Fields {
            time: self.time,
            array: &self.array,
            request: self.request.as_str(),
            session: self.session.as_deref(),
            command: &self.command,
            outcome: &self.outcome,
            exit_status: self.exit_status,
            elapsed_ms: self.elapsed_ms,
            output: &self.output,
        }
        .text()
    }
}

fn as_rfc3339<S: serde::Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{time:.3}"))
}

/// What a record is written from, redacted already.
pub(super) struct Fields<'a> {
    pub(super) time: Timestamp,
    pub(super) array: &'a str,
    pub(super) request: &'a str,
    pub(super) session: Option<&'a str>,
    pub(super) command: &'a str,
    pub(super) outcome: &'a str,
    pub(super) exit_status: Option<i32>,
    pub(super) elapsed_ms: u64,
    pub(super) output: &'a str,
}

impl Fields<'_> {
    /// The whole record with the empty line behind it.
    pub(super) fn text(&self) -> String {
        let lines = self.output.split_terminator('\n').count();
        let newline = if self.output.is_empty() || self.output.ends_with('\n') {
            ""
        } else {
            " newline=no"
        };
        let session: Cow<'_, str> = match self.session {
            None => Cow::Borrowed("-"),
            Some("-") => Cow::Borrowed("%2D"),
            Some(session) => utf8_percent_encode(session, VALUE).into(),
        };
        let exit = self
            .exit_status
            .map_or_else(|| "-".to_owned(), |exit| exit.to_string());
        let mut out = String::with_capacity(self.output.len() + 256);
        let head = format_args!(
            "{MARK}{:.3} array={} request={} session={session} outcome={} exit={exit} ms={} lines={lines}{newline}\n",
            self.time,
            utf8_percent_encode(self.array, VALUE),
            utf8_percent_encode(self.request, VALUE),
            utf8_percent_encode(self.outcome, VALUE),
            self.elapsed_ms,
        );
        // Writing into a String does not fail.
        let _ = out.write_fmt(head);
        out.push_str(&prompt(self.array));
        show(self.command, &mut out);
        out.push('\n');
        for line in self.output.split_terminator('\n') {
            show_line(line, &mut out);
            out.push('\n');
        }
        out.push('\n');
        out
    }
}

/// The note that stands where records are missing.
pub(super) fn gap_text(time: Timestamp, array: &str, records: u64) -> String {
    format!(
        "{MARK}{time:.3} array={} gap={records}\n\n",
        utf8_percent_encode(array, VALUE)
    )
}

/// What stands before the command: `<array> cli% `.
pub(super) fn prompt(array: &str) -> String {
    let mut out = String::new();
    show(array, &mut out);
    out.push_str(" cli% ");
    out
}

/// A header line, read.
#[derive(Debug)]
pub(super) enum Header {
    /// Of a record: everything but command and output, and how many lines follow.
    Record {
        /// Command and output still empty.
        record: Box<Record>,
        /// Lines of answer.
        lines: u64,
        /// Whether the last of them had a line feed.
        newline: bool,
    },
    /// Of a gap.
    Gap {
        /// When writing worked again.
        time: Timestamp,
        /// How many records are missing.
        records: u64,
    },
}

impl Header {
    /// Reads a line that begins with [`MARK`]; `None` if it is no header this program writes.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let value = |key: &str| {
            line.split(' ')
                .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
        };
        let text = |key: &str| {
            Some(
                percent_decode_str(value(key)?)
                    .decode_utf8()
                    .ok()?
                    .into_owned(),
            )
        };
        let time = value("time")?.parse().ok()?;
        let array = text("array")?;
        if let Some(gap) = value("gap") {
            return Some(Self::Gap {
                time,
                records: gap.parse().ok()?,
            });
        }
        let session = if value("session")? == "-" {
            None
        } else {
            text("session")
        };
        let exit_status = match value("exit")? {
            "-" => None,
            exit => Some(exit.parse().ok()?),
        };
        let record = Record {
            time,
            array,
            request: RequestId::from(text("request")?.as_str()),
            session,
            command: String::new(),
            outcome: text("outcome")?,
            exit_status,
            elapsed_ms: value("ms")?.parse().ok()?,
            output: String::new(),
        };
        Some(Self::Record {
            record: Box::new(record),
            lines: value("lines")?.parse().ok()?,
            newline: value("newline") != Some("no"),
        })
    }
}
