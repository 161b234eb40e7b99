//! `volume list`: a table, and another of what could be in it.

use std::io;

use super::adopt;
use crate::{
    model::{Source, State},
    operator::{Exit, Streams, columns},
    operator_socket::Listing,
    volume::Overview,
};

pub(super) fn print(listing: &Listing, json: bool, to: &mut Streams<'_>) -> io::Result<Exit> {
    if json {
        serde_json::to_writer_pretty(&mut *to.out, listing)?;
        writeln!(to.out)?;
        return Ok(Exit::Ok);
    }
    if listing.volumes.is_empty() {
        writeln!(to.err, "no volume is known on this host")?;
    } else {
        table(&listing.volumes, to)?;
    }
    match &listing.adoptable {
        None => writeln!(
            to.err,
            "warning: whether there are volumes of HPE's python plugin was not told in time"
        )?,
        Some(found) => {
            adopt::warn_of_silent_arrays(&found.not_asked, to)?;
            if found.all.is_empty() {
                return Ok(Exit::Ok);
            }
            writeln!(
                to.out,
                "\nvolumes of HPE's python plugin, see `volume adopt`:"
            )?;
            adopt::table(found, to)?;
        }
    }
    Ok(Exit::Ok)
}

fn table(all: &[Overview], to: &mut Streams<'_>) -> io::Result<()> {
    let head = [
        "NAME",
        "BACKEND",
        "ARRAY",
        "SIZE",
        "IS",
        "GROUP",
        "ROLE",
        "SYNC",
        "STATE",
        "MOUNTED HERE",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(all.iter().map(row));
    columns::write(&rows, "", to.out)
}

fn row(volume: &Overview) -> [String; 10] {
    let none = || "-".to_owned();
    let replication = volume.replication.as_ref();
    let told = |what: Option<String>| match replication {
        None => none(),
        Some(_) => what.unwrap_or_else(|| "?".to_owned()),
    };
    let mounted = volume.mounted.as_ref();
    [
        volume.name.to_string(),
        volume.backend.to_string(),
        volume.array.clone().unwrap_or_else(|| "?".to_owned()),
        volume.size_mib.to_string(),
        is(&volume.source),
        replication.map_or_else(none, |r| r.group.to_string()),
        told(replication.and_then(|r| Some(r.role?.to_string()))),
        told(replication.and_then(|r| Some(r.sync?.to_string()))),
        state(volume),
        mounted.map_or_else(none, |at| at.display().to_string()),
    ]
}

fn is(source: &Source) -> String {
    match source {
        Source::Blank => "volume".to_owned(),
        Source::Snapshot(snapshot) => format!("snapshot of {}", snapshot.of),
        Source::Clone { of } => format!("clone of {of}"),
        Source::Import { .. } => "imported".to_owned(),
    }
}

fn state(volume: &Overview) -> String {
    match (volume.in_hpe_conf, volume.state) {
        (true, state) => state.to_string(),
        (false, State::Ready) => "backend not in hpe.conf".to_owned(),
        (false, state) => format!("{state}, backend not in hpe.conf"),
    }
}
