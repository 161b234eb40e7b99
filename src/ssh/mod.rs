//! SSH to one array: sessions, pool, host keys, login, deadlines.
//!
//! [`Pool::run`] takes one command line and gives back what the far end wrote, or an error that says whether the command may have
//! run ([`SshError::outcome`]). What the text *means* is not known here: the layer above hands in a [`Greeting`] with the little
//! this layer must recognise.
//!
//! Each session lives on its own thread (`session`), which is the only one to touch libssh2's handles: a blocking libssh2 call
//! holds the session's lock (array fact 41), and even dropping a channel may wait for the peer. The order of who gets a session,
//! and when one is opened or closed, is `queue`; it knows nothing of SSH and is tested with virtual time.

mod algorithms;
mod connect;
mod connection;
mod error;
mod exec;
mod host_key;
mod login;
mod pool;
mod queue;
mod session;
mod shell;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use crate::model::Secret;

pub use error::{Outcome, Peer, ShownKey, SshError, SshErrorKind};
#[cfg(test)]
pub(crate) use queue::{Dial, Line, Place, Queue};

pub use pool::{Pool, PoolStatus};

/// The most a single answer may hold, in bytes (16 MiB). More than that is [`SshError::TooLong`].
pub const OUTPUT_LIMIT: usize = 16 * 1024 * 1024;

/// Where an array's command line is, and how to log in there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Name of the backend or target, for messages only.
    pub label: String,
    /// Host name or address.
    pub host: String,
    /// TCP port, usually 22.
    pub port: u16,
    /// User name on the array.
    pub login: String,
    /// Password or private key.
    pub auth: Auth,
    /// File of known host keys in OpenSSH's format. A file that does not exist is an empty one.
    pub known_hosts: PathBuf,
    /// True: an unknown host key is refused. False: it is trusted and written to `known_hosts` on first use. A *changed* key is
    /// refused either way.
    pub strict: bool,
    /// True: SHA-1, CBC and DSA may be negotiated, for old InForm OS levels that speak nothing else.
    pub legacy_algorithms: bool,
    /// Limit for the TCP connection and handshake together, and again for the login, and again for the first exchange. More than 0.
    pub connect_timeout: Duration,
}

/// How to log in.
#[derive(Debug, Clone)]
pub enum Auth {
    /// A password. It also answers keyboard-interactive, if the first question asked is the only one of its round and hides what is typed.
    Password(Secret),
    /// A private key file (PEM or OpenSSH format).
    Key {
        /// The private key.
        path: PathBuf,
        /// What unlocks it, if anything.
        passphrase: Option<Secret>,
    },
}

/// What the layer above knows about the far end; ssh itself knows no InForm.
#[derive(Clone)]
pub struct Greeting {
    /// A harmless command that answers at once, for example `showversion`.
    pub probe: String,
    /// Whether a text is an answer to `probe`.
    pub accepts: fn(&str) -> bool,
    /// A command that tells the session's own id, and how to find the id in its answer. Run once a session.
    pub identify: Option<(String, Identify)>,
    /// The prompt, at the end of what was read, for example `cli%\s*$`. Only for far ends that refuse exec.
    pub prompt: Regex,
}

/// Finds a session id in the answer of the `identify` command.
pub type Identify = fn(&str) -> Option<String>;

impl fmt::Debug for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greeting")
            .field("probe", &self.probe)
            .field(
                "identify",
                &self.identify.as_ref().map(|(command, _)| command),
            )
            .field("prompt", &self.prompt.as_str())
            .finish_non_exhaustive()
    }
}

/// Keeps, for the time after this process, which sessions it has at the far end: a command goes on there when the process dies.
pub trait Ledger: fmt::Debug + Send + Sync {
    /// A session is about to take its first command. `label` is the endpoint's, `session` what [`Greeting::identify`] found.
    fn opened(&self, label: &str, session: &str);
    /// A session has been closed, and no command was on its way.
    fn ended(&self, label: &str, session: &str);
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// stdout and stderr in the order they came, with LF line ends; in shell mode without echo and prompt. Bytes that are not
    /// UTF-8 are replaced.
    pub text: String,
    /// The exit status. `None` in shell mode. `Some(0)` is **no proof** of anything: libssh2 says 0 also when none was sent.
    pub exit_status: Option<i32>,
    /// From handing the command to the session until its answer was complete; the wait for a session is not in it.
    pub elapsed: Duration,
    /// The session's id, if [`Greeting::identify`] found one.
    pub session: Option<String>,
}
