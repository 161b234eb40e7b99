//! The engine's side of a test: HTTP as it goes over the wire, nothing added and nothing retried.

use std::path::Path;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// The headers of an engine before 20.10.27: an empty `Host`, and no `Content-Type` at all.
pub const ENGINE: &str = "Host:\r\nUser-Agent: Go-http-client/1.1\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n";

/// One connection.
pub struct Client {
    stream: UnixStream,
    /// Read, and not part of the last reply.
    ahead: Vec<u8>,
}

/// One answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub json: Value,
}

impl Reply {
    /// The text of an error, which every error has.
    pub fn err(&self) -> &str {
        assert_ne!(self.status, 200, "{self:?}");
        self.json["Err"].as_str().unwrap()
    }
}

impl Client {
    pub async fn connect(socket: &Path) -> Self {
        Self {
            stream: UnixStream::connect(socket).await.unwrap(),
            ahead: Vec::new(),
        }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Sends a request as an engine does.
    pub async fn ask(&mut self, path: &str, body: &str) {
        self.send(post(path, ENGINE, body).as_bytes()).await;
    }

    /// Sends a request as an engine does and reads the answer.
    pub async fn call(&mut self, path: &str, body: &str) -> Reply {
        self.ask(path, body).await;
        self.reply().await
    }

    /// Reads one answer.
    pub async fn reply(&mut self) -> Reply {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await;
        };
        let head = String::from_utf8(self.ahead.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let header = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
        };
        let length: usize = header("content-length").unwrap().parse().unwrap();
        while self.ahead.len() < length {
            self.more().await;
        }
        let body: Vec<u8> = self.ahead.drain(..length).collect();
        let json = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            header("content-type").as_deref(),
            Some("application/vnd.docker.plugins.v1.2+json")
        );
        Reply { status, head, json }
    }

    async fn more(&mut self) {
        let read = self.stream.read_buf(&mut self.ahead).await.unwrap();
        assert_ne!(
            read,
            0,
            "closed after {:?}",
            String::from_utf8_lossy(&self.ahead)
        );
    }

    /// Waits for the end of the connection; one byte before it is a failure.
    pub async fn closed_without_a_byte(mut self) {
        // A connection that ends with unread bytes on the other side ends with an error here; what counts is what came.
        let _ = self.stream.read_buf(&mut self.ahead).await;
        assert!(
            self.ahead.is_empty(),
            "got {}",
            String::from_utf8_lossy(&self.ahead)
        );
    }

    /// Sends what the plugin may refuse to read to its end, and reads at the same time.
    pub async fn send_all_and_read_rest(self, bytes: &[u8]) -> Vec<u8> {
        let (mut reader, mut writer) = self.stream.into_split();
        let mut rest = Vec::new();
        let (_, _) = tokio::join!(writer.write_all(bytes), reader.read_to_end(&mut rest));
        rest
    }
}

/// A request with a length.
pub fn post(path: &str, headers: &str, body: &str) -> String {
    format!(
        "POST /{path} HTTP/1.1\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
