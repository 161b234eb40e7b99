//! hpe.conf as HPE's python plugin has it (oslo.config), read into the same tables that a TOML file gives: from there on there is
//! one reading and one check for both.

mod ini;
mod passwords;
mod recognise;
mod target;
mod value;

use std::borrow::Cow;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

pub(super) use recognise::{is_bare, is_old};

use super::{
    DEFAULT,
    keys::{self, Shape},
    mistake::{Mistake, Problem},
    section::{Report, Section},
    warning::{Doubt, Warning},
};
use ini::{Entry, IniSection};

/// What an old file calls the section that backends inherit from.
pub(super) const BACKEND_DEFAULTS: &str = "backend_defaults";
const REPLICATION_DEVICE: &str = "replication_device";
const DRIVER: &str = "hpedockerplugin_driver";
/// Where the python plugin keeps host keys unless told otherwise.
const OLD_KNOWN_HOSTS: &str = "/root/.ssh/ssh_known_hosts";

/// Where something stands, for what is said about it.
struct Place<'a> {
    section: &'a str,
    line: usize,
    key: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn new(section: &'a str, line: usize, key: Option<&'a str>) -> Self {
        Self { section, line, key }
    }

    fn parts(&self) -> (Option<usize>, Option<String>, Option<String>) {
        let section = (!self.section.is_empty()).then(|| self.section.to_owned());
        (Some(self.line), section, self.key.map(str::to_owned))
    }

    fn mistake(&self, report: &mut Report<'_>, problem: Problem) {
        let (line, section, key) = self.parts();
        report.mistakes.push(Mistake {
            line,
            section,
            key,
            problem,
        });
    }

    fn warn(&self, report: &mut Report<'_>, doubt: Doubt) {
        let (line, section, key) = self.parts();
        report.warnings.push(Warning {
            line,
            section,
            key,
            doubt,
        });
    }
}

/// The lines of a file.
///
/// # Errors
/// What is no section and no entry.
pub(super) fn lines(text: &str) -> Result<Vec<IniSection>, Vec<Mistake>> {
    ini::read(text).map_err(|(line, words)| {
        vec![Mistake {
            line,
            section: None,
            key: None,
            problem: Problem::OldSyntax { words },
        }]
    })
}

/// The sections as the root of a TOML file.
pub(super) fn read<'i>(sections: &'i [IniSection], report: &mut Report<'_>) -> DeTable<'i> {
    report.old_format = true;
    report.warnings.push(Warning {
        line: None,
        section: None,
        key: None,
        doubt: Doubt::OldFormat,
    });
    let mut root = DeTable::new();
    for section in sections {
        let table = read_section(section, report);
        if section.name.is_empty() {
            root.extend(table);
        } else if is_file_persona(&table) {
            Place::new(&section.name, section.line, None).warn(report, Doubt::FilePersona);
        } else {
            root.insert(
                report.at_line(section.line, Cow::Borrowed(section.name.as_str())),
                report.at_line(section.line, DeValue::Table(table)),
            );
        }
    }
    inherit(&mut root, report);
    for (name, value) in &root {
        if let Some(table) = value.get_ref().as_table() {
            passwords::check(name.get_ref(), table, report);
        }
    }
    use_old_defaults(&mut root, report);
    root
}

fn read_section<'i>(section: &'i IniSection, report: &mut Report<'_>) -> DeTable<'i> {
    let mut table = DeTable::new();
    for (n, entry) in section.entries.iter().enumerate() {
        let key = name(&entry.key);
        let place = Place::new(&section.name, entry.line, Some(&key));
        let later = &section.entries[n + 1..];
        if let Some(again) = later.iter().rfind(|later| name(&later.key) == key) {
            place.warn(report, Doubt::Overruled { by: again.line });
            continue;
        }
        let Some(value) = entry.value.as_ref().filter(|_| !entry.key.is_empty()) else {
            Place::new(&section.name, entry.line, None).mistake(report, Problem::NoAssignment);
            continue;
        };
        // As if it was not there.
        if value.iter().all(|(_, line)| line.is_empty()) {
            continue;
        }
        match read_value(section, entry, &key, value, report) {
            Ok(value) => {
                let value = report.at_line(entry.line, value);
                table.insert(report.at_line(entry.line, key), value);
            }
            Err(problem) => place.mistake(report, problem),
        }
    }
    password_wins(&section.name, &mut table, report);
    table
}

/// Older still: each key of the array is known without its `e`, too.
fn name(key: &str) -> Cow<'_, str> {
    match key.strip_prefix("hp3par_") {
        Some(rest) => Cow::Owned(format!("hpe3par_{rest}")),
        None => Cow::Borrowed(key),
    }
}

fn read_value<'i>(
    section: &IniSection,
    entry: &Entry,
    key: &str,
    lines: &'i [(usize, String)],
    report: &mut Report<'_>,
) -> Result<DeValue<'i>, Problem> {
    if key == REPLICATION_DEVICE {
        let section = format!("{}.{REPLICATION_DEVICE}", section.name);
        return Ok(target::read(&section, lines, report));
    }
    let known = keys::find(key);
    let whole = match lines {
        [(_, only)] => Cow::Borrowed(only.as_str()),
        many => Cow::Owned(
            many.iter()
                .map(|(_, text)| text.as_str())
                .collect::<Vec<_>>()
                .join(" "),
        ),
    };
    // Only a list may go on, after a comma; anything else is a line that was to be a key of its own.
    let is_list = known.is_some_and(|key| key.shape == Shape::List);
    let closed = lines
        .windows(2)
        .find(|pair| !(is_list && (pair[0].1.is_empty() || pair[0].1.ends_with(','))));
    if let (Some([_, (line, _)]), Some(_)) = (closed, known) {
        return Err(Problem::Continued { line: *line });
    }
    if known.is_some_and(|key| !key.secret) && has_password(&whole) {
        return Err(Problem::TwoOnALine);
    }
    let place = Place::new(&section.name, entry.line, Some(key));
    let whole = if known.is_some() {
        without_dollars(&place, whole, report)?
    } else {
        whole
    };
    value::read(key, whole)
}

