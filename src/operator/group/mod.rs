//! `hpe3par-docker group`: remote copy groups as both arrays show them now, and what a storage administrator types to fail them over
//! and back. It only reads: nothing it does changes anything on an array.

mod list;
mod plan;
mod progress;
mod seen;
mod show;
mod view;
mod watch;
mod witness;

use std::{io, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use futures_util::future::BoxFuture;

use super::{DEFAULT_CONFIG, Exit, Streams, columns, load_config};
use crate::{
    config::Config,
    model::{BackendName, Namespace},
    replication::{Operation, Pair},
};

/// A replication-enabled backend, with its two arrays.
#[derive(Debug, Clone)]
pub struct Connected {
    /// Its section of hpe.conf.
    pub name: BackendName,
    /// Its arrays.
    pub pair: Pair,
}

/// The replication-enabled backends, and how to let go of their arrays.
pub struct Connections {
    /// In order of their names.
    pub backends: Vec<Connected>,
    /// Closes every session.
    pub close: BoxFuture<'static, ()>,
}

/// Makes the connections that hpe.conf describes; none is opened before the first command.
pub type Connect = fn(&Config) -> Result<Connections, String>;

/// What to do with groups. Nothing is changed on any array.
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// List the groups between the arrays of replicated backends
    List(ListArguments),
    /// Show a group as both arrays show it now: roles, volumes, exports, which array serves, and what may be done
    Show(ShowArguments),
    /// Say what to type on which array to fail a group over, to bring it back, or to switch it over, and what stands against it
    Plan(PlanArguments),
    /// Wait until every volume of a group is Synced
    Watch(WatchArguments),
}

/// Whom to ask, and how to print.
#[derive(Debug, Args)]
pub struct Asking {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// Only this backend
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
    /// How long an array may take to answer
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    timeout: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Of `group list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    asking: Asking,
}

/// Of `group show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    asking: Asking,
    /// The group, by its name on either array
    #[arg(value_name = "NAME")]
    group: String,
}

/// Of `group plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    asking: Asking,
    /// What is to become of it
    #[arg(value_name = "OPERATION")]
    operation: Wanted,
    /// The group, by its name on either array
    #[arg(value_name = "NAME")]
    group: String,
}

/// Of `group watch`.
#[derive(Debug, Args)]
pub struct WatchArguments {
    #[command(flatten)]
    asking: Asking,
    /// How often to look
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    interval: Duration,
    /// How long to wait for what does not come by itself, such as a stopped group or an array that does not answer: a task that was
    /// just begun may be about to change it
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds_or_none)]
    grace: Duration,
    /// The group, by its name on either array
    #[arg(value_name = "NAME")]
    group: String,
}

/// An operation, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// The other array serves
    Failover,
    /// After a failover: the former primary becomes a copy of the array that serves
    Recover,
    /// Home: the array that made the group serves again
    Restore,
    /// Peer Persistence: the other array serves, without an outage
    Switchover,
    /// Peer Persistence: an array that gave up serving (Failsafe) serves again, because the other one does not
    Override,
}

impl From<Wanted> for Operation {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Failover => Self::Failover,
            Wanted::Recover => Self::Recover,
            Wanted::Restore => Self::Restore,
            Wanted::Switchover => Self::Switchover,
            Wanted::Override => Self::Override,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    seconds_or_none(text).and_then(|duration| {
        if duration.is_zero() {
            Err("give at least 1".to_owned())
        } else {
            Ok(duration)
        }
    })
}

fn seconds_or_none(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds) if seconds <= 86_400 => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds, at most 86400".to_owned()),
    }
}

/// What every one of the commands has at hand.
struct Site {
    backends: Vec<Connected>,
    namespace: Namespace,
    patience: Duration,
    json: bool,
}

impl GroupCommand {
    /// Runs it.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn run(&self, connect: Connect, to: &mut Streams<'_>) -> io::Result<Exit> {
        let asking = match self {
            Self::List(arguments) => &arguments.asking,
            Self::Show(arguments) => &arguments.asking,
            Self::Plan(arguments) => &arguments.asking,
            Self::Watch(arguments) => &arguments.asking,
        };
        let Some(config) = load_config(&asking.config, to.err)? else {
            return Ok(Exit::Problems);
        };
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            let Connections { backends, close } = match connect(&config) {
                Ok(connections) => connections,
                Err(error) => return failed(&error, to),
            };
            let site = match asking.site(&config, backends) {
                Ok(site) => site,
                Err(error) => return failed(&error, to),
            };
            let result = match self {
                Self::List(_) => list::run(&site, to).await,
                Self::Show(arguments) => show::run(&site, &arguments.group, to).await,
                Self::Plan(arguments) => {
                    plan::run(&site, arguments.operation.into(), &arguments.group, to).await
                }
                Self::Watch(arguments) => watch::run(&site, arguments, to).await,
            };
            // A session that hangs must not keep the answer from its reader.
            drop(tokio::time::timeout(Duration::from_secs(2), close).await);
            result
        })
    }
}

fn failed(error: &str, to: &mut Streams<'_>) -> io::Result<Exit> {
    writeln!(to.err, "error: {error}")?;
    Ok(Exit::Problems)
}

impl Asking {
    fn site(&self, config: &Config, mut backends: Vec<Connected>) -> Result<Site, String> {
        let names: Vec<String> = backends
            .iter()
            .map(|backend| format!("`{}`", backend.name))
            .collect();
        if let Some(wanted) = &self.backend {
            backends.retain(|backend| backend.name.as_str() == wanted);
        }
        if backends.is_empty() {
            return Err(match (&self.backend, names.as_slice()) {
                (_, []) => "no backend in hpe.conf has a `replication_device`".to_owned(),
                (wanted, names) => format!(
                    "hpe.conf has no backend `{}` with a `replication_device`; hint: there is {}",
                    wanted.as_deref().unwrap_or_default(),
                    names.join(", ")
                ),
            });
        }
        Ok(Site {
            backends,
            namespace: config.global.namespace.clone(),
            patience: self.timeout,
            json: self.json,
        })
    }
}
