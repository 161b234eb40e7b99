//! Options and words of a command line.

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Call, Command};
use crate::table::Style;

/// Flags that every command takes.
const EVERYWHERE: [&str; 3] = ["csvtable", "nohdtot", "listdom"];

/// A command's options, and the words that are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The words that are no options, in their order.
    pub words: Vec<String>,
    /// How to print: what `setclienv` set, and `-csvtable`, `-nohdtot`.
    pub style: Style,
    /// `listdom` or `-listdom`.
    pub listdom: bool,
    flags: BTreeSet<String>,
    values: BTreeMap<String, Vec<String>>,
}

impl Options {
    /// Reads [`Call::args`]. Options may stand anywhere; a word counts as one if it is a dash and a letter.
    ///
    /// # Errors
    /// A usage text with the word `SYNTAX`, for an unknown option or a missing value.
    pub fn parse(command: &Command, call: &Call<'_>) -> Result<Self, Answer> {
        let mut options = Self {
            style: call.environment.style,
            listdom: call.environment.listdom,
            ..Self::default()
        };
        let mut args = call.args.iter();
        while let Some(arg) = args.next() {
            let name = arg
                .strip_prefix('-')
                .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()));
            match name {
                None => options.words.push(arg.clone()),
                Some(name) if command.valued.contains(&name) => {
                    let Some(value) = args.next() else {
                        return Err(usage(command, &format!("Option -{name} needs a value")));
                    };
                    options
                        .values
                        .entry(name.to_owned())
                        .or_default()
                        .push(value.clone());
                }
                Some(name) if command.flags.contains(&name) || EVERYWHERE.contains(&name) => {
                    options.flags.insert(name.to_owned());
                }
                Some(name) => return Err(usage(command, &format!("Invalid option -{name}"))),
            }
        }
        options.style.csv |= options.has("csvtable");
        options.style.nohdtot |= options.has("nohdtot");
        options.listdom |= options.has("listdom");
        Ok(options)
    }

    /// Is this flag given? Without the dash.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.contains(flag)
    }

    /// Value of this option; the last one, if it is given twice.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .and_then(|values| values.last())
            .map(String::as_str)
    }

    /// All values of an option that may be repeated.
    pub fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

/// The usage text that follows a wrong option or wrong words.
pub fn usage(command: &Command, mistake: &str) -> Answer {
    Answer::refuses_on_stderr(format!(
        "{}: {mistake}\n\nSYNTAX\n    {}\n",
        command.name, command.syntax
    ))
}
