//! Commands typed into one long-lived shell, for far ends that refuse exec.
//!
//! There is no end of file between two answers, only the prompt. What makes its recognition safe: the exact prompt is learned at
//! login; the terminal is asked not to echo, and whether the far end's line editor echoes nevertheless is learned too, so that a
//! prompt that comes *before* the echo is not taken for the end; a prompt must be followed by silence; and before each command
//! nothing may be left to read, otherwise the shell is given up before anything is sent.

use std::io::{ErrorKind, Read, Write};
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use regex::Regex;
use ssh2::{Channel, ErrorCode, PtyModeOpcode, PtyModes, Session};

use super::Greeting;
use super::error::SshError;
use super::exec::{self, Limits, set_timeout};

/// Wide enough that no command and no table line is wrapped.
const COLUMNS: u32 = 1000;
/// High enough that no pager starts.
const ROWS: u32 = 1000;
/// Silence after a prompt that is taken for the end of an answer.
const SETTLE: Duration = Duration::from_millis(50);
/// The same while prompt and echo are not known yet.
const SETTLE_UNKNOWN: Duration = Duration::from_millis(300);
/// The same if the command was echoed less often than at login: the rest may be on its way.
const SETTLE_UNSURE: Duration = Duration::from_secs(2);
/// After this idle time a shell is asked for a sign of life first, because writing to a dead connection seems to work.
const TRUSTED: Duration = Duration::from_secs(10);

/// A shell that has shown its prompt.
pub(super) struct Shell {
    channel: Channel,
    /// The last line the far end leaves, without spaces at its end.
    prompt: String,
    /// How often it echoes a command: 0, 1 or 2.
    echoes: usize,
    used: Instant,
}

impl Shell {
    /// Opens a shell, waits for the prompt and learns from the probe what prompt and echo look like. Gives the probe's answer too.
    pub(super) fn open(
        session: &Session,
        greeting: &Greeting,
        limits: &Limits<'_>,
    ) -> Result<(Self, String), SshError> {
        let mut channel = exec::open(session, limits)?;
        let mut modes = PtyModes::new();
        modes.set_boolean(PtyModeOpcode::ECHO, false);
        channel
            .request_pty("vt100", Some(modes), Some((COLUMNS, ROWS, 0, 0)))
            .and_then(|()| channel.shell())
            .map_err(|error| limits.not_sent("opening a shell", &error))?;
        let mut shell = Self {
            channel,
            prompt: String::new(),
            echoes: 0,
            used: Instant::now(),
        };
        let banner = shell.read_until(session, limits, |so_far| {
            greeting
                .prompt
                .is_match(&clean(so_far))
                .then_some(SETTLE_UNKNOWN)
        })?;
        shell.prompt = last_line(&clean(&banner)).to_owned();
        shell.write(session, &greeting.probe, limits)?;
        let answer = shell.read_until(session, limits, |so_far| {
            greeting
                .prompt
                .is_match(&clean(so_far))
                .then_some(SETTLE_UNKNOWN)
        })?;
        let answer = clean(&answer);
        // A banner without a line end would be part of the first prompt, but not of the second.
        shell.prompt = last_line(&answer).to_owned();
        let (echoes, rest) = strip_echo(&answer, &shell.prompt, &greeting.probe);
        shell.echoes = echoes;
        let text = strip_prompt(rest, &shell.prompt).unwrap_or(rest).to_owned();
        Ok((shell, text))
    }

    /// Runs one command. After an error the whole session must be closed.
    pub(super) fn run(
        &mut self,
        session: &Session,
        command: &str,
        limits: &Limits<'_>,
    ) -> Result<String, SshError> {
        if !self.is_quiet(session) {
            return Err(limits.lost("the shell has ended, or wrote something nobody asked for"));
        }
        if self.used.elapsed() > TRUSTED {
            sign_of_life(session, limits)?;
        }
        limits.sent.store(true, Ordering::SeqCst);
        self.write(session, command, limits)?;
        let (prompt, echoes) = (self.prompt.clone(), self.echoes);
        let bytes = self.read_until(session, limits, |so_far| {
            // Cheap test first: this runs for every piece that arrives.
            let text = if ends_like(so_far, &prompt) {
                clean(so_far)
            } else {
                return None;
            };
            let (seen, rest) = strip_echo(&text, &prompt, command);
            strip_prompt(rest, &prompt)?;
            match seen {
                _ if seen >= echoes => Some(SETTLE),
                0 => None,
                _ => Some(SETTLE_UNSURE),
            }
        })?;
        self.used = Instant::now();
        let text = clean(&bytes);
        let (_, rest) = strip_echo(&text, &prompt, command);
        Ok(strip_prompt(rest, &prompt).unwrap_or(rest).to_owned())
    }

