//! The state directory.

use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::StartError;
use crate::state::World;

/// What is written to the state directory.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    pub(super) now_ms: i64,
    pub(super) world: World,
}

const SAVED: &str = "world.json";

impl Saved {
    /// What the directory holds, if anything; makes the directory.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, StartError> {
        let file = dir.join(SAVED);
        let what = |source| StartError::Io {
            what: format!("state directory `{}`", dir.display()),
            source,
        };
        fs::create_dir_all(dir).map_err(what)?;
        if !file.try_exists().map_err(what)? {
            return Ok(None);
        }
        let text = fs::read(&file).map_err(what)?;
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| StartError::Saved { file, source })
    }

    /// Writes beside, then renames: a crash leaves the old state or the new one.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        let beside = tempfile::NamedTempFile::new_in(dir)?;
        fs::write(beside.path(), text)?;
        beside.as_file().sync_all()?;
        beside.persist(dir.join(SAVED))?;
        Ok(())
    }
}
