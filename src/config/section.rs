//! Reading one section, key by key, while every mistake and every effective value is written down.

use serde::Serialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    keys::{self, Place},
    mistake::{KeyProblem, Mistake, Problem},
    values::{shown, shown_key},
    warning::{Doubt, Warning},
};

/// What holds for one key, for `config show`. Secrets are shown as `***`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Section without its brackets, as TOML.
    pub section: String,
    /// The key.
    pub key: &'static str,
    /// The value as TOML.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// This line of the section itself.
    Line(usize),
    /// This line of `[DEFAULT]`.
    Default(usize),
    /// Nothing was given.
    BuiltIn,
}

/// What came out of reading, besides the values.
pub(super) struct Report<'t> {
    text: &'t str,
    /// Not TOML but the format of the python plugin.
    pub(super) old_format: bool,
    pub(super) mistakes: Vec<Mistake>,
    pub(super) warnings: Vec<Warning>,
    pub(super) settings: Vec<Setting>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            old_format: false,
            mistakes: Vec::new(),
            warnings: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// The line a byte offset is in, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// A value that stands in this line.
    pub(super) fn at_line<T>(&self, line: usize, value: T) -> Spanned<T> {
        let before = self.text.split_inclusive('\n').take(line - 1);
        let offset = before.map(str::len).sum();
        Spanned::new(offset..offset, value)
    }
}

/// One section.
pub(super) struct Section<'t> {
    /// Without brackets.
    pub(super) name: String,
    line: usize,
    place: Place,
    table: &'t DeTable<'t>,
    default: Option<&'t DeTable<'t>>,
}

/// A key as it stands somewhere.
struct Found<'t> {
    line: usize,
    section: &'t str,
    value: &'t DeValue<'t>,
    origin: Origin,
}

impl<'t> Section<'t> {
    /// A section whose head is at byte `at`. `default` is `[DEFAULT]`, unless this is it.
    pub(super) fn new(
        name: String,
        at: usize,
        place: Place,
        table: &'t DeTable<'t>,
        default: Option<&'t DeTable<'t>>,
        report: &Report<'_>,
    ) -> Self {
        Self {
            name,
            line: report.line(at),
            place,
            table,
            default,
        }
    }

    /// The key's value in this very section.
    pub(super) fn own(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    fn find(&self, report: &Report<'_>, key: &'static str) -> Option<Found<'_>> {
        if let Some((name, value)) = self.table.get_key_value(key) {
            let line = report.line(name.span().start);
            let (section, value) = (self.name.as_str(), value.get_ref());
            return Some(Found {
                line,
                section,
                value,
                origin: Origin::Line(line),
            });
        }
        if !keys::find(key).is_some_and(keys::Key::falls_back) {
            return None;
        }
        let (name, value) = self.default?.get_key_value(key)?;
        let line = report.line(name.span().start);
        let value = value.get_ref();
        Some(Found {
            line,
            section: "DEFAULT",
            value,
            origin: Origin::Default(line),
        })
    }

    /// The key's value here, in `[DEFAULT]` if it falls back, or its default. A value that cannot be read is a mistake.
    pub(super) fn get<T>(
        &self,
        report: &mut Report<'_>,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Option<T> {
        let known = keys::find(key)?;
        let Some(found) = self.find(report, key) else {
            let default = DeValue::parse(known.default).ok()?;
            self.note(report, key, known.default.to_owned(), Origin::BuiltIn);
            return read(default.get_ref()).ok();
        };
        match read(found.value) {
            Ok(value) => {
                let shown = if known.secret {
                    "\"***\"".to_owned()
                } else {
                    shown(found.value)
                };
                let origin = found.origin;
                self.note(report, key, shown, origin);
                Some(value)
            }
            Err(problem) => {
                let (line, section) = (Some(found.line), Some(found.section.to_owned()));
                report.mistakes.push(Mistake {
                    line,
                    section,
                    key: Some(key.to_owned()),
                    problem,
                });
                None
            }
        }
    }

