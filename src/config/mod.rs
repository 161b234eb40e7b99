//! hpe.conf: read once at start, checked as a whole, handed down as plain values.
//!
//! TOML, or the format of HPE's python plugin, which is read into the same tables (`old_format`) and then treated alike.
//!
//! `[DEFAULT]` has the settings of the plugin, and is a backend only if it has `san_ip`; every other section is a backend. Keys
//! that do not identify an array fall back to `[DEFAULT]`; nothing else is inherited. Durations are a number of seconds or a text
//! with `s`, `m`, `h` or `d`; sizes a number of bytes or a text with `B`, `KiB`, `MiB` or `GiB`. Every mistake is reported, with its line.

mod access;
mod backend;
mod convert;
mod global;
mod keys;
mod mistake;
mod old_format;
mod replication;
mod secret_file;
mod section;
mod shared;
mod values;
mod warning;

use std::{collections::BTreeMap, fs::File, io::Read, os::unix::fs::MetadataExt, path::Path};

use toml::de::DeTable;

pub use access::{ArrayAccess, Login};
pub use backend::{Backend, Simulated};
pub use convert::Converted;
pub use global::Global;
pub use mistake::{KeyProblem, Mistake, Problem, SecretFileError};
pub use replication::ReplicationDevice;
pub use section::{Origin, Setting};
pub use warning::{Doubt, Warning};

use crate::model::BackendName;
use keys::Place;
use section::{Report, Section};

/// The name of the section with the plugin's own settings.
const DEFAULT: &str = "DEFAULT";

/// hpe.conf, complete and consistent in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Settings of the plugin.
    pub global: Global,
    /// At least one.
    pub backends: BTreeMap<BackendName, Backend>,
    /// Every value in force and where it comes from, for `config show`.
    pub settings: Vec<Setting>,
}

impl Config {
    /// Reads the file and the secrets it points to. Asks no array anything.
    ///
    /// # Errors
    /// Every mistake there is, by line.
    pub fn load(path: &Path) -> Result<(Self, Vec<Warning>), Vec<Mistake>> {
        let (text, mode) = text_and_mode(path)?;
        Self::read(&text, mode)
    }

    /// Reads the text of a file with these permission bits.
    fn read(text: &str, mode: u32) -> Result<(Self, Vec<Warning>), Vec<Mistake>> {
        let mut report = Report::new(text);
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() && old_format::is_old(text) {
            let lines = old_format::lines(text)?;
            let root = old_format::read(&lines, &mut report);
            return Self::from_root(&root, mode, report);
        }
        for error in &errors {
            let line = error.span().map(|span| report.line(span.start));
            // Only the message: the code frame would show the line, and a password may be in it.
            let bare = line
                .and_then(|line| text.lines().nth(line - 1))
                .is_some_and(old_format::is_bare);
            let hint = if bare {
                "; hint: texts stand in quotes"
            } else {
                ""
            };
            let problem = Problem::Syntax {
                words: error.message().replace('\n', ", "),
                hint,
            };
            report.mistakes.push(Mistake {
                line,
                section: None,
                key: None,
                problem,
            });
        }
        Self::from_root(root.get_ref(), mode, report)
    }

    /// Reads what stands in the tables, whichever format they come from. The report has what is wrong with the format.
    fn from_root(
        root: &DeTable<'_>,
        mode: u32,
        mut report: Report<'_>,
    ) -> Result<(Self, Vec<Warning>), Vec<Mistake>> {
        let unreadable = report.mistakes.len();
        let config = read_root(root, mode, &mut report);
        if let (Some(mut config), true) = (config, report.mistakes.is_empty()) {
            config.settings = in_order(report.settings);
            report.warnings.sort_by_key(|warning| warning.line);
            return Ok((config, report.warnings));
        }
        let mut mistakes = report.mistakes;
        let others = mistakes.split_off(unreadable);
        // What a line that cannot be read was to say is not known: nothing is called missing or wrong because of it.
        let broken: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
        mistakes.extend(others.into_iter().filter(|other| {
            broken.is_empty() || !(other.problem.is_absence() || broken.contains(&other.line))
        }));
        // A wrong value in [DEFAULT] is found once for each backend.
        let mut seen = std::collections::BTreeSet::new();
        mistakes.retain(|mistake| seen.insert(mistake.to_string()));
        mistakes.sort_by_key(|mistake| mistake.line);
        Err(mistakes)
    }
}

