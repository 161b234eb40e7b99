//! One SSH connection and the thread that owns it.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ssh2::{ErrorCode, Session};
use tokio::sync::oneshot;

use super::error::{Outcome, Peer, SshError};
use super::exec::{self, Limits, set_timeout};
use super::host_key::{self, Known, Verdict};
use super::shell::Shell;
use super::{Endpoint, Greeting, Reply, algorithms, login, queue};

/// How often an idle session sends something, so that no firewall on the way forgets it.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// What an array writes instead of an answer when it takes no more command lines (seen by the users of OpenSVC's array driver).
const TOO_MANY: &str = "Too many local CLI connections";

/// How commands are given to an array: found out at the first connection, then kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Exec,
    Shell,
}

/// Everything a pool's sessions have in common.
pub(super) struct Target {
    pub(super) endpoint: Endpoint,
    pub(super) greeting: Greeting,
    pub(super) at: Arc<Peer>,
    mode: Mutex<Option<Mode>>,
}

impl Target {
    pub(super) fn new(endpoint: Endpoint, greeting: Greeting) -> Self {
        let at = Peer { label: endpoint.label.clone(), host: endpoint.host.clone(), port: endpoint.port };
        Self { endpoint, greeting, at: Arc::new(at), mode: Mutex::new(None) }
    }

    /// A connection that failed before it could serve anybody.
    fn closed(&self, doing: &str, reason: &str, slow: bool) -> SshError {
        SshError::Closed { at: Arc::clone(&self.at), reason: format!("{doing}: {reason}"), slow }
    }
}

/// A command for a session's thread.
struct Job {
    command: String,
    deadline: Instant,
    limit: Duration,
    /// Set before the first byte of the command leaves; the caller looks at it if the thread dies.
    sent: Arc<AtomicBool>,
    /// The answer, and whether the session may be used again.
    reply: oneshot::Sender<(Result<Reply, SshError>, bool)>,
}

/// The async side of a session. Dropping it lets the thread say goodbye and end; nothing waits for that.
pub(super) struct SessionThread {
    jobs: mpsc::Sender<Job>,
    at: Arc<Peer>,
    /// Resolves when the thread has ended: its sender lives there.
    ended: oneshot::Receiver<()>,
    alive: Arc<AtomicBool>,
}

impl SessionThread {
    /// Starts a thread that connects and then waits for commands.
    pub(super) async fn start(target: Arc<Target>) -> Result<Self, SshError> {
        let (jobs, work) = mpsc::channel();
        let (ready, connected) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let alive = Arc::new(AtomicBool::new(true));
        let at = Arc::clone(&target.at);
        let internal = |reason: &str| SshError::Internal { at: Arc::clone(&at), reason: reason.to_owned() };
        let thread_alive = Arc::clone(&alive);
        let thread = std::thread::Builder::new().name("ssh-session".to_owned()).spawn(move || {
            let _alive = ClearOnDrop(thread_alive);
            let _end: oneshot::Sender<()> = end;
            match Connection::open(&target) {
                Ok(mut connection) => {
                    // Nobody waits any more: the runtime is gone.
                    if ready.send(Ok(())).is_ok() {
                        connection.serve(&work);
                    }
                    connection.hang_up();
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            }
        });
        thread.map_err(|error| internal(&format!("cannot start a thread: {error}")))?;
        connected.await.unwrap_or_else(|_| Err(internal("the thread ended while connecting")))?;
        Ok(Self { jobs, at, ended, alive })
    }

    /// Runs one command. The second value says whether the session may be used again.
    pub(super) async fn run(&mut self, command: String, deadline: Instant, limit: Duration) -> (Result<Reply, SshError>, bool) {
        let (reply, answer) = oneshot::channel();
        let sent = Arc::new(AtomicBool::new(false));
        let job = Job { command, deadline, limit, sent: Arc::clone(&sent), reply };
        let gone = |reason: &str| SshError::Closed { at: Arc::clone(&self.at), reason: reason.to_owned(), slow: false };
        if self.jobs.send(job).is_err() {
            return (Err(gone("the session had ended")), false);
        }
        answer.await.unwrap_or_else(|_| {
            let error = if sent.load(Ordering::SeqCst) {
                let reason = "the session's thread ended".to_owned();
                SshError::Cut { at: Arc::clone(&self.at), reason, partial: String::new(), session: None }
            } else {
                gone("the session ended")
            };
            (Err(error), false)
        })
    }
}

impl queue::Line for SessionThread {
    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::SeqCst)
    }

    async fn retire(self) {
        let Self { jobs, ended, .. } = self;
        drop(jobs);
        let _ = tokio::time::timeout(GOODBYE * 4, ended).await;
    }
}

