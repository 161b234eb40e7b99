//! `transcript replay`: are the answers of then understood now?

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::Args;

use super::shown;
use crate::{
    operator::{Exit, Streams},
    transcript::{Record, read},
};

/// Reads the answer of a record with the templates of today: a summary, or why it cannot be read.
pub type Replay = fn(&Record) -> Result<String, String>;

/// Of `transcript replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// A transcript, for example from a support case
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
}

pub(super) fn run(path: &Path, replay: Replay, to: &mut Streams<'_>) -> io::Result<Exit> {
    let records = read(path).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot read `{}`: {error}", path.display()),
        )
    })?;
    let (mut understood, mut not_understood) = (0_u64, 0_u64);
    for item in records {
        let record = match item {
            Ok(record) => record,
            Err(damage) => {
                writeln!(to.err, "note: {}: {damage}", path.display())?;
                continue;
            }
        };
        let verdict = match replay(&record) {
            Ok(summary) => {
                understood += 1;
                format!("understood: {summary}")
            }
            Err(why) => {
                not_understood += 1;
                format!("NOT understood: {why}")
            }
        };
        writeln!(
            to.out,
            "{} {} {} cli% {}",
            shown(record.time),
            record.request,
            record.array,
            record.command
        )?;
        writeln!(to.out, "    then {}; now {verdict}", record.outcome)?;
    }
    writeln!(
        to.out,
        "{understood} understood, {not_understood} not understood"
    )?;
    Ok(if not_understood == 0 {
        Exit::Ok
    } else {
        Exit::Problems
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::RequestId;

    #[test]
    fn a_replay_counts_and_says_what_is_not_understood() {
        let dir = tempfile::tempdir().unwrap();
        let limits = crate::transcript::Limits {
            max_size: 1 << 20,
            max_age: Duration::from_secs(1 << 30),
        };
        let transcript =
            crate::transcript::Transcript::open(dir.path(), "prod", limits, Vec::new());
        for command in ["showvv", "strange"] {
            transcript.record(&crate::transcript::Entry {
                request: &RequestId::from("1"),
                session: None,
                command,
                outcome: "ok",
                exit_status: None,
                elapsed: Duration::ZERO,
                output: "x\n",
            });
        }
        drop(transcript);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut to = Streams {
            out: &mut out,
            err: &mut err,
        };
        let replay: Replay = |record| match record.command.as_str() {
            "showvv" => Ok("1 volume".to_owned()),
            _ => Err("no template".to_owned()),
        };
        assert_eq!(
            run(&dir.path().join("prod.log"), replay, &mut to).unwrap(),
            Exit::Problems
        );
        let out = String::from_utf8(out).unwrap();
        assert!(
            out.contains("prod cli% showvv\n    then ok; now understood: 1 volume\n"),
            "{out}"
        );
        assert!(
            out.contains("prod cli% strange\n    then ok; now NOT understood: no template\n"),
            "{out}"
        );
        assert!(
            out.ends_with("1 understood, 1 not understood\n") && err.is_empty(),
            "{out}"
        );
    }
}
