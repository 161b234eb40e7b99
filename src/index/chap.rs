//! The one CHAP secret of this machine: made when an array first asks for one, and kept in a file for root alone.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{
    IndexError,
    file::{self, Found},
};
use crate::model::Secret;

/// As long as arrays take it.
const LENGTH: usize = 16;
/// Without those that are taken for one another when a person reads them out.
const LETTERS: &[u8] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz";

/// The secret, and what tells it from one that was made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineChap {
    /// Part of the name that an array shows: whoever reads it there knows which secret is set, and not what it is.
    pub id: String,
    /// 16 letters and digits.
    pub secret: Secret,
}

/// What chap.json holds.
#[derive(Serialize, Deserialize)]
struct ChapFile {
    version: u64,
    id: String,
    secret: String,
}

impl ChapFile {
    const VERSION: u64 = 1;
}

/// Where the secret is.
#[derive(Debug)]
pub(super) struct ChapKeeper {
    path: PathBuf,
    known: Mutex<Option<MachineChap>>,
}

impl ChapKeeper {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            known: Mutex::new(None),
        }
    }

    /// The secret. When it returns, the secret is on the disk.
    pub(super) fn get(&self) -> Result<MachineChap, IndexError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known {
            return Ok(known.clone());
        }
        let kept = self.read()?;
        let made = match kept {
            Some(kept) => kept,
            None => {
                let made = ChapFile {
                    version: ChapFile::VERSION,
                    id: letters(6).to_ascii_lowercase(),
                    secret: letters(LENGTH),
                };
                file::write(&self.path, &made)?;
                made
            }
        };
        let chap = MachineChap {
            id: made.id,
            secret: Secret::new(made.secret),
        };
        *known = Some(chap.clone());
        Ok(chap)
    }

    fn read(&self) -> Result<Option<ChapFile>, IndexError> {
        let path = &self.path;
        match fs::metadata(path) {
            Ok(found) if found.permissions().mode() & 0o077 != 0 => {
                return Err(IndexError::Exposed {
                    path: path.clone(),
                    mode: found.permissions().mode() & 0o7777,
                });
            }
            // Whatever else is wrong shows when it is read.
            Ok(_) | Err(_) => {}
        }
        match file::read::<ChapFile>(path, ChapFile::VERSION)? {
            Found::Good(kept) => Ok(Some(kept)),
            Found::Nothing => Ok(None),
            Found::SetAside(_) => {
                log::warn!(file:% = path.display(); "the CHAP secret cannot be read: a new one is made");
                Ok(None)
            }
        }
    }
}

/// Letters and digits nobody can guess.
fn letters(length: usize) -> String {
    let mut random = rand::rng();
    (0..length)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_once_for_root_alone_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chap.json");
        let first = ChapKeeper::new(path.clone()).get().unwrap();
        assert_eq!(first.secret.reveal().len(), LENGTH);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(ChapKeeper::new(path.clone()).get().unwrap(), first);
        assert!(!format!("{first:?}").contains(first.secret.reveal()));

        let other = ChapKeeper::new(dir.path().join("other.json"))
            .get()
            .unwrap();
        assert_ne!((&other.id, &other.secret), (&first.id, &first.secret));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chap.json");
        ChapKeeper::new(path.clone()).get().unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = ChapKeeper::new(path).get().unwrap_err();
        assert!(
            matches!(error, IndexError::Exposed { mode: 0o640, .. }),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("sethost removechap"));
    }

    #[test]
    fn a_damaged_file_is_kept_aside_and_a_new_secret_has_another_id() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chap.json");
        let first = ChapKeeper::new(path.clone()).get().unwrap();
        fs::write(&path, "{").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let second = ChapKeeper::new(path).get().unwrap();
        assert_ne!(first.id, second.id);
    }
}
