//! Templates: how a command is written and how its answer is read, as plain TOML.
//!
//! A file of templates/inform is one command, or one form of it (`createhost-add`). `createvv.4.toml` takes the place of
//! `createvv.toml` from InForm OS 4 on. docs/templates.md has every key.

mod builtin;
mod cut;
mod file;
mod pattern;
mod read;
mod replay;
mod row;
mod table;

use std::{collections::BTreeMap, fs, io, ops::Range, path::Path, path::PathBuf, sync::LazyLock};

use regex::Regex;

use self::{
    file::{RefusalsFile, TemplateFile},
    read::{Judge, RefusalPattern, Shape},
};
use super::{
    error::Refusal,
    quoting::{Args, is_safe_line},
};

pub(in crate::inform) use self::{read::unrecognised, row::is_none};
pub use self::{
    read::{Problem, ProblemKind},
    row::Row,
};

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

impl TemplateError {
    fn wrong(path: &Path, text: &str, span: Option<Range<usize>>, why: impl Into<String>) -> Self {
        let before = text.get(..span.map_or(0, |s| s.start)).unwrap_or(text);
        let why: String = why.into();
        let why = why.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        Self::Wrong {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            why,
        }
    }

    fn toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        Self::wrong(path, text, error.span(), error.message())
    }
}

/// Why a command line cannot be written.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::inform) enum RenderError {
    /// This OS has no such option.
    NotOffered(String),
    /// An argument, and its value.
    Unsafe(String, String),
}

/// One command, or one form of it, on one range of InForm OS levels.
#[derive(Debug, Clone)]
pub struct Template {
    form: String,
    since: u32,
    file: TemplateFile,
    shape: Shape,
}

/// All templates.
#[derive(Debug)]
pub struct Templates {
    all: BTreeMap<String, Template>,
    refusals: Vec<RefusalPattern>,
}

impl Templates {
    /// The templates compiled in, changed by the files of `template_dir` if that exists.
    ///
    /// # Errors
    /// [`TemplateError`] with file and line: a file for no known command, or one that holds more than reading patterns and
    /// column names.
    pub fn load(template_dir: Option<&Path>) -> Result<Self, TemplateError> {
        let mut all = BTreeMap::new();
        for (name, text) in builtin::TEMPLATES {
            let path = Path::new(name);
            let file: TemplateFile =
                toml::from_str(text).map_err(|e| TemplateError::toml(path, text, &e))?;
            all.insert((*name).to_owned(), Template::new(path, text, file)?);
        }
        let path = Path::new(builtin::REFUSALS.0);
        let text = builtin::REFUSALS.1;
        let refusals: RefusalsFile =
            toml::from_str(text).map_err(|e| TemplateError::toml(path, text, &e))?;
        check_kinds(path, text, &refusals.refusals)?;
        let mut templates = Self {
            all,
            refusals: refusals.refusals,
        };
        if let Some(dir) = template_dir {
            templates.read_dir(dir)?;
        }
        Ok(templates)
    }

    fn read_dir(&mut self, dir: &Path) -> Result<(), TemplateError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| TemplateError::Io { path, source }
        };
        let entries = match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(io(dir))?,
        };
        for entry in entries {
            let path = entry.map_err(io(dir))?.path();
            if path.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(io(&path))?;
            let name = path
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            let (_, base) = builtin::TEMPLATES
                .iter()
                .find(|(known, _)| *known == name)
                .ok_or_else(|| {
                    let why = "no command has a template of this name";
                    TemplateError::wrong(&path, &text, None, why)
                })?;
            let file = file::overlay(base, &text)
                .map_err(|(span, why)| TemplateError::wrong(&path, &text, Some(span), why))?;
            let template = Template::new(Path::new(&name), &text, file)?;
            self.all.insert(name, template);
            log::info!(file:% = path.display(); "template changed by the administrator");
        }
        Ok(())
    }

    /// The template of a form for an OS level; without a level the one for the oldest.
    pub fn get(&self, form: &str, major: Option<u32>) -> Option<&Template> {
        let mut fit: Vec<&Template> = self
            .all
            .values()
            .filter(|t| t.form == form && t.since <= major.unwrap_or_default())
            .collect();
        fit.sort_by_key(|t| t.since);
        fit.pop()
    }

    /// True if the form is written differently on some OS levels.
    pub(in crate::inform) fn varies(&self, form: &str) -> bool {
        self.all.values().any(|t| t.form == form && t.since > 0)
    }

    /// The template a command line was written with, on an OS level if that is known: for replaying a transcript.
    pub fn find(&self, command_line: &str, major: Option<u32>) -> Option<&Template> {
        let words: Vec<&str> = command_line.split_whitespace().collect();
        self.all
            .values()
            .filter(|t| t.literal().next() == words.first().copied())
            .filter(|t| {
                let mut rest = words.iter();
                t.literal().all(|word| rest.any(|w| *w == word))
            })
            .filter(|t| t.since <= major.unwrap_or(u32::MAX))
            .max_by_key(|t| (t.literal().count(), t.since))
    }

    /// Every template, by the name of its file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Template)> {
        self.all
            .iter()
            .map(|(name, template)| (name.as_str(), template))
    }

    /// Judges an answer: rows if it is complete and understood, none for a silent success or an empty list.
    ///
    /// # Errors
    /// [`Problem`]: refused, truncated or not understood.
    pub fn judge(
        &self,
        template: &Template,
        text: &str,
        exit_status: Option<i32>,
    ) -> Result<Vec<Row>, Problem> {
        let file = &template.file;
        let refusals = [file.refusals.as_slice(), self.refusals.as_slice()];
        Judge {
            shape: &template.shape,
            empty: &file.empty,
            ignore: &file.ignore,
            refusals,
        }
        .judge(text, exit_status)
    }
}