/// Whether a line break was lost before a password, which would be shown with the value it stands in.
fn has_password(text: &str) -> bool {
    text.split("password")
        .skip(1)
        .any(|rest| rest.trim_start().starts_with(['=', ':']))
}

/// oslo.config puts the value of an option for its `$name`, and one dollar sign for two.
fn without_dollars<'i>(
    place: &Place<'_>,
    text: Cow<'i, str>,
    report: &mut Report<'_>,
) -> Result<Cow<'i, str>, Problem> {
    if !text.contains('$') {
        return Ok(text);
    }
    let doubled = text.replace("\\$", "$$");
    let mut parts = doubled.split("$$");
    let is_name = |part: &str| {
        part.split('$')
            .skip(1)
            .any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '{'))
    };
    if parts.any(is_name) {
        return Err(Problem::Substitution);
    }
    if doubled.contains("$$") {
        place.warn(report, Doubt::DollarDollar);
    }
    Ok(Cow::Owned(doubled.replace("$$", "$")))
}

/// The python plugin demands a password, and then never uses a key.
fn password_wins(section: &str, table: &mut DeTable<'_>, report: &mut Report<'_>) {
    if !table.contains_key("san_password") {
        return;
    }
    if let Some((key, _)) = table.remove_entry("san_private_key") {
        let line = report.line(key.span().start);
        let why = "`san_password` wins, as with the python plugin; hint: to log in with the key, remove `san_password`";
        Place::new(section, line, Some("san_private_key")).warn(report, Doubt::NoEffect { why });
    }
}

fn is_file_persona(table: &DeTable<'_>) -> bool {
    let driver = table.get(DRIVER).and_then(|value| value.get_ref().as_str());
    driver.is_some_and(|driver| driver.ends_with(".HPE3PARFileDriver"))
}

/// Gives every backend what it does not have itself and `backend_defaults` has, but no replication.
fn inherit<'i>(root: &mut DeTable<'i>, report: &mut Report<'_>) {
    let Some((head, value)) = root.remove_entry(BACKEND_DEFAULTS) else {
        return;
    };
    let DeValue::Table(defaults) = value.into_inner() else {
        return;
    };
    let section = Section::new(
        BACKEND_DEFAULTS.to_owned(),
        head.span().start,
        keys::Place::Backend,
        &defaults,
        None,
        report,
    );
    section.check_keys(report, None);
    if defaults.contains_key(REPLICATION_DEVICE) {
        let why = "replication is never inherited; hint: put it into the backend's own section";
        section.warn(report, REPLICATION_DEVICE, Doubt::NoEffect { why });
    }
    let inherited = |key: &str| {
        key != REPLICATION_DEVICE
            && keys::find(key).is_some_and(|key| key.is_at(keys::Place::Backend))
    };
    for (name, value) in root.iter_mut() {
        let DeValue::Table(backend) = value.get_mut() else {
            continue;
        };
        // Otherwise it would only become one by the keys it is given.
        let is_backend = backend.contains_key("san_ip") || defaults.contains_key("san_ip");
        if name.get_ref() == DEFAULT && !is_backend {
            continue;
        }
        let has_login = super::access::SOURCES
            .iter()
            .any(|key| backend.contains_key(*key));
        for (key, value) in &defaults {
            let name = key.get_ref().as_ref();
            let is_other_login = has_login && super::access::SOURCES.contains(&name);
            if inherited(name) && !is_other_login && !backend.contains_key(name) {
                backend.insert(key.clone(), value.clone());
            }
        }
    }
}

/// What an absent key means in an old file, where that is not what it means here.
fn use_old_defaults<'i>(root: &mut DeTable<'i>, report: &mut Report<'_>) {
    const STRICT: &str = "strict_ssh_host_key_policy";
    const KNOWN_HOSTS: &str = "ssh_hosts_key_file";
    if root.is_empty() {
        return;
    }
    let lacking = |key: &str| {
        let mut tables = root.values().filter_map(|value| value.get_ref().as_table());
        let default = root
            .get(DEFAULT)
            .and_then(|value| value.get_ref().as_table());
        !default.is_some_and(|table| table.contains_key(key))
            && tables.any(|table| !table.contains_key(key))
    };
    let (no_policy, no_known_hosts) = (lacking(STRICT), lacking(KNOWN_HOSTS));
    let line = root
        .get_key_value(DEFAULT)
        .map_or(1, |(key, _)| report.line(key.span().start));
    if no_policy {
        Place::new(DEFAULT, line, Some(STRICT)).warn(report, Doubt::StrictUnlessSaid);
    }
    if no_known_hosts {
        let value = OLD_KNOWN_HOSTS;
        Place::new(DEFAULT, line, Some(KNOWN_HOSTS)).warn(report, Doubt::OldDefault { value });
        let default = root
            .entry(report.at_line(line, Cow::Borrowed(DEFAULT)))
            .or_insert_with(|| Spanned::new(0..0, DeValue::Table(DeTable::new())));
        if let DeValue::Table(table) = default.get_mut() {
            table.insert(
                report.at_line(line, Cow::Borrowed(KNOWN_HOSTS)),
                report.at_line(line, value::text(OLD_KNOWN_HOSTS)),
            );
        }
    }
}
