//! A volume service whose behaviour hangs on the volume's name.

use std::{path::PathBuf, sync::Mutex};

use hpe3par_docker::{
    model::{BackendName, CreateVolume, MountId, RequestId, VolumeName},
    volume::{BackendState, BackendStatus, Listed, Lookup, UserError, Volume, Volumes},
};
use tokio::sync::Semaphore;

/// What happens to a volume: `slow…` waits for the gate, `boom…` panics, `denied…` fails, the others succeed. For `Get`
/// there are `absent…`, `unknown…`, `other…` (another volume is answered) and `timeless…` (a bad time), too.
pub struct Fake {
    calls: Mutex<Vec<String>>,
    /// One permit for each call that has come to the gate.
    pub arrived: Semaphore,
    /// One permit lets one call through.
    pub gate: Semaphore,
    /// One permit for each call that has passed the gate and ended.
    pub ended: Semaphore,
    /// One permit for each mount that nobody heard of.
    pub abandoned: Semaphore,
}

impl Fake {
    pub fn new() -> Self {
        Self {
            calls: Mutex::default(),
            arrived: Semaphore::new(0),
            gate: Semaphore::new(0),
            ended: Semaphore::new(0),
            abandoned: Semaphore::new(0),
        }
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }

    async fn act(&self, name: &VolumeName) -> Result<(), UserError> {
        let name = name.as_str();
        assert!(!name.starts_with("boom"), "the fake was told to panic");
        if name.starts_with("slow") {
            self.arrived.add_permits(1);
            self.gate.acquire().await.unwrap().forget();
            self.note(format!("ended {name}"));
            self.ended.add_permits(1);
        }
        if name.starts_with("denied") {
            let message = format!("array `eva1`\nrefused `{name}`");
            return Err(UserError {
                message,
                hint: Some("ask\tthe administrator".to_owned()),
            });
        }
        Ok(())
    }
}

impl Volumes for Fake {
    async fn create(&self, _: RequestId, volume: CreateVolume) -> Result<(), UserError> {
        self.note(format!("create {} {}", volume.name, volume.size));
        self.act(&volume.name).await
    }

    async fn remove(&self, _: RequestId, name: VolumeName) -> Result<(), UserError> {
        self.note(format!("remove {name}"));
        self.act(&name).await
    }

    async fn mount(
        &self,
        _: RequestId,
        name: VolumeName,
        id: MountId,
    ) -> Result<PathBuf, UserError> {
        self.note(format!("mount {name} {id}"));
        self.act(&name).await?;
        Ok(PathBuf::from(format!("/mnt/{name}")))
    }

    async fn unmount(&self, _: RequestId, name: VolumeName, id: MountId) -> Result<(), UserError> {
        self.note(format!("unmount {name} {id}"));
        self.act(&name).await
    }

    fn mount_abandoned(&self, _: RequestId, name: VolumeName, id: MountId) {
        self.note(format!("abandoned {name} {id}"));
        self.abandoned.add_permits(1);
    }

    fn waits_for(&self, _: &VolumeName) -> Option<String> {
        None
    }

    fn path(&self, name: &VolumeName) -> Option<PathBuf> {
        assert!(
            !name.as_str().starts_with("boom"),
            "the fake was told to panic"
        );
        name.as_str()
            .starts_with("mounted")
            .then(|| PathBuf::from(format!("/mnt/{name}")))
    }

    async fn made_as(
        &self,
        _: RequestId,
        _: VolumeName,
    ) -> Result<Option<CreateVolume>, UserError> {
        Ok(None)
    }

    async fn get(&self, _: RequestId, name: VolumeName) -> Result<Lookup, UserError> {
        self.note(format!("get {name}"));
        self.act(&name).await?;
        let is = |prefix| name.as_str().starts_with(prefix);
        if is("absent") {
            return Ok(Lookup::Absent);
        }
        if is("unknown") {
            return Ok(Lookup::Unknown);
        }
        let created_at = if is("timeless") {
            ""
        } else {
            "2026-03-01T10:00:00+02:00"
        };
        let mut status = serde_json::Map::new();
        status.insert("array".to_owned(), "eva1".into());
        Ok(Lookup::Found(Volume {
            name: if is("other") {
                VolumeName::new("db1").unwrap()
            } else {
                name.clone()
            },
            mountpoint: self.path(&name),
            created_at: Some(created_at.to_owned()),
            status,
        }))
    }

    fn list(&self) -> Vec<Listed> {
        ["db1", "mounted1"]
            .map(|name| VolumeName::new(name).unwrap())
            .map(|name| Listed {
                mountpoint: self.path(&name),
                name,
            })
            .to_vec()
    }

    fn backends(&self) -> Vec<BackendStatus> {
        let name = BackendName::new("DEFAULT").unwrap();
        vec![BackendStatus {
            name,
            replication: None,
            state: BackendState::Ready,
            unfinished: Vec::new(),
        }]
    }

    fn engine_started(&self) {
        self.note("engine started".to_owned());
    }
}
