//! An old hpe.conf written as TOML, with a comment wherever something is not as it was.

use std::path::Path;

use toml::de::DeTable;

use super::{
    Config, DEFAULT,
    keys::{KEYS, Place, Shape},
    mistake::{Mistake, Problem},
    old_format,
    section::Report,
    text_and_mode,
    values::{shown, shown_key},
    warning::{Doubt, Warning},
    whole_file,
};
use crate::model::Protocol;

/// What became of an old file.
pub struct Converted {
    /// TOML that means the same. **It may hold passwords**, see `has_passwords`.
    pub toml: String,
    /// Whether a password stands in it.
    pub has_passwords: bool,
    /// What is to be said about the old file.
    pub warnings: Vec<Warning>,
}

impl Config {
    /// Reads a file of HPE's python plugin and writes it as TOML. What is written is read again and compared before it is given out.
    ///
    /// # Errors
    /// Every mistake in the old file, or that it is TOML already.
    pub fn convert(path: &Path) -> Result<Converted, Vec<Mistake>> {
        let (text, mode) = text_and_mode(path)?;
        let is_toml = DeTable::parse(&text).is_ok() || !old_format::is_old(&text);
        if is_toml {
            // If it is broken, that is what has to be said.
            Self::read(&text, mode)?;
            return Err(vec![whole_file(Problem::NothingToConvert)]);
        }
        let lines = old_format::lines(&text)?;
        let mut report = Report::new(&text);
        let root = old_format::read(&lines, &mut report);
        let (old, warnings) = Self::from_root(&root, mode, report)?;

        let mut out = Writer::default();
        out.head(path, &warnings);
        let mut sections: Vec<_> = root
            .iter()
            .filter_map(|(name, value)| Some((name, value.get_ref().as_table()?)))
            .collect();
        sections.sort_by_key(|(name, _)| name.span().start);
        for (name, table) in sections {
            let name = name.get_ref().as_ref();
            let backend = old.backends.values().find(|b| b.name.as_str() == name);
            out.section(name, table, backend.map(|backend| backend.protocol));
        }
        match Self::read(&out.toml, 0o600) {
            Ok((new, _)) if new.global == old.global && new.backends == old.backends => {
                Ok(Converted {
                    toml: out.toml,
                    has_passwords: out.has_passwords,
                    warnings,
                })
            }
            _ => Err(vec![whole_file(Problem::NotConverted)]),
        }
    }
}

#[derive(Default)]
struct Writer {
    toml: String,
    has_passwords: bool,
}

impl Writer {
    fn line(&mut self, line: &str) {
        self.toml.push_str(line);
        self.toml.push('\n');
    }

    /// Where it comes from, and what of it is not here any more.
    fn head(&mut self, path: &Path, warnings: &[Warning]) {
        let file = path.display().to_string().escape_debug().to_string();
        self.line(&format!(
            "# Written by `hpe3par-docker config convert` from {file}, which was in the format of HPE's python plugin."
        ));
        self.line("# Comments are not taken over. Every key is explained in hpe.conf.sample.");
        let changed: Vec<&Warning> = warnings
            .iter()
            .filter(|warning| is_gone(&warning.doubt))
            .collect();
        if !changed.is_empty() {
            self.line("#");
            self.line("# What was left out, or read as it was meant, by line of the old file:");
        }
        for warning in changed {
            self.line(&format!("# - {warning}"));
        }
    }

    /// `protocol` is that of the backend, if the section is one.
    fn section(&mut self, name: &str, table: &DeTable<'_>, protocol: Option<Protocol>) {
        let mut places = Vec::new();
        if name == DEFAULT {
            places.push(Place::Default);
        }
        if protocol.is_some() {
            places.push(Place::Backend);
        }
        let name = shown_key(name);
        self.line(&format!("\n[{name}]"));
        self.keys(table, &places, protocol);
        let target = table
            .get("replication_device")
            .and_then(|value| value.get_ref().as_table());
        if let (Some(target), Some(_)) = (target, protocol) {
            self.line(&format!("\n[{name}.replication_device]"));
            self.keys(target, &[Place::Target], None);
        }
    }

    fn keys(&mut self, table: &DeTable<'_>, places: &[Place], protocol: Option<Protocol>) {
        for key in KEYS.iter().filter(|key| key.shape != Shape::Table) {
            let Some(value) = table
                .get(key.name)
                .filter(|_| places.iter().any(|place| key.is_at(*place)))
            else {
                continue;
            };
            match (key.name, protocol) {
                ("hpedockerplugin_driver", Some(protocol)) => {
                    self.line(&format!("protocol = \"{protocol}\""));
                    continue;
                }
                ("san_password", _) => {
                    self.has_passwords = true;
                    self.line("# Better in a file of its own, mode 0600: san_password_file = \"/etc/hpedockerplugin/<name>.password\"");
                }
                _ => {}
            }
            self.line(&format!("{} = {}", key.name, shown(value.get_ref())));
        }
    }
}

/// Whether the doubt is about something that the new file does not have.
fn is_gone(doubt: &Doubt) -> bool {
    match doubt {
        Doubt::Ignored(_)
        | Doubt::Overruled { .. }
        | Doubt::MissingComma { .. }
        | Doubt::EqualsSign { .. }
        | Doubt::DollarDollar
        | Doubt::StrictUnlessSaid
        | Doubt::OldDefault { .. }
        | Doubt::FilePersona
        | Doubt::NoEffect { .. } => true,
        Doubt::OldFormat
        | Doubt::OpenToOthers { .. }
        | Doubt::NotStrict
        | Doubt::LegacyAlgorithms
        | Doubt::SharedLimits { .. }
        | Doubt::NotMapped { .. }
        | Doubt::Unlisted { .. } => false,
    }
}
