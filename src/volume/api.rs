//! The seam between the Docker volume protocol and the service that does the work.

use std::{fmt, future::Future, path::PathBuf};

use serde_json::{Map, Value};

use crate::model::{BackendName, CpgName, CreateVolume, Mode, MountId, RequestId, VolumeName};

/// What a user asks for; implemented by the volume service and by the tests' fake.
///
/// The caller bounds how long it waits for an answer, never the work: a future of this trait is polled to its end on its
/// own task, whether or not the engine is still there to hear the answer.
pub trait Volumes: Send + Sync + 'static {
    /// Makes a volume, or joins the running create of an equal one. Succeeds if the volume exists with equal options.
    fn create(
        &self,
        request: RequestId,
        volume: CreateVolume,
    ) -> impl Future<Output = Result<(), UserError>> + Send;

    /// Removes a volume. Succeeds if there is none of that name.
    fn remove(
        &self,
        request: RequestId,
        name: VolumeName,
    ) -> impl Future<Output = Result<(), UserError>> + Send;

    /// Attaches and mounts a volume for one more use and says where it is, an absolute path.
    fn mount(
        &self,
        request: RequestId,
        name: VolumeName,
        id: MountId,
    ) -> impl Future<Output = Result<PathBuf, UserError>> + Send;

    /// The engine is gone, or was told "still running", before it heard of this mount: it does not know of it and will send no
    /// Unmount. Unless the same mount is asked for again, or the device is in use by then, it is undone after a while.
    fn mount_abandoned(&self, request: RequestId, name: VolumeName, id: MountId);

    /// Ends one use of a volume. Succeeds for a volume or an id that is not known.
    fn unmount(
        &self,
        request: RequestId,
        name: VolumeName,
        id: MountId,
    ) -> impl Future<Output = Result<(), UserError>> + Send;

    /// The array and the command that a request for this volume waits for now, for the error that says it is still running.
    fn waits_for(&self, name: &VolumeName) -> Option<String>;

    /// Where the volume is mounted on this machine; `None` when it is not. Must not wait for an array.
    fn path(&self, name: &VolumeName) -> Option<PathBuf>;

    /// Looks a volume up. An `Err` never reaches the engine (it would forget the volume): it is treated as
    /// [`Lookup::Unknown`] and logged.
    fn get(
        &self,
        request: RequestId,
        name: VolumeName,
    ) -> impl Future<Output = Result<Lookup, UserError>> + Send;

    /// How a volume was made, for what is to be made of it; `None` if there certainly is none of that name.
    ///
    /// # Errors
    /// If that cannot be known now.
    fn made_as(
        &self,
        request: RequestId,
        name: VolumeName,
    ) -> impl Future<Output = Result<Option<CreateVolume>, UserError>> + Send;

    /// All volumes as last known. Must not wait for an array.
    fn list(&self) -> Vec<Listed>;

    /// The state of every backend as last known, for `-o help=backends`; also of one that is missing in hpe.conf and that an
    /// unfinished create or remove waits for. Must not wait for an array.
    fn backends(&self) -> Vec<BackendStatus>;

    /// An engine has started: references taken before are inherited. Called at every `Plugin.Activate`, which an engine
    /// sends once in its life (Podman: once a command), so it must be quick and harmless to repeat.
    fn engine_started(&self);
}

/// What is known of a volume.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// It exists.
    Found(Volume),
    /// It certainly does not exist: the engine will forget it and every container's reference to it.
    Absent,
    /// It may exist. The engine gets no answer; its connection is closed.
    Unknown,
}

/// A volume as `docker volume inspect` shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Volume {
    /// Docker's name, exactly as it was asked for.
    pub name: VolumeName,
    /// Where it is mounted on this machine, if it is.
    pub mountpoint: Option<PathBuf>,
    /// RFC 3339 with a zone.
    pub created_at: Option<String>,
    /// What else there is to say, shown as it is.
    pub status: Map<String, Value>,
}

/// A volume as `docker volume ls` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Docker's name.
    pub name: VolumeName,
    /// Where it is mounted on this machine, if it is.
    pub mountpoint: Option<PathBuf>,
}

/// One backend of hpe.conf, as far as it decides which options a volume may have. Defaults are already filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendDescription {
    /// The section's name.
    pub name: BackendName,
    /// Its array, as messages name it.
    pub array: String,
    /// The array of its `replication_device`, likewise.
    pub peer: Option<String>,
    /// `hpe3par_cpg`; the first is the default.
    pub cpgs: Vec<CpgName>,
    /// `hpe3par_snapcpg`, or the same as `cpgs`; the first is the default.
    pub snap_cpgs: Vec<CpgName>,
    /// True if the section has a `replication_device`.
    pub replication: bool,
    /// This array's side of `cpg_map`; empty without `replication_device`.
    pub cpg_map_sources: Vec<CpgName>,
}

impl BackendDescription {
    /// The arrays that have its volumes: its own, and that of its `replication_device`.
    pub fn arrays(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.array.as_str()).chain(self.peer.as_deref())
    }
}

/// One backend as `-o help=backends` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendStatus {
    /// The section's name.
    pub name: BackendName,
    /// How it replicates, if it does.
    pub replication: Option<Mode>,
    /// Whether it can be used now.
    pub state: BackendState,
    /// Creates and removes that are begun and not ended: on their way, or waiting for an array to be cleaned up.
    pub unfinished: Vec<String>,
}

/// Whether a backend can be used now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendState {
    /// The first contact is not finished.
    Starting,
    /// The array answers.
    Ready,
    /// The array, or its replication peer, does not answer or is not set up; one line says why.
    Failed(String),
}

/// An error for people: what went wrong, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// One line that names the volume, the array and the command that failed; no trailing period.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UserError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_its_hint() {
        let mut error = UserError {
            message: "volume `db1` is gone".to_owned(),
            hint: Some("look on `eva1`".to_owned()),
        };
        assert_eq!(
            error.to_string(),
            "volume `db1` is gone; hint: look on `eva1`"
        );
        error.hint = None;
        assert_eq!(error.to_string(), "volume `db1` is gone");
    }
}
