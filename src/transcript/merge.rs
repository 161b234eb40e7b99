//! Reading several files as one, in order of time.

use std::{collections::BTreeMap, fs::File, io::BufReader, iter::Peekable, path::PathBuf};

use jiff::Timestamp;

use super::{
    files::TranscriptFile,
    read::{Damage, Records, read},
    record::Record,
};

/// A record or a damaged place, with the file it stands in.
pub type Located = (PathBuf, Result<Record, Damage>);

/// The records of all files: those of one array in the order of its files, those of several arrays by time. Only one record of each
/// array is in memory at a time.
#[derive(Debug)]
pub struct Merged {
    arrays: Vec<Peekable<Chain>>,
}

/// The files of one array, one after the other.
#[derive(Debug)]
struct Chain {
    rest: std::vec::IntoIter<PathBuf>,
    open: Option<(PathBuf, Records<BufReader<File>>)>,
}

/// Reads `files`, which come as [`super::files`] gives them.
pub fn merged(files: Vec<TranscriptFile>) -> Merged {
    let mut arrays: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        arrays.entry(file.array).or_default().push(file.path);
    }
    let chain = |paths: Vec<PathBuf>| {
        Chain {
            rest: paths.into_iter(),
            open: None,
        }
        .peekable()
    };
    Merged {
        arrays: arrays.into_values().map(chain).collect(),
    }
}

impl Iterator for Chain {
    type Item = Located;

    fn next(&mut self) -> Option<Located> {
        loop {
            if let Some((path, records)) = &mut self.open
                && let Some(item) = records.next()
            {
                return Some((path.clone(), item));
            }
            let path = self.rest.next()?;
            match read(&path) {
                Ok(records) => self.open = Some((path, records)),
                Err(source) => return Some((path, Err(Damage::Io { line: 1, source }))),
            }
        }
    }
}

impl Iterator for Merged {
    type Item = Located;

    fn next(&mut self) -> Option<Located> {
        // A damaged place has no time of its own; it comes at once, so that it stays behind what it followed.
        let time = |item: Option<&Located>| match item {
            Some((_, Ok(record))) => Some(record.time),
            Some((_, Err(_))) => Some(Timestamp::MIN),
            None => None,
        };
        let earliest = self
            .arrays
            .iter_mut()
            .enumerate()
            .filter_map(|(n, array)| Some((time(array.peek())?, n)))
            .min()?;
        self.arrays[earliest.1].next()
    }
}
