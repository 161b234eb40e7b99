//! What can go wrong between us and the far end, and whether a command may have run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Who was talked to: printed as `` `label` (host:port) ``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Backend or target.
    pub label: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, host, port } = self;
        if *label == *host || *label == format!("{host}:{port}") {
            write!(f, "`{host}:{port}`")
        } else {
            write!(f, "`{label}` ({host}:{port})")
        }
    }
}

/// A host key that is not trusted: printed as type and fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// For example `ssh-ed25519`.
    pub key_type: String,
    /// `SHA256:` and base64, as OpenSSH shows it.
    pub fingerprint: String,
    /// The known hosts file.
    pub file: PathBuf,
    /// The exact line that would trust it.
    pub line: String,
}

impl fmt::Display for ShownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key_type, self.fingerprint)
    }
}

/// Whether a command that failed may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The far end never got the command. It may be sent again.
    NotSent,
    /// The command may have run, may be running still, or may never have arrived: look before sending anything else.
    Unknown,
}

/// What a caller can decide on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SshErrorKind {
    /// No TCP connection: name, route, port, firewall, array down.
    Unreachable,
    /// The connection ended, or went silent, before the command was sent.
    Closed,
    /// No algorithm in common.
    Algorithms,
    /// The host key is not in the known hosts file.
    HostKeyUnknown,
    /// The host key is not the one that is trusted.
    HostKeyChanged,
    /// The known hosts file cannot be read or written.
    KnownHosts,
    /// The private key file cannot be used.
    PrivateKey,
    /// Password or key refused.
    LoginRejected,
    /// The far end has too many sessions already.
    TooManySessions,
    /// Logged in, but neither exec nor shell gave the expected command line.
    NoCommandLine,
    /// The deadline passed.
    Deadline,
    /// The connection was lost while the command may have been running.
    Cut,
    /// More than [`OUTPUT_LIMIT`](super::OUTPUT_LIMIT) bytes came.
    TooLong,
    /// The command holds a line break or a NUL and was refused here.
    BadCommand,
    /// [`Pool::close`](super::Pool::close) was called.
    PoolClosed,
    /// This program failed: no thread, or a panic.
    Internal,
}

