//! The command line's end.

use std::{
    io,
    path::{Path, PathBuf},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request as HttpRequest,
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::messages::{Answer, Failure, Line, Request};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("the plugin does not run here: nobody answers at `{0}`")]
    NotRunning(PathBuf),
    /// Somebody listens, and this user may not ask.
    #[error("this user may not ask the plugin: `{path}`: {source}")]
    NotPermitted {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection ended before the last line.
    #[error("the plugin ended before it had answered")]
    Ended,
    /// A line that is none of this release.
    #[error("the plugin that runs answers what this release does not understand: {0}")]
    NotUnderstood(String),
    /// The plugin says why.
    #[error("{}", .0.message)]
    Failed(Failure),
}

impl ClientError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotRunning(_) => Some(
                "start it (`systemctl start hpe3par-docker`, or `hpe3par-docker serve`); if it has another hpe.conf, say which with `--config`"
                    .to_owned(),
            ),
            Self::NotPermitted { .. } => Some("be the user that it runs as, mostly root".to_owned()),
            Self::Ended => Some(
                "what it had begun is in its journal, and is completed or taken back when it runs again; then look with `hpe3par-docker volume show`"
                    .to_owned(),
            ),
            Self::NotUnderstood(_) => {
                Some("restart it, so that it is of the release of this command".to_owned())
            }
            Self::Failed(failure) => failure.hint.clone(),
        }
    }
}

/// Asks the plugin, and hands on what it tells while it is at work.
///
/// # Errors
/// [`ClientError`].
pub async fn ask(
    socket: &Path,
    request: &Request,
    mut progress: impl FnMut(&str),
) -> Result<Answer, ClientError> {
    let stream = UnixStream::connect(socket).await.map_err(|source| {
        if source.kind() == io::ErrorKind::PermissionDenied {
            let path = socket.to_owned();
            ClientError::NotPermitted { path, source }
        } else {
            ClientError::NotRunning(socket.to_owned())
        }
    })?;
    let mut body = send(stream, request).await?;
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ClientError::Ended)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        read.extend_from_slice(&data);
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = read.drain(..=end).collect();
            let line = serde_json::from_slice(&line)
                .map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
            match line {
                Line::Progress(text) => progress(&text),
                Line::Done(answer) => return Ok(answer),
                Line::Failed(failure) => return Err(ClientError::Failed(failure)),
            }
        }
    }
    Err(ClientError::Ended)
}

async fn send(stream: UnixStream, request: &Request) -> Result<Incoming, ClientError> {
    let ended = |_| ClientError::Ended;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(ended)?;
    // It ends with the body.
    tokio::spawn(connection);
    let body = serde_json::to_vec(request)
        .map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
    let request = HttpRequest::post("/")
        .header("Host", "operator")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| ClientError::NotUnderstood(error.to_string()))?;
    Ok(sender
        .send_request(request)
        .await
        .map_err(ended)?
        .into_body())
}
