//! `group show`: both halves of a group in full.

use std::io;

use serde::Serialize;

use super::{
    Site, columns,
    seen::{Found, exposure, find, lock},
    view::{Head, ServingView, SideView, VolumeView, WitnessView, manages_paths, serving, volumes},
    witness::witnesses,
};
use crate::{
    inform::{VlunStatus, VlunTemplate},
    model::{GroupStatus, Side},
    operator::{Exit, Streams},
    replication::{Exposure, GroupSides, Operation, OperatorPlan},
    volume::{NotAsked, SideInUse},
};

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    head: Head,
    serving: ServingView,
    volumes: Vec<VolumeView>,
    exports: Vec<ExportView>,
    /// Arrays whose exports are not known, and why.
    exports_not_known: Vec<String>,
    names_not_known: Vec<String>,
    being_changed: Option<String>,
    /// The lock of one who is not at it any more.
    left_lock: Option<String>,
    witness: Vec<WitnessView>,
    operations: Vec<OperationView>,
}

/// An export of a volume of the group, and who uses it.
#[derive(Serialize)]
struct ExportView {
    array: String,
    vv: String,
    to: String,
    lun: Option<u16>,
    /// Live paths; 0: it is only a template.
    paths: usize,
    /// The hosts behind them.
    hosts: Vec<String>,
    /// Every path waits for this array to serve (Peer Persistence).
    standby: bool,
}

#[derive(Serialize)]
struct OperationView {
    operation: String,
    /// It may be typed now.
    now: bool,
    /// It is so already.
    done: Option<String>,
    objections: Vec<String>,
}

pub(super) async fn run(site: &Site, name: &str, to: &mut Streams<'_>) -> io::Result<Exit> {
    let found = match find(site, name).await {
        Ok(found) => found,
        Err(errors) => {
            for error in errors {
                writeln!(to.err, "error: {error}")?;
            }
            return Ok(Exit::Problems);
        }
    };
    let (in_use, names, witness) = tokio::join!(
        found.in_use(site),
        found.names(site),
        witnesses(&found, site)
    );
    let exposure = exposure(&in_use, witness);
    let told = |is_left: bool| {
        let lock = lock(&in_use).filter(|lock| lock.is_left == is_left);
        lock.map(|lock| lock.told.clone())
    };
    let shown = Shown {
        head: Head::of(&found),
        serving: serving(&found.sides, &found.backend.pair.wants),
        volumes: volumes(&found.sides, &names),
        exports: exports(&found, &in_use),
        exports_not_known: not_known(&found, &in_use),
        names_not_known: not_known(&found, &names),
        being_changed: told(false),
        left_lock: told(true),
        witness: WitnessView::of(&found.sides, &exposure.witness),
        operations: Operation::ALL
            .into_iter()
            .filter(|operation| concerns(*operation, &found.sides))
            .map(|operation| view(&found, operation, &exposure))
            .collect(),
    };
    let unreadable = Side::BOTH
        .into_iter()
        .any(|side| found.sides.on(side).half.is_unreadable());
    if site.json {
        serde_json::to_writer_pretty(&mut *to.out, &shown)?;
        writeln!(to.out)?;
    } else {
        print(&found, &shown, to)?;
    }
    Ok(if unreadable { Exit::Problems } else { Exit::Ok })
}

/// Nobody asks for an end of Failsafe where there is none and never will be.
fn concerns(operation: Operation, sides: &GroupSides) -> bool {
    let failsafe = sides.both().into_iter().any(|side| {
        let seen = side.half.seen();
        seen.is_some_and(|group| group.status == GroupStatus::Failsafe)
    });
    operation != Operation::Override || failsafe || manages_paths(sides)
}

/// The arrays that did not tell, and why where that is not said already.
fn not_known<T>(found: &Found, sides: &[Result<T, NotAsked>; 2]) -> Vec<String> {
    let mut told = Vec::new();
    for (side, shown) in Side::BOTH.into_iter().zip(sides) {
        let array = &found.sides.on(side).array;
        match shown {
            Ok(_) => {}
            Err(_) if found.asked.on(side).answer.is_err() => told.push(format!("array `{array}`")),
            Err(not_asked) => told.push(format!("array `{array}`: {not_asked}")),
        }
    }
    told
}

