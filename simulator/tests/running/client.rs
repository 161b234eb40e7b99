//! A client of an array. libssh2 blocks, so each use runs on a thread of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use hpe3par_sim::Simulator;
use ssh2::{Channel, ExtendedData, Session};

/// What came back from a command.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub stdout: String,
    pub stderr: String,
    /// None if the connection broke before.
    pub status: Option<i32>,
    pub broken: bool,
}

/// Connects without logging in.
pub fn connect(address: SocketAddr) -> Session {
    let mut session = Session::new().unwrap();
    session.set_tcp_stream(TcpStream::connect(address).unwrap());
    session.set_timeout(20_000);
    session.handshake().unwrap();
    session
}

pub fn log_in(address: SocketAddr) -> Session {
    let session = connect(address);
    let password = if session.userauth_password("3paradm", "north-secret").is_ok() {
        ""
    } else {
        "south-secret"
    };
    if !password.is_empty() {
        session.userauth_password("3paradm", password).unwrap();
    }
    session
}

pub fn exec(session: &Session, line: &str) -> Heard {
    let mut channel = session.channel_session().unwrap();
    channel.exec(line).unwrap();
    channel.send_eof().unwrap();
    hear(channel)
}

/// Reads a channel to its end.
pub fn hear(mut channel: Channel) -> Heard {
    channel.handle_extended_data(ExtendedData::Normal).unwrap();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut broken = channel.read_to_end(&mut stdout).is_err();
    broken |= channel.stderr().read_to_end(&mut stderr).is_err();
    let status = if !broken && channel.wait_close().is_ok() {
        channel.exit_status().ok()
    } else {
        None
    };
    Heard {
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
        status,
        broken,
    }
}

/// One command over a connection of its own.
pub async fn run(simulator: &Simulator, array: &str, line: &str) -> Heard {
    let (address, line) = (simulator.address(array), line.to_owned());
    blocking(move || exec(&log_in(address), &line)).await
}

/// An interactive session: everything is typed at once. `width` asks for a pty.
pub async fn type_in(simulator: &Simulator, array: &str, width: Option<u32>, text: &str) -> Heard {
    let (address, text) = (simulator.address(array), text.to_owned());
    blocking(move || {
        let session = log_in(address);
        let mut channel = session.channel_session().unwrap();
        if let Some(width) = width {
            channel
                .request_pty("vt100", None, Some((width, 50, 0, 0)))
                .unwrap();
        }
        channel.shell().unwrap();
        channel.write_all(text.as_bytes()).unwrap();
        channel.send_eof().unwrap();
        hear(channel)
    })
    .await
}

pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
