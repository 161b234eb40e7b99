//! What is known locally: volumes, mounts and references, operations in flight.
//!
//! The arrays are the database; this is what answers Docker when they cannot (decision 3). Every change is on the disk before
//! the call returns, so a call takes as long as the disk; looking things up never waits for it.

mod chap;
mod error;
mod file;
mod journal;
mod moment;
mod mounts;
mod node_records;
mod sessions;
mod users;
mod volumes;

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

pub use chap::MachineChap;
pub use error::IndexError;
pub use journal::{JournalEntry, OpKind};
pub use mounts::{MountPlace, MountRecord};
pub use volumes::{IndexedVolume, LastRoles};

use crate::model::{BackendName, OperationId, Side, VolumeName, VvName, Wwn};
use chap::ChapKeeper;
use file::{Found, Kept};
use journal::Journal;
use mounts::Mounts;
use node_records::NodeRecords;
use sessions::{ByArray, Sessions};
use volumes::Catalogue;

/// A file that was not readable when the index was opened. It was kept under the name given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// The volumes: nothing is seeded, so unknown names are not answered until every backend was listed again.
    Volumes(PathBuf),
    /// An operation in flight: what it left on an array is found by its comment only.
    Journal(PathBuf),
    /// The references: mounts the kernel shows have to be [adopted](Index::adopt).
    Mounts(PathBuf),
    /// The sessions at the arrays: whether a command of an earlier process is still running cannot be known.
    Sessions(PathBuf),
    /// The iSCSI records the plugin made: they are an administrator's from now on.
    NodeRecords(PathBuf),
}

/// The local index. Clones share it.
#[derive(Debug, Clone)]
pub struct Index(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalogue: Kept<Catalogue>,
    journal: Journal,
    mounts: Kept<Mounts>,
    sessions: Kept<Sessions>,
    node_records: Kept<NodeRecords>,
    chap: ChapKeeper,
    /// Those of `sessions` that earlier processes opened.
    earlier: Mutex<ByArray>,
    opened: Instant,
    damage: Vec<Damage>,
    /// Held as long as the index lives.
    _lock: File,
}

impl Index {
    /// Opens, or begins, the index in `state_dir`, and the mount records in `run_dir`.
    ///
    /// # Errors
    /// [`IndexError::AlreadyRunning`], [`IndexError::Newer`], and [`IndexError::Io`]. Damaged files are no error: see
    /// [`Index::damage`].
    pub fn open(state_dir: &Path, run_dir: &Path) -> Result<Self, IndexError> {
        Self::open_since_boot(
            state_dir,
            run_dir,
            Path::new("/proc/sys/kernel/random/boot_id"),
        )
    }

    /// As [`Index::open`], with the file that names this boot of the machine.
    ///
    /// # Errors
    /// As [`Index::open`].
    pub fn open_since_boot(
        state_dir: &Path,
        run_dir: &Path,
        boot_id: &Path,
    ) -> Result<Self, IndexError> {
        // Mountpoints lie beneath it, and the engine's user namespaces have to get through; the files are for root only.
        file::make_directory(state_dir, 0o711)?;
        file::make_directory(run_dir, 0o700)?;
        let lock = lock(&state_dir.join("lock"))?;
        let mut damage = Vec::new();

        let path = state_dir.join("index.json");
        let catalogue = match file::read::<Catalogue>(&path, Catalogue::VERSION)? {
            Found::Good(catalogue) => catalogue,
            Found::Nothing => Catalogue::new(),
            Found::SetAside(aside) => {
                damage.push(Damage::Volumes(aside));
                Catalogue::new()
            }
        };
        let catalogue = Kept::new(path, catalogue);

        let (journal, torn) = Journal::open(&state_dir.join("journal"))?;
        damage.extend(torn.into_iter().map(Damage::Journal));

        let boot = fs::read_to_string(boot_id).map_err(|e| IndexError::io("read", boot_id, e))?;
        let boot = boot.trim().to_owned();
        let path = run_dir.join("mounts.json");
        let mounts = match file::read::<Mounts>(&path, Mounts::VERSION) {
            Ok(Found::Good(mut mounts)) if mounts.boot_id == boot => {
                mounts.plugin_restarted();
                mounts
            }
            Ok(Found::Good(mounts)) => {
                log::info!(volumes = mounts.volumes.len(); "machine restarted, mount references discarded");
                Mounts::new(boot)
            }
            Ok(Found::Nothing) => Mounts::new(boot),
            Ok(Found::SetAside(aside)) => {
                damage.push(Damage::Mounts(aside));
                Mounts::new(boot)
            }
            // Unlike volumes, mounts can be rebuilt from the kernel: after a downgrade that is better than not starting.
            Err(IndexError::Newer { path, .. }) => {
                damage.push(Damage::Mounts(file::set_aside(&path)?));
                Mounts::new(boot)
            }
            Err(e) => return Err(e),
        };
        let mounts = Kept::new(path, mounts);

        let path = state_dir.join("sessions.json");
        let sessions = match file::read::<Sessions>(&path, Sessions::VERSION)? {
            Found::Good(sessions) => sessions,
            Found::Nothing => Sessions::new(),
            Found::SetAside(aside) => {
                damage.push(Damage::Sessions(aside));
                Sessions::new()
            }
        };
        let earlier = Mutex::new(sessions.open.clone());
        let sessions = Kept::new(path, sessions);

        let path = state_dir.join("iscsi.json");
        let node_records = match file::read::<NodeRecords>(&path, NodeRecords::VERSION)? {
            Found::Good(records) => records,
            Found::Nothing => NodeRecords::new(),
            Found::SetAside(aside) => {
                damage.push(Damage::NodeRecords(aside));
                NodeRecords::new()
            }
        };
        let node_records = Kept::new(path, node_records);
        Ok(Self(Arc::new(Inner {
            catalogue,
            journal,
            mounts,
            sessions,
            node_records,
            chap: ChapKeeper::new(state_dir.join("chap.json")),
            earlier,
            opened: Instant::now(),
            damage,
            _lock: lock,
        })))
    }

