//! Reading on as records are written.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::PathBuf,
};

use super::{
    files::files,
    read::{Damage, Records},
    record::Record,
};

/// Follows all transcripts of a directory, through rotation.
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    /// How far each file has been read, by device and inode: a file that is put aside keeps those.
    read: HashMap<(u64, u64), u64>,
}

impl Follower {
    /// Begins at the end of what is there now.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn from_now(dir: PathBuf) -> io::Result<Self> {
        let mut read = HashMap::new();
        for file in files(&dir)? {
            if let Ok(found) = file.path.metadata() {
                read.insert((found.dev(), found.ino()), found.len());
            }
        }
        Ok(Self { dir, read })
    }

    /// What was written since the last call, in order of time. A record that is not whole yet comes when it is.
    ///
    /// # Errors
    /// If the directory or a file cannot be read.
    pub fn poll(&mut self) -> io::Result<Vec<Result<Record, Damage>>> {
        let mut items = Vec::new();
        let mut present = HashMap::new();
        for file in files(&self.dir)? {
            let mut open = match File::open(&file.path) {
                // Put aside or removed since the directory was read; next time.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                open => open?,
            };
            let found = open.metadata()?;
            let identity = (found.dev(), found.ino());
            // A shorter file is another one: the inode of a removed file is soon used again.
            let known = self.read.get(&identity).copied();
            let from = known.filter(|read| *read <= found.len()).unwrap_or(0);
            open.seek(SeekFrom::Start(from))?;
            let mut records = Records::new(BufReader::new(open));
            while let Some(item) = records.next() {
                if !records.may_grow() {
                    items.push(item);
                }
            }
            present.insert(identity, from + records.settled());
        }
        self.read = present;
        items.sort_by_key(|item| match item {
            Ok(record) => Some(record.time),
            Err(_) => None,
        });
        Ok(items)
    }
}
