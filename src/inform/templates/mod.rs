//! Templates: how a command is written and how its answer is read, as plain TOML.
//!
//! A file of templates/inform is one command, or one form of it (`createhost-add`). `createvv.4.toml` takes the place of
//! `createvv.toml` from InForm OS 4 on. docs/templates.md has every key.

mod builtin;
mod judge;
mod pattern;
mod read;
mod table;
mod template;

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use self::judge::RefusalPattern;
use super::template_dir::{self, Source, TemplateError};

pub use self::template::Template;

/// All templates.
#[derive(Debug)]
pub struct Templates {
    all: BTreeMap<&'static str, Template>,
    refusals: Vec<RefusalPattern>,
}

/// refusals.toml: what any command may answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusalsFile {
    refusals: Vec<RefusalPattern>,
}

impl Templates {
    /// The templates compiled in, changed by the files of `template_dir` if that exists.
    ///
    /// # Errors
    /// [`TemplateError`] with file and line: a file for no known command, or one that holds more than reading patterns and
    /// column names.
    pub fn load(template_dir: Option<&Path>) -> Result<Self, TemplateError> {
        let mut changes = template_dir::read(template_dir)?;
        let mut all = BTreeMap::new();
        for (name, text) in builtin::TEMPLATES {
            let source = Source::builtin(name, text);
            let file = match changes.remove(*name) {
                Some(change) => change.over(text)?,
                None => source.parse()?,
            };
            let template = Template::new(name, file)
                .ok_or_else(|| source.wrong(None, "its name is wrong, or it has not one shape"))?;
            all.insert(*name, template);
        }
        if let Some(change) = changes.values().next() {
            return Err(change.wrong(None, "no command has a template of this name"));
        }
        let (name, text) = builtin::REFUSALS;
        let RefusalsFile { refusals } = Source::builtin(name, text).parse()?;
        Ok(Self { all, refusals })
    }

    /// The template of a form for an OS level; without a level the one for the oldest.
    pub fn get(&self, form: &str, major: Option<u32>) -> Option<&Template> {
        let forms = self.all.values().filter(|t| t.form == form);
        forms
            .filter(|t| t.since <= major.unwrap_or_default())
            .max_by_key(|t| t.since)
    }

    /// True if the form is written differently on some OS levels.
    pub(in crate::inform) fn varies(&self, form: &str) -> bool {
        self.all.values().any(|t| t.form == form && t.since > 0)
    }

    /// Every template, by the name of its file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.all.iter().map(|(name, template)| (*name, template))
    }
}