fn view(found: &Found, operation: Operation, exposure: &Exposure) -> OperationView {
    let plan: OperatorPlan = found.sides.plan(operation, exposure);
    OperationView {
        operation: operation.to_string(),
        now: plan.may_be_typed(),
        done: plan.done.as_ref().map(ToString::to_string),
        objections: plan.objections.iter().map(ToString::to_string).collect(),
    }
}

fn exports(found: &Found, in_use: &[Result<SideInUse, NotAsked>; 2]) -> Vec<ExportView> {
    let mut views = Vec::new();
    for (side, shown) in Side::BOTH.into_iter().zip(in_use) {
        let Ok(shown) = shown else { continue };
        let array = &found.sides.on(side).array;
        let mut explained = vec![false; shown.paths.len()];
        for (vv, export) in &shown.exports {
            let mut hosts = Vec::new();
            let (mut paths, mut waiting) = (0, 0);
            for (path, explained) in shown.paths.iter().zip(&mut explained) {
                if path.vv == *vv && path.lun == export.lun && path.kind == export.kind {
                    *explained = true;
                    paths += 1;
                    waiting += usize::from(path.status == VlunStatus::Standby);
                    hosts.push(path.host.to_string());
                }
            }
            hosts.sort();
            hosts.dedup();
            views.push(ExportView {
                array: array.clone(),
                vv: vv.to_string(),
                to: target(export),
                lun: Some(export.lun.0),
                paths,
                hosts,
                standby: paths > 0 && waiting == paths,
            });
        }
        for (path, explained) in shown.paths.iter().zip(explained) {
            if !explained {
                views.push(ExportView {
                    array: array.clone(),
                    vv: path.vv.to_string(),
                    to: "a path without a template".to_owned(),
                    lun: Some(path.lun.0),
                    paths: 1,
                    hosts: vec![path.host.to_string()],
                    standby: path.status == VlunStatus::Standby,
                });
            }
        }
    }
    views
}

fn target(export: &VlunTemplate) -> String {
    match &export.port {
        Some(port) => format!("{} on port {port}", export.target),
        None => export.target.to_string(),
    }
}