/// The text of a file and its permission bits.
fn text_and_mode(path: &Path) -> Result<(String, u32), Vec<Mistake>> {
    let read = || {
        let mut file = File::open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok((text, file.metadata()?.mode() & 0o7777))
    };
    read().map_err(|why| vec![whole_file(Problem::Unreadable(why))])
}

/// Sections as they were read, keys as the table of keys has them.
fn in_order(settings: Vec<Setting>) -> Vec<Setting> {
    let mut sections: Vec<String> = settings
        .iter()
        .map(|setting| setting.section.clone())
        .collect();
    sections.dedup();
    let place = |setting: &Setting| {
        let section = sections.iter().position(|name| *name == setting.section);
        (
            section,
            keys::KEYS.iter().position(|key| key.name == setting.key),
        )
    };
    let mut settings = settings;
    settings.sort_by_key(place);
    settings
}

fn whole_file(problem: Problem) -> Mistake {
    Mistake {
        line: None,
        section: None,
        key: None,
        problem,
    }
}

fn read_root(root: &DeTable<'_>, mode: u32, report: &mut Report<'_>) -> Option<Config> {
    let nothing = DeTable::default();
    let default = root
        .get(DEFAULT)
        .and_then(|value| value.get_ref().as_table());
    let at = root
        .get_key_value(DEFAULT)
        .map_or(0, |(key, _)| key.span().start);
    let section = Section::new(
        DEFAULT.to_owned(),
        at,
        Place::Default,
        default.unwrap_or(&nothing),
        None,
        report,
    );
    let default_is_backend = section.own("san_ip").is_some();
    section.check_keys(report, default_is_backend.then_some(Place::Backend));
    let global = Global::read(&section, report);

    let mut backends = BTreeMap::new();
    let mut any = false;
    for (name, value) in root {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        let Some(table) = value.get_ref().as_table() else {
            let belongs = match keys::find(name) {
                Some(key) if !key.falls_back() => {
                    "the section of a backend, for example below `[DEFAULT]`"
                }
                _ => "a section, for example below `[DEFAULT]`",
            };
            let (line, key) = (Some(report.line(at)), Some(name.to_owned()));
            let problem = Problem::from(KeyProblem::Misplaced {
                belongs: belongs.to_owned(),
            });
            report.mistakes.push(Mistake {
                line,
                section: None,
                key,
                problem,
            });
            continue;
        };
        if name == DEFAULT && !default_is_backend {
            continue;
        }
        any = true;
        let section = Section::new(name.to_owned(), at, Place::Backend, table, default, report);
        if name == old_format::BACKEND_DEFAULTS {
            section.mistake_as_a_whole(report, Problem::BackendDefaults);
            continue;
        }
        if name != DEFAULT {
            section.check_keys(report, None);
        }
        let checked = BackendName::new(name);
        if let Err(error) = &checked {
            section.mistake_as_a_whole(report, Problem::Name(error.clone()));
        }
        warn_of_passwords(&section, table, mode, report);
        // Read even if its name is wrong: all mistakes at once.
        let read_as = checked.or_else(|_| BackendName::new(DEFAULT)).ok()?;
        if let Some(backend) = Backend::read(read_as, &section, default, report) {
            backends.insert(backend.name.clone(), backend);
        }
    }
    shared::must_agree(&backends, report);
    if !any && report.mistakes.is_empty() {
        report.mistakes.push(whole_file(Problem::NoBackend));
    }
    Some(Config {
        global: global?,
        backends,
        settings: Vec::new(),
    })
}

/// Passwords written in a file that others can read.
fn warn_of_passwords(
    section: &Section<'_>,
    table: &DeTable<'_>,
    mode: u32,
    report: &mut Report<'_>,
) {
    let target = table
        .get("replication_device")
        .and_then(|value| value.get_ref().as_table());
    let own = table.contains_key("san_password");
    if mode & 0o077 != 0
        && (own || target.is_some_and(|target| target.contains_key("san_password")))
    {
        section.warn(report, "san_password", Doubt::OpenToOthers { mode });
    }
}

/// The names of all keys there are.
pub fn known_keys() -> impl Iterator<Item = &'static str> {
    keys::KEYS.iter().map(|key| key.name)
}