    /// As [`Section::get`]; absent is a mistake that says `what` is missing.
    pub(super) fn required<T>(
        &self,
        report: &mut Report<'_>,
        key: &'static str,
        what: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Option<T> {
        if self.find(report, key).is_none() {
            self.mistake(report, key, Problem::Missing { what });
            return None;
        }
        self.get(report, key, read)
    }

    /// Writes down an effective value that comes from elsewhere, for example from another key.
    pub(super) fn note(
        &self,
        report: &mut Report<'_>,
        key: &'static str,
        value: String,
        origin: Origin,
    ) {
        // A backend's name may have dots.
        let section = match self.name.strip_suffix(".replication_device") {
            Some(backend) if self.place == Place::Target => {
                format!("{}.replication_device", shown_key(backend))
            }
            _ => shown_key(&self.name),
        };
        report.settings.push(Setting {
            section,
            key,
            value,
            origin,
        });
    }

    /// Something is wrong with a key of this section, given or not.
    pub(super) fn mistake(&self, report: &mut Report<'_>, key: &str, problem: Problem) {
        let line = self.line_of(report, key);
        let (section, key) = (Some(self.name.clone()), Some(key.to_owned()));
        report.mistakes.push(Mistake {
            line: Some(line),
            section,
            key,
            problem,
        });
    }

    /// Something is wrong with the section as a whole.
    pub(super) fn mistake_as_a_whole(&self, report: &mut Report<'_>, problem: Problem) {
        let (line, section) = (Some(self.line), Some(self.name.clone()));
        report.mistakes.push(Mistake {
            line,
            section,
            key: None,
            problem,
        });
    }

    /// Something about a key should be looked at. The place is that of the value in force.
    pub(super) fn warn(&self, report: &mut Report<'_>, key: &'static str, doubt: Doubt) {
        let found = self
            .find(report, key)
            .map(|found| (found.line, found.section.to_owned()));
        let (line, section) = found.unwrap_or_else(|| (self.line, self.name.clone()));
        let (line, section, key) = (Some(line), Some(section), Some(key.to_owned()));
        let warning = Warning {
            line,
            section,
            key,
            doubt,
        };
        if !report.warnings.contains(&warning) {
            report.warnings.push(warning);
        }
    }

    fn line_of(&self, report: &Report<'_>, key: &str) -> usize {
        self.table
            .get_key_value(key)
            .map_or(self.line, |(name, _)| report.line(name.span().start))
    }

    /// Every key that is not known, or not here. `also` is a second place whose keys may stand here.
    pub(super) fn check_keys(&self, report: &mut Report<'_>, also: Option<Place>) {
        for name in self.table.keys() {
            let (line, name) = (report.line(name.span().start), name.get_ref());
            let problem = match keys::find(name) {
                Some(key)
                    if key.is_at(self.place) || also.is_some_and(|place| key.is_at(place)) =>
                {
                    continue;
                }
                Some(key) => self.misplaced(key),
                None => match keys::retired(name) {
                    Some(why) => KeyProblem::Retired { why },
                    None => KeyProblem::Unknown {
                        nearest: keys::nearest_key(name, self.place).map(str::to_owned),
                    },
                },
            };
            let (section, key) = (Some(self.name.clone()), Some(name.to_string()));
            if report.old_format && !self.is_about_replication(name, &problem) {
                report.warnings.push(Warning {
                    line: Some(line),
                    section,
                    key,
                    doubt: Doubt::Ignored(problem),
                });
            } else {
                self.mistake(report, name, problem.into());
            }
        }
    }

    /// A replication that is not what was meant is not passed over, whatever the format: groups would be made wrong.
    fn is_about_replication(&self, name: &str, problem: &KeyProblem) -> bool {
        let only_of_target = keys::find(name).is_some_and(|key| key.places == [Place::Target]);
        let meant = self.place == Place::Target
            && matches!(problem, KeyProblem::Unknown { nearest: Some(_) });
        only_of_target || meant
    }

    fn misplaced(&self, key: &keys::Key) -> KeyProblem {
        if self.place == Place::Default && key.is_at(Place::Backend) {
            return KeyProblem::NotInherited;
        }
        let belongs = match key.places {
            [Place::Default, ..] => "[DEFAULT]".to_owned(),
            [Place::Target, ..] if self.place == Place::Backend => {
                format!("[{}.replication_device]", self.name)
            }
            [Place::Target, ..] => "the `replication_device` of a backend".to_owned(),
            _ => "the section of the backend".to_owned(),
        };
        KeyProblem::Misplaced { belongs }
    }
}
