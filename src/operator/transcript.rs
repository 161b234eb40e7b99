//! `hpe3par-docker transcript`: what was sent to the arrays, and what they answered.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

use super::{DEFAULT_CONFIG, Exit, Streams, load_config};
use crate::{
    model::{NameError, Namespace, RequestId, VolumeName, VvName},
    transcript::{Damage, Follower, Record, TranscriptFile, files, merged, read},
};

/// How often a followed transcript is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// Reads the answer of a record with the templates of today: a summary, or why it cannot be read.
pub type Replay = fn(&Record) -> Result<String, String>;

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

/// Of `transcript list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    source: Source,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Of `transcript show`. Conditions are combined: all must hold.
#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    source: Source,
    /// Only requests that touched this Docker volume (all commands of these requests)
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    /// The namespace the volume's name is in, where the configuration is not read
    #[arg(long, value_name = "NAME", requires = "volume")]
    namespace: Option<String>,
    /// Only this request
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Only what did not end well
    #[arg(long)]
    failed: bool,
    /// Show what is written from now on, until interrupted
    #[arg(long)]
    follow: bool,
    /// One JSON object a record and line
    #[arg(long)]
    json: bool,
    /// Read these files instead
    #[arg(value_name = "FILE", conflicts_with_all = ["follow", "dir"])]
    files: Vec<PathBuf>,
}

