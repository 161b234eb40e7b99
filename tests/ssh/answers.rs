//! What the server answers. Its commands are named after what they do to the client.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use russh::ChannelId;
use russh::server::Handle;
use tokio::sync::watch;

use crate::server::{PROMPT, Seen};

/// A command being answered.
pub struct Answer {
    pub command: String,
    pub number: usize,
    pub held: watch::Receiver<bool>,
    pub seen: Arc<Seen>,
    pub handle: Handle,
    pub channel: ChannelId,
}

impl Answer {
    /// What commands say that do nothing odd.
    fn plain(&self) -> Option<String> {
        Some(
            match self.command.split_once(' ').unwrap_or((&self.command, "")) {
                ("greet", _) => "far end 3.1\n".to_owned(),
                ("whoami", _) => format!("you are session {}\n", self.number),
                ("say", text) => format!("{text}\n"),
                ("silent", _) => String::new(),
                ("crlf", _) => "one\r\ntwo\r\n".to_owned(),
                ("table", rows) => (0..rows.parse().unwrap_or(1))
                    .map(|row| format!("row {row} of a cli% table {row:>60}\n"))
                    .collect(),
                _ => return None,
            },
        )
    }

    pub async fn by_exec(&self) {
        if let Some(text) = self.plain() {
            self.out(&text).await;
            return self.end(Some(0)).await;
        }
        match self.command.as_str() {
            "fail" => {
                self.out("titles\n").await;
                self.err("no such thing\n").await;
                self.end(Some(1)).await;
            }
            "nostatus" => {
                self.out("partial").await;
                self.end(None).await;
            }
            "signal" => {
                self.out("some").await;
                let _ = self
                    .handle
                    .exit_signal_request(
                        self.channel,
                        russh::Sig::KILL,
                        false,
                        String::new(),
                        String::new(),
                    )
                    .await;
                self.end(None).await;
            }
            "cut" => {
                self.out("half an ans").await;
                let _ = self
                    .handle
                    .disconnect(russh::Disconnect::ByApplication, "cut".into(), "en".into())
                    .await;
            }
            "never" => {
                self.out("wait for it").await;
                std::future::pending::<()>().await;
            }
            "trickle" => {
                for byte in "first line\r\nsecond line\r\n".bytes() {
                    let _ = self.handle.data(self.channel, vec![byte]).await;
                }
                self.end(Some(0)).await;
            }
            "flood" => {
                self.out("begin\n").await;
                for _ in 0..5 * 32 {
                    let _ = self
                        .handle
                        .extended_data(self.channel, 1, vec![b'e'; 32 * 1024])
                        .await;
                }
                self.out("\nend\n").await;
                self.end(Some(0)).await;
            }
            "endless" => {
                while self
                    .handle
                    .data(self.channel, vec![b'x'; 32 * 1024])
                    .await
                    .is_ok()
                {}
            }
            "hold" => {
                let mut held = self.held.clone();
                let _ = held.wait_for(|released| *released).await;
                self.out("held\n").await;
                self.end(Some(0)).await;
            }
            other => {
                self.err(&format!("unknown: {other}\n")).await;
                self.end(Some(1)).await;
            }
        }
    }

    pub async fn out(&self, text: &str) {
        let _ = self
            .handle
            .data(self.channel, text.as_bytes().to_vec())
            .await;
    }
    async fn err(&self, text: &str) {
        let _ = self
            .handle
            .extended_data(self.channel, 1, text.as_bytes().to_vec())
            .await;
    }
    pub async fn end(&self, status: Option<u32>) {
        if let Some(status) = status {
            let _ = self.handle.exit_status_request(self.channel, status).await;
        }
        let _ = self.handle.eof(self.channel).await;
        let _ = self.handle.close(self.channel).await;
    }
}

/// A command typed into a shell.
pub struct Typed {
    pub answer: Answer,
    pub echoes: usize,
    pub trickle: bool,
}

impl Typed {
    pub async fn in_shell(self) {
        let command = &self.answer.command;
        // As a terminal and then the line editor behind it do, the second wrapped at 80 columns.
        let edited: String = format!("{PROMPT}{command}")
            .chars()
            .collect::<Vec<_>>()
            .chunks(80)
            .map(String::from_iter)
            .collect::<Vec<_>>()
            .join("\r\n");
        let echo = match self.echoes {
            0 => String::new(),
            1 => format!("{command}\r\n"),
            _ => format!("{command}\r\n{edited}\r\n"),
        };
        match command.as_str() {
            "never" => self.write(&format!("{echo}wait for it\r\n")).await,
            "leave" => {
                self.write(&format!("{echo}bye\r\n")).await;
                self.answer.end(Some(0)).await;
            }
            // A good answer, and more of it when nobody expects it.
            "afterthought" => {
                self.write(&format!("{echo}{PROMPT}")).await;
                self.answer.seen.poke.notified().await;
                self.write(&format!("by the way\r\n{PROMPT}")).await;
                self.answer
                    .seen
                    .afterthoughts
                    .fetch_add(1, Ordering::SeqCst);
            }
            other => {
                let text = self
                    .answer
                    .plain()
                    .unwrap_or_else(|| format!("unknown: {other}\n"))
                    .replace("\r\n", "\n")
                    .replace('\n', "\r\n");
                self.write(&format!("{echo}{text}{PROMPT}")).await;
            }
        }
    }

    pub async fn write(&self, text: &str) {
        if self.trickle {
            for byte in text.bytes() {
                let _ = self
                    .answer
                    .handle
                    .data(self.answer.channel, vec![byte])
                    .await;
            }
        } else {
            self.answer.out(text).await;
        }
    }
}
