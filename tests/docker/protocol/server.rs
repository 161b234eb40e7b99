//! The plugin's side of a test.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hpe3par_docker::{
    docker::{Api, Deadlines, serve},
    model::{BackendName, CpgName},
    socket::{For, Socket},
    volume::BackendDescription,
};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{fake::Fake, wire::Client};

/// What a plugin under systemd is given to end its requests.
pub const GRACE: Duration = Duration::from_secs(100);

/// A running plugin.
pub struct Plugin {
    pub fake: Arc<Fake>,
    pub socket: PathBuf,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _directory: TempDir,
}

impl Plugin {
    /// Starts one with the backends `DEFAULT` (plain) and `mirror` (replicated), for an engine that waits 120 s.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("hpe.sock");
        let socket = Socket::bind(&path, For::Engine).await.unwrap();
        let fake = Arc::new(Fake::new());
        let deadlines = Deadlines::within(Duration::from_secs(120));
        let backends = vec![backend("DEFAULT", false), backend("mirror", true)];
        let api = Api::new(Arc::clone(&fake), backends, deadlines);
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(socket, api, GRACE, async {
            let _ = stopped.await;
        }));
        Self {
            fake,
            socket: path,
            stop,
            served,
            _directory: directory,
        }
    }

    pub async fn connect(&self) -> Client {
        Client::connect(&self.socket).await
    }

    /// Tells it to end; the handle is ready when it has.
    pub fn stop(self) -> (JoinHandle<()>, TempDir) {
        self.stop.send(()).unwrap();
        (self.served, self._directory)
    }
}

fn backend(name: &str, replication: bool) -> BackendDescription {
    let cpgs = vec![CpgName::new("fast").unwrap()];
    BackendDescription {
        name: BackendName::new(name).unwrap(),
        array: "eva1".to_owned(),
        peer: replication.then(|| "eva2".to_owned()),
        snap_cpgs: cpgs.clone(),
        cpg_map_sources: if replication { cpgs.clone() } else { vec![] },
        cpgs,
        replication,
    }
}
