//! The other end of the control socket.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use hpe3par_sim::control::Verb;
use hpe3par_sim::control::socket::{Reply, Request};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines, Stdin};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::Outcome;

/// Exit status when the array breaks the connection off, as `ssh` has it.
const BROKEN_OFF: u8 = 255;

/// A connection to a running simulator.
struct Line {
    read: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Line {
    async fn open(socket: &Path) -> Result<Self, String> {
        let stream = UnixStream::connect(socket).await;
        let stream =
            stream.map_err(|error| format!("no simulator at `{}`: {error}", socket.display()))?;
        let (read, write) = stream.into_split();
        Ok(Self {
            read: BufReader::new(read).lines(),
            write,
        })
    }

    async fn ask(&mut self, request: &Request) -> Result<Reply, Box<dyn std::error::Error>> {
        let mut text = serde_json::to_vec(request)?;
        text.push(b'\n');
        self.write.write_all(&text).await?;
        let reply = self.read.next_line().await?.ok_or("the simulator ended")?;
        Ok(serde_json::from_str(&reply)?)
    }
}

/// Carries out a verb and prints its answer, if it has one.
pub async fn verb(socket: &Path, verb: Verb) -> Outcome {
    match Line::open(socket).await?.ask(&Request::Verb(verb)).await? {
        Reply::Ok(serde_json::Value::Null) => {}
        Reply::Ok(serde_json::Value::String(text)) => println!("{text}"),
        Reply::Ok(value) => println!("{value:#}"),
        Reply::Error(error) => return Err(error.into()),
        Reply::Printed { .. } => return Err("an unexpected answer".into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The command line of one array: one command, or a session on standard input.
pub async fn cli(socket: &Path, array: String, user: String, command: Option<String>) -> Outcome {
    let mut line = Line::open(socket).await?;
    let prompt = format!("{array} cli% ");
    let begin = Request::Session {
        session: array,
        user,
    };
    match line.ask(&begin).await? {
        Reply::Error(error) => {
            eprintln!("{error}");
            return Ok(ExitCode::FAILURE);
        }
        Reply::Printed {
            stderr, cut: true, ..
        } => {
            eprint!("{stderr}");
            return Ok(ExitCode::from(BROKEN_OFF));
        }
        Reply::Ok(_) | Reply::Printed { .. } => {}
    }
    let mut typed = BufReader::new(tokio::io::stdin()).lines();
    if let Some(command) = command {
        return Ok(match run(&mut line, &mut typed, command).await? {
            Some(status) => ExitCode::from(status),
            None => ExitCode::from(BROKEN_OFF),
        });
    }
    loop {
        show(&prompt)?;
        match typed.next_line().await? {
            None => break,
            Some(command) if matches!(command.trim(), "exit" | "quit") => {
                return Ok(ExitCode::SUCCESS);
            }
            Some(command) => {
                if run(&mut line, &mut typed, command).await?.is_none() {
                    return Ok(ExitCode::from(BROKEN_OFF));
                }
            }
        }
    }
    show("\n")?;
    Ok(ExitCode::SUCCESS)
}

/// Runs one line, asks what it asks, prints what it prints. None if the connection is to break off.
async fn run(
    line: &mut Line,
    typed: &mut Lines<BufReader<Stdin>>,
    command: String,
) -> Result<Option<u8>, Box<dyn std::error::Error>> {
    let mut confirmed = false;
    loop {
        let reply = line
            .ask(&Request::Line {
                line: command.clone(),
                confirmed,
            })
            .await?;
        let Reply::Printed {
            stdout,
            stderr,
            status,
            question,
            cut,
        } = reply
        else {
            return Err("an unexpected answer".into());
        };
        show(&stdout)?;
        eprint!("{stderr}");
        if cut {
            return Ok(None);
        }
        let Some(question) = question else {
            return Ok(Some(u8::try_from(status).unwrap_or(u8::MAX)));
        };
        show(&question)?;
        let answer = typed.next_line().await?.unwrap_or_default();
        if !matches!(answer.trim(), "y" | "yes") {
            return Ok(Some(0));
        }
        confirmed = true;
    }
}

fn show(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}