fn print(found: &Found, shown: &Shown, to: &mut Streams<'_>) -> io::Result<()> {
    let Head {
        group,
        backend,
        seen,
        situation,
        ..
    } = &shown.head;
    writeln!(
        to.out,
        "remote copy group `{group}` of backend `{backend}`: {situation}"
    )?;
    if let Some(kind) = shown.head.kind {
        writeln!(to.out, "it is {kind}")?;
    }
    match &shown.serving.array {
        Some(array) => writeln!(to.out, "array `{array}` serves: {}", shown.serving.why)?,
        None => writeln!(to.out, "no array serves: {}", shown.serving.why)?,
    }
    if let Some(lock) = &shown.being_changed {
        writeln!(to.out, "a volume is being admitted or dismissed: {lock}")?;
    }
    if let Some(lock) = &shown.left_lock {
        writeln!(
            to.out,
            "its lock was left: {lock}; any host's plugin starts the group where it is stopped, and takes the lock away, within about a minute"
        )?;
    }
    for note in &shown.head.notes {
        writeln!(to.out, "{note}")?;
    }
    writeln!(to.out, "\nas both arrays showed it at {seen}")?;
    columns::write(&halves(found, shown), "  ", to.out)?;
    for side in &shown.witness {
        writeln!(to.out, "  {}", side.told())?;
    }
    for side in [&shown.head.source, &shown.head.peer] {
        // It answered other questions.
        if let (Some(why), true) = (&side.unreadable, side.system.is_some()) {
            writeln!(to.out, "  array `{}` cannot be asked: {why}", side.array)?;
        }
    }
    writeln!(to.out, "\nvolumes")?;
    let mut rows = vec![["VOLUME", "VV", "OWN ARRAY", "PEER"].map(str::to_owned)];
    for volume in &shown.volumes {
        let vv = volume.source.as_ref().or(volume.peer.as_ref());
        let told = |copy: &Option<super::view::CopyView>, side: &SideView| match copy {
            Some(copy) => copy.told(),
            None if side.role.is_some() => "not in the group".to_owned(),
            None => "not known".to_owned(),
        };
        rows.push([
            volume.volume.clone().unwrap_or_else(|| "-".to_owned()),
            vv.map_or_else(String::new, |copy| copy.vv.clone()),
            told(&volume.source, &shown.head.source),
            told(&volume.peer, &shown.head.peer),
        ]);
    }
    columns::write(&rows, "  ", to.out)?;
    for side in &shown.names_not_known {
        writeln!(
            to.out,
            "  what they are called in Docker is not known by {side}"
        )?;
    }
    writeln!(to.out, "\nexports of these volumes")?;
    let mut rows = vec![["ARRAY", "VV", "TO", "LUN", "LIVE PATHS"].map(str::to_owned)];
    for export in &shown.exports {
        rows.push([
            export.array.clone(),
            export.vv.clone(),
            export.to.clone(),
            export.lun.map_or_else(String::new, |lun| lun.to_string()),
            match export.paths {
                0 => "none".to_owned(),
                paths => {
                    let waiting = if export.standby { " (standby)" } else { "" };
                    format!("{paths}, of {}{waiting}", export.hosts.join(", "))
                }
            },
        ]);
    }
    if shown.exports.is_empty() && shown.exports_not_known.is_empty() {
        writeln!(to.out, "  none on either array")?;
    } else if !shown.exports.is_empty() {
        columns::write(&rows, "  ", to.out)?;
    }
    for side in &shown.exports_not_known {
        writeln!(to.out, "  not known on {side}")?;
    }
    writeln!(to.out, "\nwhat may be done now")?;
    let mut rows = Vec::new();
    for operation in &shown.operations {
        let word = operation.operation.clone();
        let says = if operation.now {
            format!("yes: `hpe3par-docker group plan {word} {group}`")
        } else if let Some(done) = &operation.done {
            done.clone()
        } else {
            format!("no: {}", operation.objections.join("; "))
        };
        rows.push([word, says]);
    }
    columns::write(&rows, "  ", to.out)
}

/// Both halves beside each other.
fn halves(found: &Found, shown: &Shown) -> Vec<[String; 3]> {
    let row = |what: &str, of: &dyn Fn(&SideView) -> Option<String>| {
        let [here, there] = [&shown.head.source, &shown.head.peer]
            .map(|side| of(side).unwrap_or_else(|| "-".to_owned()));
        [what.to_owned(), here, there]
    };
    let mut rows = vec![
        [String::new(), "OWN ARRAY".to_owned(), "PEER".to_owned()],
        [
            "array".to_owned(),
            found.array(Side::Source),
            found.array(Side::Peer),
        ],
        row("system id", &|side| {
            side.system.as_ref().map(|system| system.id.to_string())
        }),
        row("group there", &|side| side.group.clone()),
        row("role", &|side| {
            let absent = || {
                side.unreadable
                    .is_none()
                    .then(|| "no such group".to_owned())
            };
            side.role.map(|role| role.to_string()).or_else(absent)
        }),
        row("status", &|side| {
            side.status.map(|status| status.to_string())
        }),
        row("mode", &|side| side.mode.clone()),
        row("policies", &|side| {
            (!side.policies.is_empty()).then(|| side.policies.join(","))
        }),
        row("target", &|side| {
            side.target.as_ref().map(|target| target.name.clone())
        }),
        row("links", &|side| {
            let target = side.target.as_ref()?;
            let status = target.status.as_ref()?;
            Some(format!(
                "{status}, {} of {} Up",
                target.links_up?, target.links?
            ))
        }),
    ];
    if [&shown.head.source, &shown.head.peer]
        .iter()
        .any(|side| side.mode.as_deref() == Some("Periodic"))
    {
        rows.push(row("period", &|side| {
            side.period.map(|seconds| format!("{seconds} s"))
        }));
        rows.push(row("last sync", &|side| side.last_sync.clone()));
    }
    rows
}
