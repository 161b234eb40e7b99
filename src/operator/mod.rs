//! The command line for people.
//!
//! Data goes to standard output, everything else to standard error; nothing is coloured. Exit status: see [`Exit`].

mod columns;
pub mod config;
pub mod group;
pub mod transcript;
pub mod volume;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

/// Where hpe.conf is unless `--config` says otherwise.
pub const DEFAULT_CONFIG: &str = "/etc/hpedockerplugin/hpe.conf";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, nothing to complain about.
    Ok,
    /// 1: it failed, or found problems (each is named). 2 is a wrong command line, given by the argument parser.
    Problems,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => Self::from(0),
            Exit::Problems => Self::from(1),
        }
    }
}

/// The two streams a command writes to.
pub struct Streams<'a> {
    /// Data.
    pub out: &'a mut dyn Write,
    /// Everything else.
    pub err: &'a mut dyn Write,
}

/// Runs a command; a reader of its output that goes away (`| head`) is no failure.
pub fn finish(result: io::Result<Exit>, err: &mut dyn Write) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            // If not even that can be written, there is the exit status.
            let _ = writeln!(err, "error: {error}");
            Exit::Problems
        }
    }
}

/// Loads hpe.conf; prints every mistake and every warning.
///
/// # Errors
/// If they cannot be printed.
pub fn load_config(path: &Path, err: &mut dyn Write) -> io::Result<Option<crate::config::Config>> {
    match crate::config::Config::load(path) {
        Ok((config, warnings)) => {
            for warning in warnings {
                writeln!(err, "warning: {}: {warning}", path.display())?;
            }
            Ok(Some(config))
        }
        Err(mistakes) => {
            for mistake in mistakes {
                writeln!(err, "error: {}: {mistake}", path.display())?;
            }
            Ok(None)
        }
    }
}
