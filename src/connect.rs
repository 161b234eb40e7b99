//! From hpe.conf to arrays: one connection pool an array, however many backends are on it.

use std::{collections::HashMap, sync::Arc};

use hpe3par_docker::{
    config::{ArrayAccess, Backend as BackendConfig, Config, Login},
    index::Index,
    inform::{self, Array, Templates},
    model::Mode,
    operator::group::{Connected, Connections},
    replication::{Pair, Wants},
    ssh::{Auth, Endpoint, Ledger, Pool},
    transcript::{Limits, Transcript},
};

/// Sessions that a person's command takes of an array at most: the plugin has its own.
const PERSONS_POOL: usize = 2;

/// Who talks to the arrays.
#[derive(Debug, Clone)]
pub enum Talks {
    /// The plugin, which keeps in its index which sessions are its own.
    Plugin(Index),
    /// A person, with a command that only reads.
    Person,
}

/// The arrays of hpe.conf. Nothing is connected before the first command.
pub struct Arrays<'a> {
    config: &'a Config,
    templates: Arc<Templates>,
    talks: Talks,
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

impl<'a> Arrays<'a> {
    /// None is open yet.
    pub fn new(config: &'a Config, templates: Arc<Templates>, talks: Talks) -> Self {
        Self {
            config,
            templates,
            talks,
            open: HashMap::new(),
        }
    }

    /// True if hpe.conf has two logins to this address.
    fn has_other_login(&self, access: &ArrayAccess) -> bool {
        let backends = self.config.backends.values();
        let devices = backends.clone().filter_map(|b| b.replication.as_ref());
        backends
            .map(|backend| &backend.access)
            .chain(devices.map(|device| &device.access))
            .any(|other| label(other) == label(access) && other.san_login != access.san_login)
    }

    /// The array behind a login.
    pub fn get(&mut self, access: &ArrayAccess) -> Array {
        let key = (
            access.san_ip.clone(),
            access.san_ssh_port,
            access.san_login.clone(),
        );
        if let Some((array, _)) = self.open.get(&key) {
            return array.clone();
        }
        let label = label(access);
        let mut transcript = if self.has_other_login(access) {
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
        let pool = match &self.talks {
            Talks::Plugin(index) => {
                let ledger = Arc::new(Sessions(index.clone()));
                Pool::with_ledger(endpoint, inform::greeting(), access.ssh_pool_size, ledger)
            }
            Talks::Person => {
                // The plugin's own transcript stays the story of its requests.
                transcript += "+group";
                let cap = access.ssh_pool_size.min(PERSONS_POOL);
                Pool::new(endpoint, inform::greeting(), cap)
            }
        };
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

    /// The two arrays of a replication-enabled backend.
    pub fn pair(&mut self, config: &BackendConfig) -> Option<Pair> {
        let device = config.replication.as_ref()?;
        Some(Pair {
            source: self.get(&config.access),
            peer: self.get(&device.access),
            wants: Wants {
                target: device.backend_id.clone(),
                mode: device.mode,
                period: device.sync_period.filter(|_| device.mode == Mode::Periodic),
                lone_primary: config.lone_primary,
                peer_persistence: device.is_peer_persistence(),
                cpg_map: device.cpg_map.clone(),
                snap_cpg_map: device.snap_cpg_map.clone(),
            },
        })
    }

    /// What the sessions are in.
    pub fn into_pools(self) -> Vec<Pool> {
        self.open.into_values().map(|(_, pool)| pool).collect()
    }
}

/// The replication-enabled backends, for a person's command.
///
/// # Errors
/// If an administrator's template cannot be used.
pub fn for_person(config: &Config) -> Result<Connections, String> {
    let templates = Templates::load(Some(&config.global.template_dir));
    let templates = Arc::new(templates.map_err(|error| error.to_string())?);
    let mut arrays = Arrays::new(config, templates, Talks::Person);
    let mut backends = Vec::new();
    for (name, backend) in &config.backends {
        if let Some(pair) = arrays.pair(backend) {
            backends.push(Connected {
                name: name.clone(),
                pair,
            });
        }
    }
    let pools = arrays.into_pools();
    let close = async move {
        for pool in &pools {
            pool.close().await;
        }
    };
    Ok(Connections {
        backends,
        close: Box::pin(close),
    })
}

/// An array's name in messages: its address, with the port where that is not the usual one.
fn label(access: &ArrayAccess) -> String {
    if access.san_ssh_port == 22 {
        access.san_ip.clone()
    } else {
        format!("{}:{}", access.san_ip, access.san_ssh_port)
    }
}
