//! One channel: a command, or a session that reads commands.

use std::sync::Arc;
use std::time::Duration;

use russh::ChannelId;
use russh::server::Handle;
use tokio::sync::{Notify, mpsc, watch};

use crate::commands::{Answer, Environment};
use crate::engine::{Delivery, Engine, NoSeat, Seat};
use crate::terminal::{Read, Terminal};
use crate::words;

/// What comes from the client.
pub(super) enum Input {
    Bytes(Vec<u8>),
    End,
}

/// Both ends of a channel.
pub(super) struct Terminals {
    pub(super) handle: Handle,
    pub(super) channel: ChannelId,
    pub(super) input: mpsc::UnboundedReceiver<Input>,
    pub(super) cut: Arc<Notify>,
    /// Bytes that have gone to the client, encrypted.
    pub(super) sent: watch::Receiver<u64>,
    /// The same when the command or shell was asked for: more have gone when the reply to that has.
    pub(super) sent_before: u64,
    pub(super) engine: Arc<Engine>,
    /// Columns of the pty, if there is one.
    pub(super) width: Option<usize>,
    /// The client has no more to say.
    pub(super) ended: bool,
}

/// The connection was cut: nothing more to say.
struct Cut;

/// Time for packets that are on their way.
const DRAIN: Duration = Duration::from_millis(50);

/// Number of the stream for standard error in SSH.
const STDERR: u32 = 1;

impl Terminals {
    /// There are too many sessions: says so and ends the connection.
    pub(super) async fn too_many(mut self) {
        let before = *self.sent.borrow_and_update();
        let text = format!("{}\n", NoSeat::TooMany);
        let bytes = text.len();
        let _ = self.handle.extended_data(self.channel, STDERR, text).await;
        let _ = self.handle.exit_status_request(self.channel, 1).await;
        let _ = self.handle.eof(self.channel).await;
        let _ = self.handle.close(self.channel).await;
        self.cut_behind(before, bytes).await;
    }

    /// Carries out a line and ends with its exit status.
    pub(super) async fn exec(mut self, seat: Arc<Seat>, line: String) {
        let mut environment = Environment::default();
        let switched = |name: &str| self.engine.switch(&seat.array, name);
        let errors_on_stdout = switched("errors_on_stdout");
        let errors_exit_zero = switched("errors_exit_zero");
        let mut no_status = switched("no_exit_status");
        let commands = if switched("shell_only") {
            Ok(Vec::new())
        } else {
            words::split(&line)
        };
        let commands = match commands {
            Ok(commands) => commands,
            Err(reason) => {
                let _ = self
                    .handle
                    .extended_data(self.channel, STDERR, format!("Error: {reason}\n"))
                    .await;
                return self.end((!no_status).then_some(1)).await;
            }
        };
        let mut status = 0;
        for command in commands {
            let mut delivery = seat.carry_out(&command, &mut environment, false).await;
            if let Some(question) = delivery.answer.question.take() {
                self.say(question).await;
                if self.agreed(&seat).await {
                    delivery = seat.carry_out(&command, &mut environment, true).await;
                }
            }
            if errors_on_stdout || self.width.is_some() {
                let stderr = std::mem::take(&mut delivery.answer.stderr);
                delivery.answer.stdout += &stderr;
            }
            status = delivery.answer.status;
            no_status |= delivery.no_status;
            let width = self.width;
            if self
                .deliver(delivery, |text| {
                    Terminal::new(width, String::new()).show(text)
                })
                .await
                .is_err()
            {
                return;
            }
        }
        if errors_exit_zero {
            status = 0;
        }
        self.end((!no_status).then_some(status)).await;
    }

    /// The answer to a question outside an interactive session: one line.
    async fn agreed(&mut self, seat: &Seat) -> bool {
        let mut line = Vec::new();
        loop {
            match self.next().await {
                Some(bytes) => line.extend(bytes),
                None => {
                    if self.engine.switch(&seat.array, "closed_stdin_hangs") {
                        seat.hang().await;
                    }
                    return false;
                }
            }
            if line.contains(&b'\n') {
                return is_yes(&String::from_utf8_lossy(&line));
            }
        }
    }