/// Clears the flag also when the thread panics.
struct ClearOnDrop(Arc<AtomicBool>);

impl Drop for ClearOnDrop {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// A session logged in and ready; lives on its thread.
struct Connection {
    // Field order is drop order: the shell's channel before its session.
    shell: Option<Shell>,
    session: Session,
    /// The same socket, to cut it.
    tcp: TcpStream,
    at: Arc<Peer>,
    patience: Duration,
    id: Option<String>,
}

impl Connection {
    fn open(target: &Target) -> Result<Self, SshError> {
        let started = Instant::now();
        let (session, tcp) = connect(target)?;
        set_timeout(&session, target.endpoint.connect_timeout);
        if let Err(error) = login::login(&session, &target.endpoint, &target.at) {
            let _ = session.disconnect(None, "bye", None);
            let _ = tcp.shutdown(std::net::Shutdown::Both);
            return Err(error);
        }
        let patience = target.endpoint.connect_timeout;
        let mut connection = Self { shell: None, session, tcp, at: Arc::clone(&target.at), patience, id: None };
        if let Err(error) = connection.greet(target) {
            connection.hang_up();
            return Err(error);
        }
        let (id, ms) = (connection.id.as_deref().unwrap_or("-"), started.elapsed().as_millis());
        log::info!(array = target.at.label.as_str(), session = id, shell = connection.shell.is_some(), ms = ms as u64; "session opened");
        Ok(connection)
    }

    /// Finds out how commands are given, if that is not known yet, and who this session is.
    fn greet(&mut self, target: &Target) -> Result<(), SshError> {
        let known = *target.mode.lock().unwrap_or_else(PoisonError::into_inner);
        let mode = match known {
            Some(Mode::Shell) => {
                let answer = self.start_shell(target)?;
                self.check_limit(&answer)?;
                Mode::Shell
            }
            Some(Mode::Exec) => Mode::Exec,
            None => self.choose(target)?,
        };
        if known.is_none() {
            log::info!(array = target.at.label.as_str(), mode = format!("{mode:?}").as_str(); "command mode chosen");
            *target.mode.lock().unwrap_or_else(PoisonError::into_inner) = Some(mode);
        }
        if let Some((command, find)) = &target.greeting.identify {
            self.id = find(&self.ask(target, command)?);
        }
        Ok(())
    }

    /// Exec if it answers the probe as expected, otherwise a shell if that does. A far end that says nothing decides nothing.
    fn choose(&mut self, target: &Target) -> Result<Mode, SshError> {
        let by_exec = match self.ask(target, &target.greeting.probe) {
            Ok(answer) if (target.greeting.accepts)(&answer) => return Ok(Mode::Exec),
            Ok(answer) if answer.trim().is_empty() => "an empty answer".to_owned(),
            Ok(answer) => format!("`{}`", first_line(&answer)),
            Err(error @ SshError::Closed { .. }) if self.is_connected() => error.to_string(),
            Err(error) => return Err(error),
        };
        let by_shell = match self.start_shell(target) {
            Ok(answer) if (target.greeting.accepts)(&answer) => return Ok(Mode::Shell),
            Ok(answer) => {
                self.check_limit(&answer)?;
                format!("`{}`", first_line(&answer))
            }
            Err(error) => error.to_string(),
        };
        Err(SshError::NoCommandLine { at: Arc::clone(&self.at), exec: by_exec, shell: by_shell })
    }

    fn start_shell(&mut self, target: &Target) -> Result<String, SshError> {
        let sent = AtomicBool::new(false);
        let (shell, answer) = Shell::open(&self.session, &target.greeting, &self.limits(self.patience, &sent)).map_err(|error| {
            // Nothing of the user's was sent: what failed is the connection.
            let partial = error.partial().unwrap_or_default();
            match self.check_limit(partial) {
                Err(limit) => limit,
                Ok(()) => {
                    let (reason, slow) = failure(&error);
                    target.closed("waiting for the prompt", &format!("{reason}; it wrote `{}`", first_line(partial)), slow)
                }
            }
        })?;
        self.shell = Some(shell);
        Ok(answer)
    }

