//! Wiring: from hpe.conf to a plugin that listens.

use std::{sync::Arc, time::Duration};

use hpe3par_docker::{
    config::{Backend as BackendConfig, Config},
    docker::{self, Api, Deadlines, Socket},
    host::{Kernel, Simulated, Transport},
    index::Index,
    inform::Templates,
    model::{BackendName, HostName, Machine, Protocol},
    volume::{Backend, KillPoints, Parts, Service},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::connect::{Arrays, Talks};

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

    let mut arrays = Arrays::new(&config, templates, Talks::Plugin(index.clone()));
    let mut backends = Vec::new();
    for (name, backend) in &config.backends {
        backends.push(connect(&mut arrays, name, backend, &host)?);
    }
    let pools = arrays.into_pools();
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

fn connect(
    arrays: &mut Arrays<'_>,
    name: &BackendName,
    config: &BackendConfig,
    host: &HostName,
) -> Result<Backend, Failure> {
    let array = arrays.get(&config.access);
    let pair = arrays.pair(config);
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
    )
    .with_takeover(config.takeover))
}

fn not_yet(name: &BackendName, protocol: Protocol) -> Failure {
    format!("backend `{name}`: this release attaches volumes with `protocol = \"simulated\"` only, not `{protocol}`").into()
}
