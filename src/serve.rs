//! Wiring: from hpe.conf to a plugin that listens.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hpe3par_docker::{
    config::{ArrayAccess, Backend as BackendConfig, Config, Login},
    docker::{self, Api, Deadlines, Socket},
    host::{Kernel, Simulated, Transport},
    index::Index,
    inform::{self, Array, Templates},
    model::{BackendName, HostName, Machine, Mode, Protocol},
    replication::{Pair, Wants},
    ssh::{Auth, Endpoint, Ledger, Pool},
    transcript::{Limits, Transcript},
    volume::{Backend, KillPoints, Parts, Service},
};
use tokio::signal::unix::{SignalKind, signal};

/// How long requests that are being answered may go on after the signal. An engine waits 120 s for a mount.
const GRACE: Duration = Duration::from_secs(120);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs until SIGTERM or SIGINT. The socket is bound before any array is contacted: an engine that starts waits for it, and a
/// dead array must not keep it waiting.
pub async fn serve(config: Config) -> Result<(), Failure> {
    let socket_path = config.global.socket.clone();
    let templates = Arc::new(Templates::load(Some(&config.global.template_dir))?);
    let index = Index::open(&config.global.state_dir, &config.global.run_dir)?;
    for damage in index.damage() {
        log::warn!(what:? = damage; "a file was damaged and is kept aside");
    }
    let host = host_name(&config)?;
    let machine = Machine::new(&host, &machine_id(&config)?);

    let mut arrays = Arrays {
        config: &config,
        templates,
        index: index.clone(),
        open: HashMap::new(),
    };
    let mut backends = Vec::new();
    for (name, backend) in &config.backends {
        backends.push(connect(&mut arrays, name, backend, &host)?);
    }
    let pools: Vec<Pool> = arrays.open.into_values().map(|(_, pool)| pool).collect();
    let service = Service::new(Parts {
        backends,
        index,
        machine,
        scratch: config.global.run_dir.clone(),
        kernel: Kernel::default(),
        namespace: config.global.namespace.clone(),
        mount_prefix: config.global.mount_prefix.clone(),
        points: KillPoints::from_environment(),
    });
    let socket = Socket::bind(&socket_path).await?;
    let descriptions = service.descriptions();
    service.start();
    // Not being started by systemd is no failure.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    log::info!(socket:% = socket_path.display(), version = env!("CARGO_PKG_VERSION"); "listening");

    let api = Api::new(
        Arc::new(service),
        descriptions,
        Deadlines::within(config.global.engine_timeout),
    );
    docker::serve(socket, api, GRACE, stopped()).await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    for pool in &pools {
        pool.close().await;
    }
    log::info!("stopped");
    Ok(())
}

async fn stopped() {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        log::error!("no signal handler could be installed; only kill -9 stops this process");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => log::info!(signal = "TERM"; "stopping"),
        _ = int.recv() => log::info!(signal = "INT"; "stopping"),
    }
}

/// What this machine is called on arrays: its short name, or what a simulated backend says instead.
fn host_name(config: &Config) -> Result<HostName, Failure> {
    let simulated = config
        .backends
        .values()
        .find_map(|backend| backend.simulated.as_ref()?.host.clone());
    match simulated {
        Some(host) => Ok(host),
        None => Ok(HostName::for_machine(
            &nix::unistd::gethostname()?.to_string_lossy(),
        )?),
    }
}

/// What tells this machine from all others, also from one of the same name: its machine id, or what a simulated backend says
/// instead.
fn machine_id(config: &Config) -> Result<String, Failure> {
    let simulated = config
        .backends
        .values()
        .find_map(|backend| backend.simulated.as_ref()?.machine_id.clone());
    simulated.map_or_else(own_machine_id, Ok)
}

fn own_machine_id() -> Result<String, Failure> {
    let path = "/etc/machine-id";
    let id =
        std::fs::read_to_string(path).map_err(|error| format!("cannot read `{path}`: {error}"))?;
    Ok(id.trim().to_owned())
}

/// One connection pool an array, however many backends are on it.
struct Arrays<'a> {
    config: &'a Config,
    templates: Arc<Templates>,
    index: Index,
    open: HashMap<(String, u16, String), (Array, Pool)>,
}

/// The sessions at the arrays, in the index.
#[derive(Debug)]
struct Sessions(Index);

