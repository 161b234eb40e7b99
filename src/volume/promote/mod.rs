//! `volume promote`: a snapshot's data are put back into its volume (`promotesv`), over what was written since. Nobody may have either of
//! them. The group of a replicated volume is stopped by a person, or by the plugin if it is let (`replicated`).

mod check;
mod error;
mod replicated;
mod task;

use serde::{Deserialize, Serialize};

use crate::{
    index::{JournalEntry, OpKind},
    model::{GroupName, RequestId, Source, VolumeName},
};

use super::{
    Progress,
    backend::Backend,
    error::{Aftermath, Cause, VolumeError},
    groups,
    inner::Inner,
    lookup,
    queue::Coming,
    recover,
    steps::Steps,
};

use check::{Asked, Promotable};
use error::{Kept, not_replicated};
use task::Course;

pub use error::PromoteError;
pub(super) use task::snapshot_of;

/// A snapshot whose data its volume has now, or could have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promoted {
    /// Docker's name of the snapshot.
    pub snapshot: VolumeName,
    /// The volume it was taken of.
    pub volume: VolumeName,
    /// False if it was only looked at whether that can be done.
    pub done: bool,
    /// The group of the volume.
    pub group: Option<PromotedGroup>,
}

/// The group of a volume that is put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotedGroup {
    /// By its name on the array.
    pub group: GroupName,
    /// The array.
    pub array: String,
    /// The other volumes in it, as people call them: they are not replicated while it is stopped.
    pub others: Vec<String>,
    /// Who stops and starts it.
    pub course: GroupCourse,
}

/// What is done with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupCourse {
    /// Stopped before, and started after that.
    Cycled,
    /// Somebody has stopped it, and is to start it.
    Left,
}

impl PromotedGroup {
    /// What its stop means for the other volumes in it.
    pub fn meanwhile(&self) -> String {
        not_replicated(&self.others)
    }
}

/// What whoever asks for it lets be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromoteLeave {
    /// What was written to the volume since may be lost; otherwise it is only looked at whether it can be done.
    pub overwrite: bool,
    /// The group of the volume may be stopped for as long as it takes, and started again.
    pub stop_group: bool,
}

/// Puts the data back; without `overwrite` it only looks whether it could.
pub(super) async fn promote(
    inner: &Inner,
    request: &RequestId,
    snapshot: &VolumeName,
    leave: PromoteLeave,
    progress: &Progress,
) -> Result<Promoted, VolumeError> {
    let clean = |cause: Cause| VolumeError::clean(snapshot, cause);
    let of = volume_of(inner, request, snapshot).await.map_err(clean)?;
    let _at_work = inner.at_work.enter(&of, request);
    // Two that want the same two names ask for them in the same order.
    let mut names = [&of, snapshot];
    names.sort();
    let _one = inner.locks.lock(names[0]).await;
    let _other = inner.locks.lock(names[1]).await;
    let failed = failed_before(inner, request, &of)
        .await
        .map_err(|cause| VolumeError::clean(&of, cause))?;
    let stays = failed.as_ref().map(|entry| &entry.op);
    for name in names {
        let cleaned = inner.clean_up_around(request, name, stays).await;
        cleaned.map_err(|cause| VolumeError::clean(name, cause))?;
    }
    let asked = Asked {
        stop_group: leave.stop_group,
        failed: stays,
    };
    let found = check::all(inner, request, snapshot, &of, asked)
        .await
        .map_err(clean)?;
    let mut promoted = Promoted {
        snapshot: snapshot.clone(),
        volume: of.clone(),
        done: false,
        group: found.group.clone(),
    };
    let is_cycle = found.is_cycle();
    // What has failed was looked at when it began, and stays as it is.
    if !leave.overwrite && (!is_cycle || failed.is_some()) {
        return Ok(promoted);
    }
    let mut coming = inner.queues.nobody_yet();
    let mut steps = match failed {
        Some(entry) => Steps::resume(&inner.index, &inner.points, entry),
        None => {
            // In the name of the volume: it is the one that is changed.
            let backend = if is_cycle {
                &found.whole
            } else {
                &found.backend
            };
            let entry = inner.new_entry(request, OpKind::Promote, &of, backend);
            let begun = Steps::begin(&inner.index, &inner.points, entry).await;
            begun.map_err(clean)?
        }
    };
    let looks_only = !leave.overwrite;
    let run = run(
        inner,
        &mut coming,
        &mut steps,
        (&found, &of),
        looks_only,
        progress,
    );
    match Box::pin(run).await {
        Ok(_) if looks_only => {
            steps.finish().map_err(clean)?;
            Ok(promoted)
        }
        Ok(course) => {
            steps.finish().map_err(clean)?;
            log::info!(volume = of.as_str(), snapshot = snapshot.as_str(), request = request.as_str(); "promoted");
            promoted.done = true;
            if let Some(group) = &mut promoted.group {
                group.course = course;
            }
            Ok(promoted)
        }
        Err(cause) => {
            let aftermath = after_failure(&found.whole, steps, &cause).await;
            Err(VolumeError {
                volume: snapshot.clone(),
                cause,
                aftermath,
            })
        }
    }
}

