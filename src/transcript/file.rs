//! The file being written: opening, appending, putting aside, throwing away.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use nix::libc;

use super::{
    files::{current, files, kept},
    queue::Item,
    record::{Header, gap_text},
};

/// Most files that are put aside for one array; the oldest go first. Keeps a busy array from filling the disk long before the
/// age limit is reached.
const MAX_KEPT: usize = 100;
/// How often the age of kept files is looked at.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// When a file is put aside, and when it is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes. A file that would get larger is put aside; one record alone may be larger.
    pub max_size: u64,
    /// A file whose first record is older is put aside; one that was put aside longer ago is removed.
    pub max_age: Duration,
}

/// One array's file. Other processes (the daemon, an operator's command) may append to and put aside the same one.
pub(super) struct TranscriptLog {
    dir: PathBuf,
    array: String,
    limits: Limits,
    open: Option<Open>,
    /// Records that could not be written since the last one that could.
    lost: u64,
    /// The disk does not take them; said once.
    failing: bool,
    /// The queue was full; said once.
    slow: bool,
    /// A full file could not be put aside; said once.
    stuck: bool,
    pruned: Option<Timestamp>,
}

struct Open {
    file: File,
    identity: (u64, u64),
    /// Time of the first record; `None` while there is none.
    oldest: Option<Timestamp>,
    /// The file does not end in a line feed: the last record is torn.
    torn: bool,
}

impl TranscriptLog {
    pub(super) fn new(dir: &Path, array: &str, limits: Limits) -> Self {
        let (dir, array) = (dir.to_owned(), array.to_owned());
        let (failing, slow, stuck) = (false, false, false);
        Self {
            dir,
            array,
            limits,
            open: None,
            lost: 0,
            failing,
            slow,
            stuck,
            pruned: None,
        }
    }

    /// Writes the item, or counts it as lost and says so once.
    pub(super) fn append(&mut self, item: &Item) {
        if item.lost_before > 0 {
            self.lost += item.lost_before;
            if !std::mem::replace(&mut self.slow, true) {
                log::warn!(array = self.array, lost = item.lost_before; "transcript: the disk is too slow, records are missing");
            }
        }
        match self.try_append(item) {
            Ok(()) => {
                self.lost = 0;
                if std::mem::replace(&mut self.failing, false) {
                    log::info!(array = self.array; "transcript: writing again");
                }
            }
            Err(error) => {
                // A write may have left a part; the next one begins a new line.
                if let Some(open) = &mut self.open {
                    open.torn = true;
                }
                self.lost += 1;
                if !std::mem::replace(&mut self.failing, true) {
                    log::warn!(array = self.array, dir:? = self.dir, error:%; "transcript: cannot write, commands go on without it");
                }
            }
        }
    }

    fn try_append(&mut self, item: &Item) -> io::Result<()> {
        if self
            .pruned
            .is_none_or(|last| item.time.duration_since(last) >= PRUNE_EVERY)
        {
            self.prune(item.time);
        }
        let path = current(&self.dir, &self.array);
        let mut open = self.reopen(&path)?;
        let size = open.file.metadata()?.len();
        let full = size > 0 && size + item.text.len() as u64 > self.limits.max_size;
        let old = open
            .oldest
            .is_some_and(|first| older(first, item.time, self.limits.max_age));
        if full || old {
            self.put_aside(&path, &open, item.time);
            self.open = Some(open);
            open = self.reopen(&path)?;
        }
        // One write for all of it: appends of other processes come before or after it, not within.
        let mut text = String::with_capacity(item.text.len() + 80);
        if open.torn {
            text.push('\n');
        }
        if self.lost > 0 {
            text.push_str(&gap_text(item.time, &self.array, self.lost));
        }
        text.push_str(&item.text);
        let written = open.file.write_all(text.as_bytes());
        open.torn = written.is_err();
        if written.is_ok() && open.oldest.is_none() {
            open.oldest = Some(item.time);
        }
        self.open = Some(open);
        written
    }

    /// The open file if it is still the one at `path`, otherwise that one, made if need be.
    fn reopen(&mut self, path: &Path) -> io::Result<Open> {
        if let Some(open) = self.open.take()
            && path
                .metadata()
                .is_ok_and(|found| (found.dev(), found.ino()) == open.identity)
        {
            return Ok(open);
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)?;
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            // Not through a link, and not held up by a FIFO.
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(io::Error::other(format!(
                "`{}` is no regular file",
                path.display()
            )));
        }
        let (oldest, torn) = ends(&mut file, found.len())?;
        Ok(Open {
            file,
            identity: (found.dev(), found.ino()),
            oldest,
            torn,
        })
    }

    /// Renames the file and thins out. If that fails, writing goes on in the file that is there.
    fn put_aside(&mut self, path: &Path, open: &Open, now: Timestamp) {
        match self.rename(path, open, now) {
            Ok(()) => self.stuck = false,
            Err(error) if !std::mem::replace(&mut self.stuck, true) => {
                log::warn!(array = self.array, dir:? = self.dir, error:%; "transcript: cannot put a full file aside, it grows on");
            }
            Err(_) => {}
        }
        self.prune(now);
    }

    fn rename(&self, path: &Path, open: &Open, now: Timestamp) -> io::Result<()> {
        // If another process is just doing the same, that one does it.
        match open.file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let found = match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        if (found.dev(), found.ino()) != open.identity {
            return Ok(());
        }
        // Names keep the order even if the clock was set back, and no file is ever replaced.
        let newest = self.kept().last().map(|(_, time)| *time);
        let time = newest.map_or(now, |newest| now.max(newest + Duration::from_millis(1)));
        let target = kept(&self.dir, &self.array, time);
        std::fs::rename(path, target)
    }

    /// What was put aside, oldest first.
    fn kept(&self) -> Vec<(PathBuf, Timestamp)> {
        let all = files(&self.dir).unwrap_or_default();
        let ours = all.into_iter().filter(|file| file.array == self.array);
        ours.filter_map(|file| Some((file.path, file.kept?)))
            .collect()
    }

    /// Removes what was put aside too long ago, and what is too much.
    fn prune(&mut self, now: Timestamp) {
        self.pruned = Some(now);
        let kept = self.kept();
        let surplus = kept.len().saturating_sub(MAX_KEPT);
        for (n, (path, time)) in kept.into_iter().enumerate() {
            if (n < surplus || older(time, now, self.limits.max_age))
                && let Err(error) = std::fs::remove_file(&path)
            {
                log::warn!(file:? = path, error:%; "transcript: cannot remove an old file");
            }
        }
    }
}

fn older(time: Timestamp, now: Timestamp, age: Duration) -> bool {
    now.duration_since(time).unsigned_abs() > age && now > time
}

/// Time of the first record, and whether the last one is torn.
fn ends(file: &mut File, size: u64) -> io::Result<(Option<Timestamp>, bool)> {
    if size == 0 {
        return Ok((None, false));
    }
    file.seek(SeekFrom::Start(0))?;
    let mut first = Vec::new();
    BufReader::new((&*file).take(4096)).read_until(b'\n', &mut first)?;
    let oldest = match Header::parse(String::from_utf8_lossy(&first).trim_end()) {
        Some(Header::Record { record, .. }) => Some(record.time),
        Some(Header::Gap { time, .. }) => Some(time),
        None => None,
    };
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok((oldest, last != *b"\n"))
}
