//! One command by exec: a channel of its own, both streams merged, stdin closed.

use std::io::{ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ssh2::{Channel, ErrorCode, ExtendedData, Session};

use super::OUTPUT_LIMIT;
use super::error::{Peer, SshError};

/// A libssh2 call waits at most this long; in between the deadline is looked at. libssh2's own time-out is an idle limit, which an
/// answer that trickles never reaches (array fact 43).
const SLICE: Duration = Duration::from_millis(250);

/// libssh2's LIBSSH2_ERROR_TIMEOUT.
const TIMEOUT: ErrorCode = ErrorCode::Session(-9);

/// libssh2's LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED: the far end answered "no", so nothing runs.
const REQUEST_DENIED: ErrorCode = ErrorCode::Session(-22);

/// What one command is bound by.
pub(super) struct Limits<'a> {
    pub(super) at: &'a Arc<Peer>,
    pub(super) deadline: Instant,
    /// The deadline as it was asked for, for the message.
    pub(super) limit: Duration,
    /// How long a round trip may take that has nothing to do with the command.
    pub(super) patience: Duration,
    /// Set before the first byte of the command leaves.
    pub(super) sent: &'a AtomicBool,
}

impl Limits<'_> {
    /// Time left, `None` when there is none.
    pub(super) fn left(&self) -> Option<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn waited(&self, reason: &str) -> SshError {
        SshError::Waited {
            at: Arc::clone(self.at),
            limit: self.limit,
            reason: reason.to_owned(),
        }
    }

    /// A failure before the command was sent.
    pub(super) fn not_sent(&self, doing: &str, error: &ssh2::Error) -> SshError {
        closed(self.at, doing, error)
    }

    /// A session found lost before the command was sent.
    pub(super) fn lost(&self, reason: &str) -> SshError {
        SshError::Closed {
            at: Arc::clone(self.at),
            reason: reason.to_owned(),
            slow: false,
        }
    }

    pub(super) fn too_late(&self, so_far: &[u8]) -> SshError {
        SshError::Deadline {
            at: Arc::clone(self.at),
            partial: text(so_far),
            session: None,
        }
    }

    pub(super) fn cut(&self, reason: impl Into<String>, so_far: &[u8]) -> SshError {
        SshError::Cut {
            at: Arc::clone(self.at),
            reason: reason.into(),
            partial: text(so_far),
            session: None,
        }
    }

    pub(super) fn check_size(&self, so_far: &[u8]) -> Result<(), SshError> {
        if so_far.len() > OUTPUT_LIMIT {
            return Err(SshError::TooLong {
                at: Arc::clone(self.at),
                partial: text(so_far),
                session: None,
            });
        }
        Ok(())
    }
}

/// A failure with no command sent.
pub(super) fn closed(at: &Arc<Peer>, doing: &str, error: &ssh2::Error) -> SshError {
    SshError::Closed {
        at: Arc::clone(at),
        reason: format!("{doing}: {}", error.message()),
        slow: error.code() == TIMEOUT,
    }
}

/// An answer as it came.
pub(super) struct Raw {
    pub(super) bytes: Vec<u8>,
    pub(super) status: i32,
}

/// libssh2 takes milliseconds, and 0 means for ever.
pub(super) fn set_timeout(session: &Session, limit: Duration) {
    session.set_timeout(u32::try_from(limit.as_millis()).unwrap_or(u32::MAX).max(1));
}

/// UTF-8 with LF line ends.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

/// Opens a channel with both streams merged. This is a round trip, so it also shows that the session still lives.
pub(super) fn open(session: &Session, limits: &Limits<'_>) -> Result<Channel, SshError> {
    let Some(left) = limits.left() else {
        return Err(limits.waited("the command's turn came too late"));
    };
    set_timeout(session, left.min(limits.patience));
    let mut channel = session.channel_session().map_err(|error| {
        if limits.left().is_none() {
            limits.waited("the session did not answer")
        } else {
            limits.not_sent("opening a channel", &error)
        }
    })?;
    // Reading one stream to its end before the other hangs as soon as the other fills the channel's window
    // (array fact 42).
    channel
        .handle_extended_data(ExtendedData::Merge)
        .map_err(|error| limits.not_sent("opening a channel", &error))?;
    Ok(channel)
}

/// Sends the command and reads its answer to the end. After an error the whole session must be closed.
pub(super) fn run(
    session: &Session,
    channel: &mut Channel,
    command: &str,
    limits: &Limits<'_>,
) -> Result<Raw, SshError> {
    let Some(left) = limits.left() else {
        return Err(limits.waited("the session took too long to answer"));
    };
    set_timeout(session, left);
    limits.sent.store(true, Ordering::SeqCst);
    if let Err(error) = channel.exec(command) {
        if error.code() == REQUEST_DENIED {
            limits.sent.store(false, Ordering::SeqCst);
            return Err(limits.not_sent("the far end refuses exec", &error));
        }
        return Err(if limits.left().is_none() {
            limits.too_late(&[])
        } else {
            limits.cut(error.message(), &[])
        });
    }
    let mut bytes = Vec::new();
    // A closed stdin cannot be waited for: no question of the command line can hang the command (array fact 12).
    channel
        .send_eof()
        .map_err(|error| limits.cut(error.message(), &[]))?;
    read_to_end(session, channel, &mut bytes, limits)?;
    wait_close(session, channel, &bytes, limits)?;
    if let Some(signal) = channel
        .exit_signal()
        .ok()
        .and_then(|signal| signal.exit_signal)
    {
        return Err(limits.cut(format!("the command was ended by signal {signal}"), &bytes));
    }
    // The status may come after the end of the output, so it is asked for only now. 0 also means that none came
    // (array fact 40).
    let status = channel.exit_status().unwrap_or(0);
    Ok(Raw { bytes, status })
}

fn read_to_end(
    session: &Session,
    channel: &mut Channel,
    bytes: &mut Vec<u8>,
    limits: &Limits<'_>,
) -> Result<(), SshError> {
    let mut buffer = [0; 32 * 1024];
    loop {
        let Some(left) = limits.left() else {
            return Err(limits.too_late(bytes));
        };
        set_timeout(session, left.min(SLICE));
        match channel.read(&mut buffer) {
            Ok(0) if channel.eof() => return Ok(()),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            Err(error) => return Err(limits.cut(error.to_string(), bytes)),
        }
        limits.check_size(bytes)?;
    }
}

fn wait_close(
    session: &Session,
    channel: &mut Channel,
    bytes: &[u8],
    limits: &Limits<'_>,
) -> Result<(), SshError> {
    loop {
        let Some(left) = limits.left() else {
            return Err(limits.too_late(bytes));
        };
        set_timeout(session, left.min(SLICE));
        match channel.wait_close() {
            Ok(()) => return Ok(()),
            Err(error) if error.code() == TIMEOUT => {}
            Err(error) => return Err(limits.cut(error.message(), bytes)),
        }
    }
}
