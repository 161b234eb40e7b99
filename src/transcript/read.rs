//! Reading a transcript back, whatever state the file is in.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use jiff::Timestamp;

use super::{
    record::{Header, MARK, Record, prompt},
    visible::unshow,
};
use crate::model::RequestId;

/// A place in a transcript that is no whole record. The records around it are read all the same.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The record breaks off: the writer was killed, the disk was full, or it is being written right now.
    #[error("line {line}: the record of request `{request}` breaks off")]
    Torn {
        /// Line of its header, from 1.
        line: u64,
        /// The request it belongs to; empty if the header itself is torn.
        request: RequestId,
        /// The command, if that far is there.
        command: Option<String>,
    },
    /// The writer noted that records are missing here.
    #[error("line {line}: {records} records before {time:.3} could not be written")]
    Gap {
        /// Line of the note, from 1.
        line: u64,
        /// When writing worked again.
        time: Timestamp,
        /// How many are missing.
        records: u64,
    },
    /// Lines that belong to no record.
    #[error("line {line}: {lines} lines here are no transcript")]
    Foreign {
        /// The first of them, from 1.
        line: u64,
        /// How many.
        lines: u64,
    },
    /// The file cannot be read on.
    #[error("line {line}: cannot read on: {source}")]
    Io {
        /// The line that was to be read, from 1.
        line: u64,
        /// Why.
        source: io::Error,
    },
}

/// Reads a file from its beginning.
///
/// # Errors
/// If the file cannot be opened.
pub fn read(path: &Path) -> io::Result<Records<BufReader<File>>> {
    Ok(Records::new(BufReader::new(File::open(path)?)))
}

/// Iterator over the records of a transcript. Ends after [`Damage::Io`].
#[derive(Debug)]
pub struct Records<R> {
    input: R,
    /// Number of the line read last.
    line: u64,
    /// Bytes read.
    offset: u64,
    /// Where the item read last ends (a torn record that may still be growing does not count).
    settled: u64,
    /// A line that was read one too far.
    ahead: Option<Line>,
    failed: bool,
}

#[derive(Debug)]
struct Line {
    text: String,
    /// Whether it ended in a line feed.
    whole: bool,
    bytes: u64,
}

impl Line {
    fn is_header(&self) -> bool {
        self.text.starts_with(MARK)
    }
}

impl<R: BufRead> Records<R> {
    /// Reads records from `input`, which begins at the beginning of a line.
    pub fn new(input: R) -> Self {
        Self {
            input,
            line: 0,
            offset: 0,
            settled: 0,
            ahead: None,
            failed: false,
        }
    }

    /// Bytes from the beginning to the end of the last item, not counting a torn one at the end of the file.
    pub(super) fn settled(&self) -> u64 {
        self.settled
    }

    /// Whether the last item is a torn one at the end of the file, which may just be in the making.
    pub(super) fn may_grow(&self) -> bool {
        self.settled < self.offset
    }

    fn take(&mut self) -> io::Result<Option<Line>> {
        let line = match self.ahead.take() {
            Some(line) => line,
            None => {
                let mut bytes = Vec::new();
                let count = self.input.read_until(b'\n', &mut bytes)?;
                if count == 0 {
                    return Ok(None);
                }
                let whole = bytes.last() == Some(&b'\n');
                if whole {
                    bytes.pop();
                    // The writer never leaves a bare CR; a mail program or an editor put it there.
                    if bytes.last() == Some(&b'\r') {
                        bytes.pop();
                    }
                }
                let text = match String::from_utf8(bytes) {
                    Ok(text) => text,
                    Err(damaged) => String::from_utf8_lossy(damaged.as_bytes()).into_owned(),
                };
                Line {
                    text,
                    whole,
                    bytes: count as u64,
                }
            }
        };
        self.line += 1;
        self.offset += line.bytes;
        Ok(Some(line))
    }

    fn give_back(&mut self, line: Line) {
        self.line -= 1;
        self.offset -= line.bytes;
        self.ahead = Some(line);
    }

    /// The next line of the record being read; `None` if the record breaks off before it.
    fn within(&mut self) -> io::Result<Option<String>> {
        match self.take()? {
            Some(line) if line.is_header() => {
                self.give_back(line);
                Ok(None)
            }
            Some(line) if line.whole => Ok(Some(line.text)),
            Some(_) | None => Ok(None),
        }
    }

    fn item(&mut self) -> io::Result<Option<Result<Record, Damage>>> {
        let first = loop {
            match self.take()? {
                None => return Ok(None),
                Some(line) if line.text.is_empty() => self.settled = self.offset,
                Some(line) => break line,
            }
        };
        let line = self.line;
        let torn = |request: RequestId, command| {
            Ok(Some(Err(Damage::Torn {
                line,
                request,
                command,
            })))
        };
        if !first.whole && MARK.starts_with(&first.text[..first.text.len().min(MARK.len())]) {
            return torn(RequestId::from(""), None);
        }
        if !first.is_header() {
            return self.foreign(line).map(Some);
        }
        let (mut record, lines, newline) = match Header::parse(&first.text) {
            Some(Header::Record {
                record,
                lines,
                newline,
            }) => (*record, lines, newline),
            Some(Header::Gap { time, records }) => {
                self.settled = self.offset;
                return Ok(Some(Err(Damage::Gap {
                    line,
                    time,
                    records,
                })));
            }
            None => return self.foreign(line).map(Some),
        };
        let Some(text) = self.within()? else {
            return torn(record.request, None);
        };
        let Some(command) = text.strip_prefix(&prompt(&record.array)) else {
            return torn(record.request, None);
        };
        unshow(command, &mut record.command);
        for _ in 0..lines {
            let Some(text) = self.within()? else {
                return torn(record.request, Some(record.command));
            };
            unshow(&text, &mut record.output);
            record.output.push('\n');
        }
        if !newline {
            record.output.pop();
        }
        // The empty line proves that the last line was not cut and then ended by the next writer.
        match self.take()? {
            None => {}
            Some(next) if next.text.is_empty() && next.whole => {}
            Some(next) => {
                self.give_back(next);
                return torn(record.request, Some(record.command));
            }
        }
        self.settled = self.offset;
        Ok(Some(Ok(record)))
    }

    /// Skips to the next header.
    fn foreign(&mut self, line: u64) -> io::Result<Result<Record, Damage>> {
        let mut whole = true;
        while let Some(next) = self.take()? {
            if next.is_header() {
                self.give_back(next);
                break;
            }
            whole = next.whole;
        }
        if whole {
            self.settled = self.offset;
        }
        Ok(Err(Damage::Foreign {
            line,
            lines: self.line + 1 - line,
        }))
    }
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Record, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        match self.item() {
            Ok(item) => {
                // A torn record with something behind it grows no more.
                if self.ahead.is_some() {
                    self.settled = self.offset;
                }
                item
            }
            Err(source) => {
                self.failed = true;
                Some(Err(Damage::Io {
                    line: self.line + 1,
                    source,
                }))
            }
        }
    }
}
