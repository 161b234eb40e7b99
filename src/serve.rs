//! Wiring: from hpe.conf to a plugin that listens.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use hpe3par_docker::{
    config::{ArrayAccess, Backend as BackendConfig, Config},
    docker::{self, Api, Deadlines},
    host::{HostError, Kernel, NodeRecords, Programs, San, Simulated, Transport, Turns},
    index::{Index, IndexedVolume},
    inform::Templates,
    model::{BackendName, HostName, Machine, Namespace, NodeRecord, Protocol, Side},
    operator_socket,
    socket::{For, Socket},
    volume::{Backend, KillPoints, Parts, Reach, Service},
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::connect::{Arrays, Talks};

/// How long requests that are being answered may go on after the signal. An engine waits 120 s for a mount.
const GRACE: Duration = Duration::from_secs(120);

/// As many open files as this process may want, where it may have them.
const DESCRIPTORS: u64 = 65_536;

/// Where open-iscsi keeps this machine's name.
const INITIATOR_NAME: &str = "/etc/iscsi/initiatorname.iscsi";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs until SIGTERM or SIGINT. The socket is bound before any array is contacted: an engine that starts waits for it, and a
/// dead array must not keep it waiting.
pub async fn serve(config: Config) -> Result<(), Failure> {
    raise_descriptor_limit();
    let socket_path = config.global.socket.clone();
    let templates = Arc::new(Templates::load(Some(&config.global.template_dir))?);
    let index = Index::open(&config.global.state_dir, &config.global.run_dir)?;
    for damage in index.damage() {
        log::warn!(what:? = damage; "a file was damaged and is kept aside");
    }
    are_of_this_namespace(&index, &config.global.namespace)?;
    let host = host_name(&config)?;
    let machine = Machine::new(&host, &machine_id(&config)?);

    let mut arrays = Arrays::new(&config, templates, Talks::Plugin(index.clone()));
    let mut backends = Vec::new();
    // One map, one session, whichever backends they are for.
    let turns = Turns::new(Arc::new(Nodes(index.clone())));
    for (name, backend) in &config.backends {
        backends.push(connect(&mut arrays, name, backend, &host, &turns)?);
    }
    let mut transports = backends.iter().map(|backend| backend.transport.clone());
    let over_multipath = transports.find(|transport| transport.protocol() != Protocol::Simulated);
    let mut transports = backends.iter().map(|backend| backend.transport.clone());
    let over_iscsi = transports.find(|transport| transport.protocol() == Protocol::Iscsi);
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
    // Whoever finds the engine's socket finds the other one, too.
    let for_people = for_people(&config.global.run_dir).await;
    let socket = Socket::bind(&socket_path, For::Engine).await?;
    let descriptions = service.descriptions();
    service.start();
    if let Some(transport) = over_multipath {
        tokio::spawn(check_multipath(transport));
    }
    if let Some(transport) = over_iscsi {
        tokio::spawn(async move { transport.log_out_of_leftovers().await });
    }
    // Not being started by systemd is no failure.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    log::info!(socket:% = socket_path.display(), version = env!("CARGO_PKG_VERSION"); "listening");

    let api = Api::new(
        Arc::new(service.clone()),
        descriptions,
        Deadlines::within(config.global.engine_timeout),
    );
    let (stop, mut is_stopped) = watch::channel(());
    let engine = docker::serve(socket, api, GRACE, async {
        stopped().await;
        // The other socket may not be served.
        let _ = stop.send(());
    });
    let people = async {
        if let Some(socket) = for_people {
            operator_socket::serve(socket, service, GRACE, async {
                // Told, or nobody is left to tell.
                let _ = is_stopped.changed().await;
            })
            .await;
        }
    };
    tokio::join!(engine, people);
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    for pool in &pools {
        pool.close().await;
    }
    log::info!("stopped");
    Ok(())
}

/// Every program that is asked something takes some descriptors, for each path of each volume, and the usual soft limit is there for programs
/// that cannot have more than 1024. This one can, and so can what it runs.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = hard.min(DESCRIPTORS);
        if soft < wanted {
            setrlimit(Resource::RLIMIT_NOFILE, wanted, hard)?;
        }
        Ok(())
    });
    if let Err(error) = raised {
        log::warn!(error:% = error; "the limit of open files could not be raised: many volumes with many paths may reach it");
    }
}

