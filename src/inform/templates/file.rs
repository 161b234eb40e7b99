//! The TOML of a template, and of an administrator's file that changes how answers are read.

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;
use toml::de::DeTable;

use super::{
    pattern::Pattern,
    read::{KeyValueShape, LineShape, RefusalPattern, SectionsShape, Shape, SilentShape},
    table::TableShape,
};

/// A file of templates/inform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateFile {
    /// The command line. `{name}` is an argument; a word that is one and has an entry in `options` is written as that says, or
    /// left out if the argument is not given.
    pub(super) command: String,
    #[serde(default)]
    pub(super) options: BTreeMap<String, String>,
    /// The form that shows whether a changing command did what it should.
    pub(super) proof: Option<String>,
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

impl TemplateFile {
    /// The one shape the file has.
    pub(super) fn shape(&self) -> Option<Shape> {
        let all = [
            self.silent.clone().map(Shape::Silent),
            self.line.clone().map(Shape::Line),
            self.table.clone().map(Shape::Table),
            self.sections.clone().map(Shape::Sections),
            self.key_value.clone().map(Shape::KeyValue),
        ];
        let mut found = all.into_iter().flatten();
        found.next().filter(|_| found.next().is_none())
    }
}

/// refusals.toml: what any command may answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusalsFile {
    pub(super) refusals: Vec<RefusalPattern>,
}

/// What an administrator may set: reading patterns and column names, and how a listing ends.
const SETTABLE: [&str; 9] = [
    "empty",
    "ignore",
    "accepts",
    "titles",
    "cell",
    "items",
    "pattern",
    "after",
    "ends_blank",
];
/// Where those are; what is in `keys` may be set too.
const READING: [&str; 7] = [
    "silent",
    "line",
    "table",
    "sections",
    "key_value",
    "empty",
    "ignore",
];

/// What is wrong with an administrator's file, and where.
pub(super) type Misfit = (Range<usize>, String);

/// A table, or a value for a key, of an administrator's file.
type Setting = (Vec<String>, Range<usize>, Option<toml::Value>);

/// The template `base` as changed by the TOML `text`. What the template does not have cannot be changed.
pub(super) fn overlay(base: &str, text: &str) -> Result<TemplateFile, Misfit> {
    let at = |e: toml::de::Error| (e.span().unwrap_or(0..0), e.message().to_owned());
    let spans = DeTable::parse(text).map_err(at)?;
    let values: toml::Table = toml::from_str(text).map_err(at)?;
    let mut settings = Vec::new();
    collect(spans.get_ref(), &values, &[], &mut settings);
    settings.sort_by_key(|(_, span, _)| span.start);
    let mut merged: toml::Table = toml::from_str(base).map_err(at)?;
    for (path, span, value) in settings {
        let refuse = |why: &str| (span.clone(), format!("`{}` {why}", path.join(".")));
        let settable = match path.as_slice() {
            [.., parent, _] if parent == "keys" => true,
            [.., key] if value.is_some() => SETTABLE.contains(&key.as_str()),
            _ => true,
        };
        if !settable || !READING.contains(&path[0].as_str()) {
            return Err(refuse(
                "cannot be changed here; only reading patterns and column names can",
            ));
        }
        let inner = if value.is_some() {
            path.len() - 1
        } else {
            path.len()
        };
        let table = path[..inner]
            .iter()
            .try_fold(&mut merged, |table, key| table.get_mut(key)?.as_table_mut());
        let table = table.ok_or_else(|| refuse("is not in this command's template"))?;
        if let Some(value) = value {
            table.insert(path[inner].clone(), value);
            // After each value, so that a wrong one is found where it stands.
            let file = TemplateFile::deserialize(merged.clone());
            file.map_err(|e| (span.clone(), e.message().to_owned()))?;
        }
    }
    TemplateFile::deserialize(merged).map_err(at)
}

fn collect(spans: &DeTable<'_>, values: &toml::Table, path: &[String], to: &mut Vec<Setting>) {
    for (key, value) in spans {
        let name = key.get_ref().to_string();
        let path = [path, std::slice::from_ref(&name)].concat();
        match (value.get_ref().as_table(), values.get(&name)) {
            (Some(inner), Some(toml::Value::Table(values))) => {
                to.push((path.clone(), key.span(), None));
                collect(inner, values, &path, to);
            }
            (_, plain) => to.push((path, key.span(), plain.cloned())),
        }
    }
}
