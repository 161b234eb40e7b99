//! What an interactive session does with typed bytes: echo, lines, prompt, line ends. No input and output of its own.
//!
//! With a pty bytes that come while nothing reads them are echoed by the terminal at once; when the command line reads
//! them later it echoes them again after its prompt and breaks lines at the width of the terminal. Without a pty
//! nothing is echoed and the prompt sticks to the answer (array fact 46).

/// One interactive session.
#[derive(Debug)]
pub struct Terminal {
    /// Width of the pty in columns; none without a pty.
    width: Option<usize>,
    prompt: String,
    /// Bytes that were not read yet.
    waiting: Vec<u8>,
    /// What of the current line was read.
    typed: String,
    column: usize,
    reading: bool,
}

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// A line, without its end.
    Line(String),
    /// Ctrl-D on an empty line.
    End,
}

const CTRL_C: char = '\u{3}';
const CTRL_D: char = '\u{4}';
const BACKSPACE: [char; 2] = ['\u{8}', '\u{7f}'];

impl Terminal {
    /// `width` in columns with a pty, none without. A width of 0 counts as 80.
    pub fn new(width: Option<usize>, prompt: String) -> Self {
        let width = width.map(|width| if width == 0 { 80 } else { width });
        Self {
            width,
            prompt,
            waiting: Vec::new(),
            typed: String::new(),
            column: 0,
            reading: false,
        }
    }

    /// Text in the form in which the terminal shows it.
    pub fn show(&self, text: &str) -> String {
        if self.width.is_some() {
            text.replace('\n', "\r\n")
        } else {
            text.to_owned()
        }
    }

    /// Begins to read a line after `question`, or after the prompt. Gives what to show.
    pub fn ask(&mut self, question: Option<&str>) -> String {
        self.reading = true;
        self.typed.clear();
        let shown = self.show(question.unwrap_or(&self.prompt));
        self.column = shown
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count();
        shown
    }

    /// Bytes that were typed. Gives the echo of the terminal itself, which comes only while nothing reads.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        self.waiting.extend_from_slice(bytes);
        if self.reading || self.width.is_none() {
            return String::new();
        }
        String::from_utf8_lossy(bytes)
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .replace('\n', "\r\n")
    }

    /// Reads until a line is complete. Gives the line, if it is, and the echo of what was read.
    pub fn read(&mut self) -> (Option<Read>, String) {
        let mut echo = String::new();
        let text = match std::str::from_utf8(&self.waiting) {
            Ok(text) => text.to_owned(),
            // The rest of a character is still on its way.
            Err(cut) if cut.error_len().is_none() => {
                String::from_utf8_lossy(&self.waiting[..cut.valid_up_to()]).into_owned()
            }
            Err(_) => String::from_utf8_lossy(&self.waiting).into_owned(),
        };
        let mut used = 0;
        let mut read = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            used += c.len_utf8();
            match c {
                '\r' | '\n' => {
                    if c == '\r' && chars.next_if_eq(&'\n').is_some() {
                        used += 1;
                    }
                    self.echo("\r\n", &mut echo);
                    read = Some(Read::Line(std::mem::take(&mut self.typed)));
                    break;
                }
                CTRL_D if self.width.is_some() && self.typed.is_empty() => {
                    read = Some(Read::End);
                    break;
                }
                CTRL_C if self.width.is_some() => {
                    self.echo("^C\r\n", &mut echo);
                    self.typed.clear();
                    read = Some(Read::Line(String::new()));
                    break;
                }
                c if self.width.is_some() && BACKSPACE.contains(&c) => {
                    if self.typed.pop().is_some() {
                        self.echo("\u{8} \u{8}", &mut echo);
                        self.column = self.column.saturating_sub(1);
                    }
                }
                c => {
                    self.typed.push(c);
                    self.echo_char(c, &mut echo);
                }
            }
        }
        self.waiting.drain(..used.min(self.waiting.len()));
        self.reading = read.is_none();
        (read, echo)
    }

    /// Everything after the last line end, when the input is at its end.
    pub fn rest(&mut self) -> Option<String> {
        Some(std::mem::take(&mut self.typed)).filter(|rest| !rest.trim().is_empty())
    }

    fn echo(&self, text: &str, echo: &mut String) {
        if self.width.is_some() {
            echo.push_str(text);
        }
    }

    fn echo_char(&mut self, c: char, echo: &mut String) {
        let Some(width) = self.width else { return };
        if self.column == width {
            echo.push_str("\r\n");
            self.column = 0;
        }
        echo.push(c);
        self.column += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Read, Terminal};

    fn terminal(width: Option<usize>) -> Terminal {
        Terminal::new(width, "north cli% ".to_owned())
    }

    fn line(text: &str) -> Option<Read> {
        Some(Read::Line(text.to_owned()))
    }

    #[test]
    fn without_a_pty_nothing_is_echoed_and_the_prompt_sticks() {
        let mut terminal = terminal(None);
        assert_eq!(terminal.feed(b"showsys\nshow"), "");
        assert_eq!(terminal.ask(None), "north cli% ");
        assert_eq!(terminal.read(), (line("showsys"), String::new()));
        assert_eq!(terminal.show("a\nb\n"), "a\nb\n");
        assert_eq!(terminal.read(), (None, String::new()));
        assert_eq!(terminal.rest().as_deref(), Some("show"));
    }

    #[test]
    fn input_that_comes_too_early_is_echoed_twice() {
        let mut terminal = terminal(Some(80));
        assert_eq!(
            terminal.feed(b"setclienv csvtable 1\nexit\n"),
            "setclienv csvtable 1\r\nexit\r\n"
        );
        assert_eq!(terminal.ask(None), "north cli% ");
        assert_eq!(
            terminal.read(),
            (
                line("setclienv csvtable 1"),
                "setclienv csvtable 1\r\n".to_owned()
            )
        );
        assert_eq!(terminal.ask(None), "north cli% ");
        assert_eq!(terminal.read(), (line("exit"), "exit\r\n".to_owned()));
    }

    #[test]
    fn input_at_the_prompt_is_echoed_once_and_edited() {
        let mut terminal = terminal(Some(80));
        terminal.ask(None);
        assert_eq!(terminal.feed(b"shox\x7fw"), "");
        assert_eq!(terminal.read(), (None, "shox\u{8} \u{8}w".to_owned()));
        terminal.feed(b"sys\r");
        assert_eq!(terminal.read(), (line("showsys"), "sys\r\n".to_owned()));
        terminal.ask(None);
        terminal.feed(b"\x04");
        assert_eq!(terminal.read().0, Some(Read::End));
    }

    #[test]
    fn a_long_line_is_broken_at_the_width() {
        let mut terminal = terminal(Some(20));
        terminal.ask(None);
        terminal.feed(b"abcdefghijkl\n");
        // The prompt takes 11 of the 20 columns.
        assert_eq!(
            terminal.read(),
            (line("abcdefghijkl"), "abcdefghi\r\njkl\r\n".to_owned())
        );
    }

    #[test]
    fn text_gets_the_line_ends_of_a_terminal() {
        assert_eq!(terminal(Some(80)).show("a\nb\n"), "a\r\nb\r\n");
    }
}
