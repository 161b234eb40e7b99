//! `transcript show`: commands and answers.

use std::{collections::HashSet, io, path::PathBuf, time::Duration};

use clap::Args;

use super::{Place, Source, in_dir, is_failed};
use crate::{
    model::{NameError, Namespace, RequestId, VolumeName, VvName},
    operator::{Exit, Streams},
    transcript::{Damage, Follower, Record, TranscriptFile, merged},
};

/// How often a followed transcript is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// Of `transcript show`. Conditions are combined: all must hold.
#[derive(Debug, Args)]
pub struct ShowArguments {
    #[command(flatten)]
    source: Source,
    /// Only requests that touched this Docker volume (all commands of these requests)
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    /// The namespace of the volume [default: that of the configuration; none with --dir or FILE]
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

pub(super) fn show(arguments: &ShowArguments, to: &mut Streams<'_>) -> io::Result<Exit> {
    let place = if arguments.files.is_empty() {
        arguments.source.place(to.err)?
    } else {
        Some(Place {
            dir: PathBuf::new(),
            namespace: Namespace::default(),
        })
    };
    let Some(place) = place else {
        return Ok(Exit::Problems);
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
}
