//! Files that hold one secret.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use nix::libc;

use super::mistake::SecretFileError;
use crate::model::Secret;

/// Longer is no password.
const MAX: u64 = 4096;

/// Reads a secret: one line of a regular file that only root or this process's user owns and can read.
pub(super) fn read_secret(path: &Path) -> Result<Secret, SecretFileError> {
    let file = open_checked(path)?;
    let mut text = zeroize::Zeroizing::new(String::new());
    let content = || SecretFileError::Content {
        path: path.to_owned(),
    };
    file.take(MAX + 1)
        .read_to_string(&mut text)
        .map_err(|source| match source.kind() {
            std::io::ErrorKind::InvalidData => content(),
            _ => SecretFileError::Unreadable {
                path: path.to_owned(),
                source,
            },
        })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || text.len() as u64 > MAX || line.contains(['\n', '\r', '\0']) {
        return Err(content());
    }
    Ok(Secret::new(line.to_owned()))
}

/// Checks kind, owner and mode of what was opened, so that nothing changes between the check and the reading.
pub(super) fn open_checked(path: &Path) -> Result<File, SecretFileError> {
    let unreadable = |source| SecretFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    // Not held up by a FIFO.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    let path = path.to_owned();
    if !found.is_file() {
        return Err(SecretFileError::NotRegular { path });
    }
    let owner = found.uid();
    if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
        return Err(SecretFileError::Owner { path, owner });
    }
    let mode = found.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Mode { path, mode });
    }
    Ok(file)
}