/// What became of the volume's group, if it has one.
async fn run(
    inner: &Inner,
    coming: &mut Coming,
    steps: &mut Steps,
    (found, of): (&Promotable, &VolumeName),
    looks_only: bool,
    progress: &Progress,
) -> Result<GroupCourse, Cause> {
    let (array, snapshot) = (&found.backend.array, &found.snapshot);
    if found.is_cycle() {
        let acting = replicated::find(steps, &found.whole, array.label(), of).await?;
        if looks_only {
            return Ok(GroupCourse::Cycled);
        }
        let names = (snapshot, of);
        let promote =
            replicated::promote(inner, &found.whole, coming, steps, &acting, names, progress);
        return Ok(if promote.await? {
            GroupCourse::Cycled
        } else {
            GroupCourse::Left
        });
    }
    task::prepare(steps, array, snapshot).await?;
    task::begin(steps, array, snapshot, found.group.is_some(), progress).await?;
    match task::follow(steps, array, progress).await? {
        Course::Done => Ok(GroupCourse::Left),
        Course::Underway(task) => Err(task::underway(steps.entry(), array, task)),
        Course::NotBegun => Err(Cause::NotKnown(format!(
            "array `{}` shows no task of it",
            array.label()
        ))),
        Course::Gone => Err(Cause::NoSuchVolume),
        Course::Failed(ill) => Err(PromoteError::Failed {
            of: of.clone(),
            array: array.label().to_owned(),
            ill,
            kept: found.group.as_ref().map(|group| {
                Box::new(Kept {
                    group: group.group.clone(),
                    array: group.array.clone(),
                    lock: None,
                })
            }),
        }
        .into()),
    }
}

/// The entry stays open while the array goes on, and while the group is not as it was.
async fn after_failure(whole: &Backend, steps: Steps, cause: &Cause) -> Aftermath {
    match cause {
        // It says itself what is left, and nothing ends that but a person.
        Cause::Promote(error) if error.keeps_the_group() => return Aftermath::Unchanged,
        Cause::Promote(PromoteError::Failed { .. }) => return steps.close(Aftermath::Unchanged),
        _ => {}
    }
    if let Some(what) = replicated::left(whole, &steps).await {
        let why = "neither the end of it nor the start of the group was seen".to_owned();
        return Aftermath::Left { what, why };
    }
    // Where there is no volume any more, no task is writing to it.
    let may_go_on = task::has_begun(steps.entry()) && !matches!(cause, Cause::NoSuchVolume);
    if steps.is_in_doubt() || may_go_on {
        let what = "perhaps a task that puts the data of the snapshot back".to_owned();
        let why = "its end was not seen".to_owned();
        return Aftermath::Left { what, why };
    }
    steps.close(Aftermath::Unchanged)
}

/// The promotion of this volume that failed and keeps its group stopped. What else one has left is ended. The caller holds the name's lock.
async fn failed_before(
    inner: &Inner,
    request: &RequestId,
    of: &VolumeName,
) -> Result<Option<JournalEntry>, Cause> {
    let open = || {
        let mut entries = inner.index.open_entries().into_iter();
        entries.find(|entry| entry.name == *of && entry.kind == OpKind::Promote)
    };
    let Some(entry) = open().filter(|entry| inner.backend_of_entry(entry).is_ok()) else {
        return Ok(None);
    };
    let (kind, op) = (entry.kind.to_string(), entry.op.to_string());
    match Box::pin(recover::end(inner, request, entry)).await {
        Ok(()) => Ok(None),
        Err(Cause::Promote(error)) if error.keeps_the_group() => Ok(open()),
        Err(cause) => Err(Cause::Unfinished {
            kind,
            op,
            why: Box::new(cause),
        }),
    }
}

/// Ends one that the plugin died over, or that could not be ended at once. The array goes on by itself, and nothing is to be taken back but
/// the stop of a group.
pub(super) async fn settle(
    inner: &Inner,
    backend: &Backend,
    coming: &mut Coming,
    mut steps: Steps,
) -> Result<(), Cause> {
    steps.must_be_still(backend).await?;
    let entry = steps.entry().clone();
    let array = groups::acting_array(&entry, backend).clone();
    let course = task::look(&steps, &array).await?;
    let pair = backend.pair.as_ref();
    let ended = match pair.and_then(|pair| groups::recall(&entry, pair)) {
        Some(acting) => {
            replicated::settle(inner, backend, coming, &mut steps, &acting, course).await
        }
        None => match course {
            Course::Underway(task) => Err(task::underway(&entry, &array, task)),
            Course::NotBegun | Course::Done | Course::Gone => Ok(false),
            Course::Failed(ill) => Err(PromoteError::Failed {
                of: entry.name.clone(),
                array: array.label().to_owned(),
                ill,
                kept: None,
            }
            .into()),
        },
    };
    let snapshot = snapshot_of(&entry);
    let snapshot = snapshot.as_ref().map_or("", |vv| vv.as_str());
    match ended {
        Ok(_) => {
            log::info!(volume = entry.name.as_str(), snapshot = snapshot, array = array.label(); "a promotion has ended");
        }
        Err(Cause::Promote(error @ PromoteError::Failed { .. })) if !error.keeps_the_group() => {
            log::error!(volume = entry.name.as_str(), snapshot = snapshot, array = array.label(), cause:% = error;
                "a promotion has failed: the volume may have a part of the snapshot's data only");
        }
        Err(cause) => return Err(cause),
    }
    steps.finish()
}

/// What it is a snapshot of.
async fn volume_of(
    inner: &Inner,
    request: &RequestId,
    snapshot: &VolumeName,
) -> Result<VolumeName, Cause> {
    lookup::backend_of(inner, request, snapshot).await?;
    let known = inner.index.get(snapshot).ok_or(Cause::NoSuchVolume)?;
    match known.options.source {
        Source::Snapshot(taken) => Ok(taken.of),
        _ => Err(PromoteError::NotASnapshot.into()),
    }
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
