//! A running simulator.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::keys::ssh_key::private::PrivateKey;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::control::Control;
use crate::description::{ArrayDescription, Description};
use crate::engine::{self, Engine, StartError};
use crate::host_keys::{self, HostKeyError};
use crate::ssh::Server;

/// Simulated arrays that listen on 127.0.0.1. Ends when it is dropped.
pub struct Simulator {
    control: Control,
    tasks: Vec<JoinHandle<()>>,
}

/// Where one array listens, for those who switch it off and on.
pub(crate) struct Port {
    server: Arc<Server>,
    address: SocketAddr,
    up: watch::Sender<bool>,
    kept_key: Option<std::path::PathBuf>,
}

impl Simulator {
    /// Starts arrays that keep nothing.
    ///
    /// # Errors
    /// A wrong description, or ports and files that are not usable.
    pub async fn start(description: Description) -> Result<Self, StartError> {
        Self::start_in(description, None).await
    }

    /// Starts arrays that keep their state and host keys in `state_dir`, and go on from what they find there. What
    /// the description says of volumes, users, ports and switches counts only the first time.
    ///
    /// # Errors
    /// A wrong description, or ports and files that are not usable.
    pub async fn start_in(
        description: Description,
        state_dir: Option<&Path>,
    ) -> Result<Self, StartError> {
        let engine = Engine::new(&description, state_dir)?;
        let mut ports = BTreeMap::new();
        let mut tasks = Vec::new();
        for array in description.arrays {
            let (port, listener) = Port::open(&engine, array, state_dir).await?;
            tasks.push(tokio::spawn(
                Arc::clone(&port.server).serve(listener, port.address),
            ));
            ports.insert(port.server.description.name.clone(), port);
        }
        tasks.push(tokio::spawn(let_time_pass(Arc::clone(&engine))));
        Ok(Self {
            control: Control::new(engine, ports),
            tasks,
        })
    }

    /// Where this array listens. It keeps its address while it is down.
    ///
    /// # Panics
    /// If there is no such array.
    #[allow(clippy::expect_used)]
    pub fn address(&self, array: &str) -> SocketAddr {
        self.control.address(array).expect("the array is described")
    }

    /// The line for known_hosts: `[127.0.0.1]:PORT ssh-ed25519 …`.
    ///
    /// # Panics
    /// If there is no such array.
    #[allow(clippy::expect_used)]
    pub fn host_key_line(&self, array: &str) -> String {
        self.control
            .host_key_line(array)
            .expect("the array is described")
    }

    /// What makes things happen.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops listening and cuts all connections.
    pub fn shutdown(self) {
        drop(self);
    }
}

/// Removes from this machine's kernel what simulated arrays with `exports = "lio"` left there; nothing with other exports.
/// The simulator must not run: it would make everything again.
///
/// # Errors
/// What the kernel says.
pub fn take_down(description: &Description) -> Result<(), StartError> {
    let Some(mut lio) = engine::lio(description)? else {
        return Ok(());
    };
    lio.take_down(&description.world())
        .map_err(|source| StartError::Io {
            what: "targets cannot be removed".to_owned(),
            source,
        })
}

/// Time changes things although nobody asks: a copy is done, an array takes over.
async fn let_time_pass(engine: Arc<Engine>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        engine.alter(|_| ());
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.control.end();
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Port {
    async fn open(
        engine: &Arc<Engine>,
        array: ArrayDescription,
        state_dir: Option<&Path>,
    ) -> Result<(Self, TcpListener), StartError> {
        let kept_key = state_dir.map(|dir| dir.join(format!("host_key-{}", array.name)));
        let keys = host_keys::load(
            &array.host_keys,
            kept_key.as_deref(),
            array.legacy_algorithms,
        )?;
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, array.ssh_port));
        let cannot = |source| StartError::Io {
            what: format!("array `{}` cannot listen on {wanted}", array.name),
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let is_up = engine
            .lock()
            .world
            .arrays
            .get(&array.name)
            .is_some_and(|array| array.up);
        let (up, is_up) = watch::channel(is_up);
        let server = Arc::new(Server {
            engine: Arc::clone(engine),
            description: array,
            keys: Mutex::new(keys),
            up: is_up,
            listening: watch::channel(true).0,
        });
        Ok((
            Self {
                server,
                address,
                up,
                kept_key,
            },
            listener,
        ))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Switches listening on or off and waits until it is so.
    pub(crate) async fn switch(&self, on: bool) {
        let mut listening = self.server.listening.subscribe();
        self.up.send_replace(on);
        // Fails only if the server has ended.
        let _ = listening.wait_for(|listening| *listening == on).await;
    }

    /// Cuts everything at once, without waiting.
    pub(crate) fn end(&self) {
        self.up.send_replace(false);
    }

    pub(crate) fn host_key_line(&self) -> Option<String> {
        let keys = self
            .server
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = keys.first()?.public_key().to_openssh().ok()?;
        // The comment of a key is no part of the line.
        let key: Vec<&str> = key.split_whitespace().take(2).collect();
        Some(format!(
            "[{}]:{} {}",
            self.address.ip(),
            self.address.port(),
            key.join(" ")
        ))
    }

    /// Another host key for the connections to come.
    pub(crate) fn change_host_key(&self) -> Result<(), HostKeyError> {
        let key: PrivateKey = host_keys::make(self.server.description.legacy_algorithms)?;
        if let Some(file) = &self.kept_key {
            host_keys::keep(&key, file)?;
        }
        *self
            .server
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = vec![key];
        Ok(())
    }
}