/// A failed command or connection. Every message is one line; what to do is in [`SshError::hint`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum SshError {
    /// No TCP connection.
    #[error("cannot reach {at}: {reason}")]
    Unreachable {
        /// Who.
        at: Arc<Peer>,
        /// What the system said.
        reason: String,
        /// True if it took the whole connect time-out, or would again.
        slow: bool,
    },
    /// Ended before the command was sent.
    #[error("connection to {at} failed before a command was sent: {reason}")]
    Closed {
        /// Who.
        at: Arc<Peer>,
        /// What happened.
        reason: String,
        /// True if it was silence until a time-out, and would be again.
        slow: bool,
    },
    /// No algorithm in common.
    #[error("no common SSH algorithms with {at}: {reason}")]
    Algorithms {
        /// Who.
        at: Arc<Peer>,
        /// What libssh2 said.
        reason: String,
        /// Whether the old ones were allowed already.
        legacy: bool,
    },
    /// Not in the known hosts file.
    #[error("unknown host key of {at}: {key}")]
    UnknownHostKey {
        /// Who.
        at: Arc<Peer>,
        /// The key shown.
        key: Box<ShownKey>,
    },
    /// Another key than the trusted one.
    #[error("HOST KEY OF {at} HAS CHANGED, somebody may be listening in: it shows {key}, but `{}` has {stored}; nothing was sent, not even a password", .key.file.display())]
    ChangedHostKey {
        /// Who.
        at: Arc<Peer>,
        /// The key shown.
        key: Box<ShownKey>,
        /// What is trusted instead, or that this key is revoked.
        stored: String,
    },
    /// The known hosts file is no use.
    #[error("known hosts file `{}` for {at}: {reason}", .file.display())]
    KnownHosts {
        /// Who.
        at: Arc<Peer>,
        /// The file.
        file: PathBuf,
        /// What is wrong, with the line number where there is one.
        reason: String,
    },
    /// The private key file is no use.
    #[error("cannot use private key `{}` for {at}: {reason}", .path.display())]
    PrivateKey {
        /// Who.
        at: Arc<Peer>,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Login refused.
    #[error("{at} refuses the login of `{login}`: {reason}")]
    LoginRejected {
        /// Who.
        at: Arc<Peer>,
        /// User name.
        login: String,
        /// Which method, and what came back.
        reason: String,
    },
    /// Session limit of the far end.
    #[error("{at} has too many sessions: {reason}")]
    TooManySessions {
        /// Who.
        at: Arc<Peer>,
        /// What it said.
        reason: String,
    },
    /// No usable command line.
    #[error("{at} gave no usable command line: exec: {exec}; shell: {shell}")]
    NoCommandLine {
        /// Who.
        at: Arc<Peer>,
        /// What became of the probe by exec.
        exec: String,
        /// What became of it in a shell.
        shell: String,
    },
    /// Out of time before the command was sent.
    #[error("no session to {at} within {} s: {reason}", .limit.as_secs_f32())]
    Waited {
        /// Who.
        at: Arc<Peer>,
        /// The whole deadline.
        limit: Duration,
        /// What it was waiting for.
        reason: String,
    },
    /// Out of time with the command sent.
    #[error("{at} did not finish its answer in time; the command may be running still")]
    Deadline {
        /// Who.
        at: Arc<Peer>,
        /// What came so far.
        partial: String,
        /// The session, if known.
        session: Option<String>,
    },
    /// Connection lost with the command sent.
    #[error("connection to {at} was lost during a command: {reason}")]
    Cut {
        /// Who.
        at: Arc<Peer>,
        /// What happened.
        reason: String,
        /// What came so far.
        partial: String,
        /// The session, if known.
        session: Option<String>,
    },
    /// The answer has no end.
    #[error("{at} wrote more than {} MiB in one answer", super::OUTPUT_LIMIT / (1024 * 1024))]
    TooLong {
        /// Who.
        at: Arc<Peer>,
        /// The beginning.
        partial: String,
        /// The session, if known.
        session: Option<String>,
    },
    /// An attempt is not made now because an earlier one failed.
    #[error("{last} (the next attempt is due in {} s)", .wait.as_secs().max(1))]
    Held {
        /// Who.
        at: Arc<Peer>,
        /// Until the next attempt is allowed.
        wait: Duration,
        /// Why the last one failed.
        last: Box<SshError>,
    },
    /// Refused here.
    #[error("command for {at} refused: it holds a control character")]
    BadCommand {
        /// Who.
        at: Arc<Peer>,
    },
    /// The pool is closed.
    #[error("connections to {at} are closed")]
    PoolClosed {
        /// Who.
        at: Arc<Peer>,
    },
    /// This program failed before the command was sent.
    #[error("internal failure in a session to {at}: {reason}")]
    Internal {
        /// Who.
        at: Arc<Peer>,
        /// What happened.
        reason: String,
    },
}

fn legacy_hint(legacy: &bool) -> &'static str {
    if *legacy {
        "old algorithms are allowed already; the array must offer others"
    } else {
        "an old array may need `ssh_legacy_algorithms = true`"
    }
}

