//! Which files a transcript directory holds.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// How a kept file's time is written: UTC, to the millisecond.
const STAMP: &str = "%Y%m%dT%H%M%S%3f";
/// Characters a file name cannot have (an array's name has none of them; this is the fence).
const FILE_NAME: &AsciiSet = &CONTROLS.add(b'/').add(b'%');

/// One file of a transcript directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptFile {
    /// Where it is.
    pub path: PathBuf,
    /// The array it is of.
    pub array: String,
    /// When it was put aside; `None` for the one being written.
    pub kept: Option<Timestamp>,
}

/// All transcript files of a directory, by array and from the oldest to the one being written.
///
/// # Errors
/// If the directory cannot be read. A directory that does not exist holds no transcripts.
pub fn files(dir: &Path) -> io::Result<Vec<TranscriptFile>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".log")) else {
            continue;
        };
        let (array, kept) = match stem
            .rsplit_once('.')
            .map(|(array, stamp)| (array, parse(stamp)))
        {
            Some((array, Some(time))) => (array, Some(time)),
            _ => (stem, None),
        };
        let array = percent_decode_str(array).decode_utf8_lossy().into_owned();
        found.push(TranscriptFile {
            path: entry.path(),
            array,
            kept,
        });
    }
    // `None` sorts first; the file being written comes last.
    found.sort_by(|a, b| {
        (&a.array, a.kept.is_none(), a.kept).cmp(&(&b.array, b.kept.is_none(), b.kept))
    });
    Ok(found)
}

/// The file being written for `array`.
pub(super) fn current(dir: &Path, array: &str) -> PathBuf {
    dir.join(format!("{}.log", utf8_percent_encode(array, FILE_NAME)))
}

/// The file that is put aside at `time`.
pub(super) fn kept(dir: &Path, array: &str, time: Timestamp) -> PathBuf {
    let stamp = time.strftime(STAMP);
    dir.join(format!(
        "{}.{stamp}Z.log",
        utf8_percent_encode(array, FILE_NAME)
    ))
}

fn parse(stamp: &str) -> Option<Timestamp> {
    let time = DateTime::strptime(STAMP, stamp.strip_suffix('Z')?).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_oldest_first() {
        let dir = tempfile::tempdir().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (early, late) = (at("2026-03-01T09:15:02.417Z"), at("2026-03-02T00:00:00Z"));
        let paths = [
            kept(dir.path(), "a.b", early),
            kept(dir.path(), "a.b", late),
            current(dir.path(), "a.b"),
            current(dir.path(), "../c"),
        ];
        for path in &paths {
            assert_eq!(path.parent(), Some(dir.path()), "{path:?}");
            fs::write(path, "").unwrap();
        }
        fs::write(dir.path().join("notes.txt"), "").unwrap();
        let found: Vec<_> = files(dir.path())
            .unwrap()
            .into_iter()
            .map(|f| (f.array, f.kept))
            .collect();
        let expected = [
            ("../c", None),
            ("a.b", Some(early)),
            ("a.b", Some(late)),
            ("a.b", None),
        ];
        assert_eq!(
            found,
            expected.map(|(array, kept)| (array.to_owned(), kept))
        );
        assert_eq!(files(&dir.path().join("nowhere")).unwrap(), []);
    }
}
