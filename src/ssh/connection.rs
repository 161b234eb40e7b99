//! One SSH connection, logged in: how it is found out what the far end understands, and how commands are run. Used on one thread only.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ssh2::Session;

use super::connect::{connect, cut};
use super::error::{Outcome, Peer, SshError};
use super::exec::{self, Limits, set_timeout};
use super::session::Job;
use super::shell::Shell;
use super::{Endpoint, Greeting, Ledger, Reply, login};

/// How often an idle session sends something, so that no firewall on the way forgets it.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// How long saying goodbye may take.
pub(super) const GOODBYE: Duration = Duration::from_millis(500);
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
    pub(super) ledger: Option<Arc<dyn Ledger>>,
    mode: Mutex<Option<Mode>>,
    /// The far end has let this login in.
    accepted: AtomicBool,
}

impl Target {
    pub(super) fn new(endpoint: Endpoint, greeting: Greeting) -> Self {
        let at = Peer {
            label: endpoint.label.clone(),
            host: endpoint.host.clone(),
            port: endpoint.port,
        };
        Self {
            endpoint,
            greeting,
            at: Arc::new(at),
            ledger: None,
            mode: Mutex::new(None),
            accepted: AtomicBool::new(false),
        }
    }

    /// A connection that failed before it could serve anybody.
    pub(super) fn closed(&self, doing: &str, reason: &str, slow: bool) -> SshError {
        SshError::Closed {
            at: Arc::clone(&self.at),
            reason: format!("{doing}: {reason}"),
            slow,
        }
    }
}

/// A session logged in and ready; lives on its thread.
pub(super) struct Connection {
    // Field order is drop order: the shell's channel before its session.
    shell: Option<Shell>,
    session: Session,
    /// The same socket, to cut it.
    tcp: TcpStream,
    at: Arc<Peer>,
    patience: Duration,
    id: Option<String>,
    ledger: Option<Arc<dyn Ledger>>,
}

impl Connection {
    pub(super) fn open(target: &Target) -> Result<Self, SshError> {
        let started = Instant::now();
        let (session, tcp) = connect(target)?;
        set_timeout(&session, target.endpoint.connect_timeout);
        let accepted = target.accepted.load(Ordering::Relaxed);
        if let Err(error) = login::login(&session, &target.endpoint, &target.at, accepted) {
            if matches!(error, SshError::LoginRejected { .. }) {
                target.accepted.store(false, Ordering::Relaxed);
            }
            cut(&session, &tcp);
            return Err(error);
        }
        target.accepted.store(true, Ordering::Relaxed);
        let patience = target.endpoint.connect_timeout;
        let mut connection = Self {
            shell: None,
            session,
            tcp,
            at: Arc::clone(&target.at),
            patience,
            id: None,
            ledger: target.ledger.clone(),
        };
        if let Err(error) = connection.greet(target) {
            connection.hang_up();
            return Err(error);
        }
        let (id, ms) = (
            connection.id.as_deref().unwrap_or("-"),
            started.elapsed().as_millis(),
        );
        if let (Some(ledger), Some(id)) = (&connection.ledger, &connection.id) {
            ledger.opened(&target.at.label, id);
        }
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
        Err(SshError::NoCommandLine {
            at: Arc::clone(&self.at),
            exec: by_exec,
            shell: by_shell,
        })
    }

    fn start_shell(&mut self, target: &Target) -> Result<String, SshError> {
        let sent = AtomicBool::new(false);
        let (shell, answer) = Shell::open(
            &self.session,
            &target.greeting,
            &self.limits(self.patience, &sent),
        )
        .map_err(|error| {
            // Nothing of the user's was sent: what failed is the connection.
            let partial = error.partial().unwrap_or_default();
            match self.check_limit(partial) {
                Err(limit) => limit,
                Ok(()) => {
                    let (reason, slow) = failure(&error);
                    target.closed(
                        "waiting for the prompt",
                        &format!("{reason}; it wrote `{}`", first_line(partial)),
                        slow,
                    )
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
        let (answer, _) = self
            .command(command, deadline, self.patience, &sent)
            .map_err(|error| match error.outcome() {
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
        Limits {
            at: &self.at,
            deadline: Instant::now() + limit,
            limit,
            patience: self.patience,
            sent,
        }
    }

    /// Takes commands until there are no more, or one of them, or the silence between them, shows that the session is lost.
    pub(super) fn serve(&mut self, work: &mpsc::Receiver<Job>) {
        loop {
            match work.recv_timeout(KEEPALIVE) {
                Ok(job) => {
                    let started = Instant::now();
                    let result = self.command(&job.command, job.deadline, job.limit, &job.sent);
                    let result = match result {
                        Ok((text, exit_status)) => Ok(Reply {
                            text,
                            exit_status,
                            elapsed: started.elapsed(),
                            session: self.id.clone(),
                        }),
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
                Err(RecvTimeoutError::Disconnected) => {
                    self.hang_up();
                    // Not so for a lost one: its last command may be running for a long time yet.
                    if let (Some(ledger), Some(id)) = (&self.ledger, &self.id) {
                        ledger.ended(&self.at.label, id);
                    }
                    return;
                }
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
        let limits = Limits {
            at: &self.at,
            deadline,
            limit,
            patience: self.patience,
            sent,
        };
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
            return Err(SshError::TooManySessions {
                at: Arc::clone(&self.at),
                reason: format!("`{text}`"),
            });
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
        let quiet = self
            .shell
            .as_mut()
            .is_none_or(|shell| shell.is_quiet(&self.session));
        sent && quiet && self.is_connected()
    }

    /// Says goodbye and cuts the connection, so that nothing that is dropped later can wait for the far end.
    pub(super) fn hang_up(&mut self) {
        set_timeout(&self.session, GOODBYE);
        cut(&self.session, &self.tcp);
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
    line.char_indices()
        .nth(100)
        .map_or(line, |(end, _)| &line[..end])
}
