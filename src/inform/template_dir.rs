//! `template_dir`: the files in which an administrator changes how answers are read, and nothing else.

use std::{collections::BTreeMap, fs, io, ops::Range, path::Path, path::PathBuf};

use serde::Deserialize;
use toml::de::{DeTable, DeValue, Deserializer};

/// Why a template cannot be used. Stops the start.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("`{}`, line {line}: {why}", path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// What may be in an administrator's file: reading patterns and column names, how a listing ends, and the tables of these.
const CHANGEABLE: [&str; 18] = [
    "silent",
    "accepts",
    "line",
    "pattern",
    "table",
    "columns",
    "titles",
    "cell",
    "items",
    "sections",
    "parts",
    "ends_blank",
    "lines",
    "key_value",
    "keys",
    "after",
    "empty",
    "ignore",
];
/// The tables whose keys are names.
const OF_NAMES: [&str; 3] = ["columns", "parts", "keys"];

/// The TOML of one file.
pub(super) struct Source {
    path: PathBuf,
    text: String,
}

/// The administrator's files, by name; none if there is no such folder.
pub(super) fn read(dir: Option<&Path>) -> Result<BTreeMap<String, Source>, TemplateError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| TemplateError::Io { path, source }
    };
    let mut found = BTreeMap::new();
    let Some(dir) = dir else { return Ok(found) };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other.map_err(io(dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(io(dir))?;
        let path = entry.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let text = fs::read_to_string(&path).map_err(io(&path))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            found.insert(name, Source { path, text });
        }
    }
    Ok(found)
}

impl Source {
    /// A file that is compiled in.
    pub(super) fn builtin(name: &str, text: &str) -> Self {
        Self {
            path: name.into(),
            text: text.to_owned(),
        }
    }

    /// Says what is wrong, and in which line.
    pub(super) fn wrong(&self, span: Option<Range<usize>>, why: &str) -> TemplateError {
        let before = self.text.get(..span.map_or(0, |span| span.start));
        let lines: Vec<&str> = why.lines().map(str::trim).collect();
        TemplateError::Wrong {
            path: self.path.clone(),
            line: before.unwrap_or(&self.text).matches('\n').count() + 1,
            why: lines.join(" "),
        }
    }

    fn misread(&self, error: &toml::de::Error) -> TemplateError {
        self.wrong(error.span(), error.message())
    }

    /// The file by itself.
    pub(super) fn parse<'de, T: Deserialize<'de>>(&'de self) -> Result<T, TemplateError> {
        toml::from_str(&self.text).map_err(|error| self.misread(&error))
    }

    /// The template `base` as this file changes it. What the template does not have cannot be changed.
    pub(super) fn over<'de, T: Deserialize<'de>>(
        &'de self,
        base: &'de str,
    ) -> Result<T, TemplateError> {
        let misread = |error| self.misread(&error);
        let mut merged = DeTable::parse(base).map_err(misread)?;
        let changes = DeTable::parse(&self.text).map_err(misread)?;
        self.merge(merged.get_mut(), changes.into_inner(), "")?;
        // The values keep their places in the text, so that a wrong one is found where it stands.
        let file = T::deserialize(Deserializer::from(merged)).map_err(misread)?;
        log::info!(file:% = self.path.display(); "template changed by the administrator");
        Ok(file)
    }

    fn merge<'de>(
        &self,
        base: &mut DeTable<'de>,
        changes: DeTable<'de>,
        table: &str,
    ) -> Result<(), TemplateError> {
        for (key, change) in changes {
            let name = key.get_ref().clone();
            let refuse = |why: &str| Err(self.wrong(Some(key.span()), &format!("`{name}` {why}")));
            if !OF_NAMES.contains(&table) && !CHANGEABLE.contains(&&*name) {
                return refuse(
                    "cannot be changed here; only reading patterns and column names can",
                );
            }
            let there = base.get_mut(&key).map(|value| value.get_mut());
            match (there, change.get_ref()) {
                (Some(DeValue::Table(inner)), DeValue::Table(changes)) => {
                    self.merge(inner, changes.clone(), &name)?;
                }
                (_, DeValue::Table(_)) => return refuse("is not in this command's template"),
                _ => {
                    base.insert(key, change);
                }
            }
        }
        Ok(())
    }
}
