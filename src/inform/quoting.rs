//! Arguments, and the last fence before a command line is sent.
//!
//! Every argument is a checked type of `model`, so nothing needs quoting; the fence makes sure that stays so. Quotes are a template's own,
//! round a command that is itself an argument. The one exception is a text that a person wrote on an array and that is written back there as
//! it was.

use crate::model::Size;

/// Why a command line cannot be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RenderError {
    /// This OS has no such option.
    NotOffered(String),
    /// An argument or the line, and what is in it.
    Unsafe(String, String),
}

/// Named arguments of one command. A flag is an argument without words.
#[derive(Debug, Default, Clone)]
pub(super) struct Args {
    words: Vec<(&'static str, Vec<String>)>,
    quoted: Option<(&'static str, String)>,
}

impl Args {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a value. It becomes exactly one word of the command line.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.words.push((name, vec![value.to_string()]));
        self
    }

    /// Adds a value if there is one.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a list; each item becomes one word.
    pub(super) fn with_each<T: ToString>(mut self, name: &'static str, values: &[T]) -> Self {
        self.words
            .push((name, values.iter().map(ToString::to_string).collect()));
        self
    }

    /// Adds a flag if `on`.
    pub(super) fn flag(mut self, name: &'static str, on: bool) -> Self {
        if on {
            self.words.push((name, Vec::new()));
        }
        self
    }

    /// Adds a size as `createvv` takes it: `50g`, or a plain number of MiB.
    pub(super) fn size(self, name: &'static str, size: Size) -> Self {
        let mib = size.mib();
        let text = if mib.is_multiple_of(1024) {
            format!("{}g", mib / 1024)
        } else {
            mib.to_string()
        };
        self.with(name, text)
    }

    pub(super) fn get(&self, name: &str) -> Option<&[String]> {
        self.words
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, words)| words.as_slice())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        self.words
            .iter()
            .map(|(name, words)| (*name, words.as_slice()))
    }

    /// Adds a text in quotes, which may be empty. There is at most one in a command.
    pub(super) fn quoted(mut self, name: &'static str, text: &str) -> Self {
        self.quoted = Some((name, text.to_owned()));
        self
    }

    /// The place of the text in quotes, and how it is written there.
    pub(super) fn quotation(&self) -> Option<(String, String)> {
        let (name, text) = self.quoted.as_ref()?;
        Some((format!("{{{name}}}"), quote(text)))
    }

    /// An error names the first argument that is not made of safe words, and the word.
    pub(super) fn check(&self) -> Result<(), RenderError> {
        if let Some((name, text)) = self.quoted.as_ref()
            && !can_be_quoted(text)
        {
            return Err(RenderError::Unsafe((*name).to_owned(), text.clone()));
        }
        for (name, words) in self.iter() {
            if let Some(word) = words.iter().find(|word| !is_safe_word(word)) {
                return Err(RenderError::Unsafe(name.to_owned(), word.clone()));
            }
        }
        Ok(())
    }
}

/// One word that the CLI cannot take for an option, a quote, a separator or two words.
pub(super) fn is_safe_word(word: &str) -> bool {
    !word.is_empty() && !word.starts_with('-') && word.chars().all(is_safe)
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._:@%=/,*-".contains(c)
}

/// True for a text that can be written back to an array as it is: printable ASCII, without blanks at its ends, which no listing shows.
pub fn can_be_quoted(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic() || c == ' ') && text.trim() == text
}

/// In quotes, as the command line takes it apart (array fact 118).
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if "\"\\$[]".contains(c) {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// The fence: what a whole line may consist of; of quotes it has as many as its template, none left open.
pub(super) fn fence(line: String, quotes: usize) -> Result<String, RenderError> {
    let is_quoted_right = quotes.is_multiple_of(2) && line.matches('"').count() == quotes;
    let is_allowed = |c| is_safe(c) || c == ' ' || c == '"';
    if !line.is_empty() && is_quoted_right && line.chars().all(is_allowed) {
        Ok(line)
    } else {
        Err(RenderError::Unsafe("the line".to_owned(), line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(name: &str, text: &str) -> Result<T, RenderError> {
        Err(RenderError::Unsafe(name.to_owned(), text.to_owned()))
    }

    #[test]
    fn an_argument_is_one_word_and_no_option() {
        for bad in [
            "", "-f", "a b", "a;b", "a\"b", "a'b", "a\nb", "a\\b", "$a", "a|b", "ä", "a`b", "a>b",
            "a&b",
        ] {
            assert_eq!(Args::new().with("x", bad).check(), refused("x", bad));
        }
        assert_eq!(
            Args::new().with("x", "dk1/ns=/name=a%20b/op=h.1").check(),
            Ok(())
        );
        assert_eq!(
            Args::new().with_each("x", &["a", "b c"]).check(),
            refused("x", "b c")
        );
        assert_eq!(
            fence("createvv {size}".to_owned(), 0),
            refused("the line", "createvv {size}")
        );
        for (line, quotes) in [("x \"y z\"", 0), ("x \"y\" \"", 2), ("x \"y", 1)] {
            assert_eq!(
                fence(line.to_owned(), quotes),
                refused("the line", line),
                "{line}"
            );
        }
        assert!(fence("x \"y z\" 1".to_owned(), 2).is_ok());
    }

    #[test]
    fn a_text_in_quotes_can_neither_end_them_nor_be_replaced() {
        assert_eq!(quote(""), "\"\"");
        assert_eq!(
            quote(r#"{"a": "b"}; removevv -f $x [exit] \"#),
            r#""{\"a\": \"b\"}; removevv -f \$x \[exit\] \\""#
        );
        for fine in ["", "Oracle; data", "{\"a\": 1}"] {
            assert!(can_be_quoted(fine), "{fine}");
        }
        for bad in ["a\nb", "\u{e4}", "\t", " a", "a "] {
            assert!(!can_be_quoted(bad), "{bad}");
            assert_eq!(Args::new().quoted("x", bad).check(), refused("x", bad));
        }
    }

    #[test]
    fn sizes_are_written_in_gib_where_they_are_whole() {
        assert_eq!(
            Args::new().size("s", Size::from_gib(50)).get("s").unwrap(),
            ["50g"]
        );
        assert_eq!(
            Args::new()
                .size("s", Size::from_mib(1500))
                .get("s")
                .unwrap(),
            ["1500"]
        );
    }
}
