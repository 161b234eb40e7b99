//! `hpe3par-docker config`: is hpe.conf right, and what is in force?

use std::{io, path::PathBuf};

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

impl ConfigCommand {
    /// Runs it.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn run(&self, to: &mut Streams<'_>) -> io::Result<Exit> {
        match self {
            Self::Check(arguments) => check(arguments, to),
            Self::Show(arguments) => show(arguments, to),
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

fn origin(setting: &Setting) -> String {
    match setting.origin {
        Origin::Line(line) => format!("line {line}"),
        Origin::Default(line) => format!("[DEFAULT], line {line}"),
        Origin::BuiltIn => "default".to_owned(),
    }
}
