//! The control as JSON lines over a unix socket. Each line is a [`Request`], each gets one line with a [`Reply`].
//!
//! Besides the control's verbs there are sessions, for programs that take the commands themselves, such as the forced
//! command of a real OpenSSH server. A session lives as long as its connection.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Control, Verb};
use crate::commands::Environment;
use crate::engine::{Delivery, NoSeat, Seat};
use crate::words;

/// A line to the simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Request {
    /// Begins a session on this connection.
    Session {
        /// System name.
        session: String,
        /// Login name.
        user: String,
    },
    /// Runs a line in the session.
    Line {
        /// As typed.
        line: String,
        /// The question was answered with `y`.
        #[serde(default)]
        confirmed: bool,
    },
    /// A verb of the control.
    Verb(Verb),
}

/// A line from the simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// Done; what a verb answers.
    Ok(Value),
    /// Not done.
    Error(String),
    /// What a line of a session printed.
    Printed {
        /// Standard output.
        stdout: String,
        /// Standard error.
        stderr: String,
        /// Exit status.
        status: u32,
        /// A question that waits for `y`: run the line again, confirmed.
        question: Option<String>,
        /// The connection is to break off after this.
        cut: bool,
    },
}

/// Answers requests until the socket is gone. Removes a socket that nobody listens on.
///
/// # Errors
/// The socket cannot be made.
pub async fn serve(control: Control, socket: &Path) -> io::Result<()> {
    if socket.exists() && UnixStream::connect(socket).await.is_err() {
        std::fs::remove_file(socket)?;
    }
    let listener = UnixListener::bind(socket)?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(connection(control.clone(), stream));
    }
}

async fn connection(control: Control, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut session = None;
    while let Ok(Some(line)) = lines.next_line().await {
        let reply = match serde_json::from_str(&line) {
            Ok(request) => answer(&control, &mut session, request).await,
            Err(error) => Reply::Error(format!("not a request: {error}")),
        };
        let Ok(mut reply) = serde_json::to_vec(&reply) else {
            return;
        };
        reply.push(b'\n');
        if write.write_all(&reply).await.is_err() {
            return;
        }
    }
}

type Session = Option<(Arc<Seat>, Environment)>;

async fn answer(control: &Control, session: &mut Session, request: Request) -> Reply {
    match request {
        Request::Verb(verb) => match control.carry_out(verb).await {
            Ok(value) => Reply::Ok(value),
            Err(error) => Reply::Error(error.to_string()),
        },
        Request::Session {
            session: array,
            user,
        } => match control.engine.sit_down(&array, &user, "127.0.0.1") {
            Ok(seat) => {
                *session = Some((seat, Environment::default()));
                Reply::Ok(Value::Null)
            }
            // As a connection to it that is refused.
            Err(error @ NoSeat::Off(_)) => {
                let said = (String::new(), format!("{error}\n"), 255);
                printed_reply(said, None, true)
            }
            Err(error) => Reply::Error(error.to_string()),
        },
        Request::Line { line, confirmed } => match session {
            Some((seat, environment)) => run(seat, environment, &line, confirmed).await,
            None => Reply::Error("no session on this connection".to_owned()),
        },
    }
}

async fn run(seat: &Seat, environment: &mut Environment, line: &str, confirmed: bool) -> Reply {
    let mut printed = (String::new(), String::new(), 0);
    let commands = match words::split(line) {
        Ok(commands) => commands,
        Err(reason) => {
            return printed_reply(
                (String::new(), format!("Error: {reason}\n"), 1),
                None,
                false,
            );
        }
    };
    for command in commands {
        let Delivery {
            mut answer,
            only,
            cut,
            ..
        } = seat.carry_out(&command, environment, confirmed).await;
        let only = if cut { only.or(Some(0)) } else { only };
        if let Some(only) = only {
            let bytes = answer.stdout.as_bytes();
            answer.stdout = String::from_utf8_lossy(&bytes[..only.min(bytes.len())]).into_owned();
            answer.stderr.clear();
        }
        printed.0 += &answer.stdout;
        printed.1 += &answer.stderr;
        printed.2 = answer.status;
        if cut || answer.question.is_some() {
            return printed_reply(printed, answer.question, cut);
        }
    }
    printed_reply(printed, None, false)
}

fn printed_reply(
    (stdout, stderr, status): (String, String, u32),
    question: Option<String>,
    cut: bool,
) -> Reply {
    Reply::Printed {
        stdout,
        stderr,
        status,
        question,
        cut,
    }
}