impl Ledger for Sessions {
    fn opened(&self, label: &str, session: &str) {
        if let Err(error) = self.0.session_opened(label, session) {
            // Reading must go on with a full disk, and nothing is changed without the journal.
            log::warn!(array = label, session = session, error:% = error; "could not write down a session");
        }
    }

    fn ended(&self, label: &str, session: &str) {
        if let Err(error) = self.0.session_ended(label, session) {
            log::warn!(array = label, session = session, error:% = error; "could not forget a session");
        }
    }
}

impl Arrays<'_> {
    /// True if hpe.conf has two logins to this address.
    fn has_other_login(&self, access: &ArrayAccess) -> bool {
        let backends = self.config.backends.values();
        let devices = backends.clone().filter_map(|b| b.replication.as_ref());
        backends
            .map(|backend| &backend.access)
            .chain(devices.map(|device| &device.access))
            .any(|other| label(other) == label(access) && other.san_login != access.san_login)
    }

    fn get(&mut self, access: &ArrayAccess) -> Array {
        let key = (
            access.san_ip.clone(),
            access.san_ssh_port,
            access.san_login.clone(),
        );
        if let Some((array, _)) = self.open.get(&key) {
            return array.clone();
        }
        let label = label(access);
        let transcript = if self.has_other_login(access) {
            // One file, one writer.
            format!("{}@{label}", access.san_login)
        } else {
            label.clone()
        };
        let endpoint = Endpoint {
            label: label.clone(),
            host: access.san_ip.clone(),
            port: access.san_ssh_port,
            login: access.san_login.clone(),
            auth: match &access.login {
                Login::Password(secret) => Auth::Password(secret.clone()),
                Login::PrivateKey { path, passphrase } => Auth::Key {
                    path: path.clone(),
                    passphrase: passphrase.clone(),
                },
            },
            known_hosts: access.ssh_hosts_key_file.clone(),
            strict: access.strict_ssh_host_key_policy,
            legacy_algorithms: access.ssh_legacy_algorithms,
            connect_timeout: access.ssh_conn_timeout,
        };
        let ledger = Arc::new(Sessions(self.index.clone()));
        let pool = Pool::with_ledger(endpoint, inform::greeting(), access.ssh_pool_size, ledger);
        let global = &self.config.global;
        let transcript = Transcript::open(
            &global.transcript_dir,
            &transcript,
            Limits {
                max_size: global.transcript_max_size,
                max_age: global.transcript_max_age,
            },
            access.secrets(),
        );
        let array = Array::new(
            label,
            pool.clone(),
            transcript,
            Arc::clone(&self.templates),
            access.command_timeout,
        );
        self.open.insert(key, (array.clone(), pool));
        array
    }
}

/// An array's name in messages: its address, with the port where that is not the usual one.
fn label(access: &ArrayAccess) -> String {
    if access.san_ssh_port == 22 {
        access.san_ip.clone()
    } else {
        format!("{}:{}", access.san_ip, access.san_ssh_port)
    }
}

fn connect(
    arrays: &mut Arrays<'_>,
    name: &BackendName,
    config: &BackendConfig,
    host: &HostName,
) -> Result<Backend, Failure> {
    let array = arrays.get(&config.access);
    let pair = config.replication.as_ref().map(|device| Pair {
        source: array.clone(),
        peer: arrays.get(&device.access),
        wants: Wants {
            target: device.backend_id.clone(),
            mode: device.mode,
            period: device.sync_period.filter(|_| device.mode == Mode::Periodic),
            lone_primary: config.lone_primary,
            peer_persistence: device.is_peer_persistence(),
            cpg_map: device.cpg_map.clone(),
            snap_cpg_map: device.snap_cpg_map.clone(),
        },
    });
    let simulated = config
        .simulated
        .as_ref()
        .ok_or_else(|| not_yet(name, config.protocol))?;
    Ok(Backend::new(
        name.clone(),
        array,
        pair,
        config.cpgs.clone(),
        config.snap_cpgs.clone(),
        Transport::Simulated(Simulated::new(
            Kernel::default(),
            &simulated.dir,
            host.clone(),
            simulated.initiator.clone(),
        )?),
        host.clone(),
        simulated
            .machine_id
            .clone()
            .map_or_else(own_machine_id, Ok)?,
    ))
}

fn not_yet(name: &BackendName, protocol: Protocol) -> Failure {
    format!("backend `{name}`: this release attaches volumes with `protocol = \"simulated\"` only, not `{protocol}`").into()
}