impl SshError {
    /// What a person can do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Algorithms { legacy, .. } => legacy_hint(legacy).to_owned(),
            Self::UnknownHostKey { key, .. } => format!(
                "compare it with the array's own, then add this line to `{}`: `{}`",
                key.file.display(),
                key.line
            ),
            Self::ChangedHostKey { key, .. } => format!(
                "if the array's key was really replaced, remove its old line from that file and add: `{}`",
                key.line
            ),
            Self::Held { last, .. } => last.hint(),
            Self::Unreachable { .. } => "check address, port, network and that the array is up".to_owned(),
            Self::Closed { .. } => "try again, and look at the array's session limit and its network".to_owned(),
            Self::KnownHosts { .. } => "correct the file or its permissions".to_owned(),
            Self::PrivateKey { .. } => "check the file, its permissions and its passphrase".to_owned(),
            Self::LoginRejected { .. } => "check user, password or key there and in the configuration; no further attempt is made for a while, so that the account is not locked".to_owned(),
            Self::TooManySessions { .. } => "close other command line sessions there, or lower `ssh_pool_size`".to_owned(),
            Self::NoCommandLine { .. } => "log in by hand and run the same command; is this an array's command line, and does the user have a role there".to_owned(),
            Self::Waited { .. } => "nothing was sent; look at the pool's size and the array's load".to_owned(),
            Self::Deadline { .. } => "look at the state on the array before doing anything else".to_owned(),
            Self::Cut { .. } => "the command may have run; look at the state on the array before doing anything else".to_owned(),
            Self::TooLong { .. } => "the command may have run; look at the state on the array".to_owned(),
            Self::BadCommand { .. } => "this is a mistake in this program, please report it".to_owned(),
            Self::PoolClosed { .. } => "the program is stopping".to_owned(),
            Self::Internal { .. } => "please report it".to_owned(),
        }
    }

    /// Whether the command may have taken effect.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Deadline { .. } | Self::Cut { .. } | Self::TooLong { .. } => Outcome::Unknown,
            _ => Outcome::NotSent,
        }
    }

    /// What had come when it failed: up to 16 MiB, often empty, never complete. libssh2 keeps back what arrived in the same moment as
    /// the loss of the connection, so a little may be missing at its end.
    pub fn partial(&self) -> Option<&str> {
        match self {
            Self::Deadline { partial, .. }
            | Self::Cut { partial, .. }
            | Self::TooLong { partial, .. } => Some(partial),
            _ => None,
        }
    }

    /// The session the command was sent on, if it was sent and its id is known.
    pub fn session(&self) -> Option<&str> {
        match self {
            Self::Deadline { session, .. }
            | Self::Cut { session, .. }
            | Self::TooLong { session, .. } => session.as_deref(),
            _ => None,
        }
    }

    /// What a caller can decide on. An attempt held back has the kind of the failure that holds it.
    pub fn kind(&self) -> SshErrorKind {
        match self {
            Self::Unreachable { .. } => SshErrorKind::Unreachable,
            Self::Closed { .. } => SshErrorKind::Closed,
            Self::Algorithms { .. } => SshErrorKind::Algorithms,
            Self::UnknownHostKey { .. } => SshErrorKind::HostKeyUnknown,
            Self::ChangedHostKey { .. } => SshErrorKind::HostKeyChanged,
            Self::KnownHosts { .. } => SshErrorKind::KnownHosts,
            Self::PrivateKey { .. } => SshErrorKind::PrivateKey,
            Self::LoginRejected { .. } => SshErrorKind::LoginRejected,
            Self::TooManySessions { .. } => SshErrorKind::TooManySessions,
            Self::NoCommandLine { .. } => SshErrorKind::NoCommandLine,
            Self::Waited { .. } | Self::Deadline { .. } => SshErrorKind::Deadline,
            Self::Cut { .. } => SshErrorKind::Cut,
            Self::TooLong { .. } => SshErrorKind::TooLong,
            Self::Held { last, .. } => last.kind(),
            Self::BadCommand { .. } => SshErrorKind::BadCommand,
            Self::PoolClosed { .. } => SshErrorKind::PoolClosed,
            Self::Internal { .. } => SshErrorKind::Internal,
        }
    }

    /// Names the session in an error that came from below the place where its id is known.
    pub(super) fn with_session(mut self, id: Option<&str>) -> Self {
        if let Self::Deadline { session, .. }
        | Self::Cut { session, .. }
        | Self::TooLong { session, .. } = &mut self
        {
            *session = id.map(str::to_owned);
        }
        self
    }
}
