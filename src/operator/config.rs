//! `hpe3par-docker config`: is hpe.conf right, what is in force, and how would an old one look as TOML?

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{DEFAULT_CONFIG, Exit, Streams, load_config};
use crate::config::{Config, Origin, Setting};

/// What to do with hpe.conf.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Report every mistake in hpe.conf, by line (no array is asked; see `check` for that)
    Check(ConfigArguments),
    /// Print every value in force and where it comes from; secrets are shown as ***
    Show(ConfigArguments),
    /// Write a file of HPE's python plugin as TOML, with comments on what is not taken over
    Convert(ConvertArguments),
}

/// Which file, and how to print.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// The file
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What to convert, and where to.
#[derive(Debug, Args)]
pub struct ConvertArguments {
    /// The old file; it is left as it is
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub config: PathBuf,
    /// A new file, made with mode 0600 [default: standard output, unless there are passwords in it]
    #[arg(short, long, value_name = "NEW")]
    pub output: Option<PathBuf>,
}

impl ConfigCommand {
    /// Runs it.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn run(&self, to: &mut Streams<'_>) -> io::Result<Exit> {
        match self {
            Self::Check(arguments) => check(arguments, to),
            Self::Show(arguments) => show(arguments, to),
            Self::Convert(arguments) => convert(arguments, to),
        }
    }
}

/// A mistake or warning in JSON.
#[derive(Serialize)]
struct Finding {
    severity: &'static str,
    line: Option<usize>,
    section: Option<String>,
    key: Option<String>,
    message: String,
}

fn check(arguments: &ConfigArguments, to: &mut Streams<'_>) -> io::Result<Exit> {
    let path = arguments.config.display();
    let loaded = Config::load(&arguments.config);
    let exit = if loaded.is_ok() {
        Exit::Ok
    } else {
        Exit::Problems
    };
    if arguments.json {
        let findings: Vec<Finding> = match loaded {
            Ok((_, warnings)) => warnings
                .into_iter()
                .map(|w| Finding {
                    severity: "warning",
                    line: w.line,
                    section: w.section,
                    key: w.key,
                    message: w.doubt.to_string(),
                })
                .collect(),
            Err(mistakes) => mistakes
                .into_iter()
                .map(|m| Finding {
                    severity: "error",
                    line: m.line,
                    section: m.section,
                    key: m.key,
                    message: m.problem.to_string(),
                })
                .collect(),
        };
        serde_json::to_writer_pretty(&mut *to.out, &findings)?;
        writeln!(to.out)?;
        return Ok(exit);
    }
    match loaded {
        Ok((config, warnings)) => {
            for warning in &warnings {
                writeln!(to.out, "warning: {path}: {warning}")?;
            }
            let names: Vec<&str> = config
                .backends
                .keys()
                .map(crate::model::BackendName::as_str)
                .collect();
            writeln!(to.out, "{path}: no mistake; backends: {}", names.join(", "))?;
        }
        Err(mistakes) => {
            for mistake in &mistakes {
                writeln!(to.out, "error: {path}: {mistake}")?;
            }
            let plural = if mistakes.len() == 1 {
                "mistake"
            } else {
                "mistakes"
            };
            writeln!(to.out, "{path}: {} {plural}", mistakes.len())?;
        }
    }
    Ok(exit)
}

fn show(arguments: &ConfigArguments, to: &mut Streams<'_>) -> io::Result<Exit> {
    let Some(config) = load_config(&arguments.config, to.err)? else {
        return Ok(Exit::Problems);
    };
    if arguments.json {
        serde_json::to_writer_pretty(&mut *to.out, &config.settings)?;
        writeln!(to.out)?;
        return Ok(Exit::Ok);
    }
    let mut section = "";
    for setting in &config.settings {
        if setting.section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            section = &setting.section;
            writeln!(to.out, "{gap}[{section}]")?;
        }
        writeln!(
            to.out,
            "{:<60} # {}",
            format!("{} = {}", setting.key, setting.value),
            origin(setting)
        )?;
    }
    Ok(Exit::Ok)
}

fn convert(arguments: &ConvertArguments, to: &mut Streams<'_>) -> io::Result<Exit> {
    let path = arguments.config.display();
    let converted = match Config::convert(&arguments.config) {
        Ok(converted) => converted,
        Err(mistakes) => {
            for mistake in mistakes {
                writeln!(to.err, "error: {path}: {mistake}")?;
            }
            return Ok(Exit::Problems);
        }
    };
    for warning in &converted.warnings {
        writeln!(to.err, "warning: {path}: {warning}")?;
    }
    let Some(new) = &arguments.output else {
        if converted.has_passwords {
            writeln!(
                to.err,
                "error: {path}: holds passwords, which are not written to standard output; hint: `-o NEW` makes a file with mode 0600"
            )?;
            return Ok(Exit::Problems);
        }
        to.out.write_all(converted.toml.as_bytes())?;
        return Ok(Exit::Ok);
    };
    if let Err(error) = write_new(new, &converted.toml) {
        writeln!(to.err, "error: cannot write `{}`: {error}", new.display())?;
        return Ok(Exit::Problems);
    }
    writeln!(
        to.err,
        "wrote `{0}`; hint: read it, run `hpe3par-docker config check --config {0}`, then put it in place of the old file",
        new.display()
    )?;
    Ok(Exit::Ok)
}

/// Whole or not at all, for the owner only, and never over a file that is there.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Its mode is 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

fn origin(setting: &Setting) -> String {
    match setting.origin {
        Origin::Line(line) => format!("line {line}"),
        Origin::Default(line) => format!("[DEFAULT], line {line}"),
        Origin::BuiltIn => "default".to_owned(),
    }
}