/// A namespace is part of every VV's name. With another one every array would say, truly and completely, that it has none of the volumes that
/// are known, and Docker would forget them and make them anew, empty.
fn are_of_this_namespace(index: &Index, namespace: &Namespace) -> Result<(), Failure> {
    let volumes = index.list();
    let other = volumes
        .iter()
        .find(|volume| volume.vv != volume.name.vv_name(namespace));
    let Some(IndexedVolume { name, vv, .. }) = other else {
        return Ok(());
    };
    Err(format!(
        "the volumes of this host are of another `namespace`: `{name}` is VV `{vv}` and would be `{}` with `namespace = \"{}\"`; nothing \
         was started; hint: put the former `namespace` back; another one needs a `state_dir` of its own",
        name.vv_name(namespace),
        namespace.as_str()
    )
    .into())
}

/// The socket of `hpe3par-docker volume`. An engine is served without it, too.
async fn for_people(run_dir: &Path) -> Option<Socket> {
    match Socket::bind(&operator_socket::path(run_dir), For::Owner).await {
        Ok(socket) => Some(socket),
        Err(error) => {
            log::error!(error:% = error; "`hpe3par-docker volume` cannot reach this plugin");
            None
        }
    }
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

/// iscsiadm's records that the plugin made, in the index.
#[derive(Debug)]
struct Nodes(Index);

impl NodeRecords for Nodes {
    fn all(&self) -> Vec<NodeRecord> {
        self.0.node_records()
    }

    fn put(&self, record: &NodeRecord) -> Result<(), String> {
        let put = self.0.put_node_record(record);
        put.map_err(|error| error.to_string())
    }

    fn forget(&self, iqn: &str, portal: SocketAddr) {
        if let Err(error) = self.0.forget_node_record(iqn, portal) {
            log::warn!(iqn = iqn, portal:% = portal, error:% = error; "could not forget an iSCSI record");
        }
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
    turns: &Turns,
) -> Result<Backend, Failure> {
    let array = arrays.get(&config.access);
    let pair = arrays.pair(config);
    let transport = transport(config, host, turns).map_err(|error| {
        let hint = error.hint().map(|hint| format!("; hint: {hint}"));
        format!("backend `{name}`: {error}{}", hint.unwrap_or_default())
    })?;
    let simulated = config.simulated.as_ref();
    let machine_id = simulated.and_then(|simulated| simulated.machine_id.clone());
    let backend = Backend::new(
        name.clone(),
        array,
        pair,
        config.cpgs.clone(),
        config.snap_cpgs.clone(),
        transport,
        host.clone(),
        machine_id.map_or_else(own_machine_id, Ok)?,
    )
    .with_takeover(config.takeover);
    let reach = |access: &ArrayAccess| Reach {
        portals: access.iscsi_portals.clone(),
        chap: access.iscsi_chap && config.protocol != Protocol::Fc,
    };
    let backend = backend.reached(Side::Source, reach(&config.access));
    Ok(match &config.replication {
        Some(device) => backend.reached(Side::Peer, reach(&device.access)),
        None => backend,
    })
}

/// How volumes of a backend reach this machine.
fn transport(
    config: &BackendConfig,
    host: &HostName,
    turns: &Turns,
) -> Result<Transport, HostError> {
    let (kernel, programs) = (Kernel::default(), Programs::default());
    let name = Path::new(INITIATOR_NAME);
    Ok(match (config.protocol, &config.simulated) {
        (Protocol::Fc, _) => Transport::San(San::fc(kernel, programs, turns, name)),
        (Protocol::Simulated, Some(simulated)) => Transport::Simulated(Simulated::new(
            kernel,
            &simulated.dir,
            host.clone(),
            simulated.initiator.clone(),
        )?),
        (Protocol::Iscsi | Protocol::Simulated, _) => {
            Transport::San(San::iscsi(kernel, programs, turns, name)?)
        }
    })
}

/// Says what multipathd is set to that does not fit. Nothing waits for it, and nothing is refused: it is the administrator's machine.
async fn check_multipath(transport: Transport) {
    match transport.check_multipath().await {
        Ok(findings) => {
            for finding in findings {
                log::warn!(finding:% = finding; "multipathd is not set as 3PAR volumes want it");
            }
        }
        Err(error) => {
            log::warn!(error:% = error, hint = error.hint().unwrap_or_default().as_str(); "multipathd could not be asked for its settings");
        }
    }
}