    /// Reads commands until `exit` or the end of the input.
    pub(super) async fn shell(mut self, seat: Arc<Seat>) {
        let mut environment = Environment::default();
        let mut terminal = Terminal::new(self.width, format!("{} cli% ", seat.array));
        self.engine.wait_latency(&seat.array).await;
        self.echo_what_came(&mut terminal).await;
        while let Some(line) = self.line(&mut terminal, None).await {
            let commands = match words::split(&line) {
                Ok(commands) => commands,
                Err(reason) => {
                    let text = terminal.show(&format!("Error: {reason}\n"));
                    self.say(text).await;
                    continue;
                }
            };
            for command in commands {
                if command
                    .first()
                    .is_some_and(|name| matches!(name.as_str(), "exit" | "quit"))
                {
                    return self.end(Some(0)).await;
                }
                let mut delivery = seat.carry_out(&command, &mut environment, false).await;
                self.echo_what_came(&mut terminal).await;
                if let Some(question) = delivery.answer.question.take() {
                    let answer = self.line(&mut terminal, Some(&question)).await;
                    if answer.is_none() && self.engine.switch(&seat.array, "closed_stdin_hangs") {
                        seat.hang().await;
                    }
                    if answer.is_some_and(|answer| is_yes(&answer)) {
                        delivery = seat.carry_out(&command, &mut environment, true).await;
                    }
                }
                // A terminal has one stream.
                let stderr = std::mem::take(&mut delivery.answer.stderr);
                delivery.answer.stdout += &stderr;
                if self
                    .deliver(delivery, |text| terminal.show(text))
                    .await
                    .is_err()
                {
                    return;
                }
            }
        }
        self.say(terminal.show("\n")).await;
        self.end(Some(0)).await;
    }

    /// The next line after the prompt or a question; none at the end of the input.
    async fn line(&mut self, terminal: &mut Terminal, question: Option<&str>) -> Option<String> {
        let shown = terminal.ask(question);
        self.say(shown).await;
        loop {
            let (read, echo) = terminal.read();
            self.say(echo).await;
            match read {
                Some(Read::Line(line)) => return Some(line),
                Some(Read::End) => return None,
                None => {}
            }
            match self.next().await {
                Some(bytes) => {
                    let echo = terminal.feed(&bytes);
                    self.say(echo).await;
                }
                // A last line without an end counts, if something is on it.
                None => return terminal.rest(),
            }
        }
    }

    /// The terminal's own echo of what was typed while nothing read it.
    async fn echo_what_came(&mut self, terminal: &mut Terminal) {
        while let Ok(input) = self.input.try_recv() {
            match input {
                Input::Bytes(bytes) => {
                    let echo = terminal.feed(&bytes);
                    self.say(echo).await;
                }
                Input::End => self.ended = true,
            }
        }
    }

    /// What the client types next; none when it has no more to say.
    async fn next(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        match self.input.recv().await {
            Some(Input::Bytes(bytes)) => Some(bytes),
            Some(Input::End) | None => {
                self.ended = true;
                None
            }
        }
    }

    /// Sends an answer as its faults demand.
    async fn deliver(
        &mut self,
        delivery: Delivery,
        show: impl Fn(&str) -> String,
    ) -> Result<(), Cut> {
        let Delivery {
            answer: Answer { stdout, stderr, .. },
            only,
            cut,
            trickle,
            ..
        } = delivery;
        if cut && only.is_none() {
            let before = self.sent_before;
            self.cut_behind(before, 1).await;
            return Err(Cut);
        }
        let before = *self.sent.borrow_and_update();
        let mut left = only.unwrap_or(usize::MAX);
        let mut given = 0;
        for (text, stream) in [(show(&stdout), None), (show(&stderr), Some(STDERR))] {
            let bytes = &text.as_bytes()[..left.min(text.len())];
            left -= bytes.len();
            given += bytes.len();
            let piece = if trickle { 1 } else { bytes.len().max(1) };
            for piece in bytes.chunks(piece) {
                let _ = match stream {
                    None => self.handle.data(self.channel, piece.to_vec()).await,
                    Some(stream) => {
                        self.handle
                            .extended_data(self.channel, stream, piece.to_vec())
                            .await
                    }
                };
            }
        }
        if cut {
            self.cut_behind(before, given).await;
            return Err(Cut);
        }
        Ok(())
    }

    /// Cuts the connection when `bytes` of content have gone to the client since `before`. An SSH disconnect would not
    /// do: clients throw away what they have not read when they see one.
    async fn cut_behind(&mut self, before: u64, bytes: usize) {
        let _ = self
            .sent
            .wait_for(|sent| *sent >= before + bytes as u64)
            .await;
        if bytes > 1 {
            // What was counted may have been the reply to the request for the channel.
            tokio::time::sleep(DRAIN).await;
        }
        self.cut.notify_one();
    }

    async fn say(&self, text: String) {
        if !text.is_empty() {
            let _ = self.handle.data(self.channel, text).await;
        }
    }

    async fn end(self, status: Option<u32>) {
        if let Some(status) = status {
            let _ = self.handle.exit_status_request(self.channel, status).await;
        }
        let _ = self.handle.eof(self.channel).await;
        let _ = self.handle.close(self.channel).await;
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim(), "y" | "yes")
}
