//! The keys by which an array is known to its clients.

use std::fs;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, load_secret_key};

/// Why there is no host key.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// A key file is not usable.
    #[error("`{file}`: {source}")]
    File {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        source: russh::keys::Error,
    },
    /// A key could not be made or written.
    #[error("making a key: {0}")]
    Make(#[from] russh::keys::ssh_key::Error),
    /// A key file could not be written.
    #[error("writing a key: {0}")]
    Write(#[from] std::io::Error),
}

/// A new key. RSA takes seconds in a debug build.
///
/// # Errors
/// If the machine has no randomness.
pub fn make(rsa: bool) -> Result<PrivateKey, HostKeyError> {
    let algorithm = if rsa {
        Algorithm::Rsa { hash: None }
    } else {
        Algorithm::Ed25519
    };
    Ok(PrivateKey::random(&mut rand::rng(), algorithm)?)
}

/// The keys of these files; without files the key kept in `kept`, which is made if it is not there.
///
/// # Errors
/// Files that are no private keys, or that cannot be written.
pub fn load(
    files: &[PathBuf],
    kept: Option<&Path>,
    rsa: bool,
) -> Result<Vec<PrivateKey>, HostKeyError> {
    let read = |file: &Path| {
        load_secret_key(file, None).map_err(|source| HostKeyError::File {
            file: file.to_owned(),
            source,
        })
    };
    if !files.is_empty() {
        return files.iter().map(|file| read(file)).collect();
    }
    if let Some(kept) = kept.filter(|kept| kept.exists()) {
        return Ok(vec![read(kept)?]);
    }
    let key = make(rsa)?;
    if let Some(kept) = kept {
        keep(&key, kept)?;
    }
    Ok(vec![key])
}

/// Writes a key for the next start.
///
/// # Errors
/// What the file system says.
pub fn keep(key: &PrivateKey, file: &Path) -> Result<(), HostKeyError> {
    fs::write(file, key.to_openssh(LineEnding::LF)?.as_bytes())?;
    Ok(())
}
