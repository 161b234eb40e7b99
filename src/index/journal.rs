//! What is being done right now, written down before it is done: one file for each operation.
//!
//! A file of its own survives damage to any other; a crash leaves it behind, and the next start resumes or undoes.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::{
    IndexError,
    file::{self, Found},
};
use crate::model::{BackendName, OperationId, VolumeName, VvName};

/// What a user, or the plugin by itself, wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpKind {
    /// Make a volume.
    Create,
    /// Remove it.
    Remove,
    /// Export, attach, format if blank, mount.
    Mount,
    /// Unmount, detach, withdraw the export.
    Unmount,
    /// Peer Persistence: add or take back one array's export of a volume that is mounted. Nothing is to be finished or undone: what is
    /// exported is looked at again.
    Export,
    /// Make a clone whose data are there what it is to be: larger, in its group, usable. What is not done is tried again.
    Completion,
    /// Make a volume larger, on both arrays if it is on two.
    Grow,
    /// Put a snapshot's data back into its volume.
    Promote,
    /// End a lock that another host left at the volume's group, and start the group. Nothing is to be finished or undone: who finds the lock
    /// looks again.
    LeftLock,
}

impl fmt::Display for OpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Remove => "remove",
            Self::Mount => "mount",
            Self::Unmount => "unmount",
            Self::Export => "export",
            Self::Completion => "completion",
            Self::Grow => "growth",
            Self::Promote => "promotion",
            Self::LeftLock => "end of a left lock",
        })
    }
}

/// An operation that was begun and not finished.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its id, also in the VV's comment.
    pub op: OperationId,
    /// What it does.
    pub kind: OpKind,
    /// To which volume.
    pub name: VolumeName,
    /// On which backend.
    pub backend: BackendName,
    /// With which VV.
    pub vv: VvName,
    /// Since when.
    #[serde(with = "super::moment")]
    pub started: Timestamp,
    /// Each step, written before it was taken. The last one may or may not have happened.
    pub steps: Vec<String>,
    /// What this operation found out and its resumption has to know, for example `wwn`.
    pub facts: BTreeMap<String, String>,
    /// The request as it was asked.
    pub request: serde_json::Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Page {
    version: u64,
    entry: JournalEntry,
}

const VERSION: u64 = 1;
const IN_A_FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    /// By file name.
    open: Mutex<BTreeMap<String, JournalEntry>>,
}

impl Journal {
    /// Reads every entry that can be read; the others are set aside and named.
    pub(super) fn open(directory: &Path) -> Result<(Self, Vec<PathBuf>), IndexError> {
        file::make_directory(directory, 0o700)?;
        let mut open = BTreeMap::new();
        let mut damaged = Vec::new();
        let read = |e| IndexError::io("read", directory, e);
        for item in fs::read_dir(directory).map_err(read)? {
            let path = item.map_err(read)?.path();
            let Some(name) = path
                .file_name()
                .and_then(|n| n.to_str())
                .filter(|n| n.ends_with(".json"))
            else {
                continue;
            };
            match file::read::<Page>(&path, VERSION)? {
                Found::Good(page) if file_name(&page.entry.op) == name => {
                    open.insert(name.to_owned(), page.entry);
                }
                // An entry under another's name would never be removed by finishing it.
                Found::Good(_) => damaged.push(file::set_aside(&path)?),
                Found::SetAside(aside) => damaged.push(aside),
                Found::Nothing => {}
            }
        }
        Ok((
            Self {
                directory: directory.to_owned(),
                open: Mutex::new(open),
            },
            damaged,
        ))
    }

    pub(super) fn begin(&self, entry: JournalEntry) -> Result<(), IndexError> {
        let mut open = self.locked();
        let name = file_name(&entry.op);
        if open.contains_key(&name) {
            return Err(IndexError::OperationOpen(entry.op));
        }
        self.write(&name, &entry)?;
        open.insert(name, entry);
        Ok(())
    }

    pub(super) fn intend(
        &self,
        op: &OperationId,
        step: &str,
        facts: &[(&str, &str)],
    ) -> Result<(), IndexError> {
        let mut open = self.locked();
        let name = file_name(op);
        let entry = open
            .get_mut(&name)
            .ok_or_else(|| IndexError::NoOperation(op.clone()))?;
        let mut next = entry.clone();
        next.steps.push(step.to_owned());
        next.facts.extend(
            facts
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        self.write(&name, &next)?;
        *entry = next;
        Ok(())
    }

    pub(super) fn finish(&self, op: &OperationId) -> Result<(), IndexError> {
        let mut open = self.locked();
        let name = file_name(op);
        file::remove(&self.directory.join(&name))?;
        open.remove(&name);
        Ok(())
    }

    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        self.locked().values().cloned().collect()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, JournalEntry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, name: &str, entry: &JournalEntry) -> Result<(), IndexError> {
        file::write(
            &self.directory.join(name),
            &Page {
                version: VERSION,
                entry: entry.clone(),
            },
        )
    }
}

fn file_name(op: &OperationId) -> String {
    format!(
        "{}.json",
        utf8_percent_encode(&op.to_string(), IN_A_FILE_NAME)
    )
}