    /// True if there is nothing to read but blanks. What arrives unasked belongs to an earlier command, and every answer from then on
    /// would be taken for that of another.
    pub(super) fn is_quiet(&mut self, session: &Session) -> bool {
        session.set_blocking(false);
        let mut buffer = [0; 1024];
        let quiet = loop {
            match self.channel.read(&mut buffer) {
                Ok(0) => break false,
                Ok(count) if buffer[..count].iter().all(u8::is_ascii_whitespace) => {}
                Ok(_) => break false,
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        session.set_blocking(true);
        quiet
    }

    fn write(
        &mut self,
        session: &Session,
        command: &str,
        limits: &Limits<'_>,
    ) -> Result<(), SshError> {
        let Some(left) = limits.left() else {
            return Err(limits.too_late(&[]));
        };
        set_timeout(session, left);
        self.channel
            .write_all(format!("{command}\n").as_bytes())
            .map_err(|error| limits.cut(error.to_string(), &[]))
    }

    /// Reads until `complete` says so and the far end has been silent for as long as it says.
    fn read_until(
        &mut self,
        session: &Session,
        limits: &Limits<'_>,
        complete: impl Fn(&[u8]) -> Option<Duration>,
    ) -> Result<Vec<u8>, SshError> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 32 * 1024];
        let mut settle: Option<Instant> = None;
        loop {
            let now = Instant::now();
            if settle.is_some_and(|until| now >= until) {
                return Ok(bytes);
            }
            let Some(left) = limits.left() else {
                return Err(limits.too_late(&bytes));
            };
            set_timeout(
                session,
                settle
                    .map_or(left, |until| until - now)
                    .min(left)
                    .min(Duration::from_millis(250)),
            );
            match self.channel.read(&mut buffer) {
                Ok(0) if self.channel.eof() => {
                    return Err(limits.cut("the shell has ended", &bytes));
                }
                Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::TimedOut => continue,
                Err(error) => return Err(limits.cut(error.to_string(), &bytes)),
            }
            limits.check_size(&bytes)?;
            settle = complete(&bytes).map(|silence| Instant::now() + silence);
        }
    }
}

/// A round trip that has nothing to do with the shell: any answer to a second channel will do, even a refusal.
fn sign_of_life(session: &Session, limits: &Limits<'_>) -> Result<(), SshError> {
    /// libssh2's LIBSSH2_ERROR_CHANNEL_FAILURE: the far end refuses the channel.
    const REFUSED: ErrorCode = ErrorCode::Session(-21);
    set_timeout(
        session,
        limits.left().unwrap_or_default().min(limits.patience),
    );
    match session.channel_session() {
        Ok(mut channel) => {
            let _ = channel.close();
            Ok(())
        }
        Err(error) if error.code() == REFUSED => Ok(()),
        Err(error) => Err(limits.not_sent("asking for a sign of life", &error)),
    }
}

/// Text with LF line ends, without the control sequences of a terminal.
fn clean(bytes: &[u8]) -> String {
    static CONTROL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>]|\x07|\x00").ok());
    let text = String::from_utf8_lossy(bytes);
    let text = CONTROL.as_ref().map_or(text.clone(), |control| {
        control.replace_all(&text, "").into_owned().into()
    });
    text.replace("\r\r\n", "\n").replace("\r\n", "\n")
}

/// Whether the end may be the prompt, give or take blanks and control sequences after it.
fn ends_like(bytes: &[u8], prompt: &str) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(prompt.len() + 64)..];
    String::from_utf8_lossy(tail).contains(prompt)
}

fn last_line(text: &str) -> &str {
    text.trim_end()
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim()
}

/// The text before the prompt at its end, and after one that is glued to its beginning. `None` if it does not end in the prompt.
fn strip_prompt<'a>(text: &'a str, prompt: &str) -> Option<&'a str> {
    let body = text.trim_end().strip_suffix(prompt)?;
    Some(match body.trim_start().strip_prefix(prompt) {
        Some(rest) => rest.trim_start_matches(' '),
        None => body,
    })
}

/// Takes the echo of the command off, once or twice, each alone or behind a prompt, and wrapped at any width. Gives how many there
/// were, and what is left.
fn strip_echo<'a>(text: &'a str, prompt: &str, command: &str) -> (usize, &'a str) {
    let mut rest = text;
    for echoes in 0..2 {
        let line = rest.trim_start();
        let line = line.strip_prefix(prompt).unwrap_or(line);
        match after_echo(line, command) {
            Some(after) => rest = after,
            None => return (echoes, rest),
        }
    }
    (2, rest)
}

