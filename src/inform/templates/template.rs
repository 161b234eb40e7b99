//! One template: what its TOML may hold, and how its command line is written.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    judge::RefusalPattern,
    pattern::Pattern,
    read::{KeyValueShape, LineShape, SectionsShape, SilentShape},
    table::TableShape,
};
use crate::inform::quoting::{Args, RenderError, fence};

/// One command, or one form of it, on one range of InForm OS levels.
#[derive(Debug, Clone)]
pub struct Template {
    pub(super) form: String,
    pub(super) since: u32,
    pub(super) shape: Shape,
    pub(super) file: TemplateFile,
}

/// A file of templates/inform. It has exactly one of the five shapes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateFile {
    /// The command line. `{name}` is an argument; a word that is one and has an entry in `options` is written as that says, or
    /// left out if the argument is not given.
    command: String,
    #[serde(default)]
    options: BTreeMap<String, String>,
    /// Sentences that mean an empty list; the only line there is.
    #[serde(default)]
    pub(super) empty: Vec<Pattern>,
    /// Lines that may be there and mean nothing.
    #[serde(default)]
    pub(super) ignore: Vec<Pattern>,
    /// Lines that mean no, tried before those of refusals.toml.
    #[serde(default)]
    pub(super) refusals: Vec<RefusalPattern>,
    silent: Option<SilentShape>,
    line: Option<LineShape>,
    table: Option<TableShape>,
    sections: Option<SectionsShape>,
    key_value: Option<KeyValueShape>,
}

/// The five ways of reading an answer.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Silent(SilentShape),
    Line(LineShape),
    Table(TableShape),
    Sections(SectionsShape),
    KeyValue(KeyValueShape),
}

impl Template {
    /// The template in a file of this name; none if name or shape are wrong.
    pub(super) fn new(name: &str, mut file: TemplateFile) -> Option<Self> {
        let stem = name.strip_suffix(".toml")?;
        let (form, since) = stem.split_once('.').unwrap_or((stem, "0"));
        let shapes = [
            file.silent.take().map(Shape::Silent),
            file.line.take().map(Shape::Line),
            file.table.take().map(Shape::Table),
            file.sections.take().map(Shape::Sections),
            file.key_value.take().map(Shape::KeyValue),
        ];
        let mut shapes = shapes.into_iter().flatten();
        Some(Self {
            form: form.to_owned(),
            since: since.parse().ok()?,
            shape: shapes.next().filter(|_| shapes.next().is_none())?,
            file,
        })
    }

    /// The name of the form, such as `showvlun-t`.
    pub fn form(&self) -> &str {
        &self.form
    }

    /// The major number of the InForm OS from which on this template counts; 0 for all.
    pub fn since(&self) -> u32 {
        self.since
    }

    /// The form that shows whether this command did what it should; none for one that only reads.
    pub fn proof(&self) -> Option<&str> {
        match &self.shape {
            Shape::Silent(silent) => Some(&silent.proof),
            _ => None,
        }
    }

    /// True if the command changes something on the array, so that it must never be sent twice blindly.
    pub fn changes(&self) -> bool {
        self.proof().is_some()
    }

    /// The command line with its places, `{name}`.
    pub(in crate::inform) fn command(&self) -> &str {
        &self.file.command
    }

    /// Writes the command line.
    pub(in crate::inform) fn render(&self, args: &Args) -> Result<String, RenderError> {
        args.check()?;
        let command = &self.file.command;
        let option = |word: &str| {
            let name = word.strip_prefix('{')?.strip_suffix('}')?;
            let text = self.file.options.get(name)?;
            Some(args.get(name).map_or("", |_| text))
        };
        let words = command.split_whitespace();
        let words = words.map(|word| option(word).unwrap_or(word));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let mut line = words.join(" ");
        let quotes = line.matches('"').count();
        // No value holds a brace, so none is taken for a place.
        for (name, values) in args.iter() {
            let place = format!("{{{name}}}");
            if !command.contains(&place) && !line.contains(&place) {
                return Err(RenderError::NotOffered(format!("`{name}`")));
            }
            if !values.is_empty() {
                line = line.replace(&place, &values.join(" "));
            }
        }
        // This stops a place whose argument is missing, too.
        let Some((place, text)) = args.quotation() else {
            return fence(line, quotes);
        };
        let (before, after) = line
            .split_once(&place)
            .ok_or_else(|| RenderError::NotOffered(format!("`{place}`")))?;
        let (before, after) = (fence(before.to_owned(), 0)?, fence(after.to_owned(), 0)?);
        Ok(format!("{before}{text}{after}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(name: &str, shapes: &str) -> Option<Template> {
        let text = format!("command = \"showdate\"\n{shapes}");
        Template::new(name, toml::from_str(&text).unwrap())
    }

    const LINE: &str = "[line]\npattern = '.'\n";
    const SILENT: &str = "[silent]\nproof = 'showvv'\n";

    #[test]
    fn a_file_has_one_shape_and_a_name_that_tells_the_level() {
        let both = format!("{LINE}{SILENT}");
        assert!(template("showdate.toml", &both).is_none());
        assert!(template("showdate.toml", "").is_none());
        assert!(template("showdate.four.toml", LINE).is_none());
        assert!(template("showdate.txt", LINE).is_none());
        let later = template("showdate.4.toml", LINE).unwrap();
        assert_eq!((later.form(), later.since()), ("showdate", 4));
        let silent = template("showdate.toml", SILENT).unwrap();
        assert_eq!((silent.since(), silent.proof()), (0, Some("showvv")));
    }
}