/// Of `transcript replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// A transcript, for example from a support case
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl TranscriptCommand {
    /// Runs it; with `--follow` until the process is interrupted.
    ///
    /// # Errors
    /// If a transcript cannot be read or the output cannot be written.
    pub fn run(&self, replay: Replay, to: &mut Streams<'_>) -> io::Result<Exit> {
        match self {
            Self::List(arguments) => list(arguments, to),
            Self::Show(arguments) => show(arguments, to),
            Self::Replay(arguments) => run_replay(&arguments.file, replay, to),
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

/// A line of `transcript list`.
#[derive(Serialize)]
struct Listed {
    file: PathBuf,
    array: String,
    bytes: u64,
    records: u64,
    failed: u64,
    damaged: u64,
    first: Option<String>,
    last: Option<String>,
}

fn list(arguments: &ListArguments, to: &mut Streams<'_>) -> io::Result<Exit> {
    let Some(place) = arguments.source.place(to.err)? else {
        return Ok(Exit::Problems);
    };
    let mut all = Vec::new();
    for file in in_dir(&place.dir)? {
        // A file that is put aside or removed at this moment is not worth an error.
        let (Ok(found), Ok(records)) = (file.path.metadata(), read(&file.path)) else {
            continue;
        };
        let (file, array, bytes) = (file.path, file.array, found.len());
        let mut line = Listed {
            file,
            array,
            bytes,
            records: 0,
            failed: 0,
            damaged: 0,
            first: None,
            last: None,
        };
        for item in records {
            let Ok(record) = item else {
                line.damaged += 1;
                continue;
            };
            line.records += 1;
            line.failed += u64::from(is_failed(&record));
            let time = shown(record.time);
            line.first.get_or_insert_with(|| time.clone());
            line.last = Some(time);
        }
        all.push(line);
    }
    if arguments.json {
        serde_json::to_writer_pretty(&mut *to.out, &all)?;
        writeln!(to.out)?;
        return Ok(Exit::Ok);
    }
    if all.is_empty() {
        writeln!(to.err, "no transcript in `{}`", place.dir.display())?;
        return Ok(Exit::Ok);
    }
    writeln!(
        to.out,
        "{:>10} {:>8} {:>7} {:>7} {:<24} {:<24} file",
        "bytes", "records", "failed", "damaged", "first", "last"
    )?;
    for line in all {
        writeln!(
            to.out,
            "{:>10} {:>8} {:>7} {:>7} {:<24} {:<24} {}",
            line.bytes,
            line.records,
            line.failed,
            line.damaged,
            line.first.as_deref().unwrap_or("-"),
            line.last.as_deref().unwrap_or("-"),
            line.file.display()
        )?;
    }
    Ok(Exit::Ok)
}

fn shown(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn is_failed(record: &Record) -> bool {
    record.outcome != "ok"
}

/// Which records to show.
struct Filter {
    request: Option<RequestId>,
    failed: bool,
    /// Requests that touched the volume, if one was asked for.
    touching: Option<HashSet<RequestId>>,
    vv: Option<VvName>,
}

impl Filter {
    fn of(arguments: &ShowArguments, namespace: &Namespace) -> Result<Self, NameError> {
        let namespace = match &arguments.namespace {
            Some(text) => &Namespace::new(text)?,
            None => namespace,
        };
        let volume = arguments
            .volume
            .as_deref()
            .map(VolumeName::new)
            .transpose()?;
        Ok(Self {
            request: arguments.request.as_deref().map(RequestId::from),
            failed: arguments.failed,
            touching: volume.as_ref().map(|_| HashSet::new()),
            vv: volume.map(|volume| volume.vv_name(namespace)),
        })
    }

    /// Remembers the record's request if its command names the volume.
    fn learn(&mut self, record: &Record) {
        if let (Some(vv), Some(touching)) = (&self.vv, &mut self.touching)
            && names(&record.command, vv)
        {
            touching.insert(record.request.clone());
        }
    }

    fn lets_through(&self, record: &Record) -> bool {
        self.request
            .as_ref()
            .is_none_or(|request| *request == record.request)
            && (!self.failed || is_failed(record))
            && self
                .touching
                .as_ref()
                .is_none_or(|touching| touching.contains(&record.request))
    }
}

/// Whether a command line names this VV, and not one whose name only begins or ends like it.
fn names(command: &str, vv: &VvName) -> bool {
    command
        .split(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c))
        .any(|word| word == vv.as_str())
}

fn show(arguments: &ShowArguments, to: &mut Streams<'_>) -> io::Result<Exit> {
    let needs_config =
        arguments.files.is_empty() || (arguments.volume.is_some() && arguments.namespace.is_none());
    let place = match needs_config {
        true => match arguments.source.place(to.err)? {
            Some(place) => place,
            None => return Ok(Exit::Problems),
        },
        false => Place {
            dir: PathBuf::new(),
            namespace: Namespace::default(),
        },
    };
    let mut filter = match Filter::of(arguments, &place.namespace) {
        Ok(filter) => filter,
        Err(error) => {
            writeln!(to.err, "error: {error}")?;
            return Ok(Exit::Problems);
        }
    };
    if arguments.follow {
        return follow(place.dir, &mut filter, arguments.json, to);
    }
    let sources = if arguments.files.is_empty() {
        in_dir(&place.dir)?
    } else {
        // Each file is read by itself; what array it is of, its records say.
        let given = arguments.files.iter();
        given
            .map(|path| TranscriptFile {
                path: path.clone(),
                array: path.display().to_string(),
                kept: None,
            })
            .collect()
    };
    if filter.vv.is_some() {
        for record in merged(sources.clone()).filter_map(|(_, item)| item.ok()) {
            filter.learn(&record);
        }
    }
    let mut exit = Exit::Ok;
    for (path, item) in merged(sources) {
        match item {
            Ok(record) if filter.lets_through(&record) => print(&record, arguments.json, to)?,
            Ok(_) => {}
            Err(damage) => {
                writeln!(to.err, "note: {}: {damage}", path.display())?;
                if matches!(damage, Damage::Io { .. }) {
                    exit = Exit::Problems;
                }
            }
        }
    }
    Ok(exit)
}

fn follow(dir: PathBuf, filter: &mut Filter, json: bool, to: &mut Streams<'_>) -> io::Result<Exit> {
    let mut follower = Follower::from_now(dir)?;
    loop {
        for item in follower.poll()? {
            match item {
                Ok(record) => {
                    filter.learn(&record);
                    if filter.lets_through(&record) {
                        print(&record, json, to)?;
                    }
                }
                Err(damage) => writeln!(to.err, "note: {damage}")?,
            }
        }
        to.out.flush()?;
        std::thread::sleep(FOLLOW_EVERY);
    }
}

fn print(record: &Record, json: bool, to: &mut Streams<'_>) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *to.out, record)?;
        writeln!(to.out)
    } else {
        to.out.write_all(record.text().as_bytes())
    }
}

fn run_replay(path: &Path, replay: Replay, to: &mut Streams<'_>) -> io::Result<Exit> {
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
    use super::*;

    #[test]
    fn a_name_is_found_as_a_whole_word_only() {
        let vv = VvName::new("dkv-db1").unwrap();
        for command in [
            "showvv dkv-db1",
            "removevv -f dkv-db1",
            "createvlun dkv-db1 auto h",
            "admitrcopyvv dkv-db1 g t:dkv-db1",
            "x \"dkv-db1\"",
        ] {
            assert!(names(command, &vv), "{command}");
        }
        for command in [
            "showvv dkv-db10",
            "showvv dkv-db1.a",
            "showvv xdkv-db1",
            "showvv dkv-*",
            "showvv -p dkv-db1-2",
        ] {
            assert!(!names(command, &vv), "{command}");
        }
    }

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
            run_replay(&dir.path().join("prod.log"), replay, &mut to).unwrap(),
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
