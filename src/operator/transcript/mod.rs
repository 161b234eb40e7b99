//! `hpe3par-docker transcript`: what was sent to the arrays, and what they answered.

mod list;
mod replay;
mod show;

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::{DEFAULT_CONFIG, Exit, Streams, load_config};
use crate::{
    model::Namespace,
    transcript::{Record, TranscriptFile, files},
};
pub use list::ListArguments;
pub use replay::{Replay, ReplayArguments};
pub use show::ShowArguments;

/// What to do with transcripts.
#[derive(Debug, Subcommand)]
pub enum TranscriptCommand {
    /// List the files, what time they cover and whether they are whole
    List(ListArguments),
    /// Print commands and answers, in order of time
    Show(ShowArguments),
    /// Read the answers in a file again with the templates of this release, and say which are not understood
    Replay(ReplayArguments),
}

/// Where the transcripts are.
#[derive(Debug, Args)]
pub struct Source {
    /// The configuration that says where they are
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// The directory they are in (the configuration is not read then)
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl TranscriptCommand {
    /// Runs it; with `--follow` until the process is interrupted.
    ///
    /// # Errors
    /// If a transcript cannot be read or the output cannot be written.
    pub fn run(&self, replay: Replay, to: &mut Streams<'_>) -> io::Result<Exit> {
        match self {
            Self::List(arguments) => list::list(arguments, to),
            Self::Show(arguments) => show::show(arguments, to),
            Self::Replay(arguments) => replay::run(&arguments.file, replay, to),
        }
    }
}

/// Where to read, and the namespace of the volumes in there.
struct Place {
    dir: PathBuf,
    namespace: Namespace,
}

impl Source {
    /// `None` after having said what is wrong.
    fn place(&self, err: &mut dyn io::Write) -> io::Result<Option<Place>> {
        if let Some(dir) = &self.dir {
            return Ok(Some(Place {
                dir: dir.clone(),
                namespace: Namespace::default(),
            }));
        }
        let Some(config) = load_config(&self.config, err)? else {
            writeln!(
                err,
                "hint: `--dir` reads a directory without the configuration"
            )?;
            return Ok(None);
        };
        Ok(Some(Place {
            dir: config.global.transcript_dir,
            namespace: config.global.namespace,
        }))
    }
}

fn in_dir(dir: &Path) -> io::Result<Vec<TranscriptFile>> {
    files(dir).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot read `{}`: {error}", dir.display()),
        )
    })
}

fn shown(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn is_failed(record: &Record) -> bool {
    record.outcome != "ok"
}