    /// What was found damaged at the start.
    pub fn damage(&self) -> &[Damage] {
        &self.0.damage
    }

    /// A volume by Docker's name.
    pub fn get(&self, name: &VolumeName) -> Option<IndexedVolume> {
        self.0.catalogue.get().volumes.get(name).cloned()
    }

    /// All volumes, by name.
    pub fn list(&self) -> Vec<IndexedVolume> {
        self.0.catalogue.get().volumes.values().cloned().collect()
    }

    /// Adds a volume, or replaces what was known of it.
    ///
    /// # Errors
    /// [`IndexError::OtherVolume`] if the name stands for another VV, which is mounted here; [`IndexError::Io`].
    pub fn put(&self, volume: IndexedVolume) -> Result<(), IndexError> {
        self.0.catalogue.change(|catalogue| {
            if let Some(known) = catalogue
                .volumes
                .get(&volume.name)
                .filter(|k| !k.may_be(&volume))
            {
                if self.mount(&volume.name).is_some() {
                    return Err(IndexError::OtherVolume {
                        name: volume.name.clone(),
                        known: wwns(known),
                        given: wwns(&volume),
                    });
                }
                log::warn!(volume = volume.name.as_str(), was = wwns(known), is = wwns(&volume);
                    "another VV has taken the name");
            }
            catalogue.volumes.insert(volume.name.clone(), volume);
            Ok(())
        })
    }

