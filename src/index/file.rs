//! One JSON file that is either the old one or the new one, whatever happens while it is written.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::IndexError;

/// What was found where a file of ours belongs.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// No file.
    Nothing,
    /// A good one.
    Good(T),
    /// Something that is not one of ours, moved aside to this name.
    SetAside(PathBuf),
}

/// Reads a file of ours. One that is torn, empty or somebody else's is kept under another name.
///
/// # Errors
/// [`IndexError::Newer`], and [`IndexError::Io`] when the disk cannot be read (which is not the same as damaged).
pub(super) fn read<T: DeserializeOwned>(path: &Path, known: u64) -> Result<Found<T>, IndexError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(e) => return Err(IndexError::io("read", path, e)),
    };
    let value: Option<Value> = serde_json::from_slice(&bytes).ok();
    if let Some(found) = value
        .as_ref()
        .and_then(|v| v.get("version"))
        .and_then(Value::as_u64)
        && found > known
    {
        return Err(IndexError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    }
    let good = value
        .filter(|v| v.get("version").and_then(Value::as_u64) == Some(known))
        .and_then(|v| serde_json::from_value(v).ok());
    match good {
        Some(good) => Ok(Found::Good(good)),
        None => set_aside(path).map(Found::SetAside),
    }
}

/// Renames a damaged file to a free name next to it.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, IndexError> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".broken-{time}"));
        if n > 0 {
            name.push(format!("-{n}"));
        }
        PathBuf::from(name)
    };
    let aside = (0..)
        .map(name)
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| name(u32::MAX));
    fs::rename(path, &aside).map_err(|e| IndexError::io("move aside", path, e))?;
    sync_directory_of(path)?;
    log::warn!(file = path.display().to_string().as_str(), kept_as = aside.display().to_string().as_str();
        "damaged file set aside");
    Ok(aside)
}

/// Writes beside, syncs, renames, syncs the directory: when this returns, the file is on the disk.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), IndexError> {
    let text = serde_json::to_vec_pretty(value).map_err(|source| IndexError::Encode {
        path: path.to_owned(),
        source,
    })?;
    let mut beside = path.as_os_str().to_owned();
    // A fixed name: what a crash leaves behind is overwritten by the next write.
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let store = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    store().map_err(|e| IndexError::io("write", path, e))?;
    sync_directory_of(path)
}

/// Removes a file for good; one that is not there is as good.
pub(super) fn remove(path: &Path) -> Result<(), IndexError> {
    match fs::remove_file(path) {
        Ok(()) => sync_directory_of(path),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(IndexError::io("remove", path, e)),
    }
}

/// Makes a directory and what leads to it.
pub(super) fn make_directory(path: &Path, mode: u32) -> Result<(), IndexError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|e| IndexError::io("make directory", path, e))
}

fn sync_directory_of(path: &Path) -> Result<(), IndexError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    File::open(directory)
        .and_then(|d| d.sync_all())
        .map_err(|e| IndexError::io("sync", directory, e))
}

/// A value in memory and in a file. Readers never wait for the disk; what they see is on it.
#[derive(Debug)]
pub(super) struct Kept<T> {
    path: PathBuf,
    memory: RwLock<Arc<T>>,
    writing: Mutex<()>,
}

impl<T: Clone + Serialize> Kept<T> {
    pub(super) fn new(path: PathBuf, value: T) -> Self {
        Self {
            path,
            memory: RwLock::new(Arc::new(value)),
            writing: Mutex::new(()),
        }
    }

    pub(super) fn get(&self) -> Arc<T> {
        // A poisoned lock holds a whole value all the same: it is only ever exchanged, never edited in place.
        Arc::clone(&self.memory.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the value and writes it. If `change` or the disk refuses, nothing has changed.
    pub(super) fn change<R>(
        &self,
        change: impl FnOnce(&mut T) -> Result<R, IndexError>,
    ) -> Result<R, IndexError> {
        self.change_if(|value| change(value).map(|result| (true, result)))
    }

    /// As [`Kept::change`], but `change` says whether the disk needs to know.
    pub(super) fn change_if<R>(
        &self,
        change: impl FnOnce(&mut T) -> Result<(bool, R), IndexError>,
    ) -> Result<R, IndexError> {
        let _one_writer = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut value = T::clone(&self.get());
        let (durable, result) = change(&mut value)?;
        if durable {
            write(&self.path, &value)?;
        }
        *self.memory.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
        Ok(result)
    }
}