fn check_kinds(path: &Path, text: &str, refusals: &[RefusalPattern]) -> Result<(), TemplateError> {
    match refusals
        .iter()
        .find(|r| Refusal::from_word(&r.kind, None).is_none())
    {
        None => Ok(()),
        Some(bad) => {
            let why = format!("`{}` is no kind of refusal", bad.kind);
            Err(TemplateError::wrong(path, text, None, why))
        }
    }
}

static PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\{(\w+)\}").ok());

impl Template {
    fn new(path: &Path, text: &str, file: TemplateFile) -> Result<Self, TemplateError> {
        let wrong = |why: &str| TemplateError::wrong(path, text, None, why);
        let shape = file
            .shape()
            .ok_or_else(|| wrong("exactly one way of reading is needed"))?;
        if matches!(shape, Shape::Silent(_)) && file.proof.is_none() {
            return Err(wrong(
                "a silent command needs a `proof`: silence proves nothing",
            ));
        }
        check_kinds(path, text, &file.refusals)?;
        let stem = path
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        let (form, since) = match stem.rsplit_once('.') {
            Some((form, since)) => (
                form.to_owned(),
                since
                    .parse()
                    .map_err(|_| wrong("the file's name ends in no number"))?,
            ),
            None => (stem, 0),
        };
        Ok(Self {
            form,
            since,
            file,
            shape,
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
        self.file.proof.as_deref()
    }

    /// True if the command changes something on the array, so that it must never be sent twice blindly.
    pub fn changes(&self) -> bool {
        matches!(self.shape, Shape::Silent(_))
    }

    fn literal(&self) -> impl Iterator<Item = &str> {
        self.file
            .command
            .split_whitespace()
            .filter(|word| !word.contains('{'))
    }

    /// Writes the command line.
    pub(in crate::inform) fn render(&self, args: &Args) -> Result<String, RenderError> {
        if let Some((name, value)) = args.first_unsafe() {
            return Err(RenderError::Unsafe(name.to_owned(), value.to_owned()));
        }
        let mut used = Vec::new();
        let mut line: Vec<String> = Vec::new();
        for word in self.file.command.split_whitespace() {
            let name = word.strip_prefix('{').and_then(|w| w.strip_suffix('}'));
            match name.and_then(|name| Some((name, self.file.options.get(name)?))) {
                Some((name, _)) if args.get(name).is_none() => {}
                Some((name, option)) => {
                    used.push(name.to_owned());
                    for word in option.split_whitespace() {
                        line.push(fill(word, args, &mut used)?);
                    }
                }
                None => line.push(fill(word, args, &mut used)?),
            }
        }
        if let Some(name) = args.names().find(|name| !used.iter().any(|u| u == name)) {
            return Err(RenderError::NotOffered(format!("`{name}`")));
        }
        let line = line.join(" ");
        if is_safe_line(&line) {
            Ok(line)
        } else {
            Err(RenderError::Unsafe("the line".to_owned(), line))
        }
    }
}

/// Puts arguments in the places of one word.
fn fill(word: &str, args: &Args, used: &mut Vec<String>) -> Result<String, RenderError> {
    let mut filled = word.to_owned();
    for place in PLACE.iter().flat_map(|p| p.captures_iter(word)) {
        let name = &place[1];
        let words = args.get(name).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| RenderError::NotOffered(format!("a missing `{name}`")))?;
        filled = filled.replace(&place[0], &words.join(" "));
        used.push(name.to_owned());
    }
    Ok(filled)
}