    /// Changes what is known of a volume, if it is known.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn change(
        &self,
        name: &VolumeName,
        change: impl FnOnce(&mut IndexedVolume),
    ) -> Result<(), IndexError> {
        self.0.catalogue.change_if(|catalogue| {
            let Some(volume) = catalogue.volumes.get_mut(name) else {
                return Ok((false, ()));
            };
            let before = volume.clone();
            change(volume);
            Ok((*volume != before, ()))
        })
    }

    /// Keeps the status and the roles that were last seen of a volume, if the name still stands for this VV. True if it does. What `same` calls the same as
    /// what was known before is not worth a write to the disk, and is kept in memory.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn put_status(
        &self,
        volume: &IndexedVolume,
        status: serde_json::Value,
        same: impl FnOnce(&serde_json::Value, &serde_json::Value) -> bool,
    ) -> Result<bool, IndexError> {
        self.0.catalogue.change_if(|catalogue| {
            match catalogue
                .volumes
                .get_mut(&volume.name)
                .filter(|known| known.may_be(volume))
            {
                Some(known) => {
                    let mut roles = known.last_roles;
                    roles.merge(volume.last_roles);
                    let durable = !same(&known.status, &status) || known.last_roles != roles;
                    known.status = status;
                    known.last_roles = roles;
                    Ok((durable, true))
                }
                None => Ok((false, false)),
            }
        })
    }

    /// The WWN of the VV on which this machine has begun to make a filesystem, and not finished.
    pub fn formatting(&self, name: &VolumeName) -> Option<Wwn> {
        self.0.catalogue.get().formatting.get(name).cloned()
    }

    /// Writes down that a filesystem is begun on this VV, before the first byte is written, or that it is finished.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn set_formatting(&self, name: &VolumeName, wwn: Option<&Wwn>) -> Result<(), IndexError> {
        self.0.catalogue.change_if(|catalogue| {
            let before = match wwn {
                Some(wwn) => catalogue.formatting.insert(name.clone(), wwn.clone()),
                None => catalogue.formatting.remove(name),
            };
            Ok((before.as_ref() != wwn, ()))
        })
    }

    /// Forgets a volume, if the name still stands for this VV. True if it was known.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn remove(&self, volume: &IndexedVolume) -> Result<bool, IndexError> {
        self.0.catalogue.change_if(|catalogue| {
            let known = catalogue
                .volumes
                .get(&volume.name)
                .is_some_and(|known| known.may_be(volume));
            if known {
                catalogue.volumes.remove(&volume.name);
            }
            Ok((known, known))
        })
    }

    /// True if this backend was listed completely once since the index exists. Only when that is so for all backends does
    /// an unknown name mean "no such volume".
    pub fn seeded(&self, backend: &BackendName) -> bool {
        self.0.catalogue.get().seeded.contains(backend)
    }

    /// To be called when all volumes of a first complete listing were [put](Index::put).
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn set_seeded(&self, backend: &BackendName) -> Result<(), IndexError> {
        self.0
            .catalogue
            .change_if(|catalogue| Ok((catalogue.seeded.insert(backend.clone()), ())))
    }

    /// Takes note of a **complete** listing of one of a backend's arrays, begun at `begun`: every VV with its WWN. Returns the volumes
    /// that were dropped because this was the second listing in a row without them, and the other array, if it ever had a copy, has been
    /// listed so, too; never one that is mounted here or has an operation in flight here.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn note_listing(
        &self,
        backend: &BackendName,
        side: Side,
        begun: Timestamp,
        listed: &[(VvName, Wwn)],
    ) -> Result<Vec<IndexedVolume>, IndexError> {
        let listed: BTreeSet<_> = listed.iter().cloned().collect();
        self.0.catalogue.change_if(|catalogue| {
            let mounts = self.0.mounts.get();
            let working: BTreeSet<_> = self.open_entries().into_iter().map(|e| e.name).collect();
            Ok(
                catalogue.note_listing(backend, side, begun, &listed, |volume| {
                    mounts.volumes.contains_key(&volume.name) || working.contains(&volume.name)
                }),
            )
        })
    }

    /// Writes an operation down, before its first command.
    ///
    /// # Errors
    /// [`IndexError::OperationOpen`], [`IndexError::Io`].
    pub fn begin(&self, entry: JournalEntry) -> Result<(), IndexError> {
        self.0.journal.begin(entry)
    }

    /// Writes down what is done next, and what was found out so far. To be called before doing it.
    ///
    /// # Errors
    /// [`IndexError::NoOperation`], [`IndexError::Io`].
    pub fn intend(
        &self,
        op: &OperationId,
        step: &str,
        facts: &[(&str, &str)],
    ) -> Result<(), IndexError> {
        self.0.journal.intend(op, step, facts)
    }

    /// Forgets an operation that is done, or undone. One that is not in the journal is no error.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn finish(&self, op: &OperationId) -> Result<(), IndexError> {
        self.0.journal.finish(op)
    }

    /// Operations begun and not finished, by this process or one before it.
    pub fn open_entries(&self) -> Vec<JournalEntry> {
        self.0.journal.entries()
    }

    /// Writes down that a session was opened at an array, before its first command.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn session_opened(&self, array: &str, id: &str) -> Result<(), IndexError> {
        // An array gives an id again only when its former owner is gone.
        sessions::take(&mut self.earlier(), array, id);
        self.0
            .sessions
            .change_if(|sessions| Ok((sessions::add(&mut sessions.open, array, id), ())))
    }

    /// Forgets a session that has ended with no command on its way.
    ///
    /// # Errors
    /// [`IndexError::Io`].
    pub fn session_ended(&self, array: &str, id: &str) -> Result<(), IndexError> {
        sessions::take(&mut self.earlier(), array, id);
        self.0
            .sessions
            .change_if(|sessions| Ok((sessions::take(&mut sessions.open, array, id), ())))
    }

    /// Sessions at an array that processes before this one opened, and that are not known to have [ended](Index::session_ended).
    pub fn earlier_sessions(&self, array: &str) -> BTreeSet<String> {
        self.earlier().get(array).cloned().unwrap_or_default()
    }

    /// The CHAP secret of this machine, made when it is first asked for.
    ///
    /// # Errors
    /// [`IndexError::Exposed`] if others can read the file; [`IndexError::Io`].
    pub fn chap(&self) -> Result<MachineChap, IndexError> {
        self.0.chap.get()
    }

    /// How long this process has had the index.
    pub fn open_for(&self) -> Duration {
        self.0.opened.elapsed()
    }

    fn earlier(&self) -> MutexGuard<'_, ByArray> {
        self.0
            .earlier
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program that the former plugin was just starting has the lock, too, until it runs: it goes with the plugin only then.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_AGAIN: Duration = Duration::from_millis(20);

/// Takes the lock that keeps a second plugin out, and writes this process's id into it.
fn lock(path: &Path) -> Result<File, IndexError> {
    let fail = |e| IndexError::io("lock", path, e);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(fail)?;
    let patience = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < patience => {
                std::thread::sleep(LOCK_AGAIN);
            }
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Only for the message: an unreadable one says less, nothing more.
                let _ = file.read_to_string(&mut pid);
                return Err(IndexError::AlreadyRunning {
                    pid: pid.trim().parse().ok(),
                    lock: path.to_owned(),
                });
            }
            Err(TryLockError::Error(e)) => return Err(fail(e)),
        }
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(fail)?;
    writeln!(file, "{}", std::process::id()).map_err(fail)?;
    Ok(file)
}

/// The WWNs of a volume, for people.
fn wwns(volume: &IndexedVolume) -> String {
    let known: Vec<&str> = volume.wwns().map(Wwn::as_str).collect();
    known.join(" and ")
}

#[cfg(test)]
mod tests;