    /// A command of ours, before the session serves others.
    fn ask(&mut self, target: &Target, command: &str) -> Result<String, SshError> {
        let sent = AtomicBool::new(false);
        let deadline = Instant::now() + self.patience;
        let (answer, _) = self.command(command, deadline, self.patience, &sent).map_err(|error| match error.outcome() {
            Outcome::Unknown => {
                let (reason, slow) = failure(&error);
                target.closed(&format!("`{command}`"), reason, slow)
            }
            Outcome::NotSent => error,
        })?;
        Ok(answer)
    }

    fn is_connected(&self) -> bool {
        // libssh2 has made the socket non-blocking, so this returns at once; 0 bytes is the end of the connection.
        !matches!(self.tcp.peek(&mut [0]), Ok(0))
    }

    fn limits<'a>(&'a self, limit: Duration, sent: &'a AtomicBool) -> Limits<'a> {
        Limits { at: &self.at, deadline: Instant::now() + limit, limit, patience: self.patience, sent }
    }

    /// Takes commands until there are no more, or one of them, or the silence between them, shows that the session is lost.
    fn serve(&mut self, work: &mpsc::Receiver<Job>) {
        loop {
            match work.recv_timeout(KEEPALIVE) {
                Ok(job) => {
                    let started = Instant::now();
                    let result = self.command(&job.command, job.deadline, job.limit, &job.sent);
                    let result = match result {
                        Ok((text, exit_status)) => {
                            Ok(Reply { text, exit_status, elapsed: started.elapsed(), session: self.id.clone() })
                        }
                        Err(error) => {
                            // Before the answer, so that the far end's session is on its way out when the caller goes and looks.
                            self.hang_up();
                            Err(error.with_session(self.id.as_deref()))
                        }
                    };
                    let keep = result.is_ok();
                    let _ = job.reply.send((result, keep));
                    if !keep {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if !self.keep_alive() {
                        log::debug!(array = self.at.label.as_str(), session = self.id.as_deref().unwrap_or("-"); "idle session lost");
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// One command, by exec or in the shell. After an error the session must be closed.
    fn command(
        &mut self,
        command: &str,
        deadline: Instant,
        limit: Duration,
        sent: &AtomicBool,
    ) -> Result<(String, Option<i32>), SshError> {
        let limits = Limits { at: &self.at, deadline, limit, patience: self.patience, sent };
        let (text, status) = match &mut self.shell {
            Some(shell) => (shell.run(&self.session, command, &limits)?, None),
            None => {
                let mut channel = exec::open(&self.session, &limits)?;
                let result = exec::run(&self.session, &mut channel, command, &limits);
                if matches!(&result, Err(error) if error.outcome() == Outcome::Unknown) {
                    // Dropping the channel of a live connection waits for the far end to close it.
                    self.hang_up();
                } else {
                    set_timeout(&self.session, self.patience);
                }
                drop(channel);
                let raw = result?;
                (exec::text(&raw.bytes), Some(raw.status))
            }
        };
        self.check_limit(&text)?;
        Ok((text, status))
    }

    /// The array's refusal of one more command line comes where an answer should be. No command was run then.
    fn check_limit(&self, text: &str) -> Result<(), SshError> {
        let text = text.trim();
        if text.starts_with(TOO_MANY) && text.lines().count() == 1 {
            return Err(SshError::TooManySessions { at: Arc::clone(&self.at), reason: format!("`{text}`") });
        }
        Ok(())
    }

    /// Sends something small. No answer is asked for: libssh2 would keep every one of them until the session ends.
    fn keep_alive(&mut self) -> bool {
        set_timeout(&self.session, GOODBYE);
        // On only here: while it is on, libssh2 cuts its own waiting short when the next one is due.
        self.session.set_keepalive(false, 1);
        let sent = self.session.keepalive_send().is_ok();
        self.session.set_keepalive(false, 0);
        let quiet = self.shell.as_mut().is_none_or(|shell| shell.is_quiet(&self.session));
        sent && quiet && self.is_connected()
    }

    /// Says goodbye and cuts the connection, so that nothing that is dropped later can wait for the far end.
    fn hang_up(&mut self) {
        set_timeout(&self.session, GOODBYE);
        let _ = self.session.disconnect(None, "bye", None);
        let _ = self.tcp.shutdown(std::net::Shutdown::Both);
    }
}

/// What went wrong, without the hint about a command that was not the user's, and whether it was silence.
fn failure(error: &SshError) -> (&str, bool) {
    match error {
        SshError::Cut { reason, .. } => (reason, false),
        SshError::Closed { reason, slow, .. } => (reason, *slow),
        SshError::TooLong { .. } => ("it does not stop writing", true),
        _ => ("no answer in time", true),
    }
}

fn first_line(text: &str) -> &str {
    let line = text.trim().lines().next().unwrap_or_default();
    line.char_indices().nth(100).map_or(line, |(end, _)| &line[..end])
}

/// TCP, handshake, host key.
fn connect(target: &Target) -> Result<(Session, TcpStream), SshError> {
    let endpoint = &target.endpoint;
    let deadline = Instant::now() + endpoint.connect_timeout;
    let stream = connect_tcp(target, deadline)?;
    let internal = |reason: String| SshError::Internal { at: Arc::clone(&target.at), reason };
    let tcp = stream.try_clone().map_err(|error| internal(error.to_string()))?;
    let mut session = Session::new().map_err(|error| internal(error.message().to_owned()))?;
    let file = |reason| SshError::KnownHosts { at: Arc::clone(&target.at), file: endpoint.known_hosts.clone(), reason };
    let known = Known::read(&session, &endpoint.known_hosts).map_err(file)?;
    algorithms::restrict(&session, endpoint.legacy_algorithms, &known.types(&endpoint.host, endpoint.port))
        .map_err(|error| internal(error.message().to_owned()))?;
    session.set_tcp_stream(stream);
    set_timeout(&session, deadline.saturating_duration_since(Instant::now()));
    session.handshake().map_err(|error| {
        /// libssh2's LIBSSH2_ERROR_KEX_FAILURE, LIBSSH2_ERROR_METHOD_NONE.
        const NO_COMMON: [ErrorCode; 2] = [ErrorCode::Session(-5), ErrorCode::Session(-17)];
        if NO_COMMON.contains(&error.code()) {
            let reason = error.message().to_owned();
            SshError::Algorithms { at: Arc::clone(&target.at), reason, legacy: endpoint.legacy_algorithms }
        } else {
            exec::closed(&target.at, "handshake", &error)
        }
    })?;
    if let Err(error) = check_host_key(target, &session, &known) {
        let _ = session.disconnect(None, "bye", None);
        let _ = tcp.shutdown(std::net::Shutdown::Both);
        return Err(error);
    }
    Ok((session, tcp))
}

fn connect_tcp(target: &Target, deadline: Instant) -> Result<TcpStream, SshError> {
    let endpoint = &target.endpoint;
    let unreachable = |reason: String, slow| SshError::Unreachable { at: Arc::clone(&target.at), reason, slow };
    let addresses = (endpoint.host.as_str(), endpoint.port)
        .to_socket_addrs()
        .map_err(|error| unreachable(format!("name not found: {error}"), true))?;
    let mut last = unreachable("the name has no address".to_owned(), true);
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => {
                // Without it Nagle's algorithm delays every second small packet by up to 40 ms.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = unreachable(error.to_string(), error.kind() == std::io::ErrorKind::TimedOut),
        }
    }
    Err(last)
}

fn check_host_key(target: &Target, session: &Session, known: &Known) -> Result<(), SshError> {
    let Endpoint { host, port, known_hosts: file, strict, .. } = &target.endpoint;
    let Some((key, _)) = session.host_key() else { return Err(target.closed("handshake", "no host key was shown", false)) };
    let mut verdict = known.verdict(host, *port, key);
    let (key_type, fingerprint) = (host_key::key_type(key), host_key::fingerprint(key));
    if verdict == Verdict::Unknown && !strict {
        verdict = host_key::remember(session, file, host, *port, key)
            .map_err(|reason| SshError::KnownHosts { at: Arc::clone(&target.at), file: file.clone(), reason })?;
        if verdict == Verdict::Unknown {
            log::warn!(array = target.at.label.as_str(), key = fingerprint.as_str(); "host key trusted on first use");
            return Ok(());
        }
    }
    let (at, file, line) = (Arc::clone(&target.at), file.clone(), host_key::line(host, *port, key));
    match verdict {
        Verdict::Known => Ok(()),
        Verdict::Unknown => Err(SshError::UnknownHostKey { at, key_type, fingerprint, file, line }),
        Verdict::Refused(stored) => Err(SshError::ChangedHostKey { at, key_type, fingerprint, file, stored, line }),
    }
}
