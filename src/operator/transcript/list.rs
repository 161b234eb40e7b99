//! `transcript list`: which files there are.

use std::{io, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::{Source, in_dir, is_failed, shown};
use crate::{
    operator::{Exit, Streams},
    transcript::read,
};

/// Of `transcript list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    source: Source,
    /// Print JSON
    #[arg(long)]
    json: bool,
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

pub(super) fn list(arguments: &ListArguments, to: &mut Streams<'_>) -> io::Result<Exit> {
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