/// What follows the command at the beginning of `text`, if the command is all that its line holds. Line editors wrap with blanks,
/// CR and LF at any place, so blanks are not compared.
fn after_echo<'a>(text: &'a str, command: &str) -> Option<&'a str> {
    let mut rest = text;
    for wanted in command
        .chars()
        .filter(|character| !character.is_whitespace())
    {
        rest = rest.trim_start().strip_prefix(wanted)?;
    }
    let (line, after) = rest.split_once('\n')?;
    line.trim().is_empty().then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str = "north_07 cli%";

    /// What a command's answer is, once all of `raw` has come.
    fn answer(raw: &str, command: &str) -> (usize, Option<String>) {
        let text = clean(raw.as_bytes());
        let (echoes, rest) = strip_echo(&text, PROMPT, command);
        (echoes, strip_prompt(rest, PROMPT).map(str::to_owned))
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn echo_none_once_twice() {
        assert_eq!(
            answer("a\r\nb\r\nnorth_07 cli% ", "showx"),
            (0, some("a\nb\n"))
        );
        assert_eq!(
            answer("showx -d\r\na\r\nnorth_07 cli% ", "showx -d"),
            (1, some("a\n"))
        );
        assert_eq!(
            answer(
                "showx -d\r\nnorth_07 cli% showx -d\r\na\r\nnorth_07 cli% ",
                "showx -d"
            ),
            (2, some("a\n"))
        );
        assert_eq!(
            answer("showx\r\nnorth_07 cli% ", "showx"),
            (1, some("")),
            "silence"
        );
    }

    #[test]
    fn echo_wrapped_at_80_columns() {
        let command = "creatething -pol one_host -comment dk1/ns=/name=db1/home=121649/op=host7.4f2a/state=ready/origin=blank/fmt=done prod gold 10g";
        assert!(command.len() > 80);
        for join in ["\r\n", " \r", "\r\r\n", "\n"] {
            let first = 80 - PROMPT.len() - 1;
            let echo = format!(
                "north_07 cli% {}{join}{}{join}{}",
                &command[..first],
                &command[first..110],
                &command[110..]
            );
            assert_eq!(
                answer(&format!("{echo}\r\ndone\r\nnorth_07 cli% "), command),
                (1, some("done\n")),
                "{join:?}"
            );
            let twice = format!("{command}\r\n{echo}\r\nnorth_07 cli% ");
            assert_eq!(answer(&twice, command), (2, some("")), "{join:?}");
        }
    }

    #[test]
    fn an_answer_is_not_taken_for_an_echo() {
        assert_eq!(
            answer("showx\r\nshowx: unknown\r\nnorth_07 cli% ", "showx"),
            (1, some("showx: unknown\n"))
        );
        assert_eq!(
            answer("showxy\r\nnorth_07 cli% ", "showx"),
            (0, some("showxy\n"))
        );
    }

    #[test]
    fn the_prompt_may_be_glued_to_the_text() {
        assert_eq!(
            answer("last line without endnorth_07 cli%", "showx"),
            (0, some("last line without end"))
        );
        assert_eq!(
            answer("showx\nnorth_07 cli% text\nnorth_07 cli%", "showx"),
            (1, some("text\n"))
        );
        assert_eq!(
            answer("showx\r\nsouth_08 cli% ", "showx"),
            (1, None),
            "another's prompt is text"
        );
    }

    #[test]
    fn no_prefix_of_a_twice_echoed_answer_counts_as_complete() {
        let raw = "showx\r\nnorth_07 cli% showx\r\na cli% b\r\nc\r\nnorth_07 cli% ";
        for end in 0..raw.len() - 1 {
            let (echoes, text) = answer(&raw[..end], "showx");
            assert!(echoes < 2 || text.is_none(), "{:?}", &raw[..end]);
        }
        assert_eq!(answer(raw, "showx"), (2, some("a cli% b\nc\n")));
    }

    #[test]
    fn control_sequences_are_not_text() {
        assert_eq!(clean(b"\x1b[?2004h\x1b[1mname\x1b[0m\r\n\x07x"), "name\nx");
        assert!(ends_like(b"....north_07 cli% \x1b[K", PROMPT));
        assert_eq!(last_line("Welcome\nnorth_07 cli% \n"), PROMPT);
    }
}
