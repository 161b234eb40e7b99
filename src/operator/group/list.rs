//! `group list`: every group between the arrays of the replicated backends.

use std::io;

use serde::Serialize;

use super::{
    Connected, Site, columns,
    seen::{Names, cannot_be_asked, docker_name, names},
    view::{SideView, counting, serving, sync_told},
};
use crate::{
    model::Side,
    operator::{Exit, Streams},
    replication::{GroupKind, GroupSides, Half},
    volume::{PairAsked, ask_pairs},
};

/// A line of `group list`.
#[derive(Serialize)]
struct Listed {
    backend: String,
    group: String,
    serves: Option<String>,
    situation: &'static str,
    mode: Option<String>,
    /// If it is another than Active/Passive.
    kind: Option<&'static str>,
    volumes: Option<usize>,
    /// Of this plugin; none: not known.
    ours: Option<usize>,
    sync: String,
    source: SideView,
    peer: SideView,
}

pub(super) async fn run(site: &Site, to: &mut Streams<'_>) -> io::Result<Exit> {
    let pairs: Vec<_> = site.backends.iter().map(|b| b.pair.clone()).collect();
    let mut notes = Vec::new();
    let mut listed = Vec::new();
    let all = ask_pairs(&pairs, site.patience).await;
    for (backend, asked) in site.backends.iter().zip(all) {
        for note in cannot_be_asked(&asked) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        if !asked.is_certain() {
            notes.push(format!(
                "backend `{}`: which groups of array `{}` are its own is not certain while array `{}` cannot be asked",
                backend.name, asked.peer.label, asked.source.label
            ));
        }
        let names = names(&asked, site).await;
        for sides in asked.groups(site.patience).await {
            if is_of_another(site, backend, &sides) {
                continue;
            }
            listed.push(line(backend.name.as_str(), &asked, &sides, &names));
        }
    }
    let exit = if notes.is_empty() {
        Exit::Ok
    } else {
        Exit::Problems
    };
    for note in &notes {
        writeln!(to.err, "warning: {note}")?;
    }
    if site.json {
        serde_json::to_writer_pretty(&mut *to.out, &listed)?;
        writeln!(to.out)?;
        return Ok(exit);
    }
    if listed.is_empty() {
        writeln!(to.err, "no remote copy group was seen between the arrays")?;
        return Ok(exit);
    }
    let head = [
        "BACKEND",
        "GROUP",
        "SERVES",
        "MEANS",
        "OWN ARRAY",
        "PEER",
        "MODE",
        "VOLUMES",
        "SYNC",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for line in &listed {
        rows.push([
            line.backend.clone(),
            line.group.clone(),
            line.serves.clone().unwrap_or_else(|| "none".to_owned()),
            line.situation.to_owned(),
            half(&line.source),
            half(&line.peer),
            mode(line),
            volumes(line),
            line.sync.clone(),
        ]);
    }
    columns::write(&rows, "", to.out)?;
    Ok(exit)
}

/// True of a group between the arrays of several backends, of which another one replicates in its way, and this one does not.
fn is_of_another(site: &Site, backend: &Connected, sides: &GroupSides) -> bool {
    let same_arrays = |other: &&Connected| {
        Side::BOTH
            .into_iter()
            .all(|side| other.pair.on(side).label() == backend.pair.on(side).label())
    };
    let in_its_way = |backend: &Connected| backend.pair.wants.describe_sides(sides);
    let mut others = site.backends.iter().filter(same_arrays);
    !in_its_way(backend) && others.any(in_its_way)
}

fn line(backend: &str, asked: &PairAsked, sides: &GroupSides, names: &[Names; 2]) -> Listed {
    let counts = counting(sides);
    let ours = || {
        let is_source = matches!(&sides.source.half, Half::Seen(group) if Some(group) == counts);
        let volumes = counts?.volumes.iter();
        // A volume's name may be told by either array, and is unknown only if neither tells any.
        if names.iter().all(Result::is_err) {
            return None;
        }
        let named = volumes.filter(|volume| {
            let (here, there) = if is_source {
                (&volume.local, &volume.remote)
            } else {
                (&volume.remote, &volume.local)
            };
            docker_name(names, Some(here), Some(there)).is_some()
        });
        Some(named.count())
    };
    Listed {
        backend: backend.to_owned(),
        group: sides.group.to_string(),
        serves: serving(sides, &asked.pair.wants).array,
        situation: sides.situation().0.told(),
        mode: counts.map(|group| group.mode.to_string()),
        kind: sides.kind().and_then(GroupKind::told),
        volumes: counts.map(|group| group.volumes.len()),
        ours: ours(),
        sync: sync_told(counts),
        source: SideView::of(asked, sides, Side::Source),
        peer: SideView::of(asked, sides, Side::Peer),
    }
}

fn half(side: &SideView) -> String {
    match (side.role, side.status, &side.unreadable) {
        (Some(role), Some(status), _) => format!("{role} {status}"),
        (_, _, Some(_)) => "not readable".to_owned(),
        _ => "no such group".to_owned(),
    }
}

fn mode(line: &Listed) -> String {
    match (&line.mode, line.kind) {
        (Some(mode), Some(kind)) => format!("{mode}, {kind}"),
        (Some(mode), None) => mode.clone(),
        (None, _) => "-".to_owned(),
    }
}

fn volumes(line: &Listed) -> String {
    match (line.volumes, line.ours) {
        (Some(all), Some(ours)) => format!("{all}, {ours} of Docker"),
        (Some(all), None) => all.to_string(),
        (None, _) => "-".to_owned(),
    }
}
