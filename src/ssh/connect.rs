//! Getting to an SSH session that is not logged in yet: TCP, algorithms, handshake, host key.

use std::io::ErrorKind;
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Instant;

use ssh2::{ErrorCode, Session};

use super::connection::{GOODBYE, Target};
use super::error::{ShownKey, SshError};
use super::exec::{self, set_timeout};
use super::host_key::{self, Known, Verdict};
use super::{Endpoint, algorithms};

/// TCP, handshake, host key.
pub(super) fn connect(target: &Target) -> Result<(Session, TcpStream), SshError> {
    match attempt(target) {
        // libssh2 says the same of a connection that is lost before the far end has told its algorithms (kex.c), and nobody is to
        // allow old ones because an array was switched off. The second time it is true, or the array is seen to be away.
        Err(SshError::Algorithms { .. }) => attempt(target),
        other => other,
    }
}

fn attempt(target: &Target) -> Result<(Session, TcpStream), SshError> {
    let endpoint = &target.endpoint;
    let deadline = Instant::now() + endpoint.connect_timeout;
    let stream = connect_tcp(target, deadline)?;
    let internal = |reason: String| SshError::Internal {
        at: Arc::clone(&target.at),
        reason,
    };
    let tcp = stream
        .try_clone()
        .map_err(|error| internal(error.to_string()))?;
    let mut session = Session::new().map_err(|error| internal(error.message().to_owned()))?;
    let file = |reason| SshError::KnownHosts {
        at: Arc::clone(&target.at),
        file: endpoint.known_hosts.clone(),
        reason,
    };
    let known = Known::read(&session, &endpoint.known_hosts).map_err(file)?;
    algorithms::restrict(
        &session,
        endpoint.legacy_algorithms,
        &known.types(&endpoint.host, endpoint.port),
    )
    .map_err(|error| internal(error.message().to_owned()))?;
    session.set_tcp_stream(stream);
    set_timeout(&session, deadline.saturating_duration_since(Instant::now()));
    session.handshake().map_err(|error| {
        /// libssh2's LIBSSH2_ERROR_KEX_FAILURE, LIBSSH2_ERROR_METHOD_NONE.
        const NO_COMMON: [ErrorCode; 2] = [ErrorCode::Session(-5), ErrorCode::Session(-17)];
        if NO_COMMON.contains(&error.code()) {
            let reason = error.message().to_owned();
            SshError::Algorithms {
                at: Arc::clone(&target.at),
                reason,
                legacy: endpoint.legacy_algorithms,
            }
        } else {
            exec::closed(&target.at, "handshake", &error)
        }
    })?;
    if let Err(error) = check_host_key(target, &session, &known) {
        cut(&session, &tcp);
        return Err(error);
    }
    Ok((session, tcp))
}

fn connect_tcp(target: &Target, deadline: Instant) -> Result<TcpStream, SshError> {
    let endpoint = &target.endpoint;
    let unreachable = |reason: String, slow| SshError::Unreachable {
        at: Arc::clone(&target.at),
        reason,
        slow,
    };
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
            Err(error) => {
                last = unreachable(error.to_string(), error.kind() == ErrorKind::TimedOut)
            }
        }
    }
    Err(last)
}

fn check_host_key(target: &Target, session: &Session, known: &Known) -> Result<(), SshError> {
    let Endpoint {
        host,
        port,
        known_hosts: file,
        strict,
        ..
    } = &target.endpoint;
    let Some((key, _)) = session.host_key() else {
        return Err(target.closed("handshake", "no host key was shown", false));
    };
    let mut verdict = known.verdict(host, *port, key);
    let (key_type, fingerprint) = (host_key::key_type(key), host_key::fingerprint(key));
    if verdict == Verdict::Unknown && !strict {
        verdict = host_key::remember(session, file, host, *port, key).map_err(|reason| {
            SshError::KnownHosts {
                at: Arc::clone(&target.at),
                file: file.clone(),
                reason,
            }
        })?;
        if verdict == Verdict::Unknown {
            log::warn!(array = target.at.label.as_str(), key = fingerprint.as_str(); "host key trusted on first use");
            return Ok(());
        }
    }
    let line = host_key::line(host, *port, key);
    let key = Box::new(ShownKey {
        key_type,
        fingerprint,
        file: file.clone(),
        line,
    });
    let at = Arc::clone(&target.at);
    match verdict {
        Verdict::Known => Ok(()),
        Verdict::Unknown => Err(SshError::UnknownHostKey { at, key }),
        Verdict::Refused(stored) => Err(SshError::ChangedHostKey { at, key, stored }),
    }
}

/// Says goodbye and ends the TCP connection, so that nothing that is dropped later can wait for the far end.
pub(super) fn cut(session: &Session, tcp: &TcpStream) {
    set_timeout(session, GOODBYE);
    let _ = session.disconnect(None, "bye", None);
    let _ = tcp.shutdown(Shutdown::Both);
}
